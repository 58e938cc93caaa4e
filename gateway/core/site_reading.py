"""Reads a site from plain maps (as TOML gives them) and finds everything that is wrong with it at once."""

from gateway.core.fields import Fields, shown
from gateway.core.notation import SECONDS, WATTS, is_digits, line_setting
from gateway.core.park_day import DAY_S
from gateway.core.problem import Problem, problem
from gateway.core.site import (
    FIRST_AFTER,
    INTERPOLATED,
    LIKE_DAY,
    LINEAR,
    LOAD_FIRST,
    OF_GENERATION,
    OF_RENEWABLES,
    OF_USERS,
    PROPORTIONAL,
    Bus,
    Meter,
    SelfUseRule,
    Site,
)
from gateway.core.site_points import read_meter_points, read_storages
from gateway.core.tcp_address import has_line, is_network, tcp_address

INTERVALS_MIN = (1, 5, 10, 15, 30, 60)
# Modbus over serial line 1.02, section 2.2: unit ids of single devices.
UNITS = (1, 247)
BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
MOST_TURNAROUND_MS = 10000
DI_DIGITS, READOUT_DIGITS = 12, 14  # of the number of a DL/T 645 meter, and of a CJ/T 188 meter
# The id and the bucket become levels of an MQTT topic.
_ID_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NOT_IN_TOPICS = " /+#$"
_TOPIC_NAME_MAX = 64
_TABLES = ("gateway", "uplink", "bus", "meter", "busbar", "meter_point", "storage", "self_use")
_GATEWAY = (
    "id", "park", "interval", "cycle", "slow", "readings", "hold", "province", "factor_sets", "boundary", "gap",
)  # fmt: skip
PLATFORM = "platform"  # the name of the only platform, where the site gives it none
_UPLINK = ("platform", "broker", "bucket", "platform_key", "ca", "certificate", "key")
_METER = ("name", "bus", "unit", "address", "profile", "serial", "ct_ratio", "vt_ratio", "max_power")


def _line(table: Fields) -> "tuple[int, int, str, int]":
    text = table.text("line", "9600 8N1")
    found = line_setting(text, BAUD_RATES)
    if found is not None:
        return found
    table.problems.append(
        problem(
            "WP-CFG-009",
            table.place("line"),
            "{text} is no line setting",
            'write baud rate, then data bits, parity and stop bits, as in "9600 8N1"',
            text=shown(text),
        )
    )
    return (9600, 8, "N", 1)


def _buses(top: Fields) -> "list[Bus]":
    buses: "list[Bus]" = []
    names: "list[str]" = []
    for table in top.tables("bus", some=True):
        table.only(("name", "port", "line", "turnaround"))
        baud, bits, parity, stop = _line(table)
        turnaround_ms = table.measure("turnaround", {"ms": 1}, "10 ms", 1, MOST_TURNAROUND_MS)
        name, port = table.text("name"), table.text("port")
        table.fresh("name", name, names)
        _check_port(table, port, buses)
        buses.append(Bus(name, port, baud, bits, parity, stop, turnaround_ms))
    return buses


def _check_port(table: Fields, port: str, buses: "list[Bus]") -> None:
    """Note a port that is no address, or that of another bus."""
    if is_network(port) and tcp_address(port) is None:
        table.problems.append(
            problem(
                "WP-CFG-029",
                table.place("port"),
                "{port} is no address",
                'write host and port: "tcp://192.168.1.20:502", or "rtu+tcp://192.168.1.20:4001" for a serial server',
                port=shown(port),
            )
        )
    if is_network(port) and has_line(port) and "line" not in table.plain:
        table.problems.append(
            problem(
                "WP-CFG-100",
                table.place("line"),
                "the line behind the serial server {port} is not stated",
                'write what is set in the server, as in line = "9600 8N1": no answer can come faster than it',
                port=shown(port),
            )
        )
    for other in buses:
        if port and port == other.port:
            table.problems.append(
                problem(
                    "WP-CFG-026",
                    table.place("port"),
                    "the port {port} is that of bus {other} already",
                    "one pair of wires is one bus: put its meters on the same [[bus]]",
                    port=port,
                    other=other.name,
                )
            )


