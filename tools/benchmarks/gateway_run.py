"""Gateway run: the real daemon on the emulated park for a minute or two, watched by the kernel's own counters."""

import math
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gateway.config import load
from gateway.core.record import Readings
from gateway.core.site import Site
from gateway.recorder import journal_path
from hil_tests.brokers import PipBroker, free_port
from hil_tests.stand import GATEWAY, Stand
from tools.benchmarks import disk, wire
from tools.benchmarks.card import MOUNTED, NOTHING, Reached, card
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section
from tools.benchmarks.process import Usage, usage, written_between

WARM_UP_S = 15.0  # imports, first sweeps, the configuration's own entry
DEMO_S = 110.0  # two minutes with the warm-up: an account at least
PRODUCTION_S = 130.0  # two records of readings of a minute each
_DEMO = ('readings = "10 s"', 'interval = "1 min"', 'period = "4 min"')
_PRODUCTION = ('readings = "60 s"', 'interval = "15 min"', 'period = "60 min"')
_CPU_GATE = 0.5  # seconds: the demo's 60 readings a second would take 3 % of a core
QUARTER_S = 900
_START_S = 60.0  # for all parts to start, on a busy machine
CYCLE_READINGS = 248  # what is written a cycle is counted for so many readings, that parks can be compared
_DISK = Path("/var/tmp")  # a disk where /tmp may be memory


class Watched(NamedTuple):
    """One run: what the daemon used between two moments, and what it had recorded when it stopped."""

    site: Site
    seconds: float
    before: Usage
    after: Usage
    batches: list[wire.Sent]
    readings: int
    cycles: int
    commits: int
    card: Reached | None  # by its card from the first moment to its end, where it had one of its own

    def per_reading(self, amount: float) -> float:
        """Return *amount* for each reading."""
        return amount / self.readings

    @property
    def written(self) -> int:
        """Return the bytes written to the card, or where there is none, to the disk."""
        return self.card.written if self.card is not None else written_between(self.before, self.after)


