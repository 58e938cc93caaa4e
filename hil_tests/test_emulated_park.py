"""The emulated park: exact balance, exact energy, real profiles, and continuity over restarts."""

import csv
import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import load
from hil_tests.brokers import PipBroker
from hil_tests.curve import read_curve
from hil_tests.emulated_park import LONGEST_CATCH_UP_MS, TIE, Park, Plan
from hil_tests.emulator_config import read_emulator_config
from hil_tests.stand import Stand

PARK = Path(__file__).parent / "park" / "park.toml"
BIRTH_MS = 1_800_000_012_345
DAY_MS = 96 * 60_000


@cache
def demo_plan() -> Plan:
    """Return the park of the demo."""
    return read_emulator_config(PARK, Path("/nowhere")).park


def net_mj(park: Park, name: str) -> int:
    """Return what a branch has imported less what it has exported."""
    sample = park.sample(name)
    return sample.import_mj - sample.export_mj


def imbalance_mj(park: Park, busbar: str, feeder: str) -> int:
    """Return what *feeder* brought less all that went out of *busbar* since birth, metered or not."""
    out = sum(net_mj(park, one.name) for one in park.plan.branches if one.busbar == busbar and one.name != feeder)
    unmetered = park.plan.unmetered_w.get(busbar, 0) * (park.now_ms - park.origin_ms)
    return net_mj(park, feeder) - out - unmetered


def test_energy_balances_at_every_busbar_to_the_millijoule() -> None:
    """What the intake and the tie bring is exactly what loads, sources, battery and lighting take, at any moment."""
    park = Park(demo_plan(), BIRTH_MS)
    for offset_ms in range(0, DAY_MS, 77_777):
        park.advance(BIRTH_MS + offset_ms)
        assert imbalance_mj(park, "LV1", "m-intake") == 0
        assert imbalance_mj(park, "LV2", "m-tie") == 0


def test_a_day_of_the_park_shows_every_flow() -> None:
    """In a day the sun shines and sets, the battery charges and discharges, the intake imports and exports."""
    park = Park(demo_plan(), BIRTH_MS)
    park.advance(BIRTH_MS + DAY_MS)
    for name in ("m-intake", "m-battery"):
        assert park.sample(name).import_mj > 0
        assert park.sample(name).export_mj > 0
    assert park.sample("m-roof").import_mj == 0
    assert park.sample("m-roof").power_w <= 0
    assert [branch.name for branch in park.plan.branches if branch.role == TIE] == ["m-tie"]


def test_no_step_begins_on_a_minute() -> None:
    """Powers change only between the moments at which a gateway closes intervals, whenever the park is born."""
    for birth_ms in range(BIRTH_MS, BIRTH_MS + 60_000, 997):
        park = Park(demo_plan(), birth_ms)
        assert park.origin_ms <= birth_ms
        assert all((park.origin_ms + step * park.plan.step_ms) % 1000 == 700 for step in range(20))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3_600_000), min_size=1, max_size=12))
def test_energy_does_not_depend_on_when_it_is_looked_at(pauses_ms: list[int]) -> None:
    """A park that is read often counts exactly what a park that is read once counts."""
    often, once = Park(demo_plan(), BIRTH_MS), Park(demo_plan(), BIRTH_MS)
    now_ms = BIRTH_MS
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        often.advance(now_ms)
    once.advance(now_ms)
    assert often.state() == once.state()
    assert all(often.sample(one.name) == once.sample(one.name) for one in often.plan.branches)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7_200_000), st.integers(0, 7_200_000))
def test_a_restart_continues_the_park(before_ms: int, after_ms: int) -> None:
    """A park saved at any moment and taken up later has counted what it would have counted without the break."""
    whole = Park(demo_plan(), BIRTH_MS)
    saved = Park(demo_plan(), BIRTH_MS)
    saved.advance(BIRTH_MS + before_ms)
    taken_up = Park(demo_plan(), BIRTH_MS + before_ms + after_ms, saved.state())
    whole.advance(BIRTH_MS + before_ms + after_ms)
    assert taken_up.state() == whole.state()


