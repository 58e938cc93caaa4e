"""Network: busbars with what feeds them, what draws from them, and the feeders between them, for one interval."""

from collections import namedtuple

from gateway.core.problem import Problem, problem

MOST_WH = 10**15  # more than a country uses in a day; anything above is a slip of the pen


class Source(namedtuple("Source", ("name", "busbar", "wh"))):
    """What gives energy to a busbar: an intake, a plant, a battery that discharges."""

    __slots__ = ()
    name: str
    busbar: str
    wh: int


class Sink(namedtuple("Sink", ("name", "busbar", "wh"))):
    """What draws energy from a busbar: a load, an export, a battery that is charged."""

    __slots__ = ()
    name: str
    busbar: str
    wh: int


class Feeder(namedtuple("Feeder", ("name", "busbar", "to_busbar", "wh", "reverse_wh"))):
    """A line between two busbars with one meter: wh from busbar to to_busbar, reverse_wh back; both gross."""

    __slots__ = ()
    name: str
    busbar: str
    to_busbar: str
    wh: int
    reverse_wh: int


class Network(namedtuple("Network", ("busbars", "sources", "sinks", "feeders"))):
    """One interval of a park, as the flow method sees it."""

    __slots__ = ()
    busbars: "tuple[str, ...]"
    sources: "tuple[Source, ...]"
    sinks: "tuple[Sink, ...]"
    feeders: "tuple[Feeder, ...]"


def read_network(plain: object) -> "tuple[Network | None, list[Problem], list[Problem]]":
    """Return the network of a plain map, what is wrong with it, and what was ignored in it."""
    form = Form()
    whole = form.table(plain, "", ("busbars", "sources", "sinks", "feeders"))
    busbars: "list[str]" = []
    for index, value in enumerate(form.rows(whole, "busbars")):
        where = "busbars[%d]" % index
        if isinstance(value, str) and value:
            form.fresh(value, busbars, where)
            busbars.append(value)
        else:
            form.problems.append(_no_name(where))
    known = busbars if whole is not None and "busbars" in whole else None
    sources = [Source(*row) for row in _ends(form, whole, "sources", known)]
    sinks = [Sink(*row) for row in _ends(form, whole, "sinks", known)]
    feeders = []
    names: "list[str]" = []
    for index, value in enumerate(form.rows(whole, "feeders")):
        where = "feeders[%d]" % index
        row = form.table(value, where, ("id", "from", "to", "wh"), ("reverse_wh",))
        name = form.name(row, "id", where)
        form.fresh(name, names, where + ".id")
        names.append(name)
        start = form.busbar(row, "from", where, known)
        end = form.busbar(row, "to", where, known)
        if start and start == end:
            form.problems.append(
                problem(
                    "WP-ACC-010", where, "feeder {name} runs from busbar {busbar} to itself",
                    "give the busbar at the other end", name=name, busbar=start,
                )
            )  # fmt: skip
        feeders.append(Feeder(name, start, end, form.wh(row, "wh", where), form.wh(row, "reverse_wh", where)))
    if form.problems:
        return None, form.problems, form.ignored
    return Network(tuple(busbars), tuple(sources), tuple(sinks), tuple(feeders)), [], form.ignored


def _ends(
    form: "Form", whole: "dict[str, object] | None", key: str, known: "list[str] | None"
) -> "list[tuple[str, str, int]]":
    rows = []
    names: "list[str]" = []
    for index, value in enumerate(form.rows(whole, key)):
        where = "%s[%d]" % (key, index)
        row = form.table(value, where, ("id", "busbar", "wh"))
        name = form.name(row, "id", where)
        form.fresh(name, names, where + ".id")
        names.append(name)
        rows.append((name, form.busbar(row, "busbar", where, known), form.wh(row, "wh", where)))
    return rows


def _no_name(where: str) -> Problem:
    return problem("WP-ACC-006", where, "no name stands here", "write a text between quotation marks, not empty")


class Form:
    """Reads a plain map field by field and collects everything that is wrong, instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: "list[Problem]" = []
        self.ignored: "list[Problem]" = []

    def table(
        self, value: object, where: str, needed: "tuple[str, ...]", allowed: "tuple[str, ...]" = ()
    ) -> "dict[str, object] | None":
        """Return *value* where it is a map; missing keys are problems, unknown ones are noted."""
        if not isinstance(value, dict):
            self.problems.append(
                problem(
                    "WP-ACC-003", where, "an object with the keys {keys} belongs here",
                    "write it between curly brackets", keys=", ".join(needed),
                )
            )  # fmt: skip
            return None
        for key in needed:
            if key not in value:
                self.problems.append(
                    problem("WP-ACC-004", where, "the key {key} is missing", "add it; an empty list is fine", key=key)
                    if not where
                    else problem("WP-ACC-005", where, "the key {key} is missing here", "add it", key=key)
                )
        for key in sorted(value):
            if key not in needed and key not in allowed:
                self.ignored.append(
                    problem(
                        "WP-ACC-011", where, "the key {key} means nothing here and was ignored",
                        "known keys: {keys}", key=key, keys=", ".join(needed + allowed),
                    )
                )  # fmt: skip
        return value

    def rows(self, whole: "dict[str, object] | None", key: str) -> "list[object]":
        """Return the list under *key*."""
        value = whole.get(key, []) if whole is not None else []
        if isinstance(value, list):
            return value
        self.problems.append(problem("WP-ACC-012", key, "a list belongs here", "write it between square brackets"))
        return []

    def name(self, row: "dict[str, object] | None", key: str, where: str) -> str:
        """Return the name under *key*, "" where there is none."""
        value = row.get(key) if row is not None else None
        if isinstance(value, str) and value:
            return value
        if row is not None and key in row:
            self.problems.append(_no_name(where + "." + key))
        return ""

    def busbar(self, row: "dict[str, object] | None", key: str, where: str, known: "list[str] | None") -> str:
        """Return the busbar under *key*, which must be one of *known*."""
        name = self.name(row, key, where)
        if name and known is not None and name not in known:
            self.problems.append(
                problem(
                    "WP-ACC-007", where + "." + key, "there is no busbar {name}",
                    "name it under busbars, or use one of: {known}", name=name, known=", ".join(known) or "-",
                )
            )  # fmt: skip
        return name

    def wh(self, row: "dict[str, object] | None", key: str, where: str) -> int:
        """Return the whole watt-hours under *key*, 0 where there are none."""
        value = row.get(key, 0) if row is not None else 0
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_WH:
            return value
        self.problems.append(
            problem(
                "WP-ACC-008", where + "." + key if where else key, "{value} is no energy",
                "write whole watt-hours from 0 to {most}, without quotation marks or decimals; "
                "energy that flows the other way has its own figure",
                value=repr(value)[:40], most=MOST_WH,
            )
        )  # fmt: skip
        return 0

    def fresh(self, name: str, names: "list[str]", where: str) -> None:
        """Note a problem where *name* is already among *names*."""
        if name and name in names:
            self.problems.append(
                problem("WP-ACC-009", where, "{name} is already taken", "give every entry its own name", name=name)
            )
