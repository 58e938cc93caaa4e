"""Bus: how close sweeps come to the shortest time that physics allows, what others need, and what they cost."""

import math
import time
from collections.abc import Callable
from threading import Thread

from tools.benchmarks.awake import processors_awake
from tools.benchmarks.bus_stand import (
    TURNAROUND_MS,
    Cabinet,
    Emulated,
    Sweeper,
    Timed,
    eight_sdm630,
    emulated,
    mixed_cabinet,
)
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section
from tools.benchmarks.peers import AbsentError, collectd_sweep_s, pymodbus_sweeps, thingsboard_sweep_s

SWEEPS = 10
# How many times the physical optimum a sweep may take; a short exchange feels the processor's scheduling more.
GATES = {9600: 1.03, 19200: 1.03, 115200: 1.06}
PEER_BAUD = 9600
HALTING_BAUD = 19200
BUSES = 8
_SATURATED_S = 12.0
_CPU_GATE = 2.0  # per cent of one core a bus, at every speed
_PEER_SWEEPS = 2


def measure() -> tuple[Section, ...]:
    """Measure both cabinets at three speeds, the peers at one, and eight buses at once."""
    sdm630, mixed = eight_sdm630(), mixed_cabinet()
    speed: list[Figure] = []
    own: dict[int, Timed] = {}
    with processors_awake():
        for key, cabinet in (("sdm630", sdm630), ("mixed", mixed)):
            for baud, gate in GATES.items():
                figures, timed = _against_optimum(key, cabinet, baud, gate)
                speed += figures
                if cabinet is sdm630:
                    own[baud] = timed
        peers, saturated = _peers(sdm630, own[PEER_BAUD]), _saturated(sdm630)
    _, halting = _against_optimum("halting", mixed, HALTING_BAUD, GATES[HALTING_BAUD])
    name = f"{mixed.name}, {HALTING_BAUD} Bd, processors free to halt: measured / optimum"
    speed.append(Figure("bus_halting_ratio", name, halting.sweep_s / mixed.optimum_s(HALTING_BAUD), "", 3))
    measured_on = (
        f"emulated meters that drop every request which begins before 3.5 characters of silence, {TURNAROUND_MS} ms "
        f"turnaround, 11-bit characters at true line time on a pseudo-terminal; median of {SWEEPS} sweeps. 8 SDM630: "
        f"{sdm630.values()} values; 20 meters of 8 models: {mixed.values()} values; "
        "processors kept from halting, for a virtual one wakes milliseconds late"
    )
    return (Section("Bus", measured_on, tuple(speed)), peers, saturated)


def _against_optimum(key: str, cabinet: Cabinet, baud: int, gate: float) -> tuple[list[Figure], Timed]:
    """Sweep a cabinet; its figures, and what it took."""
    with emulated(cabinet, baud) as stand:
        sweeper = Sweeper(cabinet, stand.ports[0], baud, SWEEPS)
        sweeper.run()
    timed, optimum_s = sweeper.timed(), cabinet.optimum_s(baud)
    name = f"{cabinet.name}, {baud} Bd"
    return [
        Figure(f"bus_{key}_{baud}_optimum_s", f"{name}: physical optimum", optimum_s, "s", 3),
        Figure(f"bus_{key}_{baud}_planned_s", "planned, no two answers alike", cabinet.planned_s(baud), "s", 3),
        Figure(f"bus_{key}_{baud}_sweep_s", "measured", timed.sweep_s, "s", 3),
        Figure(
            f"bus_{key}_{baud}_ratio", "measured / optimum", timed.sweep_s / optimum_s, "", 3, Gate(AT_MOST, gate),
        ),
        Figure(
            f"bus_{key}_{baud}_early", f"of {stand.counts['asked']} requests too early", stand.counts["early"], "", 0,
            Gate(AT_MOST, 0),
        ),
        Figure(f"bus_{key}_{baud}_late", "of them not answered in time", len(sweeper.faults), "", 0),
    ], timed  # fmt: skip


