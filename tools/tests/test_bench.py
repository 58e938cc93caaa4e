"""The benches' gates can fail, and their sums are those of the formats they speak of. Nothing is timed here."""

import json
import math
import os
import random

import pytest

from gateway.core.record import Readings, Stamp
from tools.benchmarks import bus, wire
from tools.benchmarks.figure import AT_LEAST, AT_MOST, Figure, Gate, Section, exit_code, plain, table
from tools.benchmarks.process import Usage, usage, written_between

CHANNELS = (("m-a", "voltage_l1_n"), ("m-a", "energy_active_import"))
READINGS = Readings(Stamp(b"12345678", 0, 0, "U", 0), 1, 1000, (5000, 5000), ((2300, None, 1), (5, 0, 0)))


def section(value: float, gate: Gate | None) -> tuple[Section, ...]:
    """Return one section with one figure."""
    return (Section("Bus", "a bench", (Figure("k", "utilisation", value, "B", 2, gate),)),)


@pytest.mark.parametrize(
    ("value", "direction", "limit", "passes"),
    [
        (2.0, AT_MOST, 2.0, True),
        (2.01, AT_MOST, 2.0, False),
        (0.95, AT_LEAST, 0.95, True),
        (0.94, AT_LEAST, 0.95, False),
        (math.nan, AT_MOST, 2.0, False),
        (math.nan, AT_LEAST, 0.95, False),
    ],
)
def test_gate(value: float, direction: str, limit: float, passes: bool) -> None:
    """A gate lets through its limit and the better side of it, and never what is no number."""
    found = section(value, Gate(direction, limit))
    assert exit_code(found) == (0 if passes else 1)
    assert ("pass" if passes else "FAIL") in table(found)


def test_what_was_not_measured_says_so() -> None:
    """A rival that cannot be had has a line in the table, no number, and no say in the verdict."""
    found = (Section("Bus", "a bench", (Figure("k", "collectd NOT MEASURED: none here", math.nan, "s", 3),)),)
    assert "NOT MEASURED" in table(found) and "nan" not in table(found)
    assert json.loads(json.dumps(plain(found), allow_nan=False))[0]["figures"][0]["value"] is None
    assert exit_code(found) == 0


@pytest.mark.parametrize("baud", sorted(bus.GATES))
def test_saturated_buses_have_a_gate_at_every_speed(baud: int) -> None:
    """Two per cent of a core a bus pass at each speed, and more do not, nor does one request that came too early."""
    for percent, early, code in ((2.0, 0, 0), (2.01, 0, 1), (0.5, 1, 1)):
        figures = bus.saturated_figures(baud, percent, 0, {"asked": 1000, "early": early})
        assert exit_code((Section("Saturated buses", "a bench", tuple(figures)),)) == code


def test_one_missed_gate_is_enough() -> None:
    """Among passed gates, one missed one makes the whole run fail."""
    good, bad = section(1.0, Gate(AT_MOST, 2.0)), section(3.0, Gate(AT_MOST, 2.0))
    assert exit_code(good) == 0
    assert exit_code(good + bad + good) == 1


def test_nothing_measured() -> None:
    """A run that measured nothing passes nothing."""
    assert exit_code(()) == 1


def test_figure_without_gate() -> None:
    """A figure that is there for comparison alone neither passes nor fails."""
    found = section(1e9, None)
    assert exit_code(found) == 0
    assert "pass" not in table(found) and "FAIL" not in table(found)
    assert json.loads(json.dumps(plain(found)))[0]["figures"][0]["gate"] is None


def test_width() -> None:
    """No line of the table is longer than 80 characters, however long a name is."""
    long_name = Figure("k", "a name " * 12, 12345.678, "KiB", 3, Gate(AT_LEAST, 0.001))
    assert max(map(len, table((Section("T", "words " * 40, (long_name,)),)).splitlines())) <= 80


@pytest.mark.parametrize(
    ("payload", "octets"),
    # Fixed header 1, its length 1 to 3, topic 2 + 3, packet id 2, length of properties 1.
    [(10, 20), (119, 129), (120, 131), (16375, 16386), (16376, 16388)],
)
def test_publish(payload: int, octets: int) -> None:
    """A PUBLISH has the length that sections 2.1 and 3.3 of MQTT 5 give it."""
    assert wire.publish_bytes("a/b", payload) == octets


def test_values() -> None:
    """What was not read is no value."""
    assert wire.Sent(0, (READINGS,)).values() == 5


def test_too_short() -> None:
    """A run without a closed account gives no figure at all."""
    with pytest.raises(RuntimeError):
        wire.wire([wire.Sent(100, (READINGS,))], [], 900, 60)


def test_telemetry() -> None:
    """JSON telemetry holds the same values, in the units of people, under the same times."""
    assert json.loads(wire.telemetry(READINGS, CHANNELS)) == {
        "m-a": [
            {"ts": 1000, "values": {"voltage_l1_n": 230.0, "energy_active_import": 0.005}},
            {"ts": 6000, "values": {"energy_active_import": 0.005}},
            {"ts": 11000, "values": {"voltage_l1_n": 230.1, "energy_active_import": 0.005}},
        ]
    }


def test_noise() -> None:
    """Noise moves readings by half a percent at most, leaves energies and gaps as they are, and does move."""
    noisy = wire.with_noise(READINGS, CHANNELS, random.Random(3))
    first, gap, difference = noisy.columns[0]
    assert first is not None and difference is not None and gap is None
    assert abs(first - 2300) <= 11 and abs(first + difference - 2301) <= 11
    assert noisy.columns[0] != READINGS.columns[0]
    assert noisy.columns[1] == READINGS.columns[1]


def test_usage() -> None:
    """The kernel's counters of this very process can be read."""
    found = usage(os.getpid())
    assert found.resident_kb >= found.proportional_kb > 1000


def test_hidden_disk() -> None:
    """Where the file system does not tell what reached the disk, what was handed over stands for it."""
    began = Usage(0.0, 100, 5000, 0, 0)
    assert written_between(began, began._replace(written=400, handed_over=9000)) == 300
    assert written_between(began, began._replace(handed_over=9000)) == 4000
