"""Reads the places of a site where energy is counted, and its storages, and finds what is wrong with them."""

from gateway.core.fields import Fields
from gateway.core.notation import WATT_HOURS, decimal_scaled
from gateway.core.problem import Problem, problem
from gateway.core.site import MIXING, ROLES, STORAGE_RULES, MeterPoint, Storage

_METER_POINT = ("name", "role", "meter", "busbar", "to_busbar", "origin", "reversed")
_DEFAULT_ORIGIN = {"intake": "grid", "storage": "storage"}


def _is_far(busbar: str, own: "list[str]", gateway: object) -> bool:
    """Tell whether *busbar* is one of another gateway: "<gateway>/<busbar>"."""
    end = busbar.find("/")
    return busbar not in own and 0 < end < len(busbar) - 1 and busbar[:end] != gateway


def read_meter_points(top: Fields, meters: "list[str]", busbars: "list[str]", gateway: object) -> "list[MeterPoint]":
    """Return the meter points of the configuration of *gateway*, with what they name."""
    points: "list[MeterPoint]" = []
    names: "list[str]" = []
    for table in top.tables("meter_point", some=True):
        table.only(_METER_POINT)
        name = table.text("name")
        table.fresh("name", name, names)
        role = table.choice("role", ROLES)
        origin = table.text("origin", _DEFAULT_ORIGIN.get(role, ""))
        if role == "generation" and "origin" not in table.plain:
            table.problems.append(
                problem(
                    "WP-CFG-011",
                    table.where,
                    "a generation point must say its origin",
                    'add for example: origin = "solar"',
                )
            )
        to_busbar = table.text("to_busbar", "")
        if (role == "tie") != bool(to_busbar):
            table.problems.append(
                problem(
                    "WP-CFG-013",
                    table.place("to_busbar"),
                    "a tie, and only a tie, names its other busbar",
                    'for a tie add to_busbar = "..."; for other roles remove it',
                )
            )
        meter, busbar = table.text("meter"), table.text("busbar")
        for other in points:
            if meter and meter == other.meter:
                table.problems.append(
                    problem(
                        "WP-CFG-028",
                        table.place("meter"),
                        "the meter {meter} counts for {other} already",
                        "its energy would be counted twice: give each meter point its own meter",
                        meter=meter,
                        other=other.name,
                    )
                )
        for key, value, known in (
            ("meter", meter, meters),
            ("busbar", busbar, busbars),
            ("to_busbar", to_busbar, busbars),
        ):
            if key != "to_busbar" or not _is_far(value, known, gateway):
                table.known(key, value, known)
        points.append(MeterPoint(name, role, meter, busbar, to_busbar, origin, table.flag("reversed")))
    return points


def read_storages(top: Fields, points: "list[MeterPoint]") -> "list[Storage]":
    """Return the storages: one for every meter point of that role."""
    storages: "list[Storage]" = []
    batteries = [point.name for point in points if point.role == "storage"]
    for table in top.tables("storage"):
        table.only(("meter_point", "initial", "initial_origin", "efficiency", "rule"))
        name = table.text("meter_point")
        table.known("meter_point", name, batteries)
        if name and name in [storage.meter_point for storage in storages]:
            table.problems.append(
                problem(
                    "WP-CFG-027",
                    table.place("meter_point"),
                    "the storage {name} has another [[storage]] table already",
                    "keep one of them",
                    name=name,
                )
            )
        before = len(table.problems)
        efficiency = decimal_scaled(table.text("efficiency"), 1000)
        if efficiency is None or not 0 < efficiency <= 1000:
            if len(table.problems) == before:
                table.problems.append(
                    problem(
                        "WP-CFG-014",
                        table.place("efficiency"),
                        "the efficiency must be more than 0 and at most 1",
                        'write it with up to three decimals: efficiency = "0.85"',
                    )
                )
            efficiency = 1000
        initial_wh = table.measure("initial", WATT_HOURS, "0 Wh")
        rule = table.choice("rule", STORAGE_RULES, MIXING)
        storages.append(Storage(name, initial_wh, table.text("initial_origin", "grid"), efficiency, rule))
    declared = [storage.meter_point for storage in storages]
    for name in batteries:
        if name not in declared:
            top.problems.append(
                problem(
                    "WP-CFG-015",
                    "meter_point",
                    "the storage {name} has no [[storage]] table",
                    'add [[storage]] with meter_point = "{name}" and its efficiency',
                    name=name,
                )
            )
    return storages


def shared_busbars(plain: "dict[str, object]") -> "tuple[str, ...]":
    """Return the busbars of a configuration at which other gateways measure too, so that it cannot balance them alone.

    They are those at the far end of a tie, and those that name ties of others.
    """
    problems: "list[Problem]" = []
    top = Fields(plain, "", problems)
    busbars = top.tables("busbar")
    own = [table.text("name") for table in busbars]
    shared = [table.text("name") for table in busbars if table.texts("ties")]
    far = [table.text("to_busbar", "") for table in top.tables("meter_point")]
    return tuple(shared + [name for name in far if name and name not in own])
