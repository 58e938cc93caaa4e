"""Finds where a SunSpec device keeps its models, by walking from one to the next, and moves a profile's points there.

The device writes "SunS" at one of three addresses; behind it, each model says its id and its length, and the next one
follows. A profile states the usual chain, by which it can be planned and tested without a device; what the walk finds
at the device takes its place.
"""

from collections import namedtuple

from gateway.core.meter.profile import HIGH_FIRST, NEVER, DeviceProfile, Identity, Layout, Point
from gateway.core.meter.sunspec_models import COMMON, END, HEAD, MARKER, alike

BASES = (40000, 50000, 0)
MOST_MODELS = 100  # no device has as many; a chain that does not end is none


class _Entry(namedtuple("_Entry", ("model", "at", "length"))):
    """One model of a chain: its id, the register of its id, its length without id and length."""

    __slots__ = ()
    model: int
    at: int
    length: int


class Walk:
    """A walk along the models of one device: two registers at a time.

    `at` is the register to be read next, None when the walk is over; then `layout` is what was found, None if nothing.
    """

    def __init__(self, layout: Layout) -> None:
        self._main = layout.main
        self._bases = layout.bases
        self._waiting = list(layout.bases)
        self._chain: "list[tuple[int, int, int]]" = []
        self._base: "int | None" = None
        self.at: "int | None" = self._waiting.pop(0)
        self.layout: "Layout | None" = None

    def take(self, registers: "tuple[int, ...]") -> None:
        """Take the two registers at `at`."""
        assert self.at is not None, "the walk is over"
        if self._base is None:
            if tuple(registers) == MARKER:
                self._base = self.at
                self.at += HEAD
            else:
                self.refused()
            return
        model, length = registers
        after = self.at + HEAD + length
        if model == END or len(self._chain) == MOST_MODELS or after + HEAD > 0x10000:
            self._end()
            return
        self._chain.append((model, self.at, length))
        self.at = after

    def refused(self) -> None:
        """Take it that the device refuses to read `at`: nothing begins there, or the chain ends before."""
        if self._base is not None:
            self._end()
        elif self._waiting:
            self.at = self._waiting.pop(0)
        else:
            self.at = None

    def _end(self) -> None:
        assert self._base is not None
        self.at = None
        if self._chain:
            self.layout = Layout((self._base,), self._main, tuple(self._chain))


def chained(base: int, models: "tuple[tuple[int, int], ...]") -> "tuple[tuple[int, int, int], ...]":
    """Return the chain of these (id, length), one behind the other from the marker at *base* on."""
    chain = []
    at = base + HEAD
    for model, length in models:
        chain.append((model, at, length))
        at += HEAD + length
    return tuple(chain)


def chain_end(layout: Layout) -> int:
    """Return the register behind the last model, which holds the mark of the end."""
    _, at, length = layout.chain[-1]
    return int(at + HEAD + length)


def place_of(layout: Layout, model: int) -> "_Entry | None":
    """Return where points of *model* are: in the first of its kind, of common models in that before the main one."""
    kinds = [entry[0] for entry in layout.chain]
    mains = [index for index in range(len(kinds)) if kinds[index] in alike(layout.main)]
    if not mains:
        return None
    if model == COMMON:
        found = [index for index in range(mains[0]) if kinds[index] == COMMON][-1:]
    else:
        found = [index for index in range(len(kinds)) if kinds[index] in alike(model)]
    return _Entry(*layout.chain[found[0]]) if found else None


def found_at(profile: DeviceProfile, layout: Layout) -> "DeviceProfile | None":
    """Return *profile* with its points where *layout* has them; None where its main model is not in it.

    What the device does not have is left out.
    """
    usual = profile.sunspec
    assert usual is not None, "only a profile of SunSpec models can be moved"
    if place_of(layout, layout.main) is None:
        return None
    points = []
    for point in profile.points:
        for model, at, length in usual.chain:
            if not at + HEAD <= point.address < at + HEAD + length or place_of(usual, model) != (model, at, length):
                continue
            place = place_of(layout, model)
            if place is not None and point.last - at < HEAD + place.length:
                points.append(_moved(point, place.at - at))
    return DeviceProfile(
        profile.id, profile.maker, profile.model, profile.kind, profile.status, profile.evidence, profile.transport,
        profile.serial_default, profile.serial_allowed, profile.units, profile.function, profile.max_registers,
        profile.align, windows(profile.function, layout), profile.timeout_ms, profile.gap_ms,
        tuple(points) + marks(layout, (profile.function,)), profile.constants, profile.identify, profile.tests, layout,
    )  # fmt: skip


def _moved(point: Point, by: int) -> Point:
    return Point(
        point.name, point.quantity, point.function, point.address + by, point.count, point.type, point.words,
        point.factor, point.unit, point.side, point.times, point.counter, point.wrap, point.sentinels,
        None if point.exponent_at is None else point.exponent_at + by, point.sign, point.poll,
    )  # fmt: skip


def windows(function: int, layout: Layout) -> "tuple[tuple[int, int, int], ...]":
    """Return what may be read: the marker, every model by itself, and the mark of the end."""
    base, end = layout.bases[0], chain_end(layout)
    found = [(function, base, base + 1), (function, end, end + 1)]
    found += [(function, at, at + HEAD + length - 1) for _, at, length in layout.chain]
    return tuple(sorted(found))


def marks(layout: Layout, functions: "tuple[int, ...]") -> "tuple[Point, ...]":
    """Return the points by which the chain itself can be seen in an answer: marker, ids and lengths."""
    found = [_mark("sunspec_marker", layout.bases[0], "ascii", 2, function) for function in functions]
    for _, at, _ in layout.chain:
        found += [_mark("model_id", at, "u16", 1, functions[0]), _mark("model_length", at + 1, "u16", 1, functions[0])]
    return tuple(found)


def _mark(name: str, address: int, kind: str, count: int, function: int) -> Point:
    # It has no unit, is read as it is, and is no part of the sweep.
    return Point(
        name, None, function, address, count, kind, HIGH_FIRST, (1, 1), "", "direct", (), False, None, (), None, "",
        NEVER,
    )  # fmt: skip


def identities(function: int, layout: Layout) -> "tuple[Identity, ...]":
    """Return the read that tells a device of the usual chain: id and length of the main model, in one value."""
    place = place_of(layout, layout.main)
    if place is None:
        return ()
    expect = tuple([model << 16 | place.length for model in alike(layout.main)])
    return (Identity(function, place.at, HEAD, "u32", HIGH_FIRST, expect),)
