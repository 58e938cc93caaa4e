"""Parameters: dated, sourced numbers of the reports, and what a park chose where the rules leave a question open."""

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gateway.core.account.factor import day_field
from gateway.core.account.ratio import SEVERAL, SINGLE
from gateway.core.account.trace import FLOW, METHODS
from gateway.core.fields import Fields, shown
from gateway.core.notation import decimal_ratio
from gateway.core.problem import Problem, ProblemError, problem
from gateway.text_file import parse_toml, read_text

PARAMETERS_FILE = "parameters.toml"
CHOICES_FILE = "indicators.toml"
COAL_EQUIVALENT, GRID_SHARE = "coal_equivalent", "grid_share"
EVERYWHERE = "*"
GENERATED, WITH_CURTAILED = "generated", "generated-and-curtailed"
VALID, SAME_YEAR = "valid", "same-year"
RULES = {"650": SINGLE, "688": SEVERAL}
MOST = {COAL_EQUIVALENT: (1, 1), GRID_SHARE: (1, 1)}  # a kilowatt-hour of a kilogram of coal is beyond every plant


class Parameter(NamedTuple):
    """One row: what it is, where and when it holds, its value as a fraction, and its source."""

    id: str
    kind: str
    region: str
    value: tuple[int, int]
    valid_from_s: int | None
    valid_to_s: int | None
    source: str


class Parameters(NamedTuple):
    """All rows."""

    rows: tuple[Parameter, ...]

    def lookup(self, kind: str, region: str, at_s: int) -> Parameter | None:
        """Return the row of *kind* for *region* at *at_s*: its own before one for everywhere, the latest of several."""
        best, rank = None, None
        for row in self.rows:
            if row.kind != kind or row.region not in (region, EVERYWHERE):
                continue
            if (row.valid_from_s or 0) > at_s or (row.valid_to_s is not None and row.valid_to_s <= at_s):
                continue
            this = (row.region == region, row.valid_from_s or 0)
            if rank is None or this > rank:
                best, rank = row, this
        return best


class Choices(NamedTuple):
    """What a park chose: each open question of the rules has a named answer, which its figures name."""

    park: str
    rule: str = SEVERAL
    available: str = GENERATED
    certificate_period: str = VALID

    def named(self) -> dict[str, str]:
        """Return question and answer, as in indicators.toml."""
        return {"rule": self.rule, "available": self.available, "certificate_period": self.certificate_period}


class Enterprise(NamedTuple):
    """A set of meter points with a budget of CO2 for a year, by one trace method and one factor set."""

    park: str
    name: str
    meter_points: tuple[str, ...]
    year: str
    budget_ug: int
    method: str
    factor_set: str


class Chosen(NamedTuple):
    """What indicators.toml says."""

    parks: tuple[Choices, ...]
    enterprises: tuple[Enterprise, ...]

    def of(self, park: str) -> Choices:
        """Return the choices of *park*, the defaults where it made none."""
        return next((one for one in self.parks if one.park == park), Choices(park))


def parameters_text(home: Path | None) -> str:
    """Return the text of the parameters in force."""
    own = home / PARAMETERS_FILE if home is not None else None
    if own is None or not own.exists():
        return resources.files("cloud_sync.platform").joinpath(PARAMETERS_FILE).read_text(encoding="utf-8")
    return read_text(own)


def load_parameters(home: Path | None) -> Parameters:
    """Return the parameters in force for *home*; raises ProblemError with all that is wrong with them."""
    problems: list[Problem] = []
    top = Fields(parse_toml(parameters_text(home), PARAMETERS_FILE), PARAMETERS_FILE, problems)
    top.only((COAL_EQUIVALENT, GRID_SHARE))
    rows = [_parameter(kind, one) for kind in (COAL_EQUIVALENT, GRID_SHARE) for one in top.tables(kind)]
    if problems:
        raise ProblemError(*problems)
    return Parameters(tuple(rows))


def _parameter(kind: str, fields: Fields) -> Parameter:
    fields.only(("region", "value", "valid_from", "valid_to", "source"))
    region, source, text = fields.text("region"), fields.text("source"), fields.text("value")
    value = decimal_ratio(text)
    most = MOST[kind]
    if text and (value is None or value[0] < 0 or value[0] * most[1] > most[0] * value[1]):
        fields.problems.append(
            problem(
                "WP-PLT-088", fields.place("value"), "{value} is no value from 0 to 1",
                'write a decimal as a text: coal in kgce/kWh, such as "0.3024", a share such as "0.18"',
                value=shown(text),
            )
        )  # fmt: skip
    fields.needs("valid_from")
    begins = fields.plain.get("valid_from")
    named = "%s:%s:%s" % (kind, region, begins if isinstance(begins, str) else "")
    begin, end = day_field(fields, "valid_from"), day_field(fields, "valid_to")
    return Parameter(named, kind, region, value or (0, 1), begin, end, source)


def load_choices(home: Path | None) -> Chosen:
    """Return what the parks of *home* chose; the defaults where there is no indicators.toml."""
    if home is None or not (home / CHOICES_FILE).exists():
        return Chosen((), ())
    problems: list[Problem] = []
    top = Fields(parse_toml(read_text(home / CHOICES_FILE), CHOICES_FILE), CHOICES_FILE, problems)
    top.only(("park", "enterprise"))
    parks = tuple(_choices(one) for one in top.tables("park"))
    enterprises = tuple(_enterprise(one) for one in top.tables("enterprise"))
    if problems:
        raise ProblemError(*problems)
    return Chosen(parks, enterprises)


def _choices(fields: Fields) -> Choices:
    fields.only(("name", "rule", "available", "certificate_period"))
    return Choices(
        fields.text("name"),
        RULES[fields.choice("rule", tuple(RULES), "688")],
        fields.choice("available", (GENERATED, WITH_CURTAILED), GENERATED),
        fields.choice("certificate_period", (VALID, SAME_YEAR), VALID),
    )


def _enterprise(fields: Fields) -> Enterprise:
    fields.only(("park", "name", "meter_points", "year", "budget", "method", "factor_set"))
    fields.needs("meter_points")
    budget = fields.text("budget")
    tonnes = decimal_ratio(budget)
    if budget and (tonnes is None or tonnes[0] <= 0):
        fields.problems.append(
            problem(
                "WP-PLT-089", fields.place("budget"), "{value} is no budget",
                'write t CO2 as a text, such as "1200"', value=shown(budget),
            )
        )  # fmt: skip
    budget_ug = tonnes[0] * 10**12 // tonnes[1] if tonnes else 0
    return Enterprise(
        fields.text("park"), fields.text("name"), fields.texts("meter_points"), fields.text("year"), budget_ug,
        fields.choice("method", METHODS, FLOW), fields.text("factor_set"),
    )  # fmt: skip
