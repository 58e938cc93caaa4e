"""Two measured weeks through emulated meters: what the gateway counts differs from the data by register steps alone."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.core.account.trace import UNMETERED
from hil_tests.emulated_park import MJ_PER_WH, Sample
from hil_tests.real_weeks import INTERVAL_S, INTERVALS, PLACES, START_S, Truth, Weeks, run

# What the last digit of each meter's energy register is worth at the primary side, by its manual and its ratio: 0.01
# kWh times 200, floats that show 0.01 kWh, thousandths of a kWh, tenths, whole ones.
STEP_WH = {
    "Grid": 10, "Tie": 1000, "Steel works": 2000, "Roof 3": 10, "Offices 1": 10, "Offices 3": 1, "Offices 4": 100,
    "Offices 5": 10, "Offices 6": 1000, "Shops": 10, "Roof 5": 1000, "Roof 8": 100,
}  # fmt: skip
# All registers of a bus are read within this time of the boundary.
LATEST_MS = 1000
PAGE = Path(__file__).parents[1] / "docs" / "accounting-method.md"
SHOWN_WH = {place.name: place.shown_wh for place in PLACES}


class Explained(NamedTuple):
    """One register in one interval, in mJ: by the gateway, by the data; what moved from boundary to question."""

    number: int
    name: str
    is_import: bool
    counted: int
    in_data: int
    later: int
    cut: int  # what the registers do not show of what was counted: less at the start, more at the end


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Return the data."""
    return Truth()


@pytest.fixture(scope="module")
def weeks(truth: Truth) -> Weeks:
    """Return the two weeks as a gateway settled them."""
    return run(truth)


def counted_mj(name: str, is_import: bool, sample: Sample) -> int:
    """Return what a register has truly counted."""
    return SHOWN_WH[name] * MJ_PER_WH + (sample.import_mj if is_import else sample.export_mj)


@pytest.fixture(scope="module")
def registers(weeks: Weeks, truth: Truth) -> list[Explained]:
    """Return every register of every interval, with its difference from the data taken apart."""
    return list(explained(weeks, truth))


def explained(weeks: Weeks, truth: Truth) -> Iterator[Explained]:
    """Yield every register of every interval, with its difference from the data taken apart."""
    for number, interval in enumerate(weeks.closed):
        starts, ends = weeks.asked[number], weeks.asked[number + 1]
        for span in interval.spans:
            name, is_import = span.meter, span.quantity == "energy_active_import"
            step_mj = STEP_WH[name] * MJ_PER_WH
            start, end = (counted_mj(name, is_import, one[name]) for one in (starts, ends))
            boundaries = [START_S * 1000 + (number + n) * INTERVAL_S * 1000 for n in (0, 1)]
            first, last = (counted_mj(name, is_import, truth.sample(name, at_ms)) for at_ms in boundaries)
            in_data = max(truth.of_interval[name][number] * (1 if is_import else -1), 0)
            assert last - first == in_data
            later, cut = (end - last) - (start - first), end % step_mj - start % step_mj
            yield Explained(number, name, is_import, span.energy_wh * MJ_PER_WH, in_data, later, cut)


def test_two_weeks_are_closed_whole(weeks: Weeks) -> None:
    """All 1344 intervals are there, measured, without a flag, each read within a second of its boundaries."""
    assert [one.start_s for one in weeks.closed] == [START_S + n * INTERVAL_S for n in range(INTERVALS)]
    for interval in weeks.closed:
        assert {span.flag for span in interval.spans} == {""} and interval.complete_ppm == 1_000_000
        for span in interval.spans:
            assert 0 <= span.start_ms - interval.start_s * 1000 < LATEST_MS
            assert 0 <= span.end_ms - interval.end_s * 1000 < LATEST_MS
    assert {channel.meter for channel in weeks.channels} == {place.name for place in PLACES}


def test_every_difference_is_that_of_two_cut_registers(registers: list[Explained], truth: Truth) -> None:
    """At every register and interval: counted = data + what moved until the questions - what the last digits hide.

    What is hidden at one end of an interval comes back in the next: no difference reaches one step of the register.
    """
    for one in registers:
        assert one.counted - one.in_data == one.later - one.cut, one
        assert abs(one.cut) < STEP_WH[one.name] * MJ_PER_WH
        assert abs(one.later) <= 2 * truth.most_w(one.name) * LATEST_MS


def test_two_weeks_differ_by_less_than_one_step(registers: list[Explained]) -> None:
    """The sum over all intervals is the data's but for one last digit and what flowed before the first question."""
    lines = ["%-12s %-3s %12s %12s %9s %7s" % ("meter point", "", "data kWh", "counted kWh", "less Wh", "step Wh")]
    rows: dict[tuple[str, bool], list[Explained]] = {}
    for one in registers:
        rows.setdefault((one.name, one.is_import), []).append(one)
    for (name, is_import), parts in rows.items():
        in_data, counted = sum(one.in_data for one in parts), sum(one.counted for one in parts)
        cut, later = sum(one.cut for one in parts), sum(one.later for one in parts)
        assert in_data - counted == cut - later
        assert abs(cut) < STEP_WH[name] * MJ_PER_WH
        assert 0 <= -later <= parts[0].in_data * LATEST_MS // (INTERVAL_S * 1000), "after the data nothing flows"
        less_wh = Fraction(in_data - counted, MJ_PER_WH)
        line = (name, "in" if is_import else "out", in_data / 3.6e9, counted / 3.6e9, float(less_wh), STEP_WH[name])
        if in_data:
            lines.append("%-12s %-3s %12.3f %12.3f %9.2f %7d" % line)
    print("\n" + "\n".join(lines))
    assert "\n".join(lines) in PAGE.read_text(encoding="utf-8"), "the table above is that of docs/accounting-method.md"
    assert all(any(one.in_data for one in rows[place.name, True]) for place in PLACES if place.role == "load")
    assert any(one.in_data for one in rows["Grid", False]), "the park gives back to the grid at times"


def test_what_busbars_keep_or_lack_is_what_their_registers_hide(weeks: Weeks, registers: list[Explained]) -> None:
    """The data balance, so residual less unmetered is, to the watt-hour, the sum of the differences explained."""
    differences: dict[tuple[int, str], int] = {}
    for one in registers:
        place = next(row for row in PLACES if row.name == one.name)
        if place.role == "tie":
            sides = [("LV1", -1 if one.is_import else 1), ("LV2", 1 if one.is_import else -1)]
        else:
            sides = [(place.busbar, 1 if one.is_import == (place.role == "intake") else -1)]
        for busbar, sign in sides:
            key = (one.number, busbar)
            differences[key] = differences.get(key, 0) + sign * (one.later - one.cut)
    for number, interval in enumerate(weeks.closed):
        for busbar in ("LV1", "LV2"):
            kept = sum(row.wh for row in interval.residuals if row.busbar == busbar)
            lacked = sum(row.wh for row in interval.allocations if row.source == UNMETERED + busbar)
            lacked += sum(row.wh for row in interval.residuals if row.source == UNMETERED + busbar)
            assert (kept - lacked) * MJ_PER_WH == differences[number, busbar]
