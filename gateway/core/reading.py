"""Reading and Fault: what one exchange with a meter gave."""

from collections import namedtuple

# Kinds of Fault. Each is a way in which an exchange gives no believable answer.
SILENT = "silent"  # no byte came
SHORT = "short"  # fewer bytes than asked for
LONG = "long"  # more bytes than asked for
CRC = "crc"
FRAMING = "framing"  # no Modbus TCP header of this exchange
WRONG_UNIT = "wrong-unit"
WRONG_FUNCTION = "wrong-function"
DIGITS = "digits"  # a number in which a half byte is no decimal digit
EXCEPTION = "exception"  # the meter understood and refused; detail is the exception code
LATE = "late"  # bytes before the answer could physically be complete: an old answer
JAM = "jam"  # the line did not fall silent, so nothing was asked
SERIAL = "serial"  # another meter answers at this unit id
MODELS = "models"  # a SunSpec device has not the models that the profile is about
BACKWARDS = "backwards"  # a cumulative register decreased
FREEZE = "freeze"  # what a meter kept at a boundary is not used; detail says why
TOO_FAST = "too-fast"  # a cumulative register rose faster than the connection can carry


class Reading(namedtuple("Reading", ("meter", "quantity", "at_ms", "words", "value"))):
    """One quantity of one meter.

    at_ms: UTC milliseconds at the last byte of the answer.
    words: the registers as they came, in the meter's own order (tuple of 0..65535).
    value: whole number in the quantity's unit of account (see quantity.Quantity.account_unit),
    at the primary side; None where the meter said "not available".
    """

    __slots__ = ()
    meter: str
    quantity: str
    at_ms: int
    words: "tuple[int, ...]"
    value: "int | None"


class Frozen(Reading):
    """A cumulative register as the meter itself kept it at at_ms, whenever that was read."""

    __slots__ = ()


class Fault(namedtuple("Fault", ("meter", "at_ms", "kind", "detail"))):
    """An exchange that gave nothing believable: which meter, when, why."""

    __slots__ = ()
    meter: str
    at_ms: int
    kind: str
    detail: str


class Notice(namedtuple("Notice", ("code", "details"))):
    """Something about a bus or a meter that a person should hear of: an event's code, and details by name."""

    __slots__ = ()
    code: str
    details: "dict[str, str]"
