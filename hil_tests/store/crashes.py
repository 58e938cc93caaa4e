"""Crashes: a writer of the real journal is killed, or its storage fails, at every call that changes a file."""

import errno
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from cloud_sync.keys import new_key
from hil_tests.store.judge import FINE, Verdict, judged
from hil_tests.store.shim import COUNT, FAIL_FOREVER, FAIL_ONCE, KILL, TORN, Told, Workers
from hil_tests.store.worker import FAILED, Run

MODES = {
    "kill -9": (KILL, 0),
    "kill -9, write torn": (TORN, 0),
    "EIO once": (FAIL_ONCE, errno.EIO),
    "EIO for ever": (FAIL_FOREVER, errno.EIO),
    "ENOSPC for ever": (FAIL_FOREVER, errno.ENOSPC),
}
COMPOUND = "kill -9, and again in the recovery"
POINTS = 2_400
STEPS = 22
PAGES = 24  # the WAL is copied into the database every 24 pages, so that few calls hold many such copies
SEEDS_MAX = 1_000
_CODE = re.compile(r"WP-[A-Z]+-[0-9]+")


class Tally:
    """Points of one mode, and what was found at them."""

    def __init__(self) -> None:
        self.points = 0
        self.verdicts: Counter[str] = Counter()
        self.bad: list[str] = []
        self.went_on = 0  # writers that met a failure and did all their steps all the same
        self.failures: Counter[str] = Counter()  # with which code the others ended

    def take(self, verdict: Verdict, where: str) -> None:
        """Count one point."""
        self.points += 1
        self.verdicts[verdict.word] += 1
        if verdict.word != FINE:
            self.bad.append("%s: %s %s" % (where, verdict.word, verdict.detail))

    def __str__(self) -> str:
        """Show points and verdicts in one line."""
        found = ", ".join("%s %d" % pair for pair in sorted(self.verdicts.items()))
        ended = "".join("; %d ended with %s" % (n, code) for code, n in sorted(self.failures.items()))
        return "%d points: %s%s" % (self.points, found, ended + "; %d went on" % self.went_on if ended else "")


class Bench(NamedTuple):
    """Where journals are crashed: a folder, the key that signs, the workers."""

    folder: Path
    key: Path
    workers: Workers

    @property
    def path(self) -> Path:
        """Return the path of the journal."""
        return self.folder / "journal.sqlite"

    def run(self, run: Run) -> Told:
        """Run one writer on an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        return self.workers.run(run)

    def plain(self, seed: int) -> Run:
        """Return the run of a writer that nothing happens to."""
        return Run(str(self.path), str(self.key), STEPS, seed, mode=COUNT, pages=PAGES)


def bench(folder: Path, workers: Workers) -> Bench:
    """Return a bench in *folder*."""
    new_key(folder / "gateway.key")
    return Bench(folder / "home", folder / "gateway.key", workers)


def crashed(stand: Bench, points: int) -> dict[str, Tally]:
    """Crash at every call of life after life, in every mode, until there are *points* of them."""
    tallies = {name: Tally() for name in (*MODES, COMPOUND)}
    for seed in range(1, SEEDS_MAX):
        plain = stand.plain(seed)
        reference = stand.run(plain._replace(contents=True))
        assert reference.status == 0 and reference.steps == STEPS, reference
        for name, (mode, error) in MODES.items():
            for at in range(1, reference.calls + 1):
                told = stand.run(plain._replace(mode=mode, at=at, error=error))
                assert told.status in ((-9,) if mode in (KILL, TORN) else (0, FAILED)), told
                tallies[name].went_on += told.status == 0
                tallies[name].failures.update(_CODE.findall(told.failure))
                _take(stand, tallies[name], reference, told, "seed %d, call %d" % (seed, at))
        for at in range(1 + seed % 16, reference.calls + 1, 16):
            _crash_twice(stand, tallies[COMPOUND], reference, seed, at)
        if sum(tally.points for tally in tallies.values()) >= points:
            break
    return tallies


def _take(stand: Bench, tally: Tally, reference: Told, told: Told, where: str) -> None:
    tally.take(judged(stand.path, reference.contents, told.steps), where)


def _crash_twice(stand: Bench, tally: Tally, reference: Told, seed: int, at: int) -> None:
    """Kill a writer, and then whoever opens what it left, at every call of the recovery."""
    plain = stand.plain(seed)
    told = stand.run(plain._replace(mode=KILL, at=at))
    kept = stand.folder.with_name("crashed")
    shutil.rmtree(kept, ignore_errors=True)
    stand.folder.rename(kept)
    again = 0
    while True:
        again += 1
        shutil.copytree(kept, stand.folder)
        second = stand.workers.run(plain._replace(steps=0, mode=KILL, at=again))
        if second.status != -9:
            break
        _take(stand, tally, reference, told, "seed %d, call %d, then call %d" % (seed, at, again))
        shutil.rmtree(stand.folder)
    shutil.rmtree(kept)


def told_text(tallies: dict[str, Tally]) -> str:
    """Return what is printed of the crashes."""
    lines = ["%-36s %s" % (name, tally) for name, tally in tallies.items()]
    total = sum(tally.points for tally in tallies.values())
    lost = sum(tally.points - tally.verdicts[FINE] for tally in tallies.values())
    return "\n".join([*lines, "crashes: %d points, %d lost or half (cpu %.0f s)" % (total, lost, sum(os.times()[:4]))])
