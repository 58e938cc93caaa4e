"""DeviceProfile: a meter model, as its file describes it: which register holds what, and how it may be read.

Addresses are those on the wire; a file that counts from one was brought to zero when it was read.
`profile_reading` makes profiles out of plain maps, `decoding` turns registers into values.
"""

from collections import namedtuple

STATUSES = ("draft", "bench", "verified")
SIDES = ("direct", "primary", "secondary")
SIGNS = ("+import", "+export", "+charge", "+discharge", "none")  # none: a magnitude
HIGH_FIRST = "high-first"
LOW_FIRST = "low-first"
RATIOS = ("ct", "vt")
FAST, SLOW, ONCE = "fast", "slow", "once"  # how often a point is read: in every sweep, now and then, at the start
NEVER = ""
FREEZE = "freeze"  # after the end of an interval, as the meter kept it then: its DI is that of a freeze
NO_RATIOS = ((1, 1), (1, 1))
MODBUS = "modbus"
DLT645_2007, DLT645_1997 = "dlt645-2007", "dlt645-1997"
CJT188 = "cjt188"  # meters of water, heat and gas
SUNSPEC = "sunspec"  # Modbus registers that are found by walking the models of the device
PROTOCOLS = (MODBUS, SUNSPEC, DLT645_2007, DLT645_1997, CJT188)
PROVENANCES = ("captured", "manual", "reconstructed")

# Registers of one value, by type; a text has as many as its profile says.
REGISTERS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "i64": 4, "f32": 2, "f64": 4, "bits16": 1, "ascii": 0}
TYPES = ("u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bits16", "ascii")

# Types of a DL/T 645 value: bytes of BCD digits, in as many registers as hold them; s: the highest bit says minus.
BCD_OCTETS = {
    "bcd8": 1, "bcd16": 2, "bcd24": 3, "bcd32": 4, "bcd8s": 1, "bcd16s": 2, "bcd24s": 3, "bcd32s": 4,
}  # fmt: skip

