"""What a wiring check says, against phasors that are added up here by complex numbers."""

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from gateway.commissioning.wiring import preview
from gateway.commissioning.wiring_facts import Connection, Watched

PHASES = ("l1", "l2", "l3")
VOLTAGE_DEG = {"l1": 0.0, "l2": -120.0, "l3": 120.0}


@dataclass(frozen=True)
class Panel:
    """A three-phase load: whose voltage and whose current reaches each channel, and which CTs are turned.

    angles: by how much each current lags its own voltage; power is that of a source with exporting.
    """

    voltages: tuple[str, str, str] = PHASES
    currents: tuple[str, str, str] = PHASES
    turned: tuple[str, ...] = ()
    angles: tuple[float, float, float] = (20.0, 20.0, 20.0)
    amperes: tuple[float, float, float] = (50.0, 50.0, 50.0)
    volts: float = 230.0
    exporting: bool = False
    without: tuple[str, ...] = ()
    changed: Mapping[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Return what the meter shows: S = U times the conjugate of I, channel by channel."""
        true_u = {phase: cmath.rect(self.volts, math.radians(VOLTAGE_DEG[phase])) for phase in PHASES}
        true_i = {
            phase: cmath.rect(
                -self.amperes[index] if self.exporting else self.amperes[index],
                math.radians(VOLTAGE_DEG[phase] - self.angles[index]),
            )
            for index, phase in enumerate(PHASES)
        }
        shown: dict[str, float] = {}
        total = 0j
        for channel, of_u, of_i in zip(PHASES, self.voltages, self.currents, strict=True):
            voltage, current = true_u[of_u], -true_i[of_i] if channel in self.turned else true_i[of_i]
            power = voltage * current.conjugate()
            total += power
            shown |= {
                "voltage_%s_n" % channel: abs(voltage),
                "current_%s" % channel: abs(current),
                "active_power_%s" % channel: power.real,
                "reactive_power_%s" % channel: power.imag,
                "apparent_power_%s" % channel: abs(power),
            }
        shown |= {"active_power_total": total.real, "reactive_power_total": total.imag}
        shown |= self.changed
        return {name: one for name, one in shown.items() if not name.startswith(self.without or ("-",))}


LOAD = Connection("m1", "load")
PLANT = Connection("m1", "generation")
INTAKE = Connection("m1", "intake")

RIGHT = [
    pytest.param(Panel(), LOAD, id="a load"),
    pytest.param(Panel(angles=(0, 0, 0)), LOAD, id="heaters"),
    pytest.param(Panel(angles=(5, 35, 20), amperes=(10, 60, 33)), LOAD, id="unlike phases"),
    pytest.param(Panel(exporting=True, angles=(0, 0, 0)), PLANT, id="a plant that gives"),
    pytest.param(Panel(), Connection("m1", "generation", reversed=True), id="a plant metered the other way"),
    pytest.param(Panel(exporting=True), INTAKE, id="an intake that gives"),
    pytest.param(Panel(), INTAKE, id="an intake that takes"),
    pytest.param(Panel(exporting=True, angles=(3, 3, 3)), Connection("m1", "storage"), id="a storage that gives"),
    pytest.param(Panel(voltages=("l2", "l1", "l3"), currents=("l2", "l1", "l3")), LOAD, id="phases renamed as pairs"),
    pytest.param(Panel(without=("reactive",)), LOAD, id="no reactive power"),
    pytest.param(Panel(amperes=(0, 0, 0), angles=(0, 0, 0)), LOAD, id="no load"),
    pytest.param(Panel(), Connection("m1", "load", clamps={"l1": 50.9, "l3": 48.8}), id="a clamp that agrees"),
]


@pytest.mark.parametrize(("panel", "connection"), RIGHT)
def test_right_wiring_has_no_findings(panel: Panel, connection: Connection) -> None:
    """What is connected as it should be gives nothing to look at."""
    assert preview(panel.values(), connection).findings == ()


TURNED = [(("l1",), "a"), (("l2",), "b"), (("l3",), "c"), (("l1", "l2"), "d"), (("l2", "l3"), "e")]


@pytest.mark.parametrize(("without", "angle"), [((), 0), ((), 20), ((), 40), (("reactive",), 0), (("reactive",), 20)])
@pytest.mark.parametrize("turned", [turned for turned, _ in TURNED])
def test_turned_transformers_are_named(turned: tuple[str, ...], angle: float, without: tuple[str, ...]) -> None:
    """One or two CTs the wrong way are found on their phases, whatever the power factor."""
    panel = Panel(turned=turned, angles=(angle, angle, angle), without=without)
    (finding,) = preview(panel.values(), LOAD).findings
    assert (finding.kind, finding.phases) == ("ct-reversed", turned)


@pytest.mark.parametrize("connection", [LOAD, PLANT])
def test_all_turned_is_a_question_of_direction(connection: Connection) -> None:
    """Three CTs the wrong way look like energy the other way, so both are named."""
    panel = Panel(turned=PHASES, exporting=connection is PLANT)
    (finding,) = preview(panel.values(), connection).findings
    assert (finding.kind, finding.phases) == ("direction", PHASES)


@pytest.mark.parametrize("side", ["currents", "voltages"])
@pytest.mark.parametrize("angle", [0, 15, 30])
@pytest.mark.parametrize(
    ("order", "moved"),
    [
        (("l2", "l1", "l3"), ("l1", "l2")),
        (("l3", "l2", "l1"), ("l1", "l3")),
        (("l1", "l3", "l2"), ("l2", "l3")),
        (("l2", "l3", "l1"), PHASES),
        (("l3", "l1", "l2"), PHASES),
    ],
)
def test_exchanged_phases_are_named(
    order: tuple[str, str, str], moved: tuple[str, ...], angle: float, side: str
) -> None:
    """Two phases exchanged, or all three moved on, between voltages and currents, are found on whichever side."""
    panel = Panel(angles=(angle, angle, angle), **{side: order})  # type: ignore[arg-type]
    (finding,) = preview(panel.values(), LOAD).findings
    assert (finding.kind, finding.phases) == ("phases-exchanged", moved)
    best = preview(panel.values(), LOAD).explained[0]
    if len(moved) == 2:
        assert (best.voltages, best.currents) == (panel.voltages, panel.currents)
    else:  # all voltages moved on by one are as all currents moved back by one
        pairs = list(zip(panel.voltages, panel.currents, strict=True))
        assert sorted(zip(best.voltages, best.currents, strict=True)) == sorted(pairs)


def test_an_exchange_with_a_turned_transformer_is_taken_apart() -> None:
    """L1 and L2 exchanged and the CT of L1 turned as well: both are in the first explanation."""
    seen = preview(Panel(currents=("l2", "l1", "l3"), turned=("l1",)).values(), LOAD)
    assert [one.kind for one in seen.findings] == ["phases-exchanged"]
    assert (seen.explained[0].currents, seen.explained[0].turned) == (("l2", "l1", "l3"), ("l1",))


@pytest.mark.parametrize(
    ("changed", "kind", "phases"),
    [
        ({"voltage_l2_n": 1.0, "active_power_l2": 0.0, "reactive_power_l2": 0.0, "apparent_power_l2": 50.0,
          "active_power_total": 2 * 230 * 50 * math.cos(math.radians(20))}, "voltage-missing", ("l2",)),
        ({"voltage_l1_n": 398.0, "apparent_power_l1": 398.0 * 50}, "voltage-level", ("l1",)),
        ({"voltage_l3_n": 133.0, "active_power_l3": 133 * 50 * 0.94, "apparent_power_l3": 133.0 * 50,
          "reactive_power_l3": 133 * 50 * 0.34,
          "active_power_total": 2 * 230 * 50 * math.cos(math.radians(20)) + 133 * 50 * 0.94}, "voltage-level", ("l3",)),
        ({"current_l3": 0.1, "active_power_l3": 20.0, "reactive_power_l3": 5.0, "apparent_power_l3": 23.0,
          "active_power_total": 2 * 230 * 50 * math.cos(math.radians(20)) + 20}, "current-missing", ("l3",)),
        ({"active_power_total": 5000.0}, "sum", PHASES),
        ({"apparent_power_l2": 230.0 * 50 / 40}, "product", ("l2",)),
        ({"active_power_l1": 230.0 * 50 * 40, "reactive_power_l1": 230.0 * 50 * 10, "apparent_power_l1": 230.0 * 50,
          "active_power_total": 230 * 50 * 40 + 2 * 230 * 50 * math.cos(math.radians(20))}, "product", ("l1",)),
    ],
    ids=["fuse", "line voltage", "neutral", "dead CT", "sum", "apparent", "ratio"],
)  # fmt: skip
def test_single_faults_give_their_own_finding(changed: dict[str, float], kind: str, phases: tuple[str, ...]) -> None:
    """A fault in a level, a sum or a product is found once, under its own name, on its phase."""
    found = preview(Panel(changed=changed).values(), LOAD).findings
    assert [(one.kind, one.phases) for one in found] == [(kind, phases)]


def test_a_wrong_ratio_shows_against_a_clamp() -> None:
    """The meter counts with 200/5 and shows 50 A; the clamp says 100 A: a 400/5 would fit. One phase agrees."""
    connection = Connection("m1", "load", ct_ratio=(200, 5), clamps={"l1": 100.0, "l2": 50.0})
    (finding,) = preview(Panel().values(), connection).findings
    assert (finding.kind, finding.phases) == ("clamp", ("l1",))
    assert (finding.problem.values["factor"], finding.problem.values["fitting"]) == ("2.000", "400/5")


def test_a_clamp_that_fits_another_phase_says_which() -> None:
    """The clamp on L1 shows what the meter shows on L3."""
    connection = Connection("m1", "load", clamps={"l1": 30.0})
    found = preview(Panel(amperes=(50, 40, 30)).values(), connection).findings
    assert [(one.kind, one.problem.values["other"]) for one in found] == [("clamp", "L3")]


@pytest.mark.parametrize(
    ("role", "reverse", "watched", "kinds"),
    [
        ("generation", False, Watched(60, 120, 0), ["energy-direction"]),
        ("generation", False, Watched(60, 0, 120), []),
        ("generation", True, Watched(60, 120, 0), []),
        ("load", False, Watched(60, 0, 80), ["energy-direction"]),
        ("load", False, Watched(60, 80, 0), []),
        ("own_use", False, Watched(60, None, 3), ["energy-direction"]),
        ("storage", False, Watched(60, 80, 0), []),
        ("load", False, Watched(60, 0, 0), []),
    ],
)
def test_energy_grows_as_the_role_says(role: str, reverse: bool, watched: Watched, kinds: list[str]) -> None:
    """Import that grows on generation, or export on a load, is found; roles of both directions say nothing."""
    found = preview({}, Connection("m1", role, reversed=reverse), watched).findings
    assert [one.kind for one in found] == kinds


@pytest.mark.parametrize(("power", "kinds"), [(-4000.0, ["direction"]), (4000.0, []), (3.0, [])])
def test_a_meter_without_phases_is_judged_by_its_total(power: float, kinds: list[str]) -> None:
    """Where only the total is known, its sign is held against the role."""
    assert [one.kind for one in preview({"active_power_total": power}, LOAD).findings] == kinds


def test_a_single_phase_meter_shows_a_turned_transformer() -> None:
    """With one phase, the sign of its power against the role is all there is."""
    values = {
        name: one for name, one in Panel(turned=("l1",)).values().items() if "l2" not in name and "l3" not in name
    }
    del values["active_power_total"], values["reactive_power_total"]
    assert [(one.kind, one.phases) for one in preview(values, LOAD).findings] == [("ct-reversed", ("l1",))]


def test_angles_that_nothing_explains_are_said_so() -> None:
    """L1 straight against the load, L2 a quarter turn before and L3 behind it: no two mistakes in wiring make that."""
    found = preview(Panel(angles=(180, -90, 90)).values(), LOAD).findings
    assert [one.kind for one in found] == ["angles"]
