"""Reads a site from plain maps (as TOML gives them) and finds everything that is wrong with it at once."""

from gateway.core.problem import Problem, problem
from gateway.core.site import Bus, Meter, Site
from gateway.core.site_points import read_meter_points, read_storages
from gateway.core.site_values import (
    DAY_S,
    SECONDS,
    SHAPE,
    TCP,
    WATTS,
    Values,
    is_digits,
    nearest,
    shown,
    tcp_address,
)

INTERVALS_MIN = (1, 5, 10, 15, 30, 60)
# Modbus over serial line 1.02, section 2.2: unit ids of single devices.
UNITS = (1, 247)
BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
# The id and the bucket become levels of an MQTT topic.
_ID_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NOT_IN_TOPICS = " /+#$"
_TOPIC_NAME_MAX = 64
_LISTS = ("bus", "meter", "busbar", "meter_point", "storage")


def _line(reader: Values, table: "dict[str, object]", where: str) -> "tuple[int, int, str, int]":
    text = reader.text(table, "line", where, "9600 8N1")
    baud, _, form = text.partition(" ")
    if is_digits(baud) and int(baud) in BAUD_RATES and len(form) == 3:
        bits, parity, stop = form[0], form[1], form[2]
        if bits in "78" and parity in "NEO" and stop in "12":
            return (int(baud), int(bits), parity, int(stop))
    reader.problems.append(
        problem(
            "WP-CFG-009",
            where + ".line",
            "{text} is no line setting",
            'write baud rate, then data bits, parity and stop bits: line = "9600 8N1"',
            text=shown(text),
        )
    )
    return (9600, 8, "N", 1)


def _buses(reader: Values, tables: "list[object]") -> "list[Bus]":
    buses: "list[Bus]" = []
    for index in range(len(tables)):
        where = "bus[%d]" % index
        table = reader.shape(tables[index], "bus", where)
        baud, bits, parity, stop = _line(reader, table, where)
        turnaround_ms = reader.measure(table, "turnaround", where, {"ms": 1}, "10 ms", 1, 10_000)
        name = reader.text(table, "name", where)
        port = reader.text(table, "port", where)
        if port.startswith(TCP) and tcp_address(port) is None:
            reader.problems.append(
                problem(
                    "WP-CFG-029",
                    where + ".port",
                    "{port} is no address",
                    'write host and port: port = "tcp://192.168.1.20:502"',
                    port=shown(port),
                )
            )
        for other in buses:
            if port and port == other.port:
                reader.problems.append(
                    problem(
                        "WP-CFG-026",
                        where + ".port",
                        "the port {port} is that of bus {other} already",
                        "one pair of wires is one bus: put its meters on the same [[bus]]",
                        port=port,
                        other=other.name,
                    )
                )
        buses.append(Bus(name, port, baud, bits, parity, stop, turnaround_ms))
    return buses


def _meters(reader: Values, tables: "list[object]", buses: "list[str]", profiles: "list[str]") -> "list[Meter]":
    meters = []
    taken: "dict[tuple[str, int], str]" = {}
    for index in range(len(tables)):
        where = "meter[%d]" % index
        table = reader.shape(tables[index], "meter", where)
        meter = Meter(
            reader.text(table, "name", where),
            reader.text(table, "bus", where),
            reader.whole(table, "unit", where, UNITS[0], UNITS[1]),
            reader.text(table, "profile", where),
            reader.text(table, "serial", where),
            reader.ratio(table, "ct_ratio", where),
            reader.ratio(table, "vt_ratio", where),
            reader.measure(table, "max_power", where, WATTS, "1 MW"),
        )
        if meter.bus:
            reader.known(meter.bus, buses, where + ".bus", "bus")
        if meter.profile:
            reader.known(meter.profile, profiles, where + ".profile", "profile")
        place = (meter.bus, meter.unit)
        if place in taken:
            reader.problems.append(
                problem(
                    "WP-CFG-010",
                    where + ".unit",
                    "unit id {unit} on bus {bus} is already used by {other}",
                    "give each meter on a bus its own unit id",
                    unit=meter.unit,
                    bus=meter.bus,
                    other=taken[place],
                )
            )
        taken[place] = meter.name
        meters.append(meter)
    return meters


def _unique(reader: Values, names: "list[str]", kind: str) -> None:
    seen: "list[str]" = []
    for index in range(len(names)):
        if names[index] in seen:
            reader.problems.append(
                problem(
                    "WP-CFG-016",
                    "%s[%d].name" % (kind, index),
                    "the name {name} is used twice",
                    "give each its own name",
                    name=names[index],
                )
            )
        seen.append(names[index])


def _words(reader: Values, table: "dict[str, object]", key: str, default: "list[str]") -> "tuple[str, ...]":
    value = table.get(key, default)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    reader.problems.append(
        problem("WP-CFG-017", "gateway." + key, "must be a list of texts", 'write: {key} = ["...", "..."]', key=key)
    )
    return tuple(default)