def _peers(cabinet: Cabinet, own: Timed) -> Section:
    figures = [Figure("peer_own_s", "ours, as above", own.sweep_s, "s", 3)]
    with emulated(cabinet, PEER_BAUD, strict=False) as stand:
        whole = pymodbus_sweeps(cabinet, stand.ports[0], PEER_BAUD, _PEER_SWEEPS + 1, planned=True)
    figures += _compared("pymodbus_blocks", "pymodbus, our reads", own, whole.sweep_s, stand, 1.02)
    with emulated(cabinet, PEER_BAUD, strict=False) as stand:
        single = pymodbus_sweeps(cabinet, stand.ports[0], PEER_BAUD, _PEER_SWEEPS - 1, planned=False)
    figures += _compared("pymodbus_values", "pymodbus, value by value", own, single.sweep_s, stand, 0.4)
    figures += _program("collectd", "collectd, modbus plugin", own, cabinet, collectd_sweep_s)
    figures += _program("thingsboard", "thingsboard-gateway 3.8.5", own, cabinet, thingsboard_sweep_s)
    figures += [
        Figure("bus_cpu_s", "CPU for 1000 values, ours", own.cpu_s, "s", 3),
        Figure("bus_pymodbus_cpu_s", "CPU for 1000 values, pymodbus, our reads", whole.cpu_s, "s", 3),
        Figure("bus_cpu_ratio", "CPU, ours / pymodbus", own.cpu_s / whole.cpu_s, "", 2, Gate(AT_MOST, 1.0)),
    ]
    measured_on = (
        f"the same 8 SDM630, 30 values each, at {PEER_BAUD} Bd, one reader after another; the meters take requests "
        "that come too early, for real ones may not, and most of these readers leave out the silence"
    )
    return Section("Others on the same bus", measured_on, tuple(figures))


def _compared(key: str, name: str, own: Timed, sweep_s: float, stand: Emulated, gate: float) -> list[Figure]:
    return [
        Figure(f"peer_{key}_s", name, sweep_s, "s", 3),
        Figure(f"peer_{key}_early", f"of its {stand.counts['asked']} requests too early", stand.counts["early"], "", 0),
        Figure(f"peer_{key}_ratio", f"ours / {name}", own.sweep_s / sweep_s, "", 3, Gate(AT_MOST, gate)),
    ]


def _program(
    key: str, name: str, own: Timed, cabinet: Cabinet, sweep_s: Callable[[Cabinet, Emulated, int, int], float]
) -> list[Figure]:
    """Compare with a program of its own; where it cannot be had, a line of the table says so."""
    try:
        with emulated(cabinet, PEER_BAUD, strict=False, log=True) as stand:
            took_s = sweep_s(cabinet, stand, PEER_BAUD, _PEER_SWEEPS)
    except AbsentError as error:
        return [Figure(f"peer_{key}_s", f"{name} NOT MEASURED: {error}", math.nan, "", 0)]
    return _compared(key, name, own, took_s, stand, 0.5)


def _saturated(cabinet: Cabinet) -> Section:
    """Sweep eight buses at once, back to back, in one process."""
    figures = []
    for baud in GATES:
        with emulated(cabinet, baud, buses=BUSES) as stand:
            sweepers = [Sweeper(cabinet, port, baud, 1_000_000) for port in stand.ports]
            threads = [Thread(target=sweeper.run) for sweeper in sweepers]
            for thread in threads:
                thread.start()
            time.sleep(_SATURATED_S / 3)  # opening, first sweeps
            began, used = time.monotonic(), time.process_time()
            time.sleep(_SATURATED_S)
            used, seconds = time.process_time() - used, time.monotonic() - began
            for sweeper in sweepers:
                sweeper.stopped.set()
            for thread in threads:
                thread.join()
        faults = sum(len(sweeper.faults) for sweeper in sweepers)
        figures += saturated_figures(baud, 100 * used / seconds / BUSES, faults, stand.counts)
    measured_on = f"{BUSES} buses of 8 SDM630 at once, swept back to back, in one process with a thread for each bus"
    return Section("Saturated buses", measured_on, tuple(figures))


def saturated_figures(baud: int, cpu_percent: float, faults: int, counts: dict[str, int]) -> list[Figure]:
    """Return what eight buses at one speed cost, with its gate; *counts* are the emulator's."""
    return [
        Figure(
            f"saturated_{baud}_cpu_percent", f"{baud} Bd: CPU of one core a bus", cpu_percent, "%", 2,
            Gate(AT_MOST, _CPU_GATE),
        ),
        Figure(f"saturated_{baud}_faults", f"of {counts['asked']} requests not answered in time", faults, "", 0),
        Figure(f"saturated_{baud}_early", "of them too early", counts["early"], "", 0, Gate(AT_MOST, 0)),
    ]  # fmt: skip
