"""Tables of emission factors and of energy carriers."""

from collections.abc import Iterator

from gateway.carriers import carriers_text
from gateway.core.account.carrier import read_carriers
from gateway.core.problem import ProblemError
from gateway.factors import factors_of_text, factors_text
from gateway.text_file import parse_toml
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS, text_of

TOKENS = (*TOML_TOKENS, b"[[factor]]", b"[[carrier]]", b"valid_from", b"2026-01-01", b'"0.5810"')
_TABLES = 3


def seeds() -> Iterator[bytes]:
    """Yield the head and the first tables of both shipped files."""
    for text, mark in ((factors_text(), "[[factor]]"), (carriers_text(), "[[carrier]]")):
        yield mark.join(text.split(mark)[: _TABLES + 1]).encode()


def target(data: bytes) -> None:
    """A table is read, or refused with problems that can be said."""
    text = text_of(data)
    if text is None:
        return
    try:
        factors = factors_of_text(text)
        assert factors.lacking(tuple(factors.sets()), "Jiangsu") is not None
    except ProblemError as error:
        check_said(error.problems)
    try:
        table, problems = read_carriers(parse_toml(text, "carriers.toml"), "carriers.toml")
    except ProblemError as error:
        check_said(error.problems)
        return
    if table is None:
        check_said(problems)
