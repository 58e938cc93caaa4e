"""Quality: the flags of a figure in the codes that markets and utilities use.

Sources: AEMO, Meter Data File Format NEM12 & NEM13, quality flags and substitution types; NAESB ESPI (Green Button),
QualityOfReading of espi.xsd; IEEE 2030.5-2018, qualityFlags of a ReadingBase. What is ours is which flag means which
code:

- Energy that a register counted is actual, also where the register passed its width or the meter kept it itself.
- A boundary between two polls makes the figure derived; one that was read late makes it questionable, not untrue.
- What rests on the word of a person is edited, by the check reading that the work order states (method 11).
- The shape of a gap is a substitute, by a straight line (method 17) or by like days (method 14).
- Where a register is missing, went backwards or rose beyond what its connection carries, the 0 is no statement of the
  meter: null (N), questionable.
- A letter that is not known here is questionable: of what is not understood nothing better is said.

ESPI 19 (revenue quality) is never said here: that is for whoever bills with the figure to say.
"""

from collections import namedtuple

from gateway.core.flag import (
    DECLARED,
    DECREASED,
    ESTIMATED_SHAPE,
    FROZEN,
    INTERPOLATED,
    LATE_BOUNDARY,
    LIKE_DAY_SHAPE,
    MISSING,
    MOVED,
    QUARANTINED,
    ROLLED_OVER,
)

VARIABLE = "V"  # AEMO: the intervals of a day are not of one quality
MIXED = 13  # ESPI: the same of a longer period
ACTUAL = "A"


class Quality(namedtuple("Quality", ("aemo", "espi", "ieee"))):
    """One quality in three codes.

    aemo: as in the quality field of NEM12 ("A", "S17", "F14", "N", "V"); espi: number of QualityOfReading;
    ieee: qualityFlags of IEEE 2030.5 as a whole number, bit 0 (valid) being 1.
    """

    __slots__ = ()
    aemo: str
    espi: int
    ieee: int


MEASURED = Quality(ACTUAL, 0, 1)
# From the worst to the best; of the flags of a figure the first that is found here gives the code.
_QUALITIES = (
    (MISSING, Quality("N", 10, 1 << 4)),
    (DECREASED, Quality("N", 10, 1 << 4)),
    (QUARANTINED, Quality("N", 10, 1 << 4)),
    (DECLARED, Quality("S11", 7, 1 << 1)),
    (LIKE_DAY_SHAPE, Quality("S14", 8, 1 << 2)),
    (ESTIMATED_SHAPE, Quality("S17", 9, 1 << 3)),
    (MOVED, Quality(ACTUAL, 10, 1 << 4)),
    (LATE_BOUNDARY, Quality(ACTUAL, 10, 1 << 4)),
    (INTERPOLATED, Quality(ACTUAL, 11, 1 << 5)),
    (ROLLED_OVER, MEASURED),
    (FROZEN, MEASURED),
)
_UNKNOWN = Quality("N", 10, 1 << 4)


def quality_of(flag: str, final: bool = False) -> Quality:
    """Return the codes of a figure with the flags *flag*; *final*: no later truth will replace it (AEMO S becomes F).

    The worst flag gives AEMO's and ESPI's code, for they take one; IEEE 2030.5 takes a bit for each.
    """
    known = [letter for letter, _ in _QUALITIES]
    found = [quality for letter, quality in _QUALITIES if letter in flag]
    if [letter for letter in flag if letter not in known]:
        found.insert(0, _UNKNOWN)
    if not found:
        return MEASURED
    bits = 0
    for quality in found:
        bits |= quality.ieee
    if bits != MEASURED.ieee:
        bits &= ~MEASURED.ieee
    aemo = found[0].aemo
    return Quality("F" + aemo[1:] if final and aemo[0] == "S" else aemo, found[0].espi, bits)


def quality_of_period(qualities: "list[Quality]") -> Quality:
    """Return the codes of a period from those of its intervals: theirs if all agree, else variable and mixed."""
    assert qualities
    first = qualities[0]
    if [quality for quality in qualities if quality != first]:
        bits = 0
        for quality in qualities:
            bits |= quality.ieee
        aemo = VARIABLE if [quality for quality in qualities if quality.aemo != first.aemo] else first.aemo
        espi = MIXED if [quality for quality in qualities if quality.espi != first.espi] else first.espi
        return Quality(aemo, espi, bits & ~MEASURED.ieee)
    return first


def actual_ppm(codes: "list[str]") -> int:
    """Return how many of the AEMO *codes* are actual, in parts per million, rounded down; 0 where there are none."""
    return len([code for code in codes if code == ACTUAL]) * 1000000 // len(codes) if codes else 0
