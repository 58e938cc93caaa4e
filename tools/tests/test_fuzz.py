"""Every parser against bytes that nobody meant: the kept inputs again, and edits of what is understood."""

import sys
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.fuzz.parsers import code_of, listed
from tools.fuzz.registry import CORPUS, NAMES, Target, corpus_of, target_named
from tools.fuzz.run import INPUT_BYTES_MAX, Outcome

CORPUS_BYTES_MAX = 300 * 1024
# Lines of Python for one input: the slowest parser reads a whole site, its profiles and factors, in some 400,000.
STEPS_MAX = 1_000_000

Edit = tuple[str, int, bytes]


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """Return *content* after *edits*: (what, where, bytes); a place is taken round the length."""
    for what, where, octets in edits:
        at = where % (len(content) + 1)
        if what == "insert":
            content = content[:at] + octets + content[at:]
        elif what == "replace":
            content = content[:at] + octets + content[at + len(octets) :]
        elif what == "remove":
            content = content[:at] + content[at + len(octets) :]
        elif what == "repeat":
            content = content[:at] + content[at : at + 16] * (1 + len(octets)) + content[at:]
        else:
            content = content[:at]
    return content[:INPUT_BYTES_MAX]


def inputs_of(target: Target) -> st.SearchStrategy[bytes]:
    """Return any bytes, and edits of what *target* understands or has met."""
    known = [*target.seeds, *(path.read_bytes() for path in corpus_of(target.name))]
    octets = st.binary(max_size=8)
    if target.tokens:
        octets |= st.sampled_from(target.tokens)
    kinds = st.sampled_from(("insert", "replace", "remove", "repeat", "end"))
    edits = st.lists(st.tuples(kinds, st.integers(0, 1 << 16), octets), max_size=5)
    return st.binary(max_size=64) | st.builds(edited, st.sampled_from(known), edits)


@pytest.mark.parametrize("name", NAMES)
def test_a_parser_keeps_its_promise_for_any_bytes(name: str) -> None:
    """Only the errors that the parser promises come out of it, and what it understands holds its invariants."""
    target = target_named(name)

    @settings(
        max_examples=target.examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(inputs_of(target))
    def holds(data: bytes) -> None:
        target.call(data)

    holds()


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_inputs_are_dealt_with_in_bounded_steps(name: str) -> None:
    """The seeds, and every input that once reached new ground or broke something, end after few lines of Python.

    They enter each parser that docs/fuzzing.md says the target feeds.
    """
    target = target_named(name)
    inputs = [*target.seeds, *(path.read_bytes() for path in corpus_of(name))]
    target.call(inputs[0])  # what is made once is not counted
    steps = 0
    entered: set[CodeType] = set()

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        if event == "call":
            entered.add(frame.f_code)
        return count

    most = 0
    for data in inputs:
        steps, before = 0, sys.gettrace()
        sys.settrace(count)
        try:
            target.call(data)
        finally:
            sys.settrace(before)
        most = max(most, steps)
    assert 0 < most <= STEPS_MAX
    fed = [parser for parser, by in listed() if by == name]
    assert fed and [parser for parser in fed if code_of(parser) not in entered] == []


def test_the_corpus_is_small_and_of_targets_that_exist() -> None:
    """Every folder of the corpus is that of a target, and all of it fits into a few hundred kilobytes."""
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(NAMES)
    assert sum(path.stat().st_size for name in NAMES for path in corpus_of(name)) <= CORPUS_BYTES_MAX


def test_a_finding_shows_in_the_table() -> None:
    """A row ends with the files of what was found, or says none."""
    outcome = Outcome("canonical", 300, 7, 1, 2, 3, 40, 38, 39, ())
    assert outcome.row() == "| canonical | 300 | 7 | 1 | 2 | 3 | 40 | 38, 39 | none |"
    assert outcome._replace(found=("canonical-crash-1",)).row().endswith("| canonical-crash-1 |")
