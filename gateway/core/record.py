"""Record: what goes into the journal, as plain maps with small integer keys, and back.

A map of a record always has key 0 (its kind) and key 1 (its stamp); the rest is listed in KINDS.
docs/batch-format.md shows every field.
"""

from collections import namedtuple

from gateway.core.account.interval import Energy, Span
from gateway.core.account.storage import Pool
from gateway.core.account.tally import Tally
from gateway.core.account.trace import Allocation, Residual


class Stamp(namedtuple("Stamp", ("boot", "monotonic_ms", "utc_ms", "status", "bound_ms"))):
    """When a record was made: boot id (8 bytes), monotonic and UTC time, and how far UTC can be trusted.

    status: "U" unknown, "I" informative, "S" synchronised, "R" relative; bound_ms: error bound of utc_ms.
    """

    __slots__ = ()
    boot: bytes
    monotonic_ms: int
    utc_ms: int
    status: str
    bound_ms: int


class Config(namedtuple("Config", ("stamp", "site", "factors", "profiles", "channels"))):
    """The configuration as applied: TOML texts, and the channel list that readings are ordered by.

    profiles: ((id, text), ...); channels: ((meter, quantity), ...).
    """

    __slots__ = ()
    stamp: Stamp
    site: str
    factors: str
    profiles: "tuple[tuple[str, str], ...]"
    channels: "tuple[tuple[str, str], ...]"


class Event(namedtuple("Event", ("stamp", "code", "details"))):
    """Something that happened: a code such as "start" or "fault", and details ((name, text), ...)."""

    __slots__ = ()
    stamp: Stamp
    code: str
    details: "tuple[tuple[str, str], ...]"


class Readings(namedtuple("Readings", ("stamp", "config", "first_ms", "steps_ms", "columns"))):
    """Readings of some poll cycles, one column a channel.

    config: sequence of the Config entry. first_ms: UTC of the first cycle; steps_ms: from each cycle to the next.
    columns: one tuple a channel, values in recording steps (see quantity), the first as it is, the others as
    differences to the last one that was there; None where there is none.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    first_ms: int
    steps_ms: "tuple[int, ...]"
    columns: "tuple[tuple[int | None, ...], ...]"


class Interval(namedtuple("Interval", ("stamp", "config", "start_s", "end_s", "root", "rows", "complete_ppm"))):
    """One closed interval [start_s, end_s): the Merkle root over the salted rows of its account.

    rows: how many; complete_ppm: parts per million of the registers that were read at both boundaries.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    root: bytes
    rows: int
    complete_ppm: int


class Account(
    namedtuple(
        "Account",
        (
            "stamp", "config", "start_s", "end_s", "seed", "spans", "energies", "allocations", "residuals", "tallies",
            "pools_before", "pools_after",
        ),
    )
):  # fmt: skip
    """The account of one interval, from raw registers to tallies; it follows its Interval entry.

    seed: 32 random bytes from which the salts of the rows are drawn.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    seed: bytes
    spans: "tuple[Span, ...]"
    energies: "tuple[Energy, ...]"
    allocations: "tuple[Allocation, ...]"
    residuals: "tuple[Residual, ...]"
    tallies: "tuple[Tally, ...]"
    pools_before: "tuple[Pool, ...]"
    pools_after: "tuple[Pool, ...]"


class SelfUse(namedtuple("SelfUse", ("stamp", "config", "start_s", "end_s", "allocations", "tallies"))):
    """The trace and tallies of one period by the published self-use method (688-hourly)."""

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    allocations: "tuple[Allocation, ...]"
    tallies: "tuple[Tally, ...]"


class Amendment(namedtuple("Amendment", ("stamp", "config", "start_s", "end_s", "amends", "spans", "energies"))):
    """Late truth about an interval already closed; amends is the sequence of its Account entry."""

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    amends: int
    spans: "tuple[Span, ...]"
    energies: "tuple[Energy, ...]"


class ReceiptSeen(namedtuple("ReceiptSeen", ("stamp", "signed"))):
    """A receipt of the platform, as signed."""

    __slots__ = ()
    stamp: Stamp
    signed: bytes


KINDS = {1: Config, 2: Event, 3: Readings, 4: Interval, 5: Account, 6: SelfUse, 7: Amendment, 8: ReceiptSeen}
_ROWS = {
    "spans": Span,
    "energies": Energy,
    "allocations": Allocation,
    "residuals": Residual,
    "tallies": Tally,
    "pools_before": Pool,
    "pools_after": Pool,
}


class RecordError(ValueError):
    """A map is no record of a kind known here."""


def _plain(value: object) -> object:
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _tuples(value: object) -> object:
    return tuple([_tuples(item) for item in value]) if isinstance(value, (tuple, list)) else value


_FIELDS: "dict[type, tuple[str, ...]]" = {
    Config: ("stamp", "site", "factors", "profiles", "channels"),
    Event: ("stamp", "code", "details"),
    Readings: ("stamp", "config", "first_ms", "steps_ms", "columns"),
    Interval: ("stamp", "config", "start_s", "end_s", "root", "rows", "complete_ppm"),
    Account: (
        "stamp", "config", "start_s", "end_s", "seed", "spans", "energies", "allocations", "residuals", "tallies",
        "pools_before", "pools_after",
    ),
    SelfUse: ("stamp", "config", "start_s", "end_s", "allocations", "tallies"),
    Amendment: ("stamp", "config", "start_s", "end_s", "amends", "spans", "energies"),
    ReceiptSeen: ("stamp", "signed"),
}  # fmt: skip


def to_map(record: "tuple[object, ...]") -> "dict[int, object]":
    """Return *record* as a plain map: key 0 its kind, keys 1.. its fields in order."""
    for kind, shape in KINDS.items():
        if isinstance(record, shape):
            plain: "dict[int, object]" = {0: kind}
            for index in range(len(record)):
                plain[index + 1] = _plain(record[index])
            return plain
    raise RecordError("no record: %r" % (record,))


def from_map(plain: "dict[int, object]") -> "tuple[object, ...]":
    """Return the record of a plain map; raises RecordError where it is none."""
    number = plain.get(0) if isinstance(plain, dict) else None
    shape = KINDS.get(number) if isinstance(number, int) else None
    if shape is None:
        raise RecordError("unknown kind of record")
    fields = _FIELDS[shape]
    if sorted(plain) != list(range(len(fields) + 1)):
        raise RecordError("a record of kind %s has other fields" % number)
    values = []
    try:
        for index in range(len(fields)):
            value = _tuples(plain[index + 1])
            if fields[index] == "stamp":
                value = Stamp(*value)  # type: ignore[misc]
            elif fields[index] in _ROWS:
                row = _ROWS[fields[index]]
                value = tuple([row(*item) for item in value])  # type: ignore[attr-defined]
            values.append(value)
        return shape(*values)  # type: ignore[no-any-return]
    except TypeError:
        raise RecordError("a field of a record of kind %s has another shape" % number)  # noqa: B904
