"""Record: what goes into the journal, as plain maps with small integer keys, and back.

A map of a record always has key 0 (its kind) and key 1 (its stamp); the rest is listed in KINDS.
docs/batch-format.md shows every field.
"""

from collections import namedtuple

from gateway.core.account.basis import Basis
from gateway.core.account.interval import Before, Energy, Span
from gateway.core.account.storage import Layer, Pool
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
            "pools_before", "pools_after", "basis",
        ),
    )
):  # fmt: skip
    """The account of one interval, from raw registers to tallies; it follows its Interval entry.

    seed: 32 random bytes from which the salts of the rows are drawn. basis: what all its tallies rest on.
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
    basis: Basis


class SelfUse(
    namedtuple("SelfUse", ("stamp", "config", "start_s", "end_s", "allocations", "tallies", "amends", "basis"))
):
    """The trace and tallies of one period by the published self-use method (688-hourly).

    amends: the sequence of the entry in whose place it comes, after late truth; 0 for the first of its period.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    allocations: "tuple[Allocation, ...]"
    tallies: "tuple[Tally, ...]"
    amends: int
    basis: Basis


class Amendment(
    namedtuple(
        "Amendment",
        (
            "stamp", "config", "start_s", "end_s", "amends", "spans", "energies", "allocations", "residuals",
            "tallies", "pools_before", "pools_after", "basis",
        ),
    )
):  # fmt: skip
    """Late truth about an interval already closed; amends is the sequence of its Account entry.

    spans: of the late registers alone, by the configuration that holds now; all other figures are those of the whole
    interval, by the configuration of the account. Where the account is no longer kept, amends is 0, and there are the
    energies of the late meters alone.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    start_s: int
    end_s: int
    amends: int
    spans: "tuple[Span, ...]"
    energies: "tuple[Energy, ...]"
    allocations: "tuple[Allocation, ...]"
    residuals: "tuple[Residual, ...]"
    tallies: "tuple[Tally, ...]"
    pools_before: "tuple[Pool, ...]"
    pools_after: "tuple[Pool, ...]"
    basis: Basis


class ReceiptSeen(namedtuple("ReceiptSeen", ("stamp", "signed"))):
    """A receipt of the platform, as signed."""

    __slots__ = ()
    stamp: Stamp
    signed: bytes


class Declaration(namedtuple("Declaration", ("stamp", "config", "what", "subject", "at_ms", "by", "reason", "values"))):
    """What a person declared of a meter or a storage, for a moment: values ((name, text), ...), sorted by name.

    what: "exchange", "ratio", "accept" or "content"; account.declared names the values of each.
    """

    __slots__ = ()
    stamp: Stamp
    config: int
    what: str
    subject: str
    at_ms: int
    by: str
    reason: str
    values: "tuple[tuple[str, str], ...]"


class KeyChange(namedtuple("KeyChange", ("stamp", "old_kid", "new_kid", "algorithm", "public_key", "proof"))):
    """The key *old_kid*, which signs the batch with this entry, hands over to another, from the next batch on.

    algorithm: COSE number; proof: signature of the new key over gateway and both key ids.
    """

    __slots__ = ()
    stamp: Stamp
    old_kid: bytes
    new_kid: bytes
    algorithm: int
    public_key: bytes
    proof: bytes


class TimeAnchor(namedtuple("TimeAnchor", ("stamp", "boot", "monotonic_ms", "utc_ms", "bound_ms", "source"))):
    """At monotonic_ms of *boot* it was utc_ms, by at most bound_ms more or less.

    source: "kernel" (its clock was synchronised) or "receipt" (a fresh one of the platform).
    """

    __slots__ = ()
    stamp: Stamp
    boot: bytes
    monotonic_ms: int
    utc_ms: int
    bound_ms: int
    source: str


class Checkpoint(namedtuple("Checkpoint", ("stamp", "origin", "size", "root", "peaks", "cosigned"))):
    """How far the chain has come: the Merkle root over the links of its first *size* entries, all before this one.

    origin: the gateway. peaks: what the tree is grown on from. cosigned: size of the last checkpoint of which the
    platform's cosignature has come, 0 before the first.
    """

    __slots__ = ()
    stamp: Stamp
    origin: str
    size: int
    root: bytes
    peaks: "tuple[bytes, ...]"
    cosigned: int


class ParameterChange(namedtuple("ParameterChange", ("stamp", "before", "after", "by", "reason", "changes"))):
    """Who changed sealed parameters and why: changes ((what, before, after), ...), from one Config entry to another.

    after: the sequence of the Config entry that brings them; it is the next one.
    """

    __slots__ = ()
    stamp: Stamp
    before: int
    after: int
    by: str
    reason: str
    changes: "tuple[tuple[str, str, str], ...]"


KIND_ACCOUNT = 5
KIND_SELF_USE = 6
KIND_AMENDMENT = 7
KIND_DECLARATION = 9
KIND_KEY_CHANGE = 10
KIND_TIME_ANCHOR = 11
KIND_CHECKPOINT = 12
KIND_CHANGE = 13
KINDS = {
    1: Config, 2: Event, 3: Readings, 4: Interval, KIND_ACCOUNT: Account, KIND_SELF_USE: SelfUse,
    KIND_AMENDMENT: Amendment, 8: ReceiptSeen, KIND_DECLARATION: Declaration,
    KIND_KEY_CHANGE: KeyChange, KIND_TIME_ANCHOR: TimeAnchor, KIND_CHECKPOINT: Checkpoint,
    KIND_CHANGE: ParameterChange,
}  # fmt: skip
# How each field looks in a plain map: a type; (class, fields...) for a row; [look] for a list; None for a
# whole number that may be absent, in lists alone.
_STAMP = (Stamp, bytes, int, int, str, int)
_PAIR = (tuple, str, str)
_SHARE = (tuple, str, int)
_BEFORE = (Before, [int], int, int)
_SPAN = (Span, str, str, [int], int, [int], int, int, int, int, str, [_BEFORE], [_BEFORE], int, int)
_ENERGY = (Energy, str, int, int, str)
_ALLOCATION = (Allocation, str, str, str, int)
_RESIDUAL = (Residual, str, str, int)
_TALLY = (Tally, str, str, str, int, int, int, [_SHARE], [str])
_BASIS = (Basis, [str], bytes, [int])
_POOL = (Pool, str, [(Layer, int, [_SHARE])])
_LOOKS: "dict[type, tuple[object, ...]]" = {
    Config: (_STAMP, str, str, [_PAIR], [_PAIR]),
    Event: (_STAMP, str, [_PAIR]),
    Readings: (_STAMP, int, int, [int], [[None]]),
    Interval: (_STAMP, int, int, int, bytes, int, int),
    Account: (
        _STAMP, int, int, int, bytes, [_SPAN], [_ENERGY], [_ALLOCATION], [_RESIDUAL], [_TALLY], [_POOL], [_POOL],
        _BASIS,
    ),
    SelfUse: (_STAMP, int, int, int, [_ALLOCATION], [_TALLY], int, _BASIS),
    Amendment: (
        _STAMP, int, int, int, int, [_SPAN], [_ENERGY], [_ALLOCATION], [_RESIDUAL], [_TALLY], [_POOL], [_POOL],
        _BASIS,
    ),
    ReceiptSeen: (_STAMP, bytes),
    Declaration: (_STAMP, int, str, str, int, str, str, [_PAIR]),
    KeyChange: (_STAMP, bytes, bytes, int, bytes, bytes),
    TimeAnchor: (_STAMP, bytes, int, int, int, str),
    Checkpoint: (_STAMP, str, int, bytes, [bytes], int),
    ParameterChange: (_STAMP, int, int, str, str, [(tuple, str, str, str)]),
}  # fmt: skip


class RecordError(ValueError):
    """A map is no record of a kind known here."""


def _plain(value: object) -> object:
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _read(value: object, look: object) -> object:
    """Return *value* as its *look* wants it; raises RecordError where it looks otherwise."""
    if isinstance(look, list):
        if isinstance(value, list):
            return _read_list(value, look[0])
    elif isinstance(look, tuple):
        if isinstance(value, list) and len(value) == len(look) - 1:
            fields = [
                value[index] if type(value[index]) is look[index + 1] else _read(value[index], look[index + 1])
                for index in range(len(value))
            ]
            return tuple(fields) if look[0] is tuple else look[0](*fields)
    elif isinstance(value, look) and not isinstance(value, bool):  # type: ignore[arg-type]
        return value
    raise RecordError("a field of another shape")


def _read_list(items: "list[object]", look: object) -> "tuple[object, ...]":
    """Return *items*, each as *look* wants it; whole numbers, of which readings have hundreds, without a call each."""
    if look is not None and look is not int:
        return tuple([_read(item, look) for item in items])
    for item in items:
        if type(item) is not int and (item is not None or look is int):
            raise RecordError("a field of another shape")
    return tuple(items)


def kind_of(record: "tuple[object, ...]") -> int:
    """Return the number of the kind of *record*; raises RecordError where it is none."""
    for kind in sorted(KINDS):
        if isinstance(record, KINDS[kind]):
            return kind
    raise RecordError("no record: %r" % (record,))


def to_map(record: "tuple[object, ...]") -> "dict[int, object]":
    """Return *record* as a plain map: key 0 its kind, keys 1.. its fields in order."""
    plain: "dict[int, object]" = {0: kind_of(record)}
    for index in range(len(record)):
        plain[index + 1] = _plain(record[index])
    return plain


def from_map(plain: "dict[int, object]") -> "tuple[object, ...]":
    """Return the record of a plain map; raises RecordError where it is none."""
    number = plain.get(0) if isinstance(plain, dict) else None
    shape = KINDS.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
    if shape is None:
        raise RecordError("unknown kind of record")
    looks = _LOOKS[shape]
    if sorted(plain) != list(range(len(looks) + 1)):
        raise RecordError("a record of kind %s has other fields" % number)
    return shape(*[_read(plain[index + 1], looks[index]) for index in range(len(looks))])  # type: ignore[no-any-return]
