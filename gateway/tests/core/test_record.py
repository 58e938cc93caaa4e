"""Records go into plain maps and come back, and nothing else is taken for one."""

from cloud_sync.core.canonical import decode, encode
from gateway.core.account.basis import Basis
from gateway.core.account.interval import Before, Energy, Span
from gateway.core.account.storage import Layer, Pool
from gateway.core.account.tally import Tally
from gateway.core.account.trace import Allocation, Residual
from gateway.core.record import (
    KINDS,
    Account,
    Amendment,
    Checkpoint,
    Config,
    Declaration,
    Event,
    Interval,
    KeyChange,
    ParameterChange,
    Readings,
    ReceiptSeen,
    RecordError,
    SelfUse,
    Stamp,
    TimeAnchor,
    from_map,
    to_map,
)

STAMP = Stamp(b"bootboot", 123456, 1700000000123, "S", 40)
SPANS = (Span("m", "energy_active_import", (1, 2), 5, (1, 9), 905, 0, 1, 7, "I", (Before((1, 1), 4, 6),), (), 3, 8),)
ENERGIES = (Energy("Mill", 7, 0, "E"),)
ALLOCATIONS = (Allocation("flow", "Intake", "Mill", 7),)
TALLIES = (Tally("Mill", "flow", "trial", 7, 0, 5827500, (("grid", 7),), ("trial:grid",)),)
BASIS = Basis(("boundary=first-after", "gap=linear"), b"c" * 16, (17,))
POOLS = (Pool("Battery", (Layer(900, (("solar", 3),)),)),)
RECORDS = (
    Config(STAMP, "[gateway]", "", (("a", "b"),), (("m", "voltage_l1_n"),)),
    Event(STAMP, "start", (("version", "一"),)),
    Readings(STAMP, 1, 1700000000000, (5000, 5001), ((2300, None, -3), (None, None, None))),
    Interval(STAMP, 1, 0, 900, b"r" * 32, 4, 999999),
    Account(
        STAMP,
        1,
        0,
        900,
        b"s" * 32,
        SPANS,
        ENERGIES,
        ALLOCATIONS,
        (Residual("A", "Intake", 1),),
        TALLIES,
        POOLS,
        POOLS,
        BASIS,
    ),
    SelfUse(STAMP, 1, 0, 3600, ALLOCATIONS, TALLIES, 12, BASIS),
    Amendment(
        STAMP, 1, 0, 900, 17, SPANS, ENERGIES, ALLOCATIONS, (Residual("A", "Intake", 1),), TALLIES, POOLS, POOLS, BASIS
    ),
    ReceiptSeen(STAMP, b"signed"),
    Declaration(STAMP, 1, "exchange", "m", 1700000000000, "Li Wei", "order 17", (("final energy_pv", "1.5 kWh"),)),
    KeyChange(STAMP, b"oldoldol", b"newnewne", -8, b"p" * 32, b"s" * 64),
    TimeAnchor(STAMP, b"bootboot", 5, 1700000000000, 20, "receipt"),
    Checkpoint(STAMP, "gw-1", 6, b"r" * 32, (b"a" * 32, b"b" * 32), 4),
    ParameterChange(STAMP, 1, 18, "Li Wei", "transformers exchanged", (("meter m: ct_ratio", "200/5", "400/5"),)),
)


def _refused(plain: "dict[int, object]") -> bool:
    try:
        from_map(plain)
    except RecordError:
        return True
    return False


def test_every_kind_comes_back_as_it_was() -> None:
    """A record of each kind survives its map and its canonical bytes, rows and stamp with their own names."""
    assert {type(record) for record in RECORDS} == set(KINDS.values())
    for record in RECORDS:
        back = from_map(decode(encode(to_map(record))))
        assert back == record and isinstance(back, type(record))
        assert back[0].utc_ms == 1700000000123
    account = from_map(decode(encode(to_map(RECORDS[4]))))
    assert account.tallies[0].by_origin == (("grid", 7),) and account.spans[0].energy_wh == 7


def test_a_map_begins_with_its_kind_and_its_stamp() -> None:
    """Key 0 is the number of the kind, key 1 the stamp, and the fields follow in order."""
    plain = to_map(RECORDS[7])
    assert plain == {0: 8, 1: [b"bootboot", 123456, 1700000000123, "S", 40], 2: b"signed"}


def test_other_maps_are_refused() -> None:
    """An unknown kind, a field too many or too few, and a row of another shape are no record."""
    good = to_map(RECORDS[6])
    assert _refused({}) and _refused({0: 99, 1: good[1]}) and _refused({0: "5"})
    short = dict(good)
    del short[7]
    assert _refused(short)
    longer = dict(good)
    longer[8] = 0
    assert _refused(longer)
    bent = dict(good)
    bent[7] = [["Mill", 7]]
    assert _refused(bent)


def test_only_records_are_written() -> None:
    """A tuple that is no record is refused."""
    try:
        to_map((1, 2))
    except RecordError:
        return
    raise AssertionError("a bare tuple was written")


def vectors() -> "list[bytes]":
    """One record of each kind in canonical form."""
    return [encode(to_map(record)) for record in RECORDS]


def test_a_field_of_another_type_is_refused() -> None:
    """Whatever field of whatever record is replaced by a value of another type, the map is no record."""
    for record in RECORDS:
        plain = to_map(record)
        for key in plain:
            for other in (None, True, {}):
                changed = dict(plain)
                changed[key] = other
                assert _refused(changed), (record, key, other)


def test_a_column_of_readings_holds_numbers_and_gaps_alone() -> None:
    """A text, a truth value or a list in the place of one reading is no record; nor is a gap among the times."""
    plain = to_map(RECORDS[2])
    for columns in ([[2300, "1"]], [[True]], [[[]]], [7]):
        changed = dict(plain)
        changed[5] = columns
        assert _refused(changed), columns
    changed = dict(plain)
    changed[4] = [5000, None]
    assert _refused(changed)
