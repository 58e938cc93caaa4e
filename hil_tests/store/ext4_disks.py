"""Real ext4: every block that reaches the disk of a journal is written down, and disks that a power cut leaves mounted.

Before the last flush all is kept; after it each sector of each write is kept or not. The kernel replays the journal
of the file system, e2fsck mends what it refuses to mount, and the gateway's journal on it is judged.
"""

import errno
import fcntl
import os
import queue
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from hil_tests.store.crashes import PAGES, Bench, Tally
from hil_tests.store.fuse_disk import DISK, MARKS, mounted, unmounted
from hil_tests.store.judge import Verdict, judged
from hil_tests.store.trace import KEPT, SECTOR
from hil_tests.store.worker import Run
from hil_tests.store.workload import SHIPPED_PAGES

DISKS = 3_000
STEPS = 40
LIVES = 2
MEGABYTES = 16
MOUNT_OPTIONS = "data=ordered"
# Two groups of blocks, so that there is a second superblock for a torn first one.
FORMAT = ("mkfs.ext4", "-q", "-F", "-b", "4096", "-g", "2048", "-J", "size=4", "-E", "lazy_itable_init=0,nodiscard")
_LOOP_GET_FREE, _LOOP_SET, _LOOP_CLEAR = 0x4C82, 0x4C00, 0x4C01
NOT_MOUNTED = "not mounted"
PLACES = 4  # disks that are judged at the same time
AT_ONCE = "mounted at once"
WAYS: dict[str, tuple[str, ...]] = {
    AT_ONCE: (),
    "mounted after e2fsck -p": ("e2fsck", "-p"),
    "mounted after e2fsck -y": ("e2fsck", "-fy"),
    "mounted after e2fsck -y with the second superblock": ("e2fsck", "-fy", "-b", "2048"),
}


class Event(NamedTuple):
    """What reached the disk: W written, F flushed, M a mark of the writer."""

    what: str
    offset: int
    content: bytes


class Recorded(NamedTuple):
    """The disk of one life: all events, where the writer's own begin, and the journal's content after each step."""

    events: list[Event]
    start: int
    contents: list[str]


def wanting() -> str:
    """Return what this machine lacks for disks, "" where it has all of it."""
    if os.geteuid() != 0:
        return "root"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not Path(path).exists():
            return path
    for program in ("mkfs.ext4", "e2fsck"):
        if shutil.which(program) is None:
            return program
    with Path("/proc/filesystems").open(encoding="utf-8") as known:
        kinds = known.read().split()
    return next((kind for kind in ("ext4", "fuse") if kind not in kinds), "")


def _attached(backing: int) -> str:
    """Return the free loop device that is over *backing* now, "" where it was not free any more."""
    control = os.open("/dev/loop-control", os.O_RDWR)
    name = "/dev/loop%d" % fcntl.ioctl(control, _LOOP_GET_FREE)
    os.close(control)
    device = os.open(name, os.O_RDWR)
    try:
        fcntl.ioctl(device, _LOOP_SET, backing)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return ""
    finally:
        os.close(device)
    return name


@contextmanager
def loop_device(image: Path) -> Iterator[str]:
    """Give a loop device over *image*."""
    backing = os.open(image, os.O_RDWR)
    while not (name := _attached(backing)):
        continue  # somebody else was faster
    os.close(backing)  # the device keeps the file
    try:
        yield name
    finally:
        device = os.open(name, os.O_RDWR)
        fcntl.ioctl(device, _LOOP_CLEAR, 0)
        os.close(device)


@contextmanager
def logged_disk(stand: Bench, log: Path) -> Iterator[Path]:
    """Give a folder with a disk that writes down what reaches it."""
    folder = stand.folder.with_name("fuse")
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "hil_tests.store.fuse_disk", str(folder), str(MEGABYTES), str(log)]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 60
        while not (folder / DISK).exists():
            assert process.poll() is None and time.monotonic() < deadline, "the disk is not served"
            time.sleep(0.01)
        yield folder
    finally:
        unmounted(folder)
        process.wait(timeout=60)


def recorded(stand: Bench, seed: int, synchronous: str = "") -> Recorded:
    """Let a writer live on a real ext4, and return what reached the disk."""
    pages = PAGES if seed % 2 else SHIPPED_PAGES
    plain = Run(str(stand.path), str(stand.key), STEPS, seed, synchronous=synchronous, pages=pages)
    contents = stand.run(plain._replace(contents=True)).contents
    log = stand.folder.with_name("blocks")
    mount = stand.folder.with_name("ext4")
    mount.mkdir(exist_ok=True)
    with logged_disk(stand, log) as folder, loop_device(folder / DISK) as device:
        subprocess.run([*FORMAT, device], check=True, capture_output=True, timeout=60)
        mounted(device, mount, "ext4", MOUNT_OPTIONS)
        try:
            os.sync()
            (folder / MARKS).write_bytes(b"start")
            run = plain._replace(path=str(mount / stand.path.name), marks=str(folder / MARKS))
            told = stand.workers.run(run)
            assert told.status == 0 and told.steps == STEPS, told
        finally:
            unmounted(mount)
    events = read_blocks(log)
    return Recorded(events, events.index(Event("M", 0, b"start")), contents)


