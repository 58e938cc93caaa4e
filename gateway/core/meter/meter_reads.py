"""MeterReads: the blocks of one meter, what its answers mean, and whether it is the meter it should be.

Where the site names a serial number and the profile says which register holds it, no value is believed before that
register was read, and it is read again in every sweep.
"""

from collections import namedtuple

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.decoding import raw_of, reading_value, scale_of, scaled, text_of, words_of
from gateway.core.meter.exchange import meaning
from gateway.core.meter.freeze import FreezeReads
from gateway.core.meter.meter_state import MeterState, MeterWatch
from gateway.core.meter.plan import DI_FUNCTIONS, Block, lengthened, plan_blocks, shortest_blocks
from gateway.core.meter.plausibility import RegisterWatch
from gateway.core.meter.profile import FAST, ONCE, DeviceProfile, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import SERIAL, Fault, Reading
from gateway.core.site import Bus, Meter

SERIAL_POINT = "serial_number"  # by this name a profile says where the meter keeps its serial number
# How urgent a block is in a sweep.
IDENTITY, ENERGY, OTHER = 0, 1, 2
# An answer may come this late behind slow converters; until then no read of equal length is asked.
LONGEST_LATE_MS = 10000
# An answer that comes twice comes again soon; then it is the same in every register.
REPEAT_MS = 500
SPLIT_AFTER = 2  # refusals in a row of one block
REST_SWEEPS = 60  # sweeps for which a register that the meter refuses is left out
FORGET_MS = 6 * 3600000  # after this time the reads are tried as they were planned: meters are exchanged and updated
# A long read is split after so many separate damages among its last answers: bursts hit long frames most.
DAMAGES = 4
ANSWERS = 16
LONG_REGISTERS = 16


def serial_point(meter: Meter, profile: DeviceProfile) -> "Point | None":
    """Return the point with the serial number, None where the site names none or the profile has none."""
    if meter.serial:
        for point in profile.points:
            if point.name == SERIAL_POINT:
                return Point(*(tuple(point)[:-1] + (FAST,)))
    return None


def points_to_ask(meter: Meter, profile: DeviceProfile) -> "tuple[Point, ...]":
    """Return what *meter* is asked for; where the site names its serial number, that in every sweep."""
    serial = serial_point(meter, profile)
    if serial is None:
        return profile.asked()
    return tuple([point for point in profile.asked() if point.name != SERIAL_POINT]) + (serial,)


def serial_text(point: Point, words: "tuple[int, ...]") -> str:
    """Return the serial number in *words* as people write it; "" where the meter has none."""
    if point.type == "ascii":
        return text_of(words)
    raw = raw_of(point, words)
    return "" if raw is None else str(raw[0])


def same_serial(wanted: str, found: str) -> bool:
    """Tell whether two serial numbers are equal but for blanks and leading zeros."""
    return wanted.strip().lstrip("0") == found.strip().lstrip("0")


class _Value(namedtuple("_Value", ("words", "value", "scale"))):
    """What a point meant when its words last changed; scale: what leads from its raw numbers to its values."""

    __slots__ = ()
    words: "tuple[int, ...]"
    value: "int | None"
    scale: "tuple[int, int, int]"


