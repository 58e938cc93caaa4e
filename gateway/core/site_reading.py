"""Reads a site from plain maps (as TOML gives them) and finds everything that is wrong with it at once."""

from gateway.core.problem import Problem, problem
from gateway.core.site import ROLES, Bus, Meter, MeterPoint, Site, Storage
from gateway.core.site_values import SECONDS, SHAPE, WATT_HOURS, WATTS, Values, decimal_scaled, nearest

INTERVALS_MIN = (1, 5, 10, 15, 30, 60)
# Modbus over serial line 1.02, section 2.2: unit ids of single devices.
UNITS = (1, 247)
BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_DEFAULT_ORIGIN = {"intake": "grid", "storage": "storage"}
_LISTS = ("bus", "meter", "busbar", "meter_point", "storage")


def _line(reader: Values, table: "dict[str, object]", where: str) -> "tuple[int, int, str, int]":
    text = reader.text(table, "line", where, "9600 8N1")
    baud, _, form = text.partition(" ")
    if baud.isdigit() and int(baud) in BAUD_RATES and len(form) == 3:
        bits, parity, stop = form[0], form[1], form[2]
        if bits in "78" and parity in "NEO" and stop in "12":
            return (int(baud), int(bits), parity, int(stop))
    reader.problems.append(
        problem(
            "WP-CFG-009",
            where + ".line",
            "{text} is no line setting",
            'write baud rate, then data bits, parity and stop bits: line = "9600 8N1"',
            text=text,
        )
    )
    return (9600, 8, "N", 1)


def _buses(reader: Values, tables: "list[object]") -> "list[Bus]":
    buses = []
    for index in range(len(tables)):
        where = "bus[%d]" % index
        table = reader.shape(tables[index], "bus", where)
        baud, bits, parity, stop = _line(reader, table, where)
        turnaround_ms = reader.measure(table, "turnaround", where, {"ms": 1}, "10 ms")
        name = reader.text(table, "name", where)
        buses.append(Bus(name, reader.text(table, "port", where), baud, bits, parity, stop, turnaround_ms))
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
        if "bus" in table:
            reader.known(meter.bus, buses, where + ".bus", "bus")
        if "profile" in table:
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


def _meter_points(
    reader: Values, tables: "list[object]", meters: "list[str]", busbars: "list[str]"
) -> "list[MeterPoint]":
    points = []
    for index in range(len(tables)):
        where = "meter_point[%d]" % index
        table = reader.shape(tables[index], "meter_point", where)
        role = reader.text(table, "role", where)
        if "role" in table:
            reader.known(role, list(ROLES), where + ".role", "role")
        origin = reader.text(table, "origin", where, _DEFAULT_ORIGIN.get(role, ""))
        if role == "generation" and not origin:
            reader.problems.append(
                problem(
                    "WP-CFG-011", where, "a generation point must say its origin", 'add for example: origin = "solar"'
                )
            )
        turned = table.get("reversed", False)
        if not isinstance(turned, bool):
            reader.problems.append(
                problem(
                    "WP-CFG-012",
                    where + ".reversed",
                    "must be true or false",
                    "write reversed = true where the current transformer is mounted the other way round",
                )
            )
        to_busbar = reader.text(table, "to_busbar", where)
        if (role == "tie") != bool(to_busbar):
            reader.problems.append(
                problem(
                    "WP-CFG-013",
                    where + ".to_busbar",
                    "a tie, and only a tie, names its other busbar",
                    'for a tie add to_busbar = "..."; for other roles remove it',
                )
            )
        meter = reader.text(table, "meter", where)
        busbar = reader.text(table, "busbar", where)
        for name, names, key in (
            (meter, meters, "meter"),
            (busbar, busbars, "busbar"),
            (to_busbar, busbars, "to_busbar"),
        ):
            if name:
                reader.known(name, names, where + "." + key, "meter" if key == "meter" else "busbar")
        points.append(
            MeterPoint(reader.text(table, "name", where), role, meter, busbar, to_busbar, origin, bool(turned))
        )
    return points


