"""Reads the table [sunspec] of a profile, and its points: a model and a figure in it say everything else."""

from gateway.core.fields import Fields, shown
from gateway.core.meter.point_reading import Defaults, read_point
from gateway.core.meter.profile import Layout, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.meter.sunspec import BASES, chained, place_of
from gateway.core.meter.sunspec_models import TYPES, points_of
from gateway.core.problem import problem

SUNSPEC_KEYS = ("model", "bases", "chain")
POINT_KEYS = ("quantity", "name", "model", "point", "sign", "poll", "raw")
_SHOWN = {"Wh": ("kWh", "0.001")}  # people compare counters in kWh


def read_layout(fields: Fields) -> "Layout | None":
    """Return the usual layout that the table [sunspec] states, None where it does not."""
    main = fields.number("model", 1, 0xFFFE)
    bases = []
    for item in fields.items("bases") or list(BASES):
        if isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= 0xFFF0:
            bases.append(item)
        else:
            fields.problems.append(
                problem(
                    "WP-PRF-055",
                    fields.place("bases"),
                    "{value} is no register at which the models could begin.",
                    "Write whole numbers, the usual one first: bases = [40000, 50000, 0]",
                    value=shown(item),
                )
            )
    models: "list[tuple[int, int]]" = []
    room = 0xFFF0 - max(bases or [0])
    for item in fields.items("chain", some=True):
        pair = item if isinstance(item, list) and len(item) == 2 else []
        whole = [one for one in pair if isinstance(one, int) and not isinstance(one, bool) and 1 <= one < 0xFFFF]
        room -= 2 + (whole[1] if len(whole) == 2 else 0)
        if len(whole) == 2 and room > 0:
            models.append((whole[0], whole[1]))
        else:
            fields.problems.append(
                problem(
                    "WP-PRF-056",
                    fields.place("chain"),
                    "{item} is no model of a chain.",
                    "Write its id and its length, one model behind the other: chain = [[1, 66], [103, 50]]",
                    item=shown(item),
                )
            )
    if not bases or not models or "model" not in fields.plain:
        return None
    layout = Layout(tuple(bases), main, chained(bases[0], tuple(models)))
    if place_of(layout, main) is None:
        fields.problems.append(
            problem(
                "WP-PRF-057",
                fields.place("chain"),
                "The model {model}, which the profile is about, is not in the chain.",
                "Add it, or correct model.",
                model=main,
            )
        )
        return None
    return layout


def read_sunspec_point(fields: Fields, layout: "Layout | None", defaults: Defaults) -> Point:
    """Return the point of a table; what is wrong is noted in the problems of *fields*."""
    fields.only(POINT_KEYS)
    model = fields.number("model", 1, 0xFFFE)
    name = fields.text("point")
    known = points_of(model)
    place = None if layout is None else place_of(layout, model)
    found = known.get(name)
    if found is None or place is None:
        if found is None and name and "model" in fields.plain:
            fields.problems.append(
                problem(
                    "WP-PRF-058",
                    fields.place("point"),
                    "The model {model} has no figure {name}.",
                    "Known of it: {known}.",
                    model=model,
                    name=name,
                    known=", ".join(sorted(known)) or "-",
                )
            )
        elif found is not None and layout is not None:
            fields.problems.append(
                problem(
                    "WP-PRF-059",
                    fields.place("model"),
                    "The model {model} is not in the chain of [sunspec].",
                    "Add it to chain, or take a model that is there: {known}.",
                    model=model,
                    known=", ".join(["%d" % entry[0] for entry in layout.chain]),
                )
            )
        plain: "dict[str, object]" = {"name": "unknown", "at": 0, "type": "u16"}
        return read_point(Fields(plain, fields.where, fields.problems), defaults)
    plain = {key: fields.plain[key] for key in ("quantity", "name", "sign", "poll") if key in fields.plain}
    plain["at"] = place.at + found.place
    if found.type[:5] == "ascii":
        plain.update({"type": "ascii", "count": int(found.type[5:])})
    else:
        kind, sentinels = TYPES[found.type]
        unit, factor = _SHOWN.get(found.unit, (found.unit, "1"))
        plain.update({"type": kind, "sentinel": list(sentinels), "unit": unit, "factor": factor})
    if found.exponent is not None and not fields.flag("raw"):
        plain["exponent_at"] = place.at + found.exponent
    quantity = fields.plain.get("quantity")
    if isinstance(quantity, str) and quantity in QUANTITIES and QUANTITIES[quantity].cumulative:
        plain["counter"] = True
    return read_point(Fields(plain, fields.where, fields.problems), defaults)
