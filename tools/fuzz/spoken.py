"""What every refusal must keep to: it can be said in each language, and it is on lines of printable text."""

from collections.abc import Iterable

from gateway.core.problem import Problem
from gateway.words import LANGUAGES, say

_SAID_MAX = 20_000  # characters of one problem; a message is for people


def check_said(problems: Iterable[Problem]) -> None:
    """Fail where a problem cannot be put into words."""
    found = list(problems)
    assert found, "refused without a problem"
    for one in found[:20]:
        for language in LANGUAGES:
            said = say(one, language)
            assert one.code in said and len(said) < _SAID_MAX
            said.encode("utf-8")
