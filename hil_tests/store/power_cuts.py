"""Power cuts: images of what a cut may leave of the journal at every moment of a writer's life, opened and judged."""

import errno
import os
import random
import shutil
from pathlib import Path
from typing import NamedTuple

from hil_tests.store.crashes import PAGES, Bench, Tally
from hil_tests.store.judge import judged
from hil_tests.store.shim import Told
from hil_tests.store.trace import Call, Disk, read_trace
from hil_tests.store.worker import Run
from hil_tests.store.workload import SHIPPED_PAGES

IMAGES = 20_000
STEPS = 40
INTERRUPTED = 40  # lives that are interrupted, each at another moment
LIVES = 8  # every second one copies its WAL into the database more often than the gateway does


class Recorded(NamedTuple):
    """The life of one writer: what it did to its files, and the content of its journal after each step."""

    calls: list[Call]
    contents: list[str]


def recorded(stand: Bench, run: Run) -> Recorded:
    """Let a writer run, and return its trace."""
    log = stand.folder.with_name("trace")
    log.unlink(missing_ok=True)
    told: Told = stand.run(run._replace(contents=True, log=str(log)))
    assert told.status == 0 and told.steps == run.steps, told
    return Recorded(read_trace(log), told.contents)


def interrupted(stand: Bench, seed: int, mode: int, at: int, only_syncs: bool) -> Recorded:
    """Let a writer be interrupted at its call *at*, and another go on after it to the end; return the trace of both."""
    plain = planned(stand, seed)
    contents = stand.run(plain._replace(contents=True)).contents
    log = stand.folder.with_name("trace")
    log.unlink(missing_ok=True)
    first = plain._replace(log=str(log), mode=mode, at=at, error=errno.EIO, only_syncs=only_syncs)
    stand.run(first)
    told = stand.workers.run(plain._replace(log=str(log), known=tuple(contents)))
    assert told.status == 0 and told.steps in (0, plain.steps), told  # 0: nothing was left to do
    return Recorded(read_trace(log), contents)


def cut_interrupted(stand: Bench, mode: int, images: int, only_syncs: bool = False) -> Tally:
    """Cut the power over lives that were interrupted, each at another of its calls, until there are *images* images."""
    tally = Tally()
    calls = stand.run(planned(stand, 1)._replace(only_syncs=only_syncs)).calls
    lives = min(INTERRUPTED, calls)
    for number in range(lives):
        life = interrupted(stand, 1, mode, 1 + number * calls // lives, only_syncs)
        cut(stand, life, tally, random.Random(number), (images - tally.points) // (lives - number))
    return tally


def planned(stand: Bench, seed: int, synchronous: str = "", early: bool = False, halves: bool = False) -> Run:
    """Return the run of a writer over whose life the power is cut."""
    pages = PAGES if seed % 2 else SHIPPED_PAGES
    return Run(
        str(stand.path), str(stand.key), STEPS, seed, synchronous=synchronous, early=early, halves=halves, pages=pages
    )


def cut(stand: Bench, life: Recorded, tally: Tally, chance: random.Random, images: int) -> None:
    """Judge *images* images of one life, as many at each of its calls, the rest at moments drawn."""
    moments = [index for index, call in enumerate(life.calls) if call.what != "M"]
    each, rest = divmod(images, len(moments))
    drawn = set(chance.sample(moments, rest))
    disk, told = Disk(), 0
    for index, call in enumerate(life.calls):
        disk.take(call)
        if call.what == "M" and call.content.startswith(b"step "):
            told = int(call.content[5:])
        if call.what == "M":
            continue
        for number in range(each + (index in drawn)):
            _lay(stand.folder, disk.image(chance))
            verdict = judged(stand.path, life.contents, told, going_on=number == 0)
            tally.take(verdict, "call %d (%s %s), %d steps told" % (index, call.what, call.name, told))


def _lay(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def cut_lives(
    stand: Bench, images: int, lives: int, synchronous: str = "", early: bool = False, halves: bool = False
) -> Tally:
    """Cut the power over several lives, until there are *images* images."""
    tally = Tally()
    for seed in range(1, lives + 1):
        life = recorded(stand, planned(stand, seed, synchronous, early, halves))
        share = (images - tally.points) // (lives - seed + 1)
        cut(stand, life, tally, random.Random(seed), share)
    return tally


def told_text(name: str, tally: Tally) -> str:
    """Return what is printed of the cuts."""
    return "power cuts, %-32s %s (cpu %.0f s)" % (name, tally, sum(os.times()[:4]))