def test_registers_stand_still_over_a_very_long_break() -> None:
    """After more than a week without the emulator, no energy has been counted meanwhile."""
    park = Park(demo_plan(), BIRTH_MS)
    park.advance(BIRTH_MS + 60_000)
    later = Park(demo_plan(), BIRTH_MS + 60_000 + LONGEST_CATCH_UP_MS + 1000, park.state())
    for branch in park.plan.branches:
        assert later.sample(branch.name)[2:] == park.sample(branch.name)[2:]


def test_time_that_runs_backwards_takes_nothing_back() -> None:
    """When the machine's clock was set back between two starts, the counters stay where they were."""
    park = Park(demo_plan(), BIRTH_MS)
    park.advance(BIRTH_MS + 600_000)
    again = Park(demo_plan(), BIRTH_MS, park.state())
    assert again.sample("m-intake") == park.sample("m-intake")


def test_the_battery_stays_within_its_limits() -> None:
    """Over two days the battery is never emptier than empty, fuller than full, or stronger than it is."""
    park = Park(demo_plan(), BIRTH_MS)
    battery = park.plan.batteries[0]
    for offset_ms in range(0, 2 * DAY_MS, 6_000):
        park.advance(BIRTH_MS + offset_ms)
        assert 0 <= park.content_mj[battery.name] <= battery.capacity_wh * 3_600_000
        assert abs(park.powers_w[battery.name]) <= battery.power_w


def test_loads_follow_the_measured_profile() -> None:
    """The press line draws the share of its peak that the steel works drew, value after value from 10:30 on."""
    plan = demo_plan()
    folder = PARK.parent.parent / "data"
    with (folder / "uci_steel_2018-03-05_2018-03-18.csv").open() as lines:
        kwh = [Fraction(row["Usage_kWh"]) for row in csv.DictReader(lines)]
    park = Park(plan, BIRTH_MS)
    for value in range(200):
        park.advance(park.origin_ms + value * plan.value_ms)
        assert park.powers_w["m-press"] == int(kwh[42 + value] * 80_000 / max(kwh))


def test_a_curve_moves_in_a_straight_line_and_begins_again(tmp_path: Path) -> None:
    """Between two values the power goes in equal steps; after the last value comes the first."""
    file = tmp_path / "load.csv"
    file.write_text("at,load\n1,0.5\n2,1\n")
    curve = read_curve("c", file, "load", 1000)
    assert [curve.power_w(step, 5) for step in range(11)] == [500, 600, 700, 800, 900, 1000, 900, 800, 700, 600, 500]


def test_the_gateway_of_the_park_is_configured_for_it(tmp_path: Path) -> None:
    """The shipped gateway configuration is right, and names bus by bus and meter by meter what is emulated."""
    stand = Stand(tmp_path, PipBroker(2883), 8688)
    site = stand.prepare()
    plan = read_emulator_config(PARK, stand.park_home)
    assert {bus.name: (bus.port, bus.baud) for bus in site.buses} == {
        line.name: (str(line.link), line.baud) for line in plan.lines
    }
    emulated = {
        (bus, meter.unit): (meter.name, meter.profile.id, *meter.ratios)
        for bus, meters in plan.meters.items()
        for meter in meters
    }
    assert {(one.bus, one.unit): (one.name, one.profile, one.ct_ratio, one.vt_ratio) for one in site.meters} == emulated
    branches = {branch.name: branch for branch in plan.park.branches}
    for point in site.meter_points:
        assert (point.busbar, point.to_busbar) == branches[point.meter][2:4]
        assert point.role in (branches[point.meter].role, "own_use")
    uplinks = load(stand.gateway_home).uplinks
    assert [uplink.broker for uplink in uplinks] == ["mqtt://127.0.0.1:2883"]


def test_no_meter_passes_the_power_its_connection_can_carry() -> None:
    """Over a day of the park every power stays below the max_power of the gateway's configuration."""
    plain = tomllib.loads((PARK.parent / "gateway.toml").read_text())
    limits_w = {meter["name"]: int(meter["max_power"].removesuffix(" kW")) * 1000 for meter in plain["meter"]}
    park = Park(demo_plan(), BIRTH_MS)
    for offset_ms in range(0, 7 * DAY_MS, 6_000):
        park.advance(BIRTH_MS + offset_ms)
        assert all(abs(power_w) < limits_w[name] for name, power_w in park.powers_w.items())
