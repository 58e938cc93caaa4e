"""EmissionFactor: how much CO2 a kilowatt-hour of one origin carries, by whose word, where and since when.

Factors come in named sets, which are never mixed: "grid-2023" is one announcement's table, "NDRC910-trial" is pinned
by the method that prints it. A set is a table in TOML; people write kilograms, accounts use whole milligrams.
"""

from collections import namedtuple

from gateway.core.fields import Fields, shown
from gateway.core.notation import decimal_scaled
from gateway.core.park_day import park_day, park_day_start_s
from gateway.core.problem import Problem, problem

RENEWABLE = ("biomass", "certificate", "geothermal", "hydro", "solar", "wind")
EVERYWHERE = "*"  # in a set: a factor for every region
LONGEST_NAME = 64
MG_PER_KG = 1000000
MOST_KG = 100  # of CO2 per kWh; the dirtiest fuels have 1 or 2


class EmissionFactor(
    namedtuple(
        "EmissionFactor",
        ("id", "set", "origin", "region", "mg_per_kwh", "basis", "valid_from_s", "valid_to_s", "source"),
    )
):
    """One row. region: "" everywhere; valid in [valid_from_s, valid_to_s), None without that bound."""

    __slots__ = ()
    id: str
    set: str
    origin: str
    region: str
    mg_per_kwh: int
    basis: str
    valid_from_s: "int | None"
    valid_to_s: "int | None"
    source: str


class Region(namedtuple("Region", ("name", "zh", "grid"))):
    """A province, its Chinese name, and the regional grid it belongs to ("" for none)."""

    __slots__ = ()
    name: str
    zh: str
    grid: str


class FactorTable:
    """All factors, by set."""

    def __init__(self, rows: "tuple[EmissionFactor, ...]", regions: "tuple[Region, ...]" = ()) -> None:
        self.rows = rows
        self.regions = regions
        self._by_key: "dict[tuple[str, str], list[EmissionFactor]]" = {}
        for row in rows:
            key = (row.set, row.origin)
            if key not in self._by_key:
                self._by_key[key] = []
            self._by_key[key].append(row)

    def sets(self) -> "tuple[str, ...]":
        """Return the names of all sets."""
        return tuple(sorted({row.set for row in self.rows}))

    def region(self, name: str) -> "Region | None":
        """Return the region called *name* in English or Chinese."""
        for region in self.regions:
            if name in (region.name, region.zh):
                return region
        return None

    def lookup(self, factor_set: str, origin: str, region: str, at_s: int) -> "EmissionFactor | None":
        """Return the factor that holds for energy of *origin* used in *region* (a province) at *at_s*, or None.

        The province's own factor goes before its grid's, and that before one for everywhere; of several that hold,
        the one that began last.
        """
        known = self.region(region)
        places = (known.name, known.grid, "") if known is not None else (region, "")
        best = None
        rank = None
        for row in self._by_key.get((factor_set, origin), ()):
            begins = row.valid_from_s
            if row.region not in places or (begins is not None and begins > at_s):
                continue
            if row.valid_to_s is not None and row.valid_to_s <= at_s:
                continue
            this = (-places.index(row.region), -1 if begins is None else begins + 10**12)
            if rank is None or this > rank:
                best, rank = row, this
        return best

    def lacking(self, factor_sets: "tuple[str, ...]", region: str) -> "list[Problem]":
        """Return a problem for each of *factor_sets* that has no factor for the grid in *region*, at any time."""
        known = self.region(region)
        places = (known.name, known.grid, "") if known is not None else (region, "")
        problems = []
        for name in factor_sets:
            if not [row for row in self._by_key.get((name, "grid"), ()) if row.region in places]:
                problems.append(
                    problem(
                        "WP-ACC-049", "gateway.province",
                        "the factor set {set} has no grid factor for the province {region}",
                        "write the province as in factors.toml, such as {known}; or choose a national set",
                        set=name, region=region or "-", known=", ".join([one.name for one in self.regions[:4]]) or "-",
                    )
                )  # fmt: skip
        return problems


