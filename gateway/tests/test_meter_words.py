"""What `wattproof status` says of a meter, in a technician's words."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway import words
from gateway.cli.meter_words import advice, state_words


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Speak English, and afterwards what was spoken before."""
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


def meter(**facts: Any) -> dict[str, Any]:
    """Return a meter that answers, but for *facts*."""
    plain: dict[str, Any] = {
        "state": "DUE", "failures": 0, "last_good": "2026-11-21T02:14:58.120Z", "stale": False, "foreign": False,
        "last_fault": {"kind": "", "detail": ""}, "refused": [], "shortened": False,
    }  # fmt: skip
    return plain | facts


def fault(kind: str, detail: str = "") -> dict[str, str]:
    """Return a last fault."""
    return {"kind": kind, "detail": detail}


@pytest.mark.parametrize(
    ("facts", "state", "look"),
    [
        ({}, "answering", ""),
        ({"state": "ASKED"}, "answering", ""),
        ({"last_good": None}, "not asked yet", ""),
        ({"last_good": None, "last_fault": fault("jam")}, "jammed line", ""),
        ({"last_fault": fault("silent"), "failures": 1}, "asked again", ""),
        ({"state": "QUIET", "last_fault": fault("crc"), "failures": 1}, "resting after a fault", ""),
        ({"state": "SUSPENDED", "last_fault": fault("silent"), "failures": 3}, "silent", "supply"),
        ({"state": "SUSPENDED", "last_fault": fault("silent"), "stale": True}, "silent for days", "supply"),
        ({"state": "SUSPENDED", "last_fault": fault("exception", "6")}, "refuses", "exception 6 (busy)"),
        ({"state": "SUSPENDED", "last_fault": fault("crc")}, "not understood", "second meter"),
        ({"foreign": True, "last_fault": fault("serial", "serial number 7")}, "another meter", "serial number 7"),
        ({"refused": [{"function": 3, "start": 96, "count": 2}], "shortened": True}, "answering", "96-97"),
        ({"refused": [{"function": 3, "start": 0, "count": 9}], "last_good": None}, "refuses", "0-8"),
        ({"shortened": True}, "answering", "shorter pieces"),
    ],
)
def test_words_of_a_state(facts: dict[str, Any], state: str, look: str) -> None:
    """Each state has a word of its own, and says where to look where there is something to look at."""
    assert state_words(meter(**facts)) == state
    found = advice(meter(**facts))
    assert len(found) == bool(look) and all(look in line for line in found)


def test_words_in_chinese() -> None:
    """A Chinese technician reads Chinese, and the numbers stay."""
    words.choose("zh")
    silent = meter(state="SUSPENDED", last_fault=fault("exception", "6"))
    assert state_words(silent) == "拒绝应答"
    assert "异常码 6" in advice(silent)[0]
