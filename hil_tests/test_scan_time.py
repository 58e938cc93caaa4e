"""How long a scan takes the line, added up from characters, silences, turnarounds and waits; and what it sends."""

from collections.abc import Sequence

import pytest

from hil_tests.accounted_scan import MIXED, scanned


@pytest.mark.parametrize(
    "models",
    [("eastron-sdm630",) * 32, ("chint-dtsu666",) * 32, MIXED * 4],
    ids=["one model without a sign", "one model with a sign", "eight models"],
)
def test_32_meters_are_identified_within_a_minute_of_line_time(models: Sequence[str]) -> None:
    """Known settings, 9600 baud, meters that take 40 ms to begin: all found and named in at most 60 s of line time."""
    report, line = scanned(models)
    named = {one.unit: {*one.models, *one.likely} for one in report.found}
    assert {unit: models[unit - 1] in names for unit, names in named.items()} == dict.fromkeys(range(1, 33), True)
    assert line.line_us <= 60_000_000


def test_a_scan_sends_nothing_but_reads() -> None:
    """Every frame of a scan over many models is a Modbus read (03, 04) or a read of DL/T 645 (11H, 13H, 01H)."""
    _report, line = scanned(MIXED)
    for frame in line.frames:
        if frame[0] == 0xFE:
            start = frame.index(0x68)
            assert frame[start + 8] in (0x11, 0x13, 0x01)
        else:
            assert frame[1] in (3, 4) and len(frame) == 8
    assert len(line.frames) > 100


@pytest.mark.parametrize("name", sorted(set(MIXED)))
def test_a_meter_is_recognised_alone(name: str) -> None:
    """Each model of the cabinet is among the names that its meter is given, and few others are."""
    report, _line = scanned([name])
    (found,) = report.found
    names = {*found.models, *found.likely}
    assert name in names and len(names) <= 4
