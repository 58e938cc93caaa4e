"""Carrier: a fuel or another form of energy that is no electricity: its carbon, and the standard coal it stands for.

A table in TOML, like the factors of electricity: every row names its standard, edition and source, and what is not
in the table cannot be counted. All arithmetic is in exact fractions; a figure is rounded once, to a microgram.
"""

from collections import namedtuple

from gateway.core.account.factor import day_field, day_text
from gateway.core.fields import Fields, shown
from gateway.core.notation import decimal_ratio
from gateway.core.problem import Problem, problem

UG_PER_T = 10**12
CO2_PER_CARBON = (44, 12)  # molar masses of CO2 and carbon
BY_DOCUMENT = "document"  # as co2: no default is published, each document that counts the carrier says it
SUPPLIER, CHILLER = "supplier", "chiller"  # by whose word a document says it
GJ_PER_MWH = (36, 10)
TCE_PER_GJ = (10000, 293076)  # GB/T 2589-2020: 1 kgce = 29.3076 MJ


class Carrier(
    namedtuple(
        "Carrier",
        ("id", "zh", "unit", "co2", "coal", "standard", "source", "valid_from_s", "valid_to_s"),
    )
):
    """One row. co2: t CO2 for one unit, coal: t of standard coal (tce) for one unit, each (numerator, denominator).

    co2 is None where the document has to say it. Every row holds from some day on; valid_to_s is None while in force.
    """

    __slots__ = ()
    id: str
    zh: str
    unit: str
    co2: "tuple[int, int] | None"
    coal: "tuple[int, int]"
    standard: str
    source: str
    valid_from_s: int
    valid_to_s: "int | None"

    def row(self) -> str:
        """Return the name of this row among those of its carrier: "heat:2025-01-01"."""
        return "%s:%s" % (self.id, day_text(self.valid_from_s))


def times(one: "tuple[int, int]", other: "tuple[int, int]") -> "tuple[int, int]":
    """Return the product of two fractions."""
    return (one[0] * other[0], one[1] * other[1])


def micrograms(quantity: "tuple[int, int]", tonnes_per_unit: "tuple[int, int]") -> int:
    """Return *quantity* units times t per unit in micrograms, to the nearest one (half up)."""
    numerator, denominator = times(quantity, tonnes_per_unit)
    return (2 * numerator * UG_PER_T + denominator) // (2 * denominator)


def fuel_co2(ncv: "tuple[int, int]", carbon: "tuple[int, int]", oxidation: "tuple[int, int]") -> "tuple[int, int]":
    """Return t CO2 for one unit of a fuel: NCV [GJ/unit] x carbon content [t C/GJ] x oxidation x 44/12.

    Source: guideline family of GB/T 32151-2015; annex 4 of 发改环资〔2025〕910号 takes its results.
    """
    return times(times(ncv, carbon), times(oxidation, CO2_PER_CARBON))


def chiller_co2(mg_per_kwh: int, cop: "tuple[int, int]") -> "tuple[int, int]":
    """Return t CO2 for a GJ of cold of a chiller with this *cop*, driven by electricity of *mg_per_kwh*."""
    return (mg_per_kwh * GJ_PER_MWH[1] * cop[1], 10**6 * GJ_PER_MWH[0] * cop[0])


class CarrierTable:
    """All carriers, by id; of several rows of one id the one that holds at the time."""

    def __init__(self, rows: "tuple[Carrier, ...]") -> None:
        self.rows = rows

    def names(self) -> "list[str]":
        """Return the ids and the Chinese names of all carriers."""
        return sorted({row.id for row in self.rows} | {row.zh for row in self.rows if row.zh})

    def lookup(self, name: str, at_s: int) -> "Carrier | None":
        """Return the row of the carrier *name* (id or Chinese name) that holds at *at_s*, the one that began last."""
        best = None
        for row in self.rows:
            if name not in (row.id, row.zh) or (row.valid_to_s is not None and row.valid_to_s <= at_s):
                continue
            if row.valid_from_s <= at_s and (best is None or row.valid_from_s > best.valid_from_s):
                best = row
        return best

    def held(self, name: str) -> "tuple[Carrier, ...]":
        """Return all rows of the carrier *name*, whenever they hold."""
        return tuple([row for row in self.rows if name in (row.id, row.zh)])


def read_carriers(plain: object, where: str = "carriers.toml") -> "tuple[CarrierTable | None, list[Problem]]":
    """Return the table of a plain map (as read from TOML), and everything that is wrong with it."""
    problems: "list[Problem]" = []
    top = Fields(plain, where, problems)
    top.only(("carrier",))
    rows = [_carrier(fields) for fields in top.tables("carrier", some=True)]
    seen: "list[tuple[str, int]]" = []
    for row in rows:
        if (row.id, row.valid_from_s) in seen:
            problems.append(
                problem(
                    "WP-ACC-064", where, "the carrier {id} stands here twice for the same time",
                    "give each row its own valid_from, or remove one", id=row.id,
                )
            )  # fmt: skip
        seen.append((row.id, row.valid_from_s))
    return (None if problems else CarrierTable(tuple(rows)), problems)


_KEYS = (
    "id", "zh", "unit", "ncv", "carbon", "oxidation", "co2", "coal", "standard", "source", "valid_from", "valid_to",
)  # fmt: skip


def _carrier(fields: Fields) -> Carrier:
    fields.only(_KEYS)
    if "ncv" in fields.plain:
        ncv = _number(fields, "ncv")
        co2: "tuple[int, int] | None" = fuel_co2(ncv, _number(fields, "carbon"), _number(fields, "oxidation"))
        coal = _number(fields, "coal") if "coal" in fields.plain else times(ncv, TCE_PER_GJ)
    else:
        said = fields.plain.get("co2") == BY_DOCUMENT
        co2, coal = None if said else _number(fields, "co2"), _number(fields, "coal")
    fields.needs("valid_from")
    return Carrier(
        fields.text("id"),
        fields.text("zh", "", empty=True),
        fields.text("unit"),
        co2,
        coal,
        fields.text("standard"),
        fields.text("source"),
        day_field(fields, "valid_from") or 0,
        day_field(fields, "valid_to"),
    )


def _number(fields: Fields, key: str) -> "tuple[int, int]":
    text = fields.plain.get(key)
    found = decimal_ratio(text) if isinstance(text, str) else None
    if found is not None and found[0] >= 0:
        return found
    fields.problems.append(
        problem(
            "WP-ACC-065", fields.place(key), "{value} is no factor",
            'write a decimal as a text, such as "0.0153"', value=shown(text),
        )
    )  # fmt: skip
    return (0, 1)