class MeterReads:
    """One meter on one bus: blocks, doubts, registers."""

    def __init__(
        self,
        bus: Bus,
        meter: Meter,
        profile: DeviceProfile,
        blocks: "tuple[Block, ...]",
        watch: MeterWatch,
        cadence: Cadence,
    ) -> None:
        self.meter = meter
        self.watch = watch
        self.blocks = list(blocks)
        self.known: "dict[str, str]" = {}  # what was read once: model, version, what is set in the meter
        self._cadence = cadence
        self._values: "dict[tuple[int, int], _Value]" = {}  # many words do not change
        self._profile = profile
        self._bus = bus
        self._ratios = (meter.ct_ratio, meter.vt_ratio)
        self._serial = serial_point(meter, profile)
        self._confirmed = self._serial is None
        if self._serial is not None and not [block for block in blocks if self._serial in block.points]:
            points = tuple([point for block in blocks for point in block.points]) + (self._serial,)
            self.blocks = list(plan_blocks(profile, points, bus.baud, bus.turnaround_ms))
        self._planned = tuple(self.blocks)
        self._split_ms: "int | None" = None  # when the first read was split or left out
        self._damages: "dict[tuple[int, int, int], list[bool]]" = {}  # of the last answers to a long read
        self._late: "list[tuple[Block, int]]" = []  # blocks whose answer may still come, and until when
        self._answers: "list[tuple[Block, tuple[int, ...], int]]" = []  # those believed of late, and when
        self._refusals: "dict[tuple[int, int, int], int]" = {}
        self._rests: "dict[tuple[int, int, int], int]" = {}
        self._registers: "dict[str, RegisterWatch]" = {}
        self._freeze = FreezeReads(meter.name, profile, self._ratios)

    def _read_by(self, profile: DeviceProfile) -> None:
        """Plan the reads anew by *profile*, which is the meter's as it was found to be."""
        self._profile = profile
        self._serial = serial_point(self.meter, profile)
        self._confirmed = self._serial is None
        points = points_to_ask(self.meter, profile)
        self._read_instead(plan_blocks(profile, points, self._bus.baud, self._bus.turnaround_ms))

    def _read_instead(self, blocks: "tuple[Block, ...]") -> None:
        """Read these blocks from now on, of which nothing is known yet."""
        self.blocks = list(blocks)
        self._planned = blocks
        self._split_ms = None
        self._refusals, self._rests, self._damages, self._values = {}, {}, {}, {}

    def gone_on(self, block: Block) -> bool:
        """Tell whether the answer to *block* has led to other reads."""
        return False

    def wanted(self, boundary: bool = False) -> "list[Block]":
        """Return the blocks to be read in a sweep; *boundary*: with all energy registers, for an interval ends."""
        found = [
            block
            for block in self.blocks
            if not self._rests.get(block[:3], 0)
            and (self._cadence.due(block) or (boundary and self.urgency(block) == ENERGY))
        ]
        return found + self._freeze.wanted()  # these wait best: they stay as they are

    def boundary(self, at_s: int) -> None:
        """An interval ends at *at_s*, UTC."""
        self._freeze.begin(at_s)

    def frozen_next(self, block: Block) -> "list[Block]":
        """Return what is to be read at once after *block*, which was read for a freeze; else nothing."""
        return [one for one in self._freeze.wanted() if one != block] if self._freeze.holds(block) else []

    def freeze_failed(self, block: Block, lasting: bool, utc_ms: int) -> "list[Fault]":
        """Take it that *block* gave nothing; return that a freeze is given up with it."""
        faults = self._freeze.failed(lasting, utc_ms) if self._freeze.holds(block) else []
        for one in faults:
            self.watch.count(one.kind, one.detail)
        return faults

    def sign_of_life(self) -> Block:
        """Return the read that best tells whether the meter is back: its serial number, else the shortest."""
        for block in self.blocks:
            if self._holds_serial(block):
                return block
        return min(self.blocks, key=lambda block: block.count)

    def urgency(self, block: Block) -> int:
        """Return how urgent *block* is: what confirms the meter comes first, then energy registers."""
        if self._holds_serial(block) and not self._confirmed:
            return IDENTITY
        for point in block.points:
            if point.quantity is not None and QUANTITIES[point.quantity].cumulative:
                return ENERGY
        return OTHER

    def _holds_serial(self, block: Block) -> bool:
        return self._serial is not None and self._serial in block.points

    def in_doubt(self) -> bool:
        """Tell whether it is open which meter answers at this unit id."""
        return not self._confirmed

    def believes(self, block: Block) -> bool:
        """Tell whether an answer to *block* would be believed: the meter is the right one, or this will tell."""
        return self._confirmed or self._holds_serial(block)

    def ready_ms(self, block: Block) -> int:
        """Return from when on an answer to *block* could only be its own."""
        return max(self.watch.until_ms, self._doubted_until(block))

    def _doubted_until(self, block: Block) -> int:
        """Return until when answers that may still come could pass for that to *block*, however it is asked."""
        if not self._late:
            return 0
        late = [one for one in self._late if one[0].function == block.function]
        times = [until for other, until in late if other.count == block.count]
        if not times or lengthened(self._profile, block, {other.count for other, _ in late}) is not None:
            return 0
        return max(times)

    def as_asked(self, block: Block, now_ms: int) -> Block:
        """Return the read by which *block* is asked now: a longer one while another answer of its length may come."""
        if not self._late:
            return block
        counts = {other.count for other, until in self._late if until > now_ms and other.function == block.function}
        longer = lengthened(self._profile, block, counts) if block.count in counts else None
        return block if longer is None else longer

    def repeats(self, block: Block, registers: "tuple[int, ...]", now_ms: int) -> bool:
        """Tell whether the answer to *block* is the one to another question come again; if not, remember it."""
        self._answers = [one for one in self._answers if now_ms - one[2] <= REPEAT_MS]
        # Where all registers are alike, two answers may well be: a plant at night has nothing but zeros.
        if [one for one in self._answers if one[1] == registers and one[0] != block] and len(set(registers)) > 1:
            return True
        self._answers.append((block, registers, now_ms))
        return False

    def set_back(self, block: Block) -> None:
        """Have *block*, which failed, come after the others, so that it does not keep them from being read."""
        if not self._freeze.holds(block):
            self.blocks.remove(block)
            self.blocks.append(block)

    def expect_late(self, block: Block, now_ms: int) -> None:
        """Note that the answer to *block*, as it was asked, did not come, and may come yet."""
        self._late = [(other, until) for other, until in self._late if until > now_ms]
        self._late.append((block, now_ms + LONGEST_LATE_MS))

    def doubt_identity(self) -> None:
        """Have the serial number read before anything else of this meter is believed."""
        self._confirmed = self._serial is None
        self._cadence.anew()

    def sweep_ended(self, now_ms: int) -> None:
        """Count down the rest of the blocks that the meter refuses; after some hours, forget what was learnt."""
        self._cadence.sweep_ended()
        for place in list(self._rests):
            self._rests[place] = max(0, self._rests[place] - 1)
        if self._split_ms is not None and now_ms - self._split_ms >= FORGET_MS:
            self._split_ms = None
            self.blocks = list(self._planned)
            self._refusals, self._rests, self._damages = {}, {}, {}

    def refused(self, block: Block, now_ms: int) -> "list[Block]":
        """Take it that the meter refuses *block*; return the blocks that are read in its place, if it is split."""
        if self._freeze.holds(block):
            return []
        place = block[:3]
        self._refusals[place] = self._refusals.get(place, 0) + 1
        if self._refusals[place] < SPLIT_AFTER or self._holds_serial(block):
            return []
        parts = self._split(block, now_ms)
        if not parts:
            self._rests[place] = REST_SWEEPS
        return parts

    def rests(self, block: Block) -> bool:
        """Tell whether *block* is left out for a while, because the meter refuses it."""
        return bool(self._rests.get(block[:3], 0))

    def damaged(self, block: Block, now_ms: int) -> "list[Block]":
        """Take it that an answer to *block* came damaged; return what is read in its place, if it is split."""
        if block.count < LONG_REGISTERS or block.function in DI_FUNCTIONS or self._holds_serial(block):
            return []
        if not self._note_damage(block, True):
            return []
        return self._split(block, now_ms)

    def _note_damage(self, block: Block, damaged: bool) -> bool:
        """Note how an answer to *block* came; tell whether it was damaged time and again, with good ones between."""
        past = self._damages.get(block[:3], [])[1 - ANSWERS :] + [damaged]
        self._damages[block[:3]] = past
        episodes = len([at for at in range(1, len(past)) if past[at - 1] and not past[at]])
        return damaged and episodes + 1 >= DAMAGES

    def _split(self, block: Block, now_ms: int) -> "list[Block]":
        if self._split_ms is None:
            self._split_ms = now_ms
        parts = self._parts(block)
        if parts:
            at = self.blocks.index(block)
            self.blocks[at : at + 1] = parts
        return parts

    def report(self) -> MeterState:
        """Return how the meter does, and what it does not give."""
        refused = tuple(sorted([place for place in self._rests if self._rests[place]]))
        foreign = not self._confirmed and self.watch.last_fault[0] == SERIAL
        return self.watch.report(foreign, refused, len(self.blocks) != len(self._planned))

    def _parts(self, block: Block) -> "list[Block]":
        """Return the two halves of *block*, without registers that only make lengths differ; [] for a single point.

        The data identifier of a DL/T 645 block is one question, which cannot be asked in halves.
        """
        if block.function in DI_FUNCTIONS:
            return []
        half = (len(block.points) + 1) // 2
        parts: "list[Block]" = []
        for points in (block.points[:half], block.points[half:]):
            if points:
                parts += shortest_blocks(self._profile, points, self._bus.baud, self._bus.turnaround_ms)
        return [] if parts == [block] else parts

    def take(
        self, block: Block, registers: "tuple[int, ...]", now_ms: int, utc_ms: int
    ) -> "tuple[list[Reading | Fault], bool]":
        """Return what the registers of *block* mean, and whether another meter answers at this unit id."""
        self._refusals[block[:3]] = 0
        if block[:3] in self._damages:
            self._note_damage(block, False)
        if self._serial is not None and self._serial in block.points:
            found = serial_text(self._serial, words_of(self._serial, registers, block.start))
            self._confirmed = same_serial(self.meter.serial, found)
            if not self._confirmed:
                detail = "serial number %s, expected %s" % (found or "none", self.meter.serial)
                return [self._fault(SERIAL, detail, utc_ms)], True
        if not self._confirmed:
            return [], False
        outcomes: "list[Reading | Fault]" = []
        if self._freeze.holds(block):
            outcomes += self._freeze.take(block, registers, self._registers, now_ms, utc_ms)
            for one in outcomes:
                if isinstance(one, Fault):
                    self.watch.count(one.kind, one.detail)
            return outcomes, False
        self._cadence.read(block)
        for point in block.points:
            if point.poll == ONCE and point.quantity is None:
                self.known[point.name] = meaning(point, registers, block.start, self._ratios).value or ""
            if point.quantity is not None:
                outcomes.append(self._outcome(point, registers, block.start, now_ms, utc_ms))
        return outcomes, False

    def _fault(self, kind: str, detail: str, utc_ms: int) -> Fault:
        self.watch.count(kind, detail)
        return Fault(self.meter.name, utc_ms, kind, detail)

    def _outcome(
        self, point: Point, registers: "tuple[int, ...]", start: int, now_ms: int, utc_ms: int
    ) -> "Reading | Fault":
        assert point.quantity is not None
        words = words_of(point, registers, start)
        if QUANTITIES[point.quantity].cumulative:
            if point.quantity not in self._registers:
                self._registers[point.quantity] = RegisterWatch(point, self._ratios, self.meter.max_power_w)
            fault = self._registers[point.quantity].judged(words, now_ms)
            if fault is not None:
                self.doubt_identity()
                return self._fault(fault[0], fault[1], utc_ms)
        place = (point.function, point.address)
        last = self._values.get(place)
        if last is None or last.words != words:
            scale = scale_of(point, self._ratios) if last is None else last.scale
            value = scaled(raw_of(point, words), scale)
            last = _Value(words, None if value is None else reading_value(point, value[0], value[1]), scale)
            self._values[place] = last
        return Reading(self.meter.name, point.quantity, utc_ms, words, last.value)
