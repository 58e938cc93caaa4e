"""EmissionFactor: how much CO2 a kilowatt-hour of one origin carries, by whose word, where and since when.

Factors come in named sets, which are never mixed: "grid-2023" is one announcement's table, "NDRC910-trial" is pinned
by the method that prints it. A set is a table in TOML; people write kilograms, accounts use whole milligrams.
"""

from collections import namedtuple

from gateway.core.problem import Problem, problem

RENEWABLE = ("biomass", "certificate", "geothermal", "hydro", "solar", "wind")
EVERYWHERE = "*"  # in a set: a factor for every region
LONGEST_NAME = 64
_DAY_S = 86400
_CHINA_S = 8 * 3600  # days of validity begin at midnight in China, UTC+8


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
    reading = _Reading(where)
    if not isinstance(plain, dict):
        return None, [reading.shape(where, "[[set]]")]
    for key in sorted(plain):
        if key not in ("region", "set"):
            reading.unknown(where, key, "region, set")
    regions = [reading.region(value, n) for n, value in enumerate(reading.tables(plain, "region"))]
    rows: "list[EmissionFactor]" = []
    grids = {region.grid for region in regions} | {region.name for region in regions}
    for n, value in enumerate(reading.tables(plain, "set")):
        rows.extend(reading.factors(value, n, grids))
    seen: "dict[str, bool]" = {}
    for row in rows:
        if row.id in seen:
            reading.problems.append(
                problem(
                    "WP-ACC-041", where, "the factor {id} stands here twice",
                    "give each set its own id; a set of several dates is several sets", id=row.id,
                )
            )  # fmt: skip
        seen[row.id] = True
    if reading.problems:
        return None, reading.problems
    return FactorTable(tuple(rows), tuple(regions)), []


_SET_TEXTS = ("id", "basis", "source")
_SET_DATES = ("valid_from", "valid_to")


class _Reading:
    """Reads regions and sets out of plain maps, and collects problems."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: "list[Problem]" = []

    def shape(self, where: str, wanted: str) -> Problem:
        """Return the problem that something else stands where *wanted* belongs, given as TOML."""
        return problem(
            "WP-ACC-042", where, "something like {wanted} belongs here",
            "compare with the factors.toml that comes with the product", wanted=wanted,
        )  # fmt: skip

    def unknown(self, where: str, key: str, keys: str) -> None:
        """Note an unknown key."""
        self.problems.append(
            problem("WP-ACC-043", where, "the key {key} means nothing here", "known keys: {keys}", key=key, keys=keys)
        )

    def tables(self, plain: "dict[str, object]", key: str) -> "list[dict[str, object]]":
        """Return the list of tables under *key*."""
        value = plain.get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self.problems.append(self.shape(self.where + "." + key, "[[%s]]" % key))
        return []

    def text(self, row: "dict[str, object]", key: str, where: str, empty: bool = False) -> str:
        """Return the text under *key*."""
        value = row.get(key, "")
        if isinstance(value, str) and (value or empty):
            return value
        self.problems.append(self.shape(where + "." + key, '"..."'))
        return ""

    def region(self, row: "dict[str, object]", n: int) -> Region:
        """Return one region."""
        where = "%s.region[%d]" % (self.where, n)
        for key in sorted(row):
            if key not in ("id", "zh", "grid"):
                self.unknown(where, key, "id, zh, grid")
        zh, grid = self.text(row, "zh", where, empty=True), self.text(row, "grid", where, empty=True)
        return Region(self.text(row, "id", where), zh, grid)

    def factors(self, row: "dict[str, object]", n: int, known: "set[str]") -> "list[EmissionFactor]":
        """Return the factors of one set: a table of regions for each origin, and a list of origins without carbon."""
        where = "%s.set[%d]" % (self.where, n)
        name, basis, source = [self.text(row, key, where) for key in _SET_TEXTS]
        begin, end = [self.day(row, key, where) for key in _SET_DATES]
        rows = []
        zero = row.get("zero", [])
        if not isinstance(zero, list) or not all(isinstance(item, str) and item for item in zero):
            self.problems.append(self.shape(where + ".zero", '["solar", "wind"]'))
            zero = []
        for origin in zero:
            rows.append(EmissionFactor("%s:%s" % (name, origin), name, origin, "", 0, basis, begin, end, source))
        for origin in sorted(row):
            table = row[origin]
            if origin in _SET_TEXTS or origin in _SET_DATES or origin == "zero":
                continue
            if not isinstance(table, dict):
                self.unknown(
                    where, origin, "id, basis, source, valid_from, valid_to, zero, and a table for each origin"
                )
                continue
            for region in sorted(table):
                place = "%s.%s.%s" % (where, origin, region)
                if region != EVERYWHERE and region not in known:
                    self.problems.append(
                        problem(
                            "WP-ACC-044", place, "there is no region {region}",
                            "add it under [[region]], or write * for everywhere", region=region,
                        )
                    )  # fmt: skip
                mg = _milligrams(table[region])
                if mg is None:
                    self.problems.append(
                        problem(
                            "WP-ACC-045", place, "{value} is no factor",
                            'write kg CO2 per kWh as a text with at most 6 decimals, such as "0.5306"',
                            value=repr(table[region])[:40],
                        )
                    )  # fmt: skip
                    mg = 0
                tail = origin if region == EVERYWHERE else "%s:%s" % (region, origin)
                place = "" if region == EVERYWHERE else region
                rows.append(EmissionFactor(name + ":" + tail, name, origin, place, mg, basis, begin, end, source))
        return rows

    def day(self, row: "dict[str, object]", key: str, where: str) -> "int | None":
        """Return the start of the day under *key* (a text "2023-01-01") in UTC seconds, None where there is none."""
        value = row.get(key)
        if value is None:
            return None
        start = _day_start_s(value) if isinstance(value, str) else None
        if start is None:
            self.problems.append(
                problem("WP-ACC-046", where + "." + key, "this is no date", 'write a text such as "2023-01-01"')
            )
        return start


def _milligrams(text: object) -> "int | None":
    """Return kilograms, written as a decimal, in whole milligrams."""
    if not isinstance(text, str):
        return None
    whole, _, decimals = text.partition(".")
    digits = whole + decimals
    if not whole or len(whole) > 2 or len(decimals) > 6 or not all(c in "0123456789" for c in digits):
        return None
    return int(digits + "0" * (6 - len(decimals)))


def _day_start_s(text: str) -> "int | None":
    """Return midnight in China of a day of the Gregorian calendar, in UTC seconds."""
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(c in "0123456789" for c in "".join(parts)):
        return None
    year, month, day = [int(part) for part in parts]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= lengths[month - 1]):
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162 + sum(lengths[: month - 1]) + day - 1
    return days * _DAY_S - _CHINA_S
