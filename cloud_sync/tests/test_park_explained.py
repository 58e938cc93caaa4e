"""A park of several gateways explained: its own sums, what they rest on, and where to go on."""

from zoneinfo import ZoneInfo

import pytest

from cloud_sync.platform.explaining import LedgerExplanation, unequal
from cloud_sync.platform.stretch import stretch
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.test_composing import KEY, Cabinets
from cloud_sync.tests.two_cabinets import START_S, closed_by, configuration, in_one
from gateway.core.account.trace import FLOW
from gateway.core.problem import ProblemError

ZONE = ZoneInfo("Asia/Shanghai")
STEPS = 6


def test_a_park_is_explained_down_to_where_its_gateways_go_on(platform: Platform) -> None:
    """Year, month, day and intervals are those of one gateway over all meters; then the gateways are named."""
    cabinets = Cabinets(platform)
    for name in cabinets.gateways:
        cabinets.send(name, configuration(name))
        for step in range(STEPS):
            cabinets.send(name, *closed_by(name, step))
    cabinets.compose()
    one = LedgerExplanation(platform.ledger, ZONE)
    figure = one.chosen(KEY, "gw-1/Mill", FLOW, "grid-2023")
    tallies = [t for closed in in_one(STEPS) for t in closed.tallies if t[:3] == ("gw-1/Mill", FLOW, "grid-2023")]
    (year,) = {stretch(text, ZONE) for text in ("2026", "2025", "2024", "2023") if _holds(text)}
    levels = [one.total(figure, year)]
    while "when" in levels[-1]["parts"][0]:
        (part,) = levels[-1]["parts"]
        levels.append(one.total(figure, stretch(part["when"], ZONE)))
    for level in levels:
        assert level["carbon_ug"] == sum(t.carbon_ug for t in tallies) and level["wh"] == sum(t.wh for t in tallies)
        assert {base["gateway"] for base in level["basis"]} == {KEY, "gw-1", "gw-2"}
    assert [part["wh"] for part in levels[-1]["parts"]] == [t.wh for t in tallies]
    assert unequal(levels) == []
    with pytest.raises(ProblemError) as caught:
        one.at(figure, START_S)
    (said,) = caught.value.problems
    assert said.code == "WP-EXP-061" and said.values["names"] == "gw-1, gw-2"


def _holds(year: str) -> bool:
    when = stretch(year, ZONE)
    return when.start_s <= START_S < when.end_s