# Raw values that mean "not available" unless the profile says otherwise: the ends of the range, as SunSpec,
# ABB, Huawei and others use them. A float says it by not-a-number. 0xFFFF of an i16 is -1, hence a value.
SENTINELS: "dict[str, tuple[int, ...]]" = {
    "u16": (0xFFFF,),
    "i16": (0x8000, 0x7FFF),
    "u32": (0xFFFFFFFF,),
    "i32": (0x80000000, 0x7FFFFFFF),
    "u64": (0xFFFFFFFFFFFFFFFF,),
    "i64": (0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
    "f32": (),
    "f64": (),
    "bits16": (),
    "ascii": (),
}

# Units a profile may state, as (unit of a Quantity, power of ten towards it).
UNITS = {
    "mV": ("V", -3), "V": ("V", 0), "kV": ("V", 3),
    "mA": ("A", -3), "A": ("A", 0), "kA": ("A", 3),
    "W": ("W", 0), "kW": ("W", 3), "MW": ("W", 6),
    "var": ("var", 0), "kvar": ("var", 3), "Mvar": ("var", 6),
    "VA": ("VA", 0), "kVA": ("VA", 3), "MVA": ("VA", 6),
    "Wh": ("kWh", -3), "kWh": ("kWh", 0), "MWh": ("kWh", 3),
    "kJ": ("kWh", -2), "MJ": ("kWh", 1), "GJ": ("kWh", 4),
    "varh": ("kvarh", -3), "kvarh": ("kvarh", 0), "Mvarh": ("kvarh", 3),
    "VAh": ("kVAh", -3), "kVAh": ("kVAh", 0), "MVAh": ("kVAh", 3),
    "mHz": ("Hz", -3), "Hz": ("Hz", 0),
    "l": ("m3", -3), "m3": ("m3", 0), "l/h": ("m3/h", -3), "m3/h": ("m3/h", 0),
    "1": ("1", 0), "deg": ("deg", 0), "degC": ("degC", 0), "%": ("%", 0),
}  # fmt: skip

# Of heat in joules a power of ten is not all: 36 MJ are 10 kWh.
_JOULES = ("kJ", "MJ", "GJ")


def unit_divisor(unit: str) -> int:
    """Return by what a value in *unit* is to be divided besides the power of ten that leads to the quantity's unit."""
    return 36 if unit in _JOULES else 1


def unit_exponent(unit: str, wanted: str) -> "int | None":
    """Return the power of ten from *unit* to the quantity's unit *wanted*; None where it is no unit of it."""
    if unit == "%" and wanted == "1":
        return -2
    found = UNITS.get(unit)
    return found[1] if found is not None and found[0] == wanted else None


class Point(
    namedtuple(
        "Point",
        (
            "name", "quantity", "function", "address", "count", "type", "words", "factor", "unit", "side", "times",
            "counter", "wrap", "sentinels", "exponent_at", "sign", "poll",
        ),
    )
):  # fmt: skip
    """One value of a meter.

    quantity: its name in the closed table, None for a status that is kept out of accounts; name: then its own name.
    factor: (numerator, denominator); a count times factor is in *unit*. wrap: counts at which a counter starts over.
    times: the ratios that lead from a secondary value to the primary side. exponent_at: the register with the power
    of ten, read with the value. sign: the direction that positive values have, "" where it
    is not stated.
    poll: how often it is read; NEVER: only decoded where an answer holds it; FREEZE: as kept at a boundary.
    Of a DL/T 645 meter, function is the control code of a read, and address the data identifier times 256, plus the
    place of the value among the values of a block, in registers. Of a CJ/T 188 meter, function is the identifier of
    the readout, and address the type of the meter times 256, plus the place of the value in the readout.
    """

    __slots__ = ()
    name: str
    quantity: "str | None"
    function: int
    address: int
    count: int
    type: str
    words: str
    factor: "tuple[int, int]"
    unit: str
    side: str
    times: "tuple[str, ...]"
    counter: bool
    wrap: "int | None"
    sentinels: "tuple[int, ...]"
    exponent_at: "int | None"
    sign: str
    poll: str

    @property
    def first(self) -> int:
        """The first register that must be read for this value."""
        return self.address if self.exponent_at is None else min(self.address, self.exponent_at)

    @property
    def last(self) -> int:
        """The last register that must be read for this value."""
        end = self.address + self.count - 1
        return end if self.exponent_at is None else max(end, self.exponent_at)


class Identity(namedtuple("Identity", ("function", "address", "count", "type", "words", "expect"))):
    """A read that tells this model from others; expect: the numbers or texts of which one must be found."""

    __slots__ = ()
    function: int
    address: int
    count: int
    type: str
    words: str
    expect: "tuple[int | str, ...]"


class Example(namedtuple("Example", ("request", "response", "ratios", "expect", "provenance"))):
    """A test of the profile: one exchange and what it means.

    expect: ((quantity or name, decimal text or "" for not available), ...).
    provenance: "captured" on a real meter, from the "manual", or "reconstructed".
    """

    __slots__ = ()
    request: bytes
    response: bytes
    ratios: "tuple[tuple[int, int], tuple[int, int]]"
    expect: "tuple[tuple[str, str], ...]"
    provenance: str


class Layout(namedtuple("Layout", ("bases", "main", "chain"))):
    """Where a SunSpec device keeps its models.

    bases: registers at which the marker may stand. main: the model that the profile is about. chain: the models one
    behind the other, as (id, register of the id, length without id and length): the usual ones, or those found.
    """

    __slots__ = ()
    bases: "tuple[int, ...]"
    main: int
    chain: "tuple[tuple[int, int, int], ...]"


class DeviceProfile(
    namedtuple(
        "DeviceProfile",
        (
            "id", "maker", "model", "kind", "status", "evidence", "transport", "serial_default", "serial_allowed",
            "units", "function", "max_registers", "align", "windows", "timeout_ms", "gap_ms", "points", "constants",
            "identify", "tests", "sunspec",
        ),
    )
):  # fmt: skip
    """One meter model.

    evidence: ((source, page), ...). transport: of "rtu" and "tcp", or the one protocol that is
    not Modbus. serial_default, serial_allowed: line settings such
    as "9600 8N1", "" and () where there is no serial line. units: first and last unit id. windows: legal reads as
    (function, first, last). constants: points that hold the meter's own ratios, named "ct" and "vt".
    sunspec: of a SunSpec device, the models by which its points are found; addresses are those of the usual chain.
    """

    __slots__ = ()
    id: str
    maker: str
    model: str
    kind: str
    status: str
    evidence: "tuple[tuple[str, str], ...]"
    transport: "tuple[str, ...]"
    serial_default: str
    serial_allowed: "tuple[str, ...]"
    units: "tuple[int, int]"
    function: int
    max_registers: int
    align: int
    windows: "tuple[tuple[int, int, int], ...]"
    timeout_ms: int
    gap_ms: int
    points: "tuple[Point, ...]"
    constants: "tuple[Point, ...]"
    identify: "tuple[Identity, ...]"
    tests: "tuple[Example, ...]"
    sunspec: "Layout | None"

    @property
    def protocol(self) -> str:
        """The language of the meter: "modbus", an issue of DL/T 645, or "cjt188"."""
        return self.transport[0] if self.transport[0] in PROTOCOLS else MODBUS

    def polled(self) -> "tuple[Point, ...]":
        """Return the points that give readings: quantities only, no status."""
        return tuple([p for p in self.points if p.poll not in (NEVER, FREEZE) and p.quantity is not None])

    def asked(self) -> "tuple[Point, ...]":
        """Return all points that a meter is asked for: those that give readings, and what it is asked once."""
        return self.polled() + tuple([p for p in self.points if p.quantity is None and p.poll == ONCE])
