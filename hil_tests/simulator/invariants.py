"""Invariants: what must hold in every life, looked at while it goes on.

The witness stands beside the product and compares what it does with what truly happened. It is told of every
question, every reading that was believed, every batch that was sealed, every commit that was said to be done, and
every receipt that was taken.
"""

from typing import NamedTuple

from cloud_sync.core.batch import Batch, Hole
from gateway.core.reading import Reading
from gateway.journal import Journal
from hil_tests.simulator.bus import LATE_MS, Shown, SimulatedBus
from hil_tests.simulator.card import Card
from hil_tests.simulator.platform import SimulatedPlatform
from hil_tests.simulator.site import GATEWAY
from hil_tests.simulator.world import BrokenError, World

COMMITTED = "committed is kept"
EQUIVOCATION = "no equivocation"
RECEIPTS = "receipts are true and monotone"
BELIEVED = "only what meters showed is believed"
ENERGY = "energy is conserved"
GAPS = "no unannounced gap"
TWICE = "nothing is counted twice"
ORDER = "order is never from wall time"
ARRIVAL = "all arrives once faults end"
FAILURE = "no part fails"
INVARIANTS = (COMMITTED, EQUIVOCATION, RECEIPTS, BELIEVED, ENERGY, GAPS, TWICE, ORDER, ARRIVAL, FAILURE)

Register = tuple[str, str]  # meter and quantity
_FRESH_MS = 10_000 + LATE_MS


class _Word(NamedTuple):
    """How a card stood when its process last said so."""

    head_sequence: int
    head_link: bytes
    receipted_through: int


class Witness:
    """What truly happened in one life."""

    def __init__(self, world: World, platform: SimulatedPlatform) -> None:
        self.world, self.platform = world, platform
        self.intervals = 0
        self.split = False  # this gateway has had two histories, or lost the end of one
        self.shown: dict[Register, dict[tuple[int, ...], tuple[int, int]]] = {}  # words: Wh of a life, last seen at
        self.bodies: dict[tuple[bytes, int], bytes] = {}
        self.last_sealed: Batch | Hole | None = None
        self._incarnations: set[bytes] = set()
        self._words: dict[Card, _Word] = {}
        self._unsound: set[Card] = set()
        self._faulty: set[Card] = set()

    def asked(self, bus: SimulatedBus, now_ms: int) -> None:
        """Note what all registers show at the moment of a question."""
        for meter in bus.meters:
            for quantity, register in meter.registers.items():
                held: Shown = register.shown(now_ms)
                self.shown.setdefault((meter.name, quantity), {})[held.words] = (held.wh, now_ms)

    def believed(self, reading: Reading) -> None:
        """Look at a reading that the poll believes."""
        held = self.shown[reading.meter, reading.quantity].get(tuple(reading.words))
        if held is None or self.world.now_ms - held[1] > _FRESH_MS:
            raise BrokenError(BELIEVED, f"{reading.meter} {reading.quantity} {reading.words}, which it did not show")

    def started(self, incarnation: bytes) -> None:
        """A process began to write under *incarnation*."""
        self._incarnations.add(incarnation)

    def sealed(self, batch: Batch | Hole) -> None:
        """A batch or a hole is to be signed."""
        self.last_sealed = batch
        if isinstance(batch, Hole):
            return
        for index, body in enumerate(batch.bodies):
            key = (batch.incarnation, batch.first_sequence + index)
            if self.bodies.setdefault(key, body) != body:
                raise BrokenError(EQUIVOCATION, f"two bodies are signed as entry {key[1]} of {key[0].hex()}")

    def opening(self, card: Card) -> None:
        """A process is about to open the journal on *card*."""

    def opened(self, card: Card, journal: Journal) -> None:
        """A journal was opened: what was said of it must hold, unless the card is known to have lost something."""
        said = self._words.get(card)
        if said is None or card in self._unsound:
            self._unsound.discard(card)
            self._words.pop(card, None)
            self._say(card, journal)
            return
        kept = said.head_sequence and journal.link_at(said.head_sequence) == said.head_link
        if kept and journal.head_sequence < said.head_sequence:
            raise BrokenError(
                ORDER, f"entry {journal.head_sequence} is taken for the last, and {said.head_sequence} is"
            )
        if journal.head_sequence < said.head_sequence or journal.receipted_through() < said.receipted_through:
            found = f"head {journal.head_sequence}, receipted through {journal.receipted_through()}"
            wanted = f"{said.head_sequence} and {said.receipted_through}"
            raise BrokenError(COMMITTED, f"{found} after a restart; {wanted} were said to be kept")
        if said.head_sequence and not kept:
            raise BrokenError(COMMITTED, f"entry {said.head_sequence} is another one after a restart")

    def committed(self, card: Card, journal: Journal) -> None:
        """A step of the process is over: what it wrote, it holds to be kept."""
        said = self._words.get(card)
        if said is not None and said.head_sequence > journal.head_sequence:
            raise BrokenError(ORDER, f"the journal's head went back from {said.head_sequence}")
        self._say(card, journal)

    def _say(self, card: Card, journal: Journal) -> None:
        through = self._words[card].receipted_through if card in self._words else journal.receipted_through()
        self._words[card] = _Word(journal.head_sequence, journal.head_link, through)

    def receipted(self, card: Card, journal: Journal) -> None:
        """The process has taken what receipts came."""
        said = self._words[card]
        through = journal.receipted_through()
        if through == said.receipted_through:
            return
        if through < said.receipted_through:
            raise BrokenError(RECEIPTS, f"receipted through {through} after {said.receipted_through}")
        self._words[card] = _Word(said.head_sequence, said.head_link, through)
        own = journal.link_at(through)
        if not self.platform.set_back and not self.kept(through, own):
            raise BrokenError(RECEIPTS, f"entry {through} counts as receipted, and the platform does not keep it")

    def kept(self, sequence: int, own: bytes | None) -> bool:
        """Tell whether the platform keeps entry *sequence* with this link."""
        found = self.platform.ledger.read(
            "SELECT 1 FROM entry WHERE gateway = ?1 AND sequence = ?2 AND link = ?3"
            " UNION ALL SELECT 1 FROM hole WHERE gateway = ?1 AND last_sequence = ?2 AND link = ?3",
            (GATEWAY, sequence, own),
        )
        return bool(found)

    def lost_end(self, card: Card) -> None:
        """The card has lost the end of what was written on it, or is another's."""
        self._unsound.add(card)
        self.split = True

    def spoilt(self, card: Card, faulty: bool) -> None:
        """The card fails from now on, or no longer."""
        if faulty:
            self._faulty.add(card)
        else:
            self._faulty.discard(card)

    def moved_away(self, card: Card) -> None:
        """A technician moved the journal on *card* away."""
        self.lost_end(card)
        self._faulty.discard(card)

    def may_fail(self, card: Card) -> bool:
        """Tell whether the storage on *card* may fail now."""
        return card.full or card in self._faulty

    def wh(self, register: Register, words: tuple[int, ...]) -> int:
        """Return the energy of its life that a register stood for when it showed *words*."""
        held = self.shown[register].get(words)
        if held is None:
            raise BrokenError(ENERGY, f"{register} never showed {words}")
        return held[0]
