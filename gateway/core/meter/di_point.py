"""Reads the points of a DL/T 645 profile: a quantity and its data identifier say everything else.

Bytes, digits, unit and sign are those of the standard. Its figures are of the meter's own terminals, so transformer
ratios lead to the primary side; a meter that is connected directly has none.
"""

from gateway.core.fields import Fields
from gateway.core.meter.dlt645 import READ, READ_1997, di_text
from gateway.core.meter.dlt645_items import NUMBER, Item, items_of
from gateway.core.meter.dlt645_values import register_count
from gateway.core.meter.freeze import is_frozen
from gateway.core.meter.point_reading import read_poll
from gateway.core.meter.profile import DLT645_1997, FREEZE, HIGH_FIRST, SIDES, SIGNS, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import problem

DI_KEYS = ("quantity", "name", "di", "side", "sign", "poll")
# What a figure of the meter's own terminals is multiplied by.
_RATIOS = {
    "V": ("vt",), "A": ("ct",), "kW": ("ct", "vt"), "kvar": ("ct", "vt"), "kVA": ("ct", "vt"),
    "kWh": ("ct", "vt"), "kvarh": ("ct", "vt"), "kVAh": ("ct", "vt"),
}  # fmt: skip


def read_di_point(fields: Fields, protocol: str) -> Point:
    """Return the point of a table; what is wrong is noted in the problems of *fields*."""
    fields.only(DI_KEYS)
    key = "quantity" if "quantity" in fields.plain else "name"
    name = fields.text(key)
    if name and (key == "quantity") != (name in QUANTITIES):
        fields.problems.append(
            problem(
                "WP-PRF-050",
                fields.place(key),
                "{name} stands under {key}.",
                "quantity is for what is in the list of docs/writing-a-profile.md, name for everything else.",
                name=name,
                key=key,
            )
        )
    year, width = (1997, 16) if protocol == DLT645_1997 else (2007, 32)
    di = fields.number("di", 0, (1 << width) - 1)
    place, item = _found(name, items_of(di, year))
    if item is None:
        known = [one.name for one in items_of(di, year)[:8] if one.form == NUMBER]
        if name and "di" in fields.plain and not fields.noted("di"):
            fields.problems.append(
                problem(
                    "WP-PRF-051",
                    fields.place("di"),
                    "The data identifier {di} holds no {name}.",
                    "By the standard it holds: {known}.",
                    di=di_text(di, READ if year == 2007 else READ_1997),
                    name=name,
                    known=", ".join(known) or "-",
                )
            )
        item = Item(name, 1, 0, "", NUMBER, False)
    counter = name in QUANTITIES and QUANTITIES[name].cumulative
    side = fields.choice("side", SIDES, "secondary" if item.unit in _RATIOS else "direct")
    directed = item.signed and item.unit in ("kW", "kvar")
    point = Point(
        name,
        name if key == "quantity" else None,
        READ_1997 if year == 1997 else READ,
        di << 8 | place,
        register_count(item.octets),
        "bcd%d%s" % (8 * item.octets, "s" if item.signed else ""),
        HIGH_FIRST,
        (1, 10**item.decimals),
        item.unit,
        side,
        _RATIOS.get(item.unit, ()) if side == "secondary" else (),
        counter,
        100**item.octets if counter else None,
        ((1 << 8 * item.octets) - 1,),
        None,
        fields.choice("sign", SIGNS) if "sign" in fields.plain else ("+import" if directed else ""),
        read_poll(fields, key == "quantity", may_freeze=True),
    )
    if point.poll == FREEZE and not (point.quantity is not None and counter and is_frozen(point)):
        fields.problems.append(
            problem(
                "WP-PRF-075",
                fields.place("poll"),
                "The data identifier {di} is not that of the last freeze of a register.",
                "Name the last timed, hourly or daily freeze of an energy: 05000101, 05040101 or 05060101.",
                di=di_text(di, READ if year == 2007 else READ_1997),
            )
        )
    return point


def _found(name: str, items: "tuple[Item, ...]") -> "tuple[int, Item | None]":
    """Return the item called *name*, and its place among *items* in registers."""
    place = 0
    for item in items:
        if item.name == name and item.form == NUMBER:
            return (place, item)
        place += register_count(item.octets)
    return (0, None)