def _meters(top: Fields, buses: "list[str]", profiles: "list[str]") -> "list[Meter]":
    meters = []
    names: "list[str]" = []
    taken: "dict[tuple[str, int, str], str]" = {}
    for table in top.tables("meter", some=True):
        table.only(_METER)
        meter = Meter(
            table.text("name"),
            table.text("bus"),
            0 if "address" in table.plain else table.number("unit", UNITS[0], UNITS[1]),
            table.text("profile"),
            _address(table) if "address" in table.plain else table.text("serial", ""),
            table.ratio("ct_ratio"),
            table.ratio("vt_ratio"),
            _max_power_w(table),
        )
        table.fresh("name", meter.name, names)
        table.known("bus", meter.bus, buses)
        table.known("profile", meter.profile, profiles)
        place = (meter.bus, meter.unit, "" if meter.unit else meter.serial)
        if place in taken:
            table.problems.append(
                problem(
                    "WP-CFG-010",
                    table.place("unit" if meter.unit else "address"),
                    "unit id {unit} on bus {bus} is already used by {other}",
                    "give each meter on a bus its own unit id",
                    unit=meter.unit or meter.serial,
                    bus=meter.bus,
                    other=taken[place],
                )
            )
        taken[place] = meter.name
        meters.append(meter)
    return meters


def _max_power_w(table: Fields) -> int:
    """Return what the connection of a meter can carry; 0 for a CJ/T 188 meter of which it is not stated."""
    address = table.plain.get("address")
    if isinstance(address, str) and len(address) == READOUT_DIGITS and "max_power" not in table.plain:
        return 0
    return table.measure("max_power", WATTS, None, 1)


def _address(table: Fields) -> str:
    """Return the number on its plate by which a meter is asked, which stands for unit id and serial number."""
    text = table.text("address")
    for key in ("unit", "serial"):
        if key in table.plain:
            table.problems.append(
                problem(
                    "WP-CFG-045",
                    table.place(key),
                    "a meter with an address has no {key}",
                    "remove {key}: the meter is asked and known by the number on its plate",
                    key=key,
                )
            )
    counted = len(text) in (DI_DIGITS, READOUT_DIGITS) and is_digits(text)
    if text and (not counted or text == "9" * DI_DIGITS):
        table.problems.append(
            problem(
                "WP-CFG-046",
                table.place("address"),
                "{text} is no number by which a meter can be asked",
                'write the digits of its plate, 12 by DL/T 645, 14 by CJ/T 188: address = "002241020208"',
                text=shown(text),
            )
        )
    return text


def _busbars(top: Fields) -> "list[str]":
    names: "list[str]" = []
    for table in top.tables("busbar", some=True):
        table.only(("name", "ties"))
        table.fresh("name", table.text("name"), names)
        table.texts("ties")  # "<gateway>/<meter point>": the ties of other gateways that end here, for the platform
    return names


def _check_uplinks(top: Fields) -> None:
    """Note what is wrong with one [uplink], or with some [[uplink]] that each name their platform."""
    if not isinstance(top.plain.get("uplink"), list):
        if "uplink" in top.plain:
            _check_uplink(top.table("uplink"))
        return
    names: "list[str]" = []
    buckets: "list[str]" = []
    for table in top.tables("uplink"):
        _check_uplink(table)
        table.fresh("platform", table.text("platform"), names)
        buckets.append(table.text("bucket", "b0"))
        if buckets[-1] != buckets[0] and not table.noted("bucket"):
            table.problems.append(
                problem(
                    "WP-CFG-120",
                    table.place("bucket"),
                    "the bucket is {bucket}, and that of the first platform is {first}",
                    "give all platforms the same bucket: a batch is signed once, for one topic",
                    bucket=shown(buckets[-1]),
                    first=shown(buckets[0]),
                )
            )


