"""LegalReads: which reads of one function a meter allows, and what each costs."""

from collections import namedtuple


class Span(namedtuple("Span", ("window", "start", "count", "most"))):
    """The shortest legal read of some registers: count from start, inside window; most: what it can be lengthened to.

    window: (function, first, last), as far as the alignment lets it be used.
    """

    __slots__ = ()
    window: "tuple[int, int, int]"
    start: int
    count: int
    most: int


class LegalReads:
    """Reads inside *windows*, aligned and not longer than the meter allows; each costs so much, and each register."""

    def __init__(
        self,
        windows: "tuple[tuple[int, int, int], ...]",
        align: int,
        max_registers: int,
        read_cost: int = 0,
        register_cost: int = 0,
    ) -> None:
        self._windows = windows
        self._align = align
        self._max_registers = max_registers
        self._read_cost = read_cost
        self._register_cost = register_cost
        self._known: "dict[tuple[int, int], Span | None]" = {}

    def span(self, first: int, last: int) -> "Span | None":
        """Return the shortest read that holds the registers *first* to *last*; None where there is none."""
        if (first, last) not in self._known:
            self._known[(first, last)] = self._shortest(first, last)
        return self._known[(first, last)]

    def cost(self, first: int, last: int) -> "tuple[int, int] | None":
        """Return what the shortest read of these registers costs, and how many it reads."""
        span = self.span(first, last)
        return None if span is None else (self._read_cost + span.count * self._register_cost, span.count)

    def _shortest(self, first: int, last: int) -> "Span | None":
        """Where several windows hold the registers, it is the one with most room."""
        align = self._align
        start = first - first % align
        count = last + 1 - start
        count += -count % align
        best = None
        for window in self._windows:
            floor = window[1] + -window[1] % align
            room = (window[2] + 1 - floor) // align * align
            if floor <= start and start + count <= floor + room and count <= self._max_registers:
                most = min(room, self._max_registers // align * align)
                if best is None or most > best.most:
                    best = Span((window[0], floor, floor + room - 1), start, count, most)
        return best