def _uplink(reader: Values, plain: "dict[str, object]") -> None:
    if "uplink" not in plain:
        return
    table = reader.shape(plain["uplink"], "uplink", "uplink")
    for key in sorted(SHAPE["uplink"]):
        text = reader.text(table, key, "uplink")
        if key == "bucket" and text and [c for c in text if c in _NOT_IN_TOPICS] + list(text[_TOPIC_NAME_MAX:]):
            reader.problems.append(
                problem(
                    "WP-CFG-024",
                    "uplink.bucket",
                    "{bucket} cannot be a bucket: it is one level of an MQTT topic",
                    "use letters and digits, as in b0; the platform's bucket must be the same",
                    bucket=shown(text),
                )
            )


def read_site(
    plain: "dict[str, object]", profiles: "list[str]", factor_sets: "list[str]"
) -> "tuple[Site | None, list[Problem]]":
    """Return the site that *plain* describes, or None, and every problem found.

    profiles, factor_sets: the ids that a meter or the gateway may name.
    """
    reader = Values()
    for key in sorted(plain):
        if key not in SHAPE:
            reader.problems.append(
                problem(
                    "WP-CFG-018",
                    key,
                    "the table {key} is not known",
                    "did you mean {near}?",
                    key=key,
                    near=nearest(key, list(SHAPE)),
                )
            )
    lists: "dict[str, list[object]]" = {}
    for key in _LISTS:
        value = plain.get(key, [])
        if isinstance(value, list):
            lists[key] = value
        else:
            lists[key] = []
            reader.problems.append(
                problem(
                    "WP-CFG-019",
                    key,
                    "there can be several: it must be a list of tables",
                    "write [[{key}]] with double brackets",
                    key=key,
                )
            )
        if key != "storage" and not value:
            reader.problems.append(
                problem("WP-CFG-020", key, "there is no {key} at all", "add at least one [[{key}]] table", key=key)
            )
    gateway = reader.shape(plain.get("gateway", {}), "gateway", "gateway")
    _uplink(reader, plain)
    buses = _buses(reader, lists["bus"])
    meters = _meters(reader, lists["meter"], [bus.name for bus in buses], profiles)
    busbars = [reader.text(reader.shape(t, "busbar", "busbar"), "name", "busbar") for t in lists["busbar"]]
    points = read_meter_points(reader, lists["meter_point"], [meter.name for meter in meters], busbars)
    storages = read_storages(reader, lists["storage"], points)
    for names, kind in (
        ([bus.name for bus in buses], "bus"),
        ([meter.name for meter in meters], "meter"),
        (busbars, "busbar"),
        ([point.name for point in points], "meter_point"),
    ):
        _unique(reader, names, kind)
    interval_s = reader.measure(gateway, "interval", "gateway", SECONDS, "15 min", 1, DAY_S)
    usable = not interval_s % 60 and interval_s // 60 in INTERVALS_MIN
    if not usable and not reader.problems_at("gateway.interval"):
        reader.problems.append(
            problem(
                "WP-CFG-021",
                "gateway.interval",
                "an interval of {seconds} s does not divide the hour as metering needs",
                "use 1, 5, 10, 15, 30 or 60 min",
                seconds=interval_s,
            )
        )
    if not usable:
        interval_s = 900
    self_use_s = reader.measure(gateway, "self_use_period", "gateway", SECONDS, "60 min", 1, DAY_S)
    wrong = reader.problems_at("gateway.self_use_period") or reader.problems_at("gateway.interval")
    if not wrong and (self_use_s % interval_s or DAY_S % self_use_s):
        reader.problems.append(
            problem(
                "WP-CFG-022",
                "gateway.self_use_period",
                "the period must hold whole intervals and divide the day",
                'use "60 min"',
            )
        )
    sets = _words(reader, gateway, "factor_sets", ["NDRC910-trial"])
    for name in sets:
        reader.known(name, factor_sets, "gateway.factor_sets", "factor set")
    site = Site(
        reader.text(gateway, "id", "gateway"),
        reader.text(gateway, "park", "gateway"),
        interval_s,
        reader.measure(gateway, "cycle", "gateway", SECONDS, "15 s", 1, DAY_S),
        reader.measure(gateway, "readings", "gateway", SECONDS, "60 s", 1, DAY_S),
        reader.measure(gateway, "hold", "gateway", SECONDS, "%d s" % min(60, interval_s // 4), 1, DAY_S),
        self_use_s,
        reader.text(gateway, "province", "gateway"),
        sets,
        tuple(buses),
        tuple(meters),
        tuple(points),
        tuple(storages),
    )
    if [c for c in site.gateway if c not in _ID_SIGNS] + list(site.gateway[_TOPIC_NAME_MAX:]):
        reader.problems.append(
            problem(
                "WP-CFG-023",
                "gateway.id",
                "the id {id} is too long, or has signs that a topic cannot carry",
                "use up to 64 letters, digits, - and _",
                id=shown(site.gateway),
            )
        )
    return (None if reader.problems else site, reader.problems)
