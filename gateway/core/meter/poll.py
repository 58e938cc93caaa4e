"""Poll: who is asked what and when on one bus, and whether an answer may be believed.

It reads no clock and touches no line: `next` says what to do, `answered` and `unanswered` tell what came of it,
and the time is an argument. All meters are read in sweeps, the energy registers of all of them first.
"""

from collections import namedtuple

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.judging import (
    DiQuestion,
    Prepared,
    Question,
    believed,
    characters_ms,
    following,
    prepared,
    question_of,
    refusal_lasts,
    refusal_of_absent,
)
from gateway.core.meter.meter_reads import OTHER, MeterReads
from gateway.core.meter.meter_state import BUSY, DUE, MAY_COME, REFUSED, SUSPENDED, MeterState, MeterWatch
from gateway.core.meter.modbus import FUNCTIONS, FrameFault
from gateway.core.meter.noticing import Noticing
from gateway.core.meter.plan import DEFAULT_SLOW_SWEEPS, Block, class_of
from gateway.core.meter.profile import SLOW, DeviceProfile
from gateway.core.meter.sunspec_reads import SunspecReads
from gateway.core.reading import CRC, EXCEPTION, JAM, LATE, LONG, SHORT, SILENT, Fault, Notice, Reading
from gateway.core.site import Bus, Meter
from gateway.core.tcp_address import RTU_FRAMES, TCP_FRAMES

# The line is left alone after a fault. Most late answers fall into this time; one that is later yet is told from
# another meter's by its unit id, and the meter itself is asked again only when it can owe none any more.
_DRAIN_MS = 50
_FIRST_JAM_MS = 500  # a line that does not fall silent is tried again, at growing intervals
_LONGEST_JAM_MS = 5000
_TRANSACTIONS = 0x10000


class Job(namedtuple("Job", ("meter", "profile", "blocks"))):
    """One meter to be read on a bus: its profile, and the reads as planned."""

    __slots__ = ()
    meter: Meter
    profile: DeviceProfile
    blocks: "tuple[Block, ...]"


class Ask(namedtuple("Ask", ("meter", "frame", "answer_bytes", "earliest_ms", "timeout_ms"))):
    """Send *frame* now. Counted from the end of sending, the answer of answer_bytes bytes is not complete before
    earliest_ms, and given up after timeout_ms."""

    __slots__ = ()
    meter: str
    frame: bytes
    answer_bytes: int
    earliest_ms: int
    timeout_ms: int


class Wait(namedtuple("Wait", ("until_ms",))):
    """Nothing is to be asked before the monotonic time until_ms."""

    __slots__ = ()
    until_ms: int


class _Turn(namedtuple("_Turn", ("reads", "block", "again"))):
    """One block of one meter that is still to be read in this sweep; again: it failed once already."""

    __slots__ = ()
    reads: MeterReads
    block: Block
    again: bool


