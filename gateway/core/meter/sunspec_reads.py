"""SunspecReads: the blocks of a SunSpec device, which are known only after a walk along its models.

Whenever it is open which device answers (at the start, after silence, when a counter falls), the walk is made anew: two
registers a step, a dozen short reads, and until it ends no value is believed.
"""

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.meter_reads import MeterReads
from gateway.core.meter.meter_state import MeterWatch
from gateway.core.meter.plan import Block
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.sunspec import Walk, found_at
from gateway.core.meter.sunspec_models import HEAD
from gateway.core.reading import MODELS, Fault, Reading
from gateway.core.site import Bus, Meter


class SunspecReads(MeterReads):
    """One SunSpec device on one bus."""

    def __init__(
        self,
        bus: Bus,
        meter: Meter,
        profile: DeviceProfile,
        blocks: "tuple[Block, ...]",
        watch: MeterWatch,
        cadence: Cadence,
    ) -> None:
        MeterReads.__init__(self, bus, meter, profile, blocks, watch, cadence)
        self._usual = profile
        self._step: "Block | None" = None  # the next read of the walk, None when it is over
        self._start()

    def _start(self) -> None:
        assert self._usual.sunspec is not None, "only a profile of SunSpec models is walked"
        self._walk = Walk(self._usual.sunspec)
        self._go_on()

    def _go_on(self) -> None:
        """Ask for the next two registers of the walk, and for nothing else."""
        assert self._walk.at is not None
        self._step = Block(self._usual.function, self._walk.at, HEAD, ())
        self._read_instead((self._step,))

    def gone_on(self, block: Block) -> bool:
        """Tell whether the answer to *block*, a step of the walk, has led to the next step or to the figures."""
        return block not in self.blocks

    def wanted(self, boundary: bool = False) -> "list[Block]":
        """Return the blocks to be read in a sweep: during the walk its next step."""
        return MeterReads.wanted(self, boundary) if self._step is None else [self._step]

    def as_asked(self, block: Block, now_ms: int) -> Block:
        """Return the read by which *block* is asked now; a step of the walk has no other."""
        return block if block == self._step else MeterReads.as_asked(self, block, now_ms)

    def repeats(self, block: Block, registers: "tuple[int, ...]", now_ms: int) -> bool:
        """Tell whether the answer to *block* is the one to another question come again.

        In a chain, two models may be of one id and length; so a step of the walk is compared only with the one before.
        """
        if block == self._step:
            self._answers = self._answers[-1:]
        return MeterReads.repeats(self, block, registers, now_ms)

    def _doubted_until(self, block: Block) -> int:
        if block != self._step:
            return MeterReads._doubted_until(self, block)
        alike = [one for one in self._late if one[0].function == block.function and one[0].count == block.count]
        return max([until for _, until in alike] + [0])

    def in_doubt(self) -> bool:
        """Tell whether it is open which device answers, or where its models are."""
        return self._step is not None or MeterReads.in_doubt(self)

    def believes(self, block: Block) -> bool:
        """Tell whether an answer to *block* would be believed: during the walk only its own."""
        return block in self.blocks and (block == self._step or MeterReads.believes(self, block))

    def doubt_identity(self) -> None:
        """Have the models walked, and the serial number read, before anything else of this device is believed."""
        MeterReads.doubt_identity(self)
        self._start()

    def set_back(self, block: Block) -> None:
        """Have *block*, which failed, come after the others, if it is still one of them."""
        if block in self.blocks:
            MeterReads.set_back(self, block)

    def refused(self, block: Block, now_ms: int) -> "list[Block]":
        """Take it that the device refuses *block*; return the blocks that are read in its place."""
        if block not in self.blocks:
            return []
        if block != self._step:
            return MeterReads.refused(self, block, now_ms)
        self._walk.refused()
        return self.wanted() if self._walked() == "" else []

    def damaged(self, block: Block, now_ms: int) -> "list[Block]":
        """Take it that an answer to *block* came damaged; return what is read in its place, if it is split."""
        return MeterReads.damaged(self, block, now_ms) if block in self.blocks else []

    def take(
        self, block: Block, registers: "tuple[int, ...]", now_ms: int, utc_ms: int
    ) -> "tuple[list[Reading | Fault], bool]":
        """Return what the registers of *block* mean, and whether this is another device than it should be."""
        if block != self._step:
            return MeterReads.take(self, block, registers, now_ms, utc_ms)
        self._walk.take(registers)
        missing = self._walked()
        return ([], False) if missing == "" else ([self._fault(MODELS, missing, utc_ms)], True)

    def _walked(self) -> str:
        """Go on with the walk, or plan the reads where it found the models; return what is missing, "" if nothing."""
        if self._walk.at is not None:
            self._go_on()
            return ""
        layout = self._walk.layout
        if layout is None:
            self._start()
            return "no SunSpec models"
        found = found_at(self._usual, layout)
        points = () if found is None else found.asked()
        if found is None or not points:
            self._start()
            return "no model %d among %s" % (layout.main, ", ".join(["%d" % entry[0] for entry in layout.chain]))
        self._step = None
        self._read_by(found)
        return ""
