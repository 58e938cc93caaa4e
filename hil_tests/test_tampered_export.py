"""Tests of a day's export against every small forgery there is: each is detected, and its place is named."""

import re
from collections.abc import Callable, Iterator
from copy import copy
from io import BytesIO
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from cloud_sync.core.canonical import decode, encode
from cloud_sync.keys import KeyRing, load_signer
from gateway.core.problem import Problem, ProblemError
from gateway.core.record import Config, Readings, from_map, to_map
from gateway.export import BATCH, END, ENTRY, FRAME_BYTES_MAX, HEADER, Frame, Reading, write_export
from gateway.tests.small_park import DAY, SITE
from gateway.verification import Chain, verify_export
from gateway.words import say
from hil_tests.forging import forged, frames_of
from hil_tests.paired import DAY_S, STEP_S, Pair

pytestmark = pytest.mark.slow
DAY_STEPS = DAY_S // STEP_S
# Two meters: the length of a frame is what costs time here, not what it says.
SMALL_SITE = SITE[: SITE.index('[[meter]]\nname = "m-mill"')] + SITE[SITE.index("[[busbar]]") :]
SMALL_SITE = SMALL_SITE[: SMALL_SITE.index('[[meter_point]]\nname = "Mill"')]


class Day(NamedTuple):
    """A day's export, its public keys, and the key that a forger has."""

    path: Path
    keys: Path
    pair: Pair
    note: Path


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A whole day at 15 minutes with its closing checkpoint, receipted and cosigned, and some of the next day."""
    folder = tmp_path_factory.mktemp("day")
    pair = Pair(folder, SMALL_SITE)
    for first in range(0, DAY_STEPS + 2, 8):
        pair.run(first, min(first + 7, DAY_STEPS + 1))
        pair.carry()
    path, note = folder / "day.wpx", folder / "day.note"
    note.write_bytes(pair.notes[-1])
    answer = write_export(pair.park.configuration, pair.park.journal, DAY, str(path))
    assert answer["intervals"] == DAY_STEPS and answer["cosigned_through"] is not None
    yield Day(path, pair.auditor, pair, note)
    pair.close()


class Pass(NamedTuple):
    """What verify knew before it read a frame; taking it up there gives what reading from the start would give."""

    frame: Frame
    known: tuple[Reading, Chain]


def _fork(reading: Reading, chain: Chain) -> tuple[Reading, Chain]:
    """Return copies of both that go on apart from them."""
    other, witness = copy(chain), copy(chain.witness)
    other.waiting, other.verified = list(chain.waiting), list(chain.verified)
    other.kids, other.links = set(chain.kids), dict(chain.links)
    other._digest = chain._digest.copy()
    witness.notes, witness.own = dict(witness.notes), dict(witness.own)
    witness._tied, witness._pairs = set(witness._tied), list(witness._pairs)
    other.witness = witness
    return copy(reading), other


@pytest.fixture(scope="module")
def passes(day: Day) -> list[Pass]:
    """What verify knows before each frame."""
    reading, chain = Reading(), Chain(KeyRing.load(day.keys))
    found = []
    for frame in frames_of(day.path):
        found.append(Pass(frame, _fork(reading, chain)))
        chain.take(reading.frame(frame.raw[:4], frame.raw[4:]))
    return found


def _problem(one: Pass, rest: bytes) -> Problem | None:
    """Return what verify says when *rest* follows what stands before a frame; None where it believes it."""
    reading, chain = _fork(*one.known)
    file = BytesIO(rest)
    try:
        while head := file.read(4):
            length = int.from_bytes(head, "big")
            chain.take(reading.frame(head, file.read(length) if length <= FRAME_BYTES_MAX else b""))
        reading.end()
        chain.witness.judge()
    except ProblemError as error:
        return error.problems[0]
    return None


def _place(frames: list[Frame], number: int) -> tuple[int, int]:
    """Return the entries between which an edit of frame *number* must be located: those of its batch."""
    first = last = 0
    before = [frame.fields[0] for frame in frames[:number] if frame.kind == ENTRY]
    start = number
    while start and frames[start - 1].kind == ENTRY:
        start -= 1
    end = number
    while end < len(frames) - 1 and frames[end].kind == ENTRY:
        end += 1
    entries = [frame.fields[0] for frame in frames[start : end + 1] if frame.kind == ENTRY]
    first = entries[0] if entries else before[-1] if before else 0
    last = entries[-1] if entries else before[-1] if before else 0
    return first - 1, last + 1


def _located(found: Problem, frame: Frame, place: tuple[int, int]) -> bool:
    """Tell whether a problem names a byte of the frame, or that after it, or an entry of its batch or beside it."""
    at = re.search(r"byte (\d+)", found.where)
    begins, ends = frame.offset, frame.offset + len(frame.raw)
    if frame.kind == HEADER or (at is not None and begins <= int(at.group(1)) <= ends):
        return True
    numbers = [int(text) for text in re.findall(r"\d+", found.where.partition("after")[2] or found.where)]
    return bool(numbers) and all(place[0] <= number <= place[1] for number in numbers)


def test_every_edited_byte_is_detected_and_located(
    day: Day, passes: list[Pass], record_property: Callable[[str, object], None]
) -> None:
    """Each byte of the export, changed to another value, is refused at its entry, its batch or its own offset."""
    raw = day.path.read_bytes()
    frames = [one.frame for one in passes]
    chance = Random(11)
    undetected, astray = [], []
    for number, one in enumerate(passes):
        place = _place(frames, number)
        rest = raw[one.frame.offset :]
        for at in range(len(one.frame.raw)):
            other = rest[at] ^ chance.randrange(1, 256)
            found = _problem(one, rest[:at] + bytes((other,)) + rest[at + 1 :])
            if found is None:
                undetected.append(one.frame.offset + at)
            elif not _located(found, one.frame, place):
                astray.append((one.frame.offset + at, one.frame.kind, found.where))
    record_property("bytes edited", len(raw))
    record_property("undetected", len(undetected))
    print("bytes edited %d, undetected %d, located elsewhere %d" % (len(raw), len(undetected), len(astray)))
    assert not undetected
    assert not astray, astray[:10]


def test_taking_up_in_the_middle_says_what_reading_all_says(day: Day, passes: list[Pass]) -> None:
    """For edits all over the file, the short way of the tests above gives the very problem of verify."""
    raw = day.path.read_bytes()
    chance = Random(5)
    changed = day.path.with_name("changed.wpx")
    for one in chance.sample(passes, 24):
        at = chance.randrange(len(one.frame.raw))
        place = one.frame.offset + at
        edited = raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
        changed.write_bytes(edited)
        with pytest.raises(ProblemError) as caught:
            verify_export(changed, day.keys)
        found = _problem(one, edited[one.frame.offset :])
        assert found is not None and say(caught.value.problems[0]) == say(found)


def test_fault_i03_every_drop_swap_and_duplicate_is_detected_and_located(
    day: Day, passes: list[Pass], record_property: Callable[[str, object], None]
) -> None:
    """Each entry, batch, receipt, note and proof that is left out, swapped with the next or doubled is found there."""
    raw = day.path.read_bytes()
    frames = [one.frame for one in passes]
    edits, undetected, astray = 0, [], []
    for number, one in enumerate(passes):
        own = one.frame.raw
        rest = raw[one.frame.offset + len(own) :]
        following = frames[number + 1].raw if number + 1 < len(frames) else b""
        forgeries = {"dropped": rest, "doubled": own + own + rest}
        if following and following != own:
            forgeries["swapped"] = following + own + rest[len(following) :]
        first, last = _place(frames, number)
        beside = _place(frames, min(number + 1, len(frames) - 1))
        for what, forgery in sorted(forgeries.items()):
            edits += 1
            found = _problem(one, forgery)
            if found is None:
                undetected.append((what, number))
            elif one.frame.kind in (ENTRY, BATCH) and not _located(found, one.frame, (first, max(last, beside[1]))):
                astray.append((what, number, found.where))
    # Whole batches with their entries, as a copy that left some out would be; the ends of the runs included.
    for number, one in enumerate(passes):
        if one.frame.kind == ENTRY and (number == 0 or frames[number - 1].kind != ENTRY):
            end = next(n for n in range(number, len(frames)) if frames[n].kind == BATCH)
            after = raw[frames[end].offset + len(frames[end].raw) :]
            block = raw[one.frame.offset : len(raw) - len(after)]
            for what, forgery in (("batch dropped", after), ("batch doubled", block + block + after)):
                edits += 1
                if _problem(one, forgery) is None:
                    undetected.append((what, number))
    record_property("drops, swaps and duplicates", edits)
    record_property("undetected", len(undetected))
    print("drops, swaps and duplicates %d, undetected %d" % (edits, len(undetected)))
    assert not undetected
    assert not astray, astray[:10]


def test_fault_i03_every_truncation_is_detected_and_located(
    day: Day, passes: list[Pass], record_property: Callable[[str, object], None]
) -> None:
    """A file cut at any border of a frame, or inside any frame, is refused, with the place where it ends."""
    cuts = 0
    for one in passes:
        for length in sorted({0, 1, 4, len(one.frame.raw) // 2, len(one.frame.raw) - 1}):
            found = _problem(one, one.frame.raw[:length])
            assert found is not None and found.where.startswith("byte "), (one.frame.offset, length)
            assert int(found.where.split()[1]) <= one.frame.offset + length
            cuts += 1
    record_property("truncations", cuts)
    print("truncations %d, undetected 0" % cuts)
    whole = passes[-1].frame.raw
    for more in (b"\x00", whole, b"\x00\x00\x00\x00"):
        assert _problem(passes[-1], whole + more) is not None


def _other(sequence: int, body: bytes) -> bytes:
    """Return another record of the same kind, as a forger would write who wants another day."""
    record = from_map(decode(body))  # type: ignore[arg-type]
    if isinstance(record, (Config, Readings)):
        return encode(to_map(record._replace(stamp=record.stamp._replace(bound_ms=record.stamp.bound_ms + 1))))
    stamp = record[0]._replace(bound_ms=record[0].bound_ms + 1)  # type: ignore[attr-defined]
    return encode(to_map(record._replace(stamp=stamp)))  # type: ignore[attr-defined]


def test_fault_i08_every_fork_is_detected_and_located(
    day: Day, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """With the right key: each batch written anew, or all from it on; each contradicts what is proven."""
    signer = load_signer(day.pair.park.home / "keys" / "gateway.key")
    frames = frames_of(day.path)
    firsts = []
    waiting: list[int] = []
    for frame in frames:
        if frame.kind == ENTRY:
            waiting.append(frame.fields[0])
        elif frame.kind == BATCH:
            firsts.append((waiting[0], waiting[-1]))
            waiting = []
    path = tmp_path / "forked.wpx"
    forks = 0
    for number, (first, last) in enumerate(firsts):
        path.write_bytes(forged(day.path, day.keys, signer, _other, number))
        with pytest.raises(ProblemError) as caught:
            _chain_of(path, day.keys)
        named = [int(text) for text in re.findall(r"\d+", caught.value.problems[0].where)]
        assert first <= named[0] <= last + 1 or caught.value.problems[0].code == "WP-EXP-070", named
        forks += 1
        if number % 8 == 0:

            def from_here(sequence: int, body: bytes, first: int = first) -> bytes:
                return _other(sequence, body) if sequence >= first else body

            path.write_bytes(forged(day.path, day.keys, signer, from_here))
            with pytest.raises(ProblemError) as caught:
                _chain_of(path, day.keys)
            assert caught.value.problems[0].code in ("WP-EXP-010", "WP-EXP-070", "WP-EXP-073"), caught.value
            forks += 1
    record_property("forks", forks)
    print("forks %d, undetected 0" % forks)


def _chain_of(path: Path, keys: Path) -> None:
    chain = Chain(KeyRing.load(keys))
    for frame in frames_of(path):
        chain.take(frame)
    chain.witness.judge()


def test_the_day_itself_holds(day: Day) -> None:
    """What all these forgeries are made of is believed, also with the checkpoint that came another way."""
    answer = verify_export(day.path, day.keys, day.note)
    assert answer["intervals"] == DAY_STEPS
    assert answer["cosigned_through"] == answer["last"] - 1 or answer["cosigned_through"] == answer["last"]
    assert frames_of(day.path)[-1].kind == END
