"""Simulator: how many gateway-years one core simulates in an hour, over the mix of lives that seeds draw."""

from hil_tests.simulator.cli import lives, summed
from tools.benchmarks.figure import AT_LEAST, Figure, Gate, Section

YEARS = 8.0
FIRST_SEED = 1
_RUNS = 3
LEAST_YEARS_A_CORE_HOUR = 1000.0


def measure() -> Section:
    """Live the lives of some consecutive seeds, each some times: what the same life takes longer is not its own."""
    runs = [list(lives(FIRST_SEED, YEARS, 0, None, None)) for _ in range(_RUNS)]
    same = (min(of_one, key=lambda life: life.cpu_s) for of_one in zip(*runs, strict=True))
    found = summed(FIRST_SEED, same)
    assert not found.broken, found.broken[0].text()
    gate = Gate(AT_LEAST, LEAST_YEARS_A_CORE_HOUR)
    figures = (
        Figure("simulated_years_a_core_hour", "gateway-years", found.years_a_core_hour, "/core h", 0, gate),
        Figure("simulated_intervals_s", "closed intervals", found.intervals / found.cpu_s, "/CPU s", 0),
        Figure("simulated_entries_s", "entries, sealed, sent, kept", found.entries / found.cpu_s, "/CPU s", 0),
        Figure("simulated_faults", "faults that came as events or by chance", sum(found.faults.values()), "", 0),
    )
    measured_on = f"{found.lives} lives from seed {FIRST_SEED}, {found.gateway_years:.1f} gateway-years, CPU time, "
    measured_on += f"of each life the least of {_RUNS} runs"
    return Section("Simulator", measured_on, figures)
