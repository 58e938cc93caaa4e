"""Twenty meters on an emulated wire, three of which are not there: how often the others are read, by the wire's log."""

import threading
from pathlib import Path

from gateway.clock import Clock
from gateway.core.meter.meter_state import SUSPENDED
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.site import Bus, Meter
from gateway.line import open_line
from gateway.profiles import load_profile
from gateway.sweep import BusRunner
from hil_tests.emulated import emulated

BUS = '[[bus]]\nname = "line"\nbaud = 115200\nturnaround = "2 ms"\n'
METER = '[[meter]]\nname = "m{unit}"\nbus = "line"\nunit = {unit}\nprofile = "eastron-sdm630"\nload = "36 kW"\n'
ABSENT = (3, 9, 14)
LIVING = [unit for unit in range(1, 21) if unit not in ABSENT]
CYCLE_MS = 1000
SWEEPS = 10


def test_absent_meters_do_not_slow_the_others(tmp_path: Path) -> None:
    """Once three of twenty are known to be absent, seventeen keep 95 % of a read a cycle while these are probed."""
    profile = load_profile("eastron-sdm630", tmp_path)
    points = tuple(point for point in profile.points if point.quantity == "energy_active_import")
    with emulated(tmp_path, BUS + "".join(METER.format(unit=unit) for unit in LIVING)) as wire:
        bus = Bus("line", wire.link(), 115200, 8, "N", 1, 2)
        blocks = plan_blocks(profile, points, bus.baud, bus.turnaround_ms)
        meters = [Meter(f"m{unit}", "line", unit, profile.id, "", (1, 1), (1, 1), 0) for unit in range(1, 21)]
        poll = Poll(bus, tuple(Job(meter, profile, blocks) for meter in meters), CYCLE_MS)
        runner = BusRunner(poll, open_line(bus), Clock(), lambda outcomes: None, "line")
        stopped = threading.Event()
        thread = threading.Thread(target=runner.run, args=(stopped,))
        thread.start()
        try:
            while {one.meter for one in poll.meters() if one.state == SUSPENDED} != {f"m{unit}" for unit in ABSENT}:
                thread.join(0.05)
                assert thread.is_alive()
            known = sum(1 for _ in wire.log())
            begun = poll.cycle + 1
            while poll.cycle < begun + SWEEPS:
                thread.join(0.05)
                assert thread.is_alive()
        finally:
            stopped.set()
            runner.wake()
            thread.join()
    asked = [(one["us"], int(one["hex"][:2], 16)) for one in wire.log()[known:] if one["from"] == "port line"]
    for unit in LIVING:
        times = [us for us, asked_unit in asked if asked_unit == unit]
        cycles = (times[-1] - times[0]) / (1000 * CYCLE_MS)
        assert len(times) - 1 >= cycles * 0.95 and len(times) >= SWEEPS
    assert set(ABSENT) <= {unit for _, unit in asked}, "they are probed meanwhile"
