"""RegisterImage: what a meter answered about some registers, found with few reads although its windows are unknown.

A read that is refused is parted at its widest gap and tried again, so that in the end every value was answered or
refused by itself. Nothing is ever written.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

ILLEGAL_FUNCTION = 1
_GAP = 8  # registers that nobody wants: reading over more of them runs into holes more often than it saves a read
_REFUSALS = 6  # after so many single values refused in a row, with none answered, the meter does not serve these
_SILENCES = 2  # the same where the meter does not even refuse

Span = tuple[int, int]  # first and last register of a value
# Asks for a function, a start and a count; gives the registers, or the code of the refusal (0: no answer).
Ask = Callable[[int, int, int], "tuple[int, ...] | int"]


@dataclass
class RegisterImage:
    """Registers by address; windows: the reads that were answered, as (first, last)."""

    registers: dict[int, int] = field(default_factory=dict)
    windows: list[Span] = field(default_factory=list)
    refused: list[Span] = field(default_factory=list)
    silent: int = 0


def read_spans(ask: Ask, function: int, spans: Iterable[Span], most: int) -> RegisterImage:
    """Return what *ask* gives of *spans*, at most *most* registers a read."""
    image = RegisterImage()
    wanted = sorted({span for span in spans if 0 <= span[0] <= span[1] <= 0xFFFF and span[1] - span[0] < most})
    waiting = _chunks(wanted, most)
    while waiting:
        chunk = waiting.pop(0)
        first, last = chunk[0][0], max(span[1] for span in chunk)
        answer = ask(function, first, last - first + 1)
        if isinstance(answer, tuple):
            image.registers.update(zip(range(first, last + 1), answer, strict=True))
            image.windows.append((first, last))
            continue
        image.silent += answer == 0
        if image.silent >= _SILENCES and not image.windows:
            break
        if answer == ILLEGAL_FUNCTION:
            image.refused += [*chunk, *(span for other in waiting for span in other)]
            break
        if len(chunk) > 1:
            waiting[:0] = _parted(chunk)
            continue
        image.refused += chunk
        if len(image.refused) >= _REFUSALS and not image.windows:
            break
    image.windows.sort()
    return image


def _chunks(spans: Sequence[Span], most: int) -> list[list[Span]]:
    """Return *spans* in groups that are read at once."""
    chunks: list[list[Span]] = []
    for span in spans:
        near = bool(chunks) and span[0] - max(one[1] for one in chunks[-1]) - 1 <= _GAP
        if near and span[1] - chunks[-1][0][0] < most:
            chunks[-1].append(span)
        else:
            chunks.append([span])
    return chunks


def _parted(chunk: list[Span]) -> list[list[Span]]:
    """Return *chunk* in two: at its widest gap, in the middle where all gaps are alike."""
    gaps = [after[0] - before[1] for before, after in zip(chunk, chunk[1:], strict=False)]
    middle = len(chunk) // 2
    at = max(range(1, len(chunk)), key=lambda index: (gaps[index - 1], -abs(index - middle)))
    return [chunk[:at], chunk[at:]]
