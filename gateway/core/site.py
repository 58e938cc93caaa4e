"""Site: the park as configured: buses, meters, meter points, busbars and feeders."""

from collections import namedtuple

ROLES = ("intake", "generation", "storage", "load", "own_use", "tie")
MIXING, FIFO, LIFO = "mixing", "fifo", "lifo"
STORAGE_RULES = (MIXING, FIFO, LIFO)
PROPORTIONAL, LOAD_FIRST = "proportional", "load-first"
OF_USERS, OF_GENERATION = "user", "generation"
OF_RENEWABLES = "renewable"
FIRST_AFTER, INTERPOLATED = "first-after", "interpolated"
LINEAR, LIKE_DAY = "linear", "like-day"


class Bus(namedtuple("Bus", ("name", "port", "baud", "data_bits", "parity", "stop_bits", "turnaround_ms"))):
    """One line with meters on it. port is a device path, or an address as in `tcp_address`."""

    __slots__ = ()
    name: str
    port: str
    baud: int
    data_bits: int
    parity: str
    stop_bits: int
    turnaround_ms: int


class Meter(namedtuple("Meter", ("name", "bus", "unit", "profile", "serial", "ct_ratio", "vt_ratio", "max_power_w"))):
    """One device. unit: its Modbus unit id; 0 for one that is asked by serial, the number on its plate (DL/T 645).

    ct_ratio and vt_ratio are (primary, secondary) whole numbers, (1, 1) for direct connection.

    max_power_w: the most its connection can carry; a register that rises faster is refused.
    """

    __slots__ = ()
    name: str
    bus: str
    unit: int
    profile: str
    serial: str
    ct_ratio: "tuple[int, int]"
    vt_ratio: "tuple[int, int]"
    max_power_w: int


class MeterPoint(namedtuple("MeterPoint", ("name", "role", "meter", "busbar", "to_busbar", "origin", "reversed"))):
    """One place where energy is counted.

    busbar: where it hangs; to_busbar: the other end, for role tie only, else "".
    origin: what a source gives: "grid", "solar", "wind", "storage", ...; "" for loads.
    reversed: the meter's import and export are exchanged.
    """

    __slots__ = ()
    name: str
    role: str
    meter: str
    busbar: str
    to_busbar: str
    origin: str
    reversed: bool


class Storage(namedtuple("Storage", ("meter_point", "initial_wh", "initial_origin", "efficiency_permille", "rule"))):
    """The account of one storage meter point: what it held at the start, its round-trip efficiency, and the rule by
    which discharge is explained by charge: "mixing", "fifo" or "lifo"."""

    __slots__ = ()
    meter_point: str
    initial_wh: int
    initial_origin: str
    efficiency_permille: int
    rule: str


class SelfUseRule(namedtuple("SelfUseRule", ("period_s", "charging", "own_use", "export"))):
    """The period of the 688-hourly method, and what its text leaves open.

    charging: storage is charged from all in proportion, or renewable energy goes to loads first. own_use: what
    plants draw is consumption of a user, or taken off generation. export: of renewable energy alone, or in
    proportion also of what other plants in the park gave.
    """

    __slots__ = ()
    period_s: int
    charging: str
    own_use: str
    export: str


class Site(
    namedtuple(
        "Site",
        (
            "gateway", "park", "interval_s", "cycle_s", "readings_s", "hold_s", "self_use", "province", "factor_sets",
            "buses", "meters", "meter_points", "storages", "slow_s", "boundary", "gap_shape",
        ),
    )
):  # fmt: skip
    """Everything a gateway knows about its park."""

    __slots__ = ()
    gateway: str
    park: str
    interval_s: int
    cycle_s: int  # how often every meter is read
    readings_s: int  # how often readings become an entry
    hold_s: int  # how long the closing of an interval waits for a missing meter
    self_use: SelfUseRule
    province: str
    factor_sets: "tuple[str, ...]"
    buses: "tuple[Bus, ...]"
    meters: "tuple[Meter, ...]"
    meter_points: "tuple[MeterPoint, ...]"
    storages: "tuple[Storage, ...]"
    slow_s: int  # how often what profiles call slow is read
    boundary: str  # what stands for a boundary that no meter kept: FIRST_AFTER or INTERPOLATED
    gap_shape: str  # how the energy of a gap is split over its intervals: LINEAR or LIKE_DAY

    @property
    def slow_sweeps(self) -> int:
        """In every how many sweeps slow reads are made."""
        return max(1, self.slow_s // self.cycle_s)


class Park(namedtuple("Park", ("meter_points", "storages", "factor_sets", "province", "self_use"))):
    """What of a site its account needs; a park of several gateways has no more than this."""

    __slots__ = ()
    meter_points: "tuple[MeterPoint, ...]"
    storages: "tuple[Storage, ...]"
    factor_sets: "tuple[str, ...]"
    province: str
    self_use: SelfUseRule
