"""The command of the simulator, and the sum of many lives."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import click

from hil_tests.simulator.life import Outcome, run_life
from hil_tests.simulator.seeds import LENGTHS

YEAR_DAYS = 365
_SEED_BYTES = 5  # short enough to be read aloud


class Sum(NamedTuple):
    """What many lives came to."""

    first_seed: int
    lives: int
    gateway_years: float
    cpu_s: float
    intervals: int
    entries: int
    faults: dict[str, int]
    days_by_interval: dict[int, int]
    broken: tuple[Outcome, ...]

    @property
    def years_a_core_hour(self) -> float:
        """Return how many gateway-years one core simulates in an hour."""
        return 3600 * self.gateway_years / self.cpu_s


def fresh_seed() -> int:
    """Return a seed that nobody chose, or the one that WATTPROOF_SEED names."""
    chosen = os.environ.get("WATTPROOF_SEED", "")
    return int(chosen) if chosen else int.from_bytes(os.urandom(_SEED_BYTES), "big")


def lives(seed: int, years: float, count: int, days: int | None, interval_min: int | None) -> Iterator[Outcome]:
    """Live one seed after the other until there are so many years, or so many lives where count is not 0."""
    number, lived_days = 0, 0.0
    while number < count or (not count and lived_days < years * YEAR_DAYS):
        outcome = run_life(seed + number, days, interval_min)
        lived_days += outcome.at_day
        number += 1
        yield outcome


def summed(seed: int, outcomes: Iterator[Outcome]) -> Sum:
    """Return what the lives that begin with *seed* come to."""
    faults: Counter[str] = Counter()
    by_interval: Counter[int] = Counter()
    number = intervals = entries = 0
    lived_days = cpu_s = 0.0
    broken = []
    for one in outcomes:
        number += 1
        faults.update(one.counts)
        by_interval[one.interval_min] += one.days
        lived_days += one.at_day
        cpu_s += one.cpu_s
        intervals += one.intervals
        entries += one.entries
        if one.broken:
            broken.append(one)
    return Sum(
        seed, number, lived_days / YEAR_DAYS, cpu_s, intervals, entries, dict(sorted(faults.items())),
        dict(sorted(by_interval.items())), tuple(broken),
    )  # fmt: skip


def told(found: Sum) -> str:
    """Return what a person reads of many lives."""
    shares = ", ".join(
        "%d min %.0f %%" % (minutes, 100 * days / max(1, sum(found.days_by_interval.values())))
        for minutes, days in found.days_by_interval.items()
    )
    last = found.first_seed + found.lives - 1
    lines = [
        "seeds %d to %d: %d lives, %.1f gateway-years, %d intervals, %d entries; %.0f CPU s, %.0f gateway-years a"
        " core-hour"
        % (
            found.first_seed, last, found.lives, found.gateway_years, found.intervals, found.entries, found.cpu_s,
            found.years_a_core_hour,
        ),
        "time by length of interval: " + shares,
        "faults: " + (", ".join("%s %d" % item for item in found.faults.items()) or "none"),
    ]  # fmt: skip
    lines += ["BROKEN " + one.text() for one in found.broken]
    lines += ["again: python -m hil_tests.simulator --lives 1 --seed %d" % one.seed for one in found.broken]
    if not found.broken:
        lines.append("every invariant held")
    return "\n".join(lines)


@click.command()
@click.option("--years", type=float, default=20.0, show_default=True, help="How many gateway-years to live.")
@click.option("--seed", type=int, default=None, help="The first seed; fresh, or WATTPROOF_SEED, where it is not given.")
@click.option("--lives", "count", type=int, default=0, help="Live so many lives instead of years.")
@click.option("--days", type=int, default=None, help="How long every life lasts; drawn where it is not given.")
@click.option(
    "--interval", "interval_min", type=click.Choice(LENGTHS), default=None,
    help="Minutes of an interval; drawn where it is not given.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def main(years: float, seed: int | None, count: int, days: int | None, interval_min: int | None, as_json: bool) -> None:
    """Live gateways' lives; leave with 1 where an invariant did not hold in one of them."""
    first = fresh_seed() if seed is None else seed
    click.echo("first seed: %d" % first, err=True)
    found = summed(first, lives(first, years, count, days, interval_min))
    if as_json:
        answer = found._asdict() | {
            "years_a_core_hour": round(found.years_a_core_hour),
            "broken": [one._asdict() for one in found.broken],
        }
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(told(found))
    sys.exit(1 if found.broken else 0)
