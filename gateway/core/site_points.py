"""Reads the places of a site where energy is counted, and its storages, and finds what is wrong with them."""

from gateway.core.problem import problem
from gateway.core.site import ROLES, MeterPoint, Storage
from gateway.core.site_values import WATT_HOURS, Values, decimal_scaled

_DEFAULT_ORIGIN = {"intake": "grid", "storage": "storage"}


def read_meter_points(
    reader: Values, tables: "list[object]", meters: "list[str]", busbars: "list[str]"
) -> "list[MeterPoint]":
    """Return the meter points of the configuration, with what they name."""
    points: "list[MeterPoint]" = []
    for index in range(len(tables)):
        where = "meter_point[%d]" % index
        table = reader.shape(tables[index], "meter_point", where)
        role = reader.text(table, "role", where)
        if role:
            reader.known(role, list(ROLES), where + ".role", "role")
        origin = reader.text(table, "origin", where, _DEFAULT_ORIGIN.get(role, ""))
        if role == "generation" and "origin" not in table:
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
        for other in points:
            if meter and meter == other.meter:
                reader.problems.append(
                    problem(
                        "WP-CFG-028",
                        where + ".meter",
                        "the meter {meter} counts for {other} already",
                        "its energy would be counted twice: give each meter point its own meter",
                        meter=meter,
                        other=other.name,
                    )
                )
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


def read_storages(reader: Values, tables: "list[object]", points: "list[MeterPoint]") -> "list[Storage]":
    """Return the storages: one for every meter point of that role."""
    storages: "list[Storage]" = []
    batteries = [point.name for point in points if point.role == "storage"]
    for index in range(len(tables)):
        where = "storage[%d]" % index
        table = reader.shape(tables[index], "storage", where)
        name = reader.text(table, "meter_point", where)
        if name:
            reader.known(name, batteries, where + ".meter_point", "storage meter point")
        if name and name in [storage.meter_point for storage in storages]:
            reader.problems.append(
                problem(
                    "WP-CFG-027",
                    where + ".meter_point",
                    "the storage {name} has another [[storage]] table already",
                    "keep one of them",
                    name=name,
                )
            )
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
