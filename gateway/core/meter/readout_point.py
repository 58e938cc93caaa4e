"""Reads the points of a CJ/T 188 profile: a quantity, and the unit in which the meter counts it, say everything else.

The readout has a place for each value. What it does not say is how many decimals its flow has: the profile must.
"""

from gateway.core.fields import Fields
from gateway.core.meter.cjt188 import READOUT_DI
from gateway.core.meter.cjt188_values import FLOW, STATUS, UNITS, Item, items_of, unit_code
from gateway.core.meter.point_reading import read_poll
from gateway.core.meter.profile import HIGH_FIRST, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import problem

# Where the readout has each quantity; "item" says it of those that a maker keeps elsewhere.
ITEMS = {
    "volume": "volume", "energy_heat": "energy", "energy_cold": "energy", "thermal_power": "power",
    "flow_rate": "flow", "temperature_supply": "temperature_supply", "temperature_return": "temperature_return",
}  # fmt: skip
MOST_DECIMALS = 7


def names_of(kind: int) -> "tuple[str, ...]":
    """Return what the readout of a meter of the type *kind* holds besides quantities."""
    own = [item.name for item in items_of(kind) if item.decimals is not None or item.name == STATUS]
    return tuple([name for name in own if name not in QUANTITIES and name not in ITEMS.values()])


def units_of(item: Item) -> "tuple[str, ...]":
    """Return the units in which a profile may state *item*."""
    units = {found[1] for found in UNITS.values() if found[0] == item.measures}
    return tuple([unit for unit in sorted(units) if unit != "J"])


def read_readout_point(fields: Fields, kind: int) -> Point:
    """Return the point of a table of a meter of the type *kind*; what is wrong is noted in the problems of *fields*."""
    key = "quantity" if "quantity" in fields.plain else "name"
    name = fields.text(key)
    place, item = _found(fields, kind, name, key == "quantity")
    keys = [key, "poll"] + (["item"] if key == "quantity" else [])
    unit, decimals = item.measures, item.decimals or 0
    if item.united:
        keys.append("unit")
        unit = fields.text("unit")
        if unit and unit_code(unit, item.measures) is None or unit == "J":
            fields.problems.append(
                problem(
                    "WP-PRF-101",
                    fields.place("unit"),
                    "{unit} is no unit in which a CJ/T 188 meter counts {item}.",
                    "Choose the one that the meter shows: {known}.",
                    unit=unit,
                    item=item.name,
                    known=", ".join(units_of(item)),
                )
            )
            unit = units_of(item)[0]
    if item.measures == FLOW:
        keys.append("decimals")
        decimals = fields.number("decimals", 0, MOST_DECIMALS)
    if item.octets:
        fields.only(tuple(keys))
    counter = name in QUANTITIES and QUANTITIES[name].cumulative
    return Point(
        name,
        name if key == "quantity" else None,
        READOUT_DI,
        kind << 8 | place,
        item.registers,
        "bits16" if item.name == STATUS else "bcd%d" % (8 * item.octets),
        HIGH_FIRST,
        (1, 10**decimals),
        unit,
        "direct",
        (),
        counter,
        100**item.octets if counter else None,
        () if item.name == STATUS else ((1 << 8 * item.octets) - 1,),
        None,
        "",
        read_poll(fields, key == "quantity"),
    )


def _found(fields: Fields, kind: int, name: str, is_quantity: bool) -> "tuple[int, Item]":
    """Return the item that a table is about, and its place in the readout in registers; one of no bytes: none is."""
    usual = ITEMS.get(name, "") if is_quantity else name if name in names_of(kind) else ""
    wanted = fields.text("item", usual) if is_quantity else usual
    measures = [item.measures for item in items_of(kind) if item.name == usual]
    place = 0
    for item in items_of(kind):
        if item.name == wanted and item.measures in measures:
            return (place, item)
        place += item.registers
    known = [one for one in ITEMS if ITEMS[one] in [item.name for item in items_of(kind)]]
    if name:
        fields.problems.append(
            problem(
                "WP-PRF-100",
                fields.place("item" if measures and "item" in fields.plain else "quantity" if is_quantity else "name"),
                "The readout of a meter of the type {type} holds no {name}.",
                "As quantities it holds {known}, by name {names}.",
                type="%02X" % kind,
                name=wanted or name,
                known=", ".join(sorted(known)),
                names=", ".join(names_of(kind)) or "-",
            )
        )
    return (0, Item(name, 0, 0, ""))