def _storages(reader: Values, tables: "list[object]", points: "list[MeterPoint]") -> "list[Storage]":
    storages = []
    batteries = [point.name for point in points if point.role == "storage"]
    for index in range(len(tables)):
        where = "storage[%d]" % index
        table = reader.shape(tables[index], "storage", where)
        name = reader.text(table, "meter_point", where)
        reader.known(name, batteries, where + ".meter_point", "storage meter point")
        efficiency = 1000
        try:
            efficiency = decimal_scaled(reader.text(table, "efficiency", where, "1"), 1000)
        except ValueError:
            efficiency = 0
        if not 0 < efficiency <= 1000:
            reader.problems.append(
                problem(
                    "WP-CFG-014",
                    where + ".efficiency",
                    "the efficiency must be more than 0 and at most 1",
                    'write it with up to three decimals: efficiency = "0.85"',
                )
            )
            efficiency = 1000
        initial_wh = reader.measure(table, "initial", where, WATT_HOURS, "0 Wh", 0)
        storages.append(Storage(name, initial_wh, reader.text(table, "initial_origin", where, "grid"), efficiency))
    declared = [storage.meter_point for storage in storages]
    for name in batteries:
        if name not in declared:
            reader.problems.append(
                problem(
                    "WP-CFG-015",
                    "meter_point",
                    "the storage {name} has no [[storage]] table",
                    'add [[storage]] with meter_point = "{name}" and its efficiency',
                    name=name,
                )
            )
    return storages


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
    reader.shape(plain.get("uplink", {}), "uplink", "uplink")
    buses = _buses(reader, lists["bus"])
    meters = _meters(reader, lists["meter"], [bus.name for bus in buses], profiles)
    busbars = [reader.text(reader.shape(t, "busbar", "busbar"), "name", "busbar") for t in lists["busbar"]]
    points = _meter_points(reader, lists["meter_point"], [meter.name for meter in meters], busbars)
    storages = _storages(reader, lists["storage"], points)
    for names, kind in (
        ([bus.name for bus in buses], "bus"),
        ([meter.name for meter in meters], "meter"),
        (busbars, "busbar"),
        ([point.name for point in points], "meter_point"),
    ):
        _unique(reader, names, kind)
    interval_s = reader.measure(gateway, "interval", "gateway", SECONDS, "15 min")
    if interval_s % 60 or interval_s // 60 not in INTERVALS_MIN:
        reader.problems.append(
            problem(
                "WP-CFG-021",
                "gateway.interval",
                "an interval of {seconds} s does not divide the hour as metering needs",
                "use 1, 5, 10, 15, 30 or 60 min",
                seconds=interval_s,
            )
        )
        interval_s = 900
    self_use_s = reader.measure(gateway, "self_use_period", "gateway", SECONDS, "60 min")
    if self_use_s % interval_s or 86400 % self_use_s:
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
        reader.measure(gateway, "cycle", "gateway", SECONDS, "15 s"),
        reader.measure(gateway, "readings", "gateway", SECONDS, "60 s"),
        reader.measure(gateway, "hold", "gateway", SECONDS, "%d s" % min(60, interval_s // 4)),
        self_use_s,
        reader.text(gateway, "province", "gateway"),
        sets,
        tuple(buses),
        tuple(meters),
        tuple(points),
        tuple(storages),
    )
    if site.gateway and [c for c in site.gateway if not (c.isalpha() or c.isdigit() or c in "-_") or ord(c) > 126]:
        reader.problems.append(
            problem(
                "WP-CFG-023",
                "gateway.id",
                "the id {id} has signs that a topic cannot carry",
                "use letters, digits, - and _ only",
                id=site.gateway,
            )
        )
    return (None if reader.problems else site, reader.problems)
