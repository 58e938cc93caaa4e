"""Noticing: what a person should hear of the meters on one bus, each thing once until it is over.

It draws conclusions from what Poll saw; it never changes what is asked.
"""

from gateway.core.meter.meter_state import SUSPENDED, MeterWatch
from gateway.core.meter.plan import Block
from gateway.core.reading import Notice

# Two meters with one unit id answer on top of each other: most answers of this one are garbled, of the others none.
MOST_GARBLED = 8
FEW_GARBLED = 1

# Codes of events.
SILENT = "meter-silent"
STALE = "meter-stale"
DUPLICATE = "duplicate-address"
REFUSED = "registers-refused"
SHORTENED = "read-shortened"


def _place(block: Block) -> str:
    """Return function, first and last register of *block*."""
    return "%d: %d-%d" % (block.function, block.start, block.start + block.count - 1)


class Noticing:
    """The notices of one bus that nobody has taken yet."""

    def __init__(self, bus: str) -> None:
        self._bus = bus
        self._waiting: "list[Notice]" = []
        self._told: "set[tuple[str, str, str]]" = set()

    def take(self) -> "list[Notice]":
        """Return the notices that wait, and forget them."""
        taken, self._waiting = self._waiting, []
        return taken

    def _tell(self, code: str, meter: str, name: str = "", detail: str = "") -> None:
        """Have something told of *meter*, with a detail by name; for every meter once."""
        if (code, meter, detail if code == REFUSED else "") in self._told:
            return
        self._told.add((code, meter, detail if code == REFUSED else ""))
        details = {"meter": meter}
        if name:
            details[name] = detail
        self._waiting.append(Notice(code, details))

    def _over(self, code: str, meter: str) -> bool:
        """Have it told again when it comes again; return whether it was told."""
        told = (code, meter, "") in self._told
        self._told.discard((code, meter, ""))
        return told

    def heard(self, meter: str) -> None:
        """A believable answer of *meter* came."""
        if self._over(SILENT, meter):
            self._waiting.append(Notice("meter-back", {"meter": meter}))
        self._over(STALE, meter)

    def faulted(self, watch: MeterWatch, others: "list[MeterWatch]") -> None:
        """Nothing believable came of the meter of *watch*; *others* are on the same bus."""
        if watch.state == SUSPENDED:
            self._tell(SILENT, watch.meter, "fault", watch.last_fault[0])
        if watch.stale:
            self._tell(STALE, watch.meter)
        garbled, answers = watch.recent()
        if garbled >= MOST_GARBLED and others and self._are_well(others):
            self._tell(DUPLICATE, watch.meter, "garbled", "%d of %d" % (garbled, answers))
        elif not garbled:
            self._over(DUPLICATE, watch.meter)

    def _are_well(self, others: "list[MeterWatch]") -> bool:
        counts = [other.recent() for other in others if other.state != SUSPENDED]
        return bool(counts) and all(garbled <= FEW_GARBLED and answers > garbled for garbled, answers in counts)

    def refused(self, meter: str, block: Block) -> None:
        """The meter refuses *block*, which is left out for a while."""
        self._tell(REFUSED, meter, "registers", _place(block))

    def shortened(self, meter: str, block: Block) -> None:
        """Answers to *block* came damaged time and again: it is read in parts."""
        self._tell(SHORTENED, meter, "registers", _place(block))

    def jam(self) -> None:
        """Somebody talks on the line without end."""
        self._waiting.append(Notice("bus-jam", {"bus": self._bus}))

    def free(self) -> None:
        """The line fell silent again."""
        self._waiting.append(Notice("bus-free", {"bus": self._bus}))
