"""Drain: days that a gateway kept through an outage, given over real mosquitto and a link of 60 ms.

`python -m tools.benchmarks.drain DAYS` gives so many days; the bench gives a part, and says what thirty would take.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click

from hil_tests.backlog import GATEWAY, Backlog
from hil_tests.network import network, possible
from hil_tests.road_stand import RoadEnd, RoadStand
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section, table

DELAY_S = 0.03  # each way
DAYS = 30
PART = {1: 10, 15: 3}  # days that are really given, by the minutes of an interval
MOST_MIN = 10.0
LIVE_S = 60.0  # an interval closes so often meanwhile
_FIRST_LIVE_S = 5.0
_LOOK_S = 1.0
_PATIENCE_S = 3600.0


class Drained(NamedTuple):
    """What one drain took. late_s: how late the newest interval was shown, at the worst."""

    batches: int
    entries: int
    megabytes: float  # of sealed batches
    seconds: float
    platform_s: float
    gateway_s: float
    live: int
    late_s: float


def drain(folder: Path, minutes: int, hours: int, live_s: float) -> Drained:
    """Fill a journal with *hours* of intervals of *minutes*, and give it; a new interval closes every *live_s*."""
    backlog = Backlog(folder / "home", minutes)
    backlog.fill(hours)
    entries = backlog.journal.head_sequence
    sizes = [len(one.signed) for one in backlog.journal.sealed_between(1, entries)]
    (folder / "platform").mkdir()
    with network(folder) as net:
        net.link(delay_s=DELAY_S)
        stand = RoadStand(folder / "platform", net, GATEWAY, folder / "home" / "keys" / "gateway.pub")
        end = RoadEnd(stand, net, backlog.journal, GATEWAY, backlog.signer)
        try:
            return _drain(backlog, stand, end, sizes, live_s)
        finally:
            end.end()
            stand.end()
            backlog.journal.close()


def _drain(backlog: Backlog, stand: RoadStand, end: RoadEnd, sizes: list[int], live_s: float) -> Drained:
    entries = backlog.journal.head_sequence
    platform_s, gateway_s = _cpu_s(stand.platform.pid), time.process_time()
    began_s = time.monotonic()
    end.start()
    unseen: list[tuple[int, float]] = []  # end of an interval, and when it was closed
    live, late_s, next_s = 0, 0.0, began_s + _FIRST_LIVE_S
    while True:
        now_s = time.monotonic()
        with end.lock:
            through = backlog.journal.receipted_through()
        if through >= entries:
            break
        assert now_s - began_s < _PATIENCE_S, end.sender.status()
        if now_s >= next_s:
            with end.lock:
                unseen.append((backlog.close_interval(), now_s))
            end.sender.sealed()
            end.wake()
            live, next_s = live + 1, next_s + live_s
        shown_s = _shown(stand)
        late_s = max([late_s, *(time.monotonic() - closed_s for _, closed_s in unseen)])
        unseen = [one for one in unseen if one[0] > shown_s]
        time.sleep(_LOOK_S)
    seconds = time.monotonic() - began_s
    return Drained(
        len(sizes),
        entries,
        sum(sizes) / 1e6,
        seconds,
        _cpu_s(stand.platform.pid) - platform_s,
        time.process_time() - gateway_s,
        live,
        late_s,
    )


def _shown(stand: RoadStand) -> int:
    """Return the end of the newest interval that the platform shows."""
    overview = stand.page("/api/v1/overview?gateway=" + GATEWAY)
    ends: list[int] = [one["end_s"] for one in (overview["interval"], overview["early"]) if one]
    return max(ends, default=0)


def _cpu_s(pid: int) -> float:
    fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure() -> tuple[Section, ...]:
    """Drain a part of thirty days, in intervals of a minute and of a quarter of an hour."""
    return tuple(_section(minutes, days) for minutes, days in PART.items())


def _section(minutes: int, days: int) -> Section:
    if not possible():
        raise click.ClickException("This part makes network namespaces: it needs root, and `ip` of iproute2.")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        found = drain(Path(folder), minutes, 24 * days, LIVE_S)
    key, times = "drain_%d" % minutes, DAYS / days
    figures = (
        Figure(key + "_min", "%d days given" % DAYS, times * found.seconds / 60, "min", 1, Gate(AT_MOST, MOST_MIN)),
        Figure(key + "_rate", "batches a second", found.batches / found.seconds, "", 0),
        Figure(
            key + "_late", "newest interval shown late, in intervals", found.late_s / LIVE_S, "", 2, Gate(AT_MOST, 2.0)
        ),
        Figure(key + "_live", "intervals closed meanwhile", found.live, "", 0),
        Figure(
            key + "_platform_ms", "processor of the platform, a batch", 1e3 * found.platform_s / found.batches, "ms", 2
        ),
        Figure(
            key + "_gateway_ms", "processor of the gateway, a batch", 1e3 * found.gateway_s / found.batches, "ms", 2
        ),
    )
    measured_on = (
        "%d days given in %.0f s%s: %d batches, %d entries, %.1f MB, intervals of %d min of a park of four meters with "
        "its readings; mosquitto with TLS, a platform's process and its page, 60 ms there and back; an interval closes "
        "every %d s; load %.1f on %d cores"
    ) % (
        days, found.seconds, ", times %g" % times if times != 1 else "", found.batches, found.entries, found.megabytes,
        minutes, LIVE_S, os.getloadavg()[0], len(os.sched_getaffinity(0)),
    )  # fmt: skip
    return Section("Drain of %d days, intervals of %d min" % (DAYS, minutes), measured_on, figures)


@click.command()
@click.argument("days", type=click.IntRange(1))
@click.option("--minutes", type=click.IntRange(1), default=1, help="Length of an interval.")
def main(days: int, minutes: int) -> None:
    """Give DAYS in one piece, and print a table."""
    click.echo(table((_section(minutes, days),)))


if __name__ == "__main__":
    main()