def read_factors(plain: object, where: str = "factors.toml") -> "tuple[FactorTable | None, list[Problem]]":
    """Return the table of a plain map (as read from TOML), and everything that is wrong with it."""
    problems: "list[Problem]" = []
    top = Fields(plain, where, problems)
    top.only(("region", "set"))
    regions = [_region(fields) for fields in top.tables("region")]
    rows: "list[EmissionFactor]" = []
    grids = {region.grid for region in regions} | {region.name for region in regions}
    for fields in top.tables("set"):
        rows.extend(_factors(fields, grids))
    seen: "dict[str, bool]" = {}
    for row in rows:
        if row.id in seen:
            problems.append(
                problem(
                    "WP-ACC-041", where, "the factor {id} stands here twice",
                    "give each set its own id; a set of several dates is several sets", id=row.id,
                )
            )  # fmt: skip
        seen[row.id] = True
    if problems:
        return None, problems
    return FactorTable(tuple(rows), tuple(regions)), []


_SET_KEYS = ("id", "basis", "source", "valid_from", "valid_to", "zero")


def _region(fields: Fields) -> Region:
    fields.only(("id", "zh", "grid"))
    return Region(fields.text("id"), fields.text("zh", "", empty=True), fields.text("grid", "", empty=True))


def _factors(fields: Fields, known: "set[str]") -> "list[EmissionFactor]":
    """Return the factors of one set: a table of regions for each origin, and a list of origins without carbon."""
    name, basis, source = fields.text("id"), fields.text("basis"), fields.text("source")
    fields.needs("valid_from")
    begin, end = day_field(fields, "valid_from"), day_field(fields, "valid_to")
    origins = [key for key in sorted(fields.plain) if isinstance(fields.plain[key], dict) and key not in _SET_KEYS]
    fields.only(_SET_KEYS + tuple(origins))
    rows = []
    for origin in fields.texts("zero"):
        rows.append(EmissionFactor("%s:%s" % (name, origin), name, origin, "", 0, basis, begin, end, source))
    for origin in origins:
        table = fields.table(origin)
        for region in sorted(table.plain):
            if region != EVERYWHERE and region not in known:
                table.problems.append(
                    problem(
                        "WP-ACC-044", table.place(region), "there is no region {region}",
                        "add it under [[region]], or write * for everywhere", region=region,
                    )
                )  # fmt: skip
            mg = _milligrams(table, region)
            tail = origin if region == EVERYWHERE else "%s:%s" % (region, origin)
            place = "" if region == EVERYWHERE else region
            rows.append(EmissionFactor(name + ":" + tail, name, origin, place, mg, basis, begin, end, source))
    return rows


def _milligrams(table: Fields, region: str) -> int:
    """Return kilograms, written as a decimal, in whole milligrams."""
    text = table.plain[region]
    mg = decimal_scaled(text, MG_PER_KG) if isinstance(text, str) else None
    if mg is not None and 0 <= mg < MOST_KG * MG_PER_KG:
        return mg
    table.problems.append(
        problem(
            "WP-ACC-045", table.place(region), "{value} is no factor",
            'write kg CO2 per kWh as a text with at most 6 decimals, such as "0.5306"', value=shown(text),
        )
    )  # fmt: skip
    return 0


def day_field(fields: Fields, key: str) -> "int | None":
    """Return the start of the day under *key* (a text "2023-01-01") in UTC seconds, None where there is none."""
    value = fields.plain.get(key)
    if value is None:
        return None
    start = _day_start_s(value) if isinstance(value, str) else None
    if start is None:
        fields.problems.append(
            problem("WP-ACC-046", fields.place(key), "this is no date", 'write a text such as "2023-01-01"')
        )
    return start


def day_text(at_s: int) -> str:
    """Return the day in China that begins at *at_s* UTC, as a text such as "2023-01-01"."""
    days = park_day(at_s) + 719468  # since 0000-03-01; a year that begins in March has its leap day last
    era, day = days // 146097, days % 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= year * 365 + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month = month + 3 if month < 10 else month - 9
    return "%04d-%02d-%02d" % (era * 400 + year + (1 if month < 3 else 0), month, day + 1)


def validity(row: "tuple[object, ...]") -> str:
    """Return when a row holds: "2021-04-01/2025-03-01", the last day not included, or "2025-03-01/.." in force."""
    begins, ends = row.valid_from_s, row.valid_to_s  # type: ignore[attr-defined]
    return "%s/%s" % (".." if begins is None else day_text(begins), ".." if ends is None else day_text(ends))


def _day_start_s(text: str) -> "int | None":
    """Return the UTC second at which a day such as "2023-01-01" begins in China; None where it is none."""
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(c in "0123456789" for c in "".join(parts)):
        return None
    year, month, day = [int(part) for part in parts]
    return park_day_start_s(year, month, day)