def _check_uplink(table: Fields) -> None:
    table.only(_UPLINK)
    for key in _UPLINK:
        text = table.text(key, None if key in ("broker", "platform_key") else "")
        if key == "bucket" and text and [c for c in text if c in _NOT_IN_TOPICS] + list(text[_TOPIC_NAME_MAX:]):
            table.problems.append(
                problem(
                    "WP-CFG-024",
                    table.place("bucket"),
                    "{bucket} cannot be a bucket: it is one level of an MQTT topic",
                    "use letters and digits, as in b0; the platform's bucket must be the same",
                    bucket=shown(text),
                )
            )


def _interval_s(gateway: Fields) -> int:
    interval_s = gateway.measure("interval", SECONDS, "15 min", 1, DAY_S)
    if not interval_s % 60 and interval_s // 60 in INTERVALS_MIN:
        return interval_s
    if not gateway.noted("interval"):
        gateway.problems.append(
            problem(
                "WP-CFG-021",
                gateway.place("interval"),
                "an interval of {seconds} s does not divide the hour as metering needs",
                "use 1, 5, 10, 15, 30 or 60 min",
                seconds=interval_s,
            )
        )
    return 900


def _self_use(top: Fields, gateway: Fields, interval_s: int) -> SelfUseRule:
    table = top.table("self_use")
    table.only(("period", "charging", "own_use", "export"))
    period_s = table.measure("period", SECONDS, "60 min", 1, DAY_S)
    wrong = table.noted("period") or gateway.noted("interval")
    if not wrong and (period_s % interval_s or DAY_S % period_s):
        table.problems.append(
            problem(
                "WP-CFG-022",
                table.place("period"),
                "the period must hold whole intervals and divide the day",
                'use "60 min"',
            )
        )
    return SelfUseRule(
        period_s,
        table.choice("charging", (PROPORTIONAL, LOAD_FIRST), PROPORTIONAL),
        table.choice("own_use", (OF_USERS, OF_GENERATION), OF_USERS),
        table.choice("export", (OF_RENEWABLES, PROPORTIONAL), OF_RENEWABLES),
    )


def read_site(
    plain: "dict[str, object]", profiles: "list[str]", factor_sets: "list[str]"
) -> "tuple[Site | None, list[Problem]]":
    """Return the site that *plain* describes, or None, and every problem found.

    profiles, factor_sets: the ids that a meter or the gateway may name.
    """
    problems: "list[Problem]" = []
    top = Fields(plain, "", problems)
    top.only(_TABLES)
    gateway = top.table("gateway")
    gateway.only(_GATEWAY)
    _check_uplinks(top)
    buses = _buses(top)
    meters = _meters(top, [bus.name for bus in buses], profiles)
    busbars = _busbars(top)
    points = read_meter_points(top, [meter.name for meter in meters], busbars, gateway.plain.get("id"))
    storages = read_storages(top, points)
    interval_s = _interval_s(gateway)
    self_use = _self_use(top, gateway, interval_s)
    sets = gateway.texts("factor_sets", ("NDRC910-trial",))
    for name in sets:
        gateway.known("factor_sets", name, factor_sets)
    site = Site(
        gateway.text("id"),
        gateway.text("park", ""),
        interval_s,
        gateway.measure("cycle", SECONDS, "15 s", 1, DAY_S),
        gateway.measure("readings", SECONDS, "60 s", 1, DAY_S),
        gateway.measure("hold", SECONDS, "%d s" % min(60, interval_s // 4), 1, DAY_S),
        self_use,
        gateway.text("province"),
        sets,
        tuple(buses),
        tuple(meters),
        tuple(points),
        tuple(storages),
        gateway.measure("slow", SECONDS, "60 s", 1, DAY_S),
        gateway.choice("boundary", (INTERPOLATED, FIRST_AFTER), FIRST_AFTER),
        gateway.choice("gap", (LINEAR, LIKE_DAY), LINEAR),
    )
    if [c for c in site.gateway if c not in _ID_SIGNS] + list(site.gateway[_TOPIC_NAME_MAX:]):
        problems.append(
            problem(
                "WP-CFG-023",
                gateway.place("id"),
                "the id {id} is too long, or has signs that a topic cannot carry",
                "use up to 64 letters, digits, - and _",
                id=shown(site.gateway),
            )
        )
    return (None if problems else site, problems)