def read_blocks(log: Path) -> list[Event]:
    """Return what a disk wrote down."""
    raw = log.read_bytes()
    events, at = [], 0
    while at < len(raw):
        what = chr(raw[at])
        at += 1
        if what == "F":
            events.append(Event(what, 0, b""))
            continue
        offset, count = struct.unpack_from("<QI", raw, at)
        events.append(Event(what, offset, raw[at + 12 : at + 12 + count]))
        at += 12 + count
    return events


class _Place(NamedTuple):
    """Where one disk at a time is judged: its image, the device over that, and the folder it is mounted on."""

    image: Path
    device: str
    mount: Path


@contextmanager
def _places(stand: Bench) -> Iterator[queue.SimpleQueue[_Place]]:
    """Give places to judge disks at the same time, since mounting is mostly waiting."""
    free: queue.SimpleQueue[_Place] = queue.SimpleQueue()
    with ExitStack() as stack:
        for number in range(PLACES):
            image, mount = (stand.folder.with_name("%s%d" % (name, number)) for name in ("image", "mount"))
            image.write_bytes(bytes(MEGABYTES << 20))
            mount.mkdir(exist_ok=True)
            free.put(_Place(image, stack.enter_context(loop_device(image)), mount))
        yield free


def _cuts(life: Recorded, chance: random.Random, disks: int) -> Iterator[tuple[bytearray, int, str]]:
    """Give disks as cuts at moments drawn leave them, with the steps that were told by then and the moment."""
    moments = [n for n in range(life.start, len(life.events)) if life.events[n].what != "M"]
    durable, told, passed = bytearray(MEGABYTES << 20), 0, 0
    waiting: list[Event] = []
    for moment in sorted(chance.choice(moments) for _ in range(disks)):
        for event in life.events[passed : moment + 1]:
            if event.what == "W":
                waiting.append(event)
            elif event.what == "F":
                for one in waiting:
                    durable[one.offset : one.offset + len(one.content)] = one.content
                waiting = []
            elif event.content.startswith(b"step "):
                told = int(event.content[5:])
        passed = moment + 1
        yield _left(durable, waiting, chance), told, "event %d, %d steps told" % (moment, told)


def _left(durable: bytearray, waiting: list[Event], chance: random.Random) -> bytearray:
    left, kept = bytearray(durable), chance.choice(KEPT)
    for one in waiting:
        for at in range(0, len(one.content), SECTOR):
            if chance.random() < kept:
                piece = one.content[at : at + SECTOR]
                left[one.offset + at : one.offset + at + len(piece)] = piece
    return left


def _judged(place: _Place, left: bytearray, name: str, contents: list[str], told: int) -> tuple[Verdict, str]:
    """Return the verdict on one disk, and how it was mounted."""
    with place.image.open("r+b", buffering=0) as file:
        file.write(left)
    way = _mounted_or_mended(place)
    if not way:
        return Verdict(NOT_MOUNTED), NOT_MOUNTED
    try:
        return judged(place.mount / name, contents, told), way
    finally:
        unmounted(place.mount)


def _mounted_or_mended(place: _Place) -> str:
    """Mount as a gateway does at its start, with e2fsck -p, then -y, where need be; return what it took, or ""."""
    for name, command in WAYS.items():
        if command:
            subprocess.run([*command, place.device], check=False, capture_output=True, timeout=60)
        try:
            mounted(place.device, place.mount, "ext4", MOUNT_OPTIONS)
        except OSError:
            continue
        return name
    return ""


def cut_disks(stand: Bench, disks: int, lives: int = LIVES, synchronous: str = "") -> tuple[Tally, Counter[str]]:
    """Cut the power over lives on real disks; return what was found, and how the disks were mounted."""
    tally, ways = Tally(), Counter[str]()

    def judge(left: bytearray, told: int, where: str) -> None:
        place = free.get()
        try:
            verdict, way = _judged(place, left, stand.path.name, life.contents, told)
        finally:
            free.put(place)
        with lock:
            tally.take(verdict, "%s, %s" % (way, where))
            ways[way] += 1

    lock = threading.Lock()
    with _places(stand) as free, ThreadPoolExecutor(PLACES) as pool:
        for seed in range(1, lives + 1):
            life = recorded(stand, seed, synchronous)
            begun: list[Future[None]] = []
            for left, told, where in _cuts(life, random.Random(seed), (disks - tally.points) // (lives - seed + 1)):
                begun.append(pool.submit(judge, left, told, where))
                if len(begun) >= 2 * PLACES:
                    begun.pop(0).result()
            for one in begun:
                one.result()
    return tally, ways


def told_text(name: str, tally: Tally, ways: Counter[str]) -> str:
    """Return what is printed of the disks."""
    mounts = ", ".join("%s %d" % pair for pair in ways.most_common())
    return "ext4 disks, %-32s %s\n    %s" % (name, tally, mounts)
