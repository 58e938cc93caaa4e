"""What one exchange with a DL/T 645 meter means, by the tables of the standard alone."""

from collections import namedtuple

from gateway.core.meter.dlt645 import (
    READ_ADDRESS,
    READ_ON,
    READ_ON_1997,
    Answer,
    Question,
    answer,
    di_text,
    hex_text,
    opened,
    read_request,
    year_of,
)
from gateway.core.meter.dlt645_items import NUMBER, Item
from gateway.core.meter.dlt645_values import amount, items_in, parts, registers, text
from gateway.core.meter.exchange import Meaning, decimal_text, meaning
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import NO_RATIOS, DeviceProfile, Point
from gateway.core.reading import DIGITS, EXCEPTION, WRONG_FUNCTION

ERROR = "dlt645_error"  # the error byte of a refusal, as a reading


class Exchange(namedtuple("Exchange", ("meanings", "fault"))):
    """What an exchange gave: values, or the fault (kind, detail) for which none is believed.

    With a fault, meanings say at most what the meter refused with, or which values were without digits.
    """

    __slots__ = ()
    meanings: "list[Meaning]"
    fault: "tuple[str, str] | None"


def meanings_of(found: Answer) -> "list[Meaning]":
    """Return every value of a believable answer; raises FrameFault where its length or a digit is wrong."""
    if found.control == READ_ADDRESS:
        return [Meaning("meter_address", found.address, "", ())]
    if found.control in (READ_ON, READ_ON_1997):
        return []
    items = items_in(found)
    if not items:
        return [Meaning("di_" + di_text(found.di, found.control), hex_text(found.octets), "", ())]
    return [_meaning(item, octets) for item, octets in parts(found, items)]


def _meaning(item: Item, octets: bytes) -> Meaning:
    if item.form != NUMBER:
        return Meaning(item.name, text(item, octets), item.unit, ())
    value = amount(item, octets)
    return Meaning(item.name, None if value is None else decimal_text(value[0], value[1]), item.unit, ())


def exchanged(request: bytes, response: bytes, year: "int | None" = None) -> Exchange:
    """Return what *response* to *request* means; b"" for a request that is not known, None for either year.

    Raises FrameFault where *request* is no read request.
    """
    question = read_request(request) if request else None
    try:
        if year is not None and year_of(opened(response).control) != year:
            raise FrameFault(WRONG_FUNCTION, "control code %02x is not of %d" % (opened(response).control, year))
        found = answer(response, question)
        return Exchange(meanings_of(found), None)
    except FrameFault as fault:
        seen = []
        if fault.kind == EXCEPTION:
            seen = [Meaning(ERROR, fault.detail, "", ())]
        elif fault.kind == DIGITS:
            seen = [Meaning(item.name, None, item.unit, ()) for item, _ in parts(found, items_in(found))]
        return Exchange(seen, (fault.kind, fault.detail))


def points_of(profile: DeviceProfile, question: Question) -> "list[Point]":
    """Return the points of *profile* that the answer to *question* holds."""
    same = [point for point in profile.points if point.address >> 8 == question.di]
    return [point for point in same if point.function == question.control]


def meanings_645(
    profile: DeviceProfile,
    question: Question,
    words: "tuple[int, ...]",
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> "list[Meaning]":
    """Return every point of *profile* in the registers that answer *question*, in the units that it states."""
    return [meaning(point, words, question.di << 8, ratios) for point in points_of(profile, question)]


def exchanged_645(
    profile: DeviceProfile,
    request: bytes,
    response: bytes,
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> "list[Meaning]":
    """Return what *profile* knows in *response* to *request* (b"" where it is not known); raises FrameFault."""
    question = read_request(request) if request else None
    found = answer(response, question)
    question = Question(found.address, found.control, found.di, found.sequence)
    count = 0
    for point in points_of(profile, question):
        count = max(count, (point.last & 0xFF) + 1)
    return meanings_645(profile, question, registers(found, count), ratios) if count else []
