"""Takes a believable DL/T 645 answer apart into its values, and believes none of it where a digit is no digit."""

from gateway.core.meter.bcd import all_ones, digits_of
from gateway.core.meter.dlt645 import READ_ON, READ_ON_1997, Answer, hex_text, year_of
from gateway.core.meter.dlt645_items import DIGITS, HEX, NUMBER, TEXT, Item, items_of
from gateway.core.meter.modbus import FrameFault
from gateway.core.reading import DIGITS as NO_DIGITS
from gateway.core.reading import LONG, SHORT

# A meter of 1997 may put one byte of status behind its value.
_STATUS_OCTETS_1997 = 1


def parts(answer: Answer, items: "tuple[Item, ...]") -> "list[tuple[Item, bytes]]":
    """Return what *answer* holds of *items*, as far as it goes; raises FrameFault where its length does not fit.

    A block may be shorter than the tables allow, but ends with a whole item. Bytes of an item are lowest first.
    """
    assert answer.control not in (READ_ON, READ_ON_1997), "a frame that goes on says nothing of where it begins"
    found, at, octets = [], 0, answer.octets
    for item in items:
        if at + item.octets > len(octets):
            break
        found.append((item, octets[at : at + item.octets]))
        at += item.octets
    left = len(octets) - at
    if found and year_of(answer.control) == 1997 and left == _STATUS_OCTETS_1997 and len(items) == 1:
        left = 0
    if not answer.more and (left or not found):
        wanted = sum([item.octets for item in items])
        kind = LONG if len(octets) > wanted else SHORT
        raise FrameFault(kind, "%d bytes do not end with a value" % len(octets))
    return found


def bits_of(octets: bytes) -> int:
    """Return *octets*, lowest first, as one number."""
    total = 0
    for octet in reversed(octets):
        total = total << 8 | octet
    return total


def amount(item: Item, octets: bytes) -> "tuple[int, int] | None":
    """Return the number in *octets* as (mantissa, exponent of ten) in the item's unit; None for "not available"."""
    assert item.form == NUMBER and len(octets) == item.octets
    bits = bits_of(octets)
    if all_ones(bits, item.octets):
        return None
    mantissa = digits_of(bits, item.octets, item.signed)
    if mantissa is None:
        raise FrameFault(NO_DIGITS, "%s %s" % (item.name, hex_text(octets)))
    return (mantissa, -item.decimals)


def text(item: Item, octets: bytes) -> "str | None":
    """Return what is no amount as people read it: digits, bits in hexadecimal, characters."""
    if item.form == TEXT:
        return "".join([chr(octet) for octet in reversed(octets) if 32 <= octet < 127]).strip()
    if item.form == HEX:
        return hex_text(octets)
    assert item.form == DIGITS
    if all_ones(bits_of(octets), item.octets):
        return None
    if digits_of(bits_of(octets), item.octets) is None:
        raise FrameFault(NO_DIGITS, "%s %s" % (item.name, hex_text(octets)))
    return hex_text(octets)


def items_in(answer: Answer) -> "tuple[Item, ...]":
    """Return what the tables say the answer may hold; () for a data identifier that is not in them."""
    return items_of(answer.di, year_of(answer.control))


def register_count(octets: int) -> int:
    """Return how many registers of 16 bits hold a value of *octets* bytes."""
    return (octets + 1) // 2


def goes_on(answer: Answer, count: int) -> bool:
    """Tell whether the first *count* registers of *answer* are not all there yet: the rest is in another frame."""
    held = 0
    if answer.more:
        for item, _octets in parts(answer, items_in(answer)):
            held += register_count(item.octets)
    return answer.more and held < count


def registers(answer: Answer, count: int) -> "tuple[int, ...]":
    """Return the numbers of an answer as *count* registers, each value in whole ones, highest digits first.

    What a block leaves out at its end is not available. Raises FrameFault where a length or a digit is wrong, and
    where what is wanted goes on in another frame.
    """
    if goes_on(answer, count):
        raise FrameFault(SHORT, "the answer goes on in another frame")
    items = items_in(answer)
    given = parts(answer, items)
    words: "list[int]" = []
    for place in range(len(items)):
        bits = (1 << 8 * items[place].octets) - 1
        if place < len(given):
            bits = bits_of(given[place][1])
            if items[place].form == NUMBER:
                amount(items[place], given[place][1])
            else:
                text(items[place], given[place][1])
        for at in range(register_count(items[place].octets) - 1, -1, -1):
            words.append(bits >> 16 * at & 0xFFFF)
        if len(words) >= count:
            break
    return tuple(words[:count])