class Poll:
    """Asks the meters of one bus in turn and believes only what can be nothing but the answer.

    What is wanted now and then is read every *slow_sweeps* sweeps.
    """

    def __init__(
        self,
        bus: Bus,
        jobs: "tuple[Job, ...]",
        cycle_ms: int,
        transport: str = RTU_FRAMES,
        slow_sweeps: int = DEFAULT_SLOW_SWEEPS,
    ) -> None:
        self.cycle = 0
        self._bus = bus
        self._cycle_ms = cycle_ms
        self._framed = transport != RTU_FRAMES  # questions have a header with a number
        self._numbered = transport == TCP_FRAMES  # and so have answers: none can be taken for another
        self._transaction = 0
        self._meters = []
        slow = 0
        for job in jobs:
            assert job.blocks, "a meter without reads has no place on a bus"
            watch = MeterWatch(job.meter.name, job.profile.timeout_ms, job.profile.gap_ms, self._numbered)
            cadence = Cadence(slow_sweeps, slow)
            reads = MeterReads if job.profile.sunspec is None else SunspecReads
            self._meters.append(reads(bus, job.meter, job.profile, job.blocks, watch, cadence))
            slow += len([block for block in job.blocks if class_of(block) == SLOW])
        self._turns: "list[_Turn]" = []
        self._sweep_ms: "int | None" = None  # when the present or last sweep began
        self._sweeping = False
        self._boundary = False
        self._boundary_s = 0
        self._asked: "_Turn | None" = None
        self._read: "Block | None" = None  # by which its block was asked
        self._number = 0  # of the last question; answers of CJ/T 188 repeat it
        self._prepared = prepared(Question(0, 3, 0, 1, None), bus)  # the last question
        self._same: "dict[tuple[int, int, int, int], Prepared]" = {}  # questions that are the same each time
        self._going_on: "tuple[_Turn, DiQuestion] | None" = None  # an answer of which the next frame is to be asked
        self._timeout_ms = 0
        self._free_ms: "int | None" = None  # the line is left alone before
        self._probed = False  # the last question was a probe
        self._hurried = False  # an interval ended: the energy registers of the living come before probes
        self._jam_ms = 0  # how long a jammed line was left alone; 0: it is not jammed
        self._noticing = Noticing(bus.name)

    def meters(self) -> "tuple[MeterState, ...]":
        """Return how each meter does."""
        return tuple([reads.report() for reads in self._meters])

    def take_notices(self) -> "list[Notice]":
        """Return what a person should hear of and has not been told yet; for the thread of the bus."""
        return self._noticing.take()

    def known(self) -> "dict[str, dict[str, str]]":
        """Return what each meter says of itself, by meter and name of the point."""
        return {reads.meter.name: dict(reads.known) for reads in self._meters}

    def boundary(self, at_s: int = 0) -> None:
        """Begin a new sweep at the next step: an interval ends, and the energy registers are wanted now.

        at_s: UTC of its end, for meters that keep their registers at such moments.
        """
        self._boundary_s = at_s
        self._boundary = True

    def next(self, now_ms: int) -> "Ask | Wait":
        """Return what to do now."""
        assert self._asked is None, "the last question has neither been answered nor given up"
        if self._free_ms is None:
            # Answers to a process that ran before may still be under way; slow meters wait longer than the others.
            for reads in self._meters:
                reads.watch.begin(now_ms)
                if reads.watch.state == SUSPENDED:
                    self._noticing.faulted(reads.watch, [])
            drain = [0] if self._numbered else [reads.watch.timeout_ms for reads in self._meters] + [0]
            self._free_ms = now_ms + max(drain)
        if self._boundary or self._sweep_ms is None or self._sweep_over(now_ms):
            self._begin(now_ms)
        if now_ms < self._free_ms:
            return Wait(self._free_ms)
        if self._going_on is not None:
            going_on, self._going_on = self._going_on, None
            return self._ask(going_on[0], now_ms, going_on[1])
        for reads in self._meters:
            reads.watch.rested(now_ms)
        turn = self._probe(now_ms) or self._choose(now_ms)
        if turn is not None:
            return self._ask(turn, now_ms)
        times = self._give_up(now_ms)
        return Wait(max(now_ms + 1, self._next_ms(now_ms, times)))

    def _sweep_over(self, now_ms: int) -> bool:
        return not self._sweeping and self._sweep_ms is not None and now_ms >= self._sweep_ms + self._cycle_ms

    def _begin(self, now_ms: int) -> None:
        """Begin a sweep: what confirms a meter's identity, energy registers, the rest; meters take turns in each."""
        due_ms = now_ms if self._sweep_ms is None else self._sweep_ms + self._cycle_ms
        in_step = not self._boundary and now_ms - due_ms <= self._cycle_ms // 4
        self._sweep_ms = due_ms if in_step else now_ms
        self._hurried = self._boundary
        self._boundary = False
        self._sweeping = True
        places: "list[tuple[int, bool, int, int, int]]" = []  # in each, meters that fail come last
        turns: "list[_Turn]" = []
        for number in range(len(self._meters)):
            reads = self._meters[number]
            if self._hurried and self._boundary_s:
                reads.boundary(self._boundary_s)
            if reads.watch.state == SUSPENDED:
                continue
            ranks = [0, 0, 0]
            for block in reads.wanted(self._hurried):
                urgency = reads.urgency(block)
                places.append((urgency, reads.watch.failures > 0, ranks[urgency], number, len(turns)))
                ranks[urgency] += 1
                turns.append(_Turn(reads, block, False))
        self._turns = [turns[place[4]] for place in sorted(places)]

    def _probe(self, now_ms: int) -> "_Turn | None":
        """Return the shortest read of a dead meter whose time has come; never two probes in a row while others wait."""
        if self._turns and (self._probed or self._hurried_by(now_ms)):
            return None
        for reads in self._meters:
            if reads.watch.state == SUSPENDED and now_ms >= self._probe_ms(reads, now_ms):
                return _Turn(reads, reads.sign_of_life(), True)
        return None

    def _hurried_by(self, now_ms: int) -> bool:
        """Tell whether an energy register that the end of an interval calls for can be asked now."""
        for turn in self._turns if self._hurried else []:
            reads, block = turn.reads, turn.block
            if reads.watch.state == DUE and reads.urgency(block) != OTHER and now_ms >= reads.ready_ms(block):
                return True
        return False

    def _probe_ms(self, reads: MeterReads, now_ms: int) -> int:
        """Return from when on a dead meter may be probed: earlier where no other has to wait for that."""
        ready_ms = reads.ready_ms(reads.sign_of_life())
        assert self._sweep_ms is not None
        end_ms = max(now_ms, ready_ms) + reads.watch.timeout_ms + _DRAIN_MS
        idle = not self._sweeping and end_ms < self._sweep_ms + self._cycle_ms
        if idle or not [other for other in self._meters if other.watch.state != SUSPENDED]:
            return ready_ms
        return max(ready_ms, reads.watch.spare_ms)

    def _choose(self, now_ms: int) -> "_Turn | None":
        for turn in self._turns:
            reads = turn.reads
            if reads.watch.state == DUE and reads.believes(turn.block) and now_ms >= reads.ready_ms(turn.block):
                self._turns.remove(turn)
                return turn
        return None

    def _give_up(self, now_ms: int) -> "list[int]":
        """Leave out of this sweep what cannot be asked in its time any more; return from when on the rest can."""
        assert self._sweep_ms is not None
        end_ms = self._sweep_ms + self._cycle_ms
        stay, times = [], []
        for turn in self._turns:
            ready_ms = self._ready_ms(turn)
            if ready_ms is not None and ready_ms <= end_ms:
                stay.append(turn)
                times.append(ready_ms)
        self._turns = stay
        self._end_sweep(now_ms)
        return times

    def _ready_ms(self, turn: _Turn) -> "int | None":
        """Return from when on *turn* may be asked; None where it cannot be in this sweep."""
        assert turn.reads.watch.state != SUSPENDED, "a dead meter is probed, and has no turns"
        if turn.reads.believes(turn.block):
            return turn.reads.ready_ms(turn.block)
        confirming = [other for other in self._turns if other.reads is turn.reads and other.reads.believes(other.block)]
        return min([other.reads.ready_ms(other.block) for other in confirming]) if confirming else None

    def _end_sweep(self, now_ms: int) -> None:
        if self._sweeping and not self._turns:
            self._sweeping = self._hurried = False
            self.cycle += 1
            for reads in self._meters:
                reads.sweep_ended(now_ms)

    def _next_ms(self, now_ms: int, times: "list[int]") -> int:
        """Return when there is something to do; *times*: from when on what is left of this sweep may be asked."""
        assert self._sweep_ms is not None
        if not self._sweeping:
            times = times + [self._sweep_ms + self._cycle_ms]  # noqa: RUF005 - MicroPython has no (*a,)
        dead = [reads for reads in self._meters if reads.watch.state == SUSPENDED]
        times += [self._probe_ms(reads, now_ms) for reads in dead]
        return min(times)

    def _ask(self, turn: _Turn, now_ms: int, question: "DiQuestion | None" = None) -> Ask:
        watch = turn.reads.watch
        self._probed = watch.state == SUSPENDED
        watch.asked()
        transaction = None
        if self._framed:
            self._transaction = transaction = (self._transaction + 1) % _TRANSACTIONS
        self._number += 1
        self._asked = turn
        self._read = turn.reads.as_asked(turn.block, now_ms)
        if question is None:
            asked = self._prepare(turn.reads.meter, self._read, transaction)
        else:
            asked = prepared(question, self._bus)
        self._prepared = asked
        self._timeout_ms = watch.timeout_ms
        timeout_ms = self._timeout_ms + asked.characters_ms
        return Ask(watch.meter, asked.frame, asked.answer_bytes, asked.earliest_ms, timeout_ms)

    def _prepare(self, meter: Meter, block: Block, transaction: "int | None") -> Prepared:
        """Return the question for *block*; one that carries no number is prepared once for all."""
        if transaction is not None or block.function not in FUNCTIONS:
            return prepared(question_of(meter, block, self._number, transaction), self._bus)
        place = (meter.unit, block.function, block.start, block.count)
        if place not in self._same:
            self._same[place] = prepared(question_of(meter, block), self._bus)
        return self._same[place]

    def _take_asked(self) -> _Turn:
        turn = self._asked
        assert turn is not None, "nothing was asked"
        self._asked = None
        return turn

    def answered(self, frame: bytes, elapsed_ms: int, now_ms: int, utc_ms: int) -> "list[Reading | Fault]":
        """Take the bytes that came, complete *elapsed_ms* after the end of sending.

        Below zero: the line did not fall silent before the question, which was not sent.
        """
        turn = self._take_asked()
        if elapsed_ms < 0:
            return [self._jammed(turn, now_ms, utc_ms)]
        self._unjam()
        try:
            question = self._prepared.question
            going_on = following(frame, elapsed_ms, question, self._bus)
            registers = () if going_on else believed(frame, elapsed_ms, question, self._bus)
            if isinstance(question, Question) and turn.reads.repeats(turn.block, registers, now_ms):
                raise FrameFault(LATE, "the answer to the question before, once more")
        except FrameFault as fault:
            refused: "list[Reading | Fault]" = []
            refused += self._refuse(turn, fault.kind, fault.detail, now_ms, utc_ms)
            return refused
        reads = turn.reads
        was_dead = self._probed
        self._noticing.heard(turn.reads.watch.meter)
        latency_ms = max(0, elapsed_ms - characters_ms(self._bus, len(frame)))
        reads.watch.answered(latency_ms, now_ms, utc_ms)
        if going_on is not None:
            self._going_on = (turn, going_on)
            return []
        assert self._read is not None
        first = turn.block.start - self._read.start
        registers = registers[first : first + turn.block.count]
        outcomes, foreign = reads.take(turn.block, registers, now_ms, utc_ms)
        more = reads.frozen_next(turn.block)
        if more:
            waiting = [other.block for other in self._turns if other.reads is reads]
            self._turns += [_Turn(reads, block, False) for block in more if block not in waiting]
        if foreign:
            self._turns = [other for other in self._turns if other.reads is not reads]
        elif reads.gone_on(turn.block):
            self._turns += [_Turn(reads, block, False) for block in reads.wanted()]
        elif was_dead:
            self._turns += [_Turn(reads, block, False) for block in reads.wanted() if block != turn.block]
        elif reads.in_doubt() and not [
            other for other in self._turns if other.reads is reads and reads.believes(other.block)
        ]:
            self._turns += [_Turn(reads, block, False) for block in reads.wanted() if reads.believes(block)]
        self._end_sweep(now_ms)
        return outcomes

    def unanswered(self, now_ms: int, utc_ms: int) -> "list[Fault]":
        """Take it that no byte came in time."""
        self._unjam()
        return self._refuse(self._take_asked(), SILENT, "no byte", now_ms, utc_ms)

    def _jammed(self, turn: _Turn, now_ms: int, utc_ms: int) -> Fault:
        """Leave a line alone on which somebody talks without end; no meter is to blame for its silence."""
        if not self._jam_ms:
            self._noticing.jam()
        self._jam_ms = min(max(2 * self._jam_ms, _FIRST_JAM_MS), _LONGEST_JAM_MS)
        self._free_ms = now_ms + self._jam_ms
        watch = turn.reads.watch
        watch.not_asked()
        watch.count(JAM, "the line does not fall silent")
        if watch.state != SUSPENDED:
            self._turns.insert(0, turn)
        return Fault(watch.meter, utc_ms, JAM, "the line does not fall silent")

    def _unjam(self) -> None:
        if self._jam_ms:
            self._jam_ms = 0
            self._noticing.free()

    def line_lost(self, utc_ms: int) -> "list[Fault]":
        """Take it that the line itself is gone; all meters are due as soon as it is back."""
        asked = None if self._asked is None else self._asked.reads
        self._asked = self._going_on = None
        self._turns = []
        self._sweep_ms = self._free_ms = None
        self._sweeping = False
        outcomes = []
        for reads in self._meters:
            reads.watch.line_lost(reads is asked)
            reads.doubt_identity()
            reads.watch.count(SILENT, "the line is lost")
            outcomes.append(Fault(reads.watch.meter, utc_ms, SILENT, "the line is lost"))
        return outcomes

    def _refuse(self, turn: _Turn, kind: str, detail: str, now_ms: int, utc_ms: int) -> "list[Fault]":
        """Believe nothing of it, let a late answer pass, and decide what becomes of the block."""
        reads, watch = turn.reads, turn.reads.watch
        lasting = kind == EXCEPTION and refusal_lasts(self._prepared.question, detail)
        absent = kind == EXCEPTION and refusal_of_absent(self._prepared.question, detail)
        answer = REFUSED if lasting else BUSY if kind == EXCEPTION and not absent else MAY_COME
        watch.faulted(SILENT if absent else kind, detail, answer, now_ms)
        reads.set_back(turn.block)
        if answer == MAY_COME and not self._numbered:
            if isinstance(self._prepared.question, Question):
                assert self._read is not None
                reads.expect_late(self._read, now_ms)
            self._free_ms = now_ms + _DRAIN_MS
        self._noticing.faulted(watch, [other.watch for other in self._meters if other is not reads])
        if watch.state == SUSPENDED:
            reads.doubt_identity()
            self._turns = [other for other in self._turns if other.reads is not reads]
        else:
            self._ask_again(turn, lasting, kind in (CRC, LONG, SHORT), now_ms)
        given_up = reads.freeze_failed(turn.block, lasting, utc_ms)
        if given_up:
            self._turns = [other for other in self._turns if other.reads is not reads or other.block in reads.blocks]
        self._end_sweep(now_ms)
        return [Fault(watch.meter, utc_ms, kind, detail)] + given_up  # noqa: RUF005 - MicroPython has no (*a,)

    def _ask_again(self, turn: _Turn, lasting: bool, damaged: bool, now_ms: int) -> None:
        """Have in this sweep once more what failed: as it is, or in parts where the meter or the line wants it so."""
        reads, block = turn.reads, turn.block
        parts: "list[Block]" = []
        if lasting:
            parts = reads.refused(block, now_ms)
            if reads.rests(block):
                self._noticing.refused(reads.watch.meter, block)
        elif damaged:
            parts = reads.damaged(block, now_ms)
            if parts:
                self._noticing.shortened(reads.watch.meter, block)
        if parts:
            self._turns += [_Turn(reads, part, True) for part in parts]
        elif not lasting and not turn.again:
            self._turns.append(_Turn(reads, block, True))