def watch(settings: tuple[str, ...], seconds: float, on_card: bool) -> Watched:
    """Run the emulated park with a gateway for *seconds* after a warm-up.

    settings: what stands in place of the demo's; on_card: on a disk of its own, where that can be.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=_DISK if _DISK.is_dir() else None))
        stand = Stand(Path(folder), PipBroker(), free_port())
        mounted = stack.enter_context(card(Path(folder) / "card.img", stand.gateway_home)) if on_card else None
        stand.prepare()
        path = stand.gateway_home / "gateway.toml"
        text = path.read_text(encoding="utf-8")
        for theirs, ours in zip(_DEMO, settings, strict=True):
            assert theirs in text, "the site of the demo says how often readings are recorded and accounts closed"
            text = text.replace(theirs, ours)
        path.write_text(text, encoding="utf-8")
        site = load(stand.gateway_home).site
        try:
            if mounted is not None:
                time.sleep(_wait_s(time.time(), seconds))
            stand.start_all()
            if mounted is not None:  # what is written once, at the first start of all, is not of the steady state
                stand.stop(GATEWAY)
                stand.start(GATEWAY)
            time.sleep(WARM_UP_S)
            began_s, before, before_commits = time.time(), usage(stand.pid(GATEWAY)), _commits(stand)
            before_card = mounted.reached() if mounted is not None else NOTHING
            time.sleep(seconds)
            after, ended_s, commits = usage(stand.pid(GATEWAY)), time.time(), _commits(stand) - before_commits
            stand.stop(GATEWAY)  # which copies its whole log into the database
            reached = mounted.reached().since(before_card) if mounted is not None else None
        finally:
            stand.stop_all()
        batches = wire.sent_batches(journal_path(stand.gateway_home), "b0")
    readings, cycles = _readings_between(batches, int(began_s * 1000), int(ended_s * 1000))
    return Watched(site, ended_s - began_s, before, after, batches, readings, cycles, commits, reached)


def _wait_s(now_s: float, seconds: float) -> float:
    """Return how long to wait so that no quarter of an hour ends in a run: its account would weigh too much."""
    left_s = QUARTER_S - now_s % QUARTER_S
    return left_s + 1 if left_s < WARM_UP_S + seconds + _START_S else 0.0


def _commits(stand: Stand) -> int:
    """Return the commits of the journal so far."""
    return int(stand.gateway_status()["storage"]["commits"])


def _readings_between(batches: list[wire.Sent], first_ms: int, last_ms: int) -> tuple[int, int]:
    """Return how many readings were recorded of the cycles in that time, and how many cycles those were."""
    readings = cycles = 0
    for record in [record for batch in batches for record in batch.records if isinstance(record, Readings)]:
        at_ms = record.first_ms
        for index, step_ms in enumerate((0, *record.steps_ms)):
            at_ms += step_ms
            if first_ms <= at_ms < last_ms:
                cycles += 1
                readings += sum(column[index] is not None for column in record.columns)
    return readings, cycles


def measure() -> tuple[Section, ...]:
    """Measure the demo's site as it is, and with a production gateway's rhythm of readings."""
    demo = watch(_DEMO, DEMO_S, on_card=False)
    production = watch(_PRODUCTION, PRODUCTION_S, on_card=True)
    rows_bytes = disk.row_by_row_bytes(_DISK)
    return (_process(demo), _disk(production, rows_bytes), _wear(production), _wire(demo, production))


def _park(run: Watched) -> str:
    return "%d meters of the demo's park on %d buses, %d readings a cycle of %d s" % (
        len(run.site.meters), len(run.site.buses), run.readings // max(1, run.cycles), run.site.cycle_s,
    )  # fmt: skip


def _process(run: Watched) -> Section:
    cpu_s = run.after.cpu_s - run.before.cpu_s
    figures = (
        Figure(
            "gateway_cpu_s", "CPU for 1000 readings, all of the gateway", 1000 * run.per_reading(cpu_s), "s", 3,
            Gate(AT_MOST, _CPU_GATE),
        ),
        Figure("gateway_cpu_percent", "CPU of one core", 100 * cpu_s / run.seconds, "%", 1),
        Figure(
            "gateway_resident_mb", "resident memory", run.after.resident_kb / 1024, "MB", 1, Gate(AT_MOST, 64),
        ),
        Figure("gateway_proportional_mb", "of it proportional (PSS)", run.after.proportional_kb / 1024, "MB", 1),
    )  # fmt: skip
    measured_on = "%s, %.0f s of steady state (%d readings); accounts, journal, signatures and uplink included" % (
        _park(run), run.seconds, run.readings,
    )  # fmt: skip
    return Section("Gateway process", measured_on, figures)


def _disk(run: Watched, rows_bytes: float) -> Section:
    figures = (
        Figure("disk_reading_bytes", "written to the disk a reading", run.per_reading(run.written), "B", 1),
        Figure("disk_cycle_kb", "written to the disk a cycle", run.written / run.cycles / 1024, "KiB", 1),
        Figure("disk_rows_bytes", "SQLite, a row and a commit a reading", rows_bytes, "B", 0),
        Figure(
            "disk_ratio", "ours / a commit a reading", run.per_reading(run.written) / rows_bytes, "", 4,
            Gate(AT_MOST, 0.02),
        ),
    )  # fmt: skip
    measured_on = "%s, readings recorded every %d s, %.0f s; %s; the rows by /proc/<pid>/io" % (
        _park(run), run.site.readings_s, run.seconds, "what reached its card" if run.card else "/proc/<pid>/io",
    )  # fmt: skip
    return Section("Journal", measured_on, figures)


def _wear(run: Watched) -> Section:
    """Return what reached the card: of the journal's commits, receipts and head mark, and of ext4's own journal."""
    here = run.card is not None
    written, flushes = run.card or (math.nan, math.nan)
    cycle_bytes, a_year = written / run.cycles, 365 * 86400 / run.seconds
    figures = (
        Figure(
            "wear_reading_bytes", "written to the card a reading, in cycles of %d" % CYCLE_READINGS,
            cycle_bytes / CYCLE_READINGS, "B", 1, Gate(AT_MOST, 100.0) if here else None,
        ),
        Figure("wear_cycle_kb", "written to the card a cycle", cycle_bytes / 1024, "KiB", 1),
        Figure(
            "wear_commit_flushes", "flushes a commit", flushes / run.commits, "", 2,
            Gate(AT_MOST, 2.1) if here else None,
        ),
        Figure("wear_cycle_flushes", "flushes a cycle", flushes / run.cycles, "", 2),
        Figure("wear_cycle_commits", "commits a cycle, of receipts too", run.commits / run.cycles, "", 2),
        Figure(
            "wear_year_gb", "written to the card a year at this rhythm", written * a_year / 1e9, "GB", 1,
        ),
    )  # fmt: skip
    measured_on = (
        "the same run: the gateway's folder on an ext4 of its own (%s) on a loop device; bytes and flushes of the "
        "device as the kernel counts them, ext4's journal included, and at the end the copying of the log; %d commits, "
        "none of them an account"
    ) % (MOUNTED, run.commits)
    missing = "nothing: a card of its own needs root, loop devices and mkfs.ext4; NOT MEASURED"
    return Section("Wear of the card", measured_on if here else missing, figures)


def _wire(demo: Watched, production: Watched) -> Section:
    site = production.site
    usual = wire.wire(production.batches, demo.batches, wire.BILLED_INTERVAL_S, site.readings_s)
    shown = wire.wire(demo.batches, demo.batches, demo.site.interval_s, demo.site.readings_s)
    figures = (
        Figure("wire_value_bytes", "a value, everything included", usual.per_value, "B", 2, Gate(AT_MOST, 2.0)),
        Figure(
            "wire_noisy_bytes", "the same with 0.5 % of random noise on every reading but the energies", usual.noisy,
            "B", 2, Gate(AT_MOST, 2.0),
        ),
        Figure("wire_readings_bytes", "a value, readings alone", usual.readings_alone, "B", 2),
        Figure("wire_account_bytes", "the batch of one interval's account", usual.account_bytes, "B", 0),
        Figure("wire_demo_bytes", "a value in the demo: readings 10 s, interval 1 min", shown.per_value, "B", 2),
        Figure("wire_json_bytes", "JSON telemetry, a value", usual.json_raw, "B", 2),
        Figure("wire_json_zlib_bytes", "JSON telemetry with zlib, a value", usual.json_compressed, "B", 2),
        Figure(
            "wire_json_ratio", "ours / JSON telemetry", usual.per_value / usual.json_raw, "", 3, Gate(AT_MOST, 0.15),
        ),
        Figure("wire_json_zlib_ratio", "ours / JSON with zlib", usual.per_value / usual.json_compressed, "", 3),
    )  # fmt: skip
    measured_on = (
        "the signed batches in the journals of these runs with their MQTT packets: readings every %d s and one "
        "account in 15 minutes, with all registers, traces, tallies and the platform's receipts; JSON in the "
        "form of ThingsBoard Gateway's telemetry, unsigned, readings alone, without packets"
    ) % site.readings_s
    return Section("Bytes on the wire", measured_on, figures)
