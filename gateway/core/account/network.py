"""Network: busbars with what feeds them, what draws from them, and the feeders between them, for one interval."""

from collections import namedtuple

from gateway.core.fields import Fields, note_taken, shown
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


def read_network(plain: object, where: str = "") -> "tuple[Network | None, list[Problem], list[Problem]]":
    """Return the network of a plain map, what is wrong with it, and what was ignored in it.

    where: the name of its file, which goes before every place.
    """
    problems: "list[Problem]" = []
    ignored: "list[Problem]" = []
    top = Fields(plain, where, problems)
    note_ignored(top, ("busbars", "sources", "sinks", "feeders"), ignored)
    top.needs("busbars", "sources", "sinks", "feeders")
    busbars: "list[str]" = []
    for index, name in enumerate(top.texts("busbars")):
        note_taken(top.place("busbars[%d]" % index), name, busbars, problems)
    known = busbars if "busbars" in top.plain else None
    sources = [Source(*row) for row in _ends(top, "sources", known, ignored)]
    sinks = [Sink(*row) for row in _ends(top, "sinks", known, ignored)]
    feeders = []
    names: "list[str]" = []
    for table in top.tables("feeders"):
        note_ignored(table, ("id", "from", "to", "wh", "reverse_wh"), ignored)
        name = table.text("id")
        table.fresh("id", name, names)
        start, end = _busbar(table, "from", known), _busbar(table, "to", known)
        if start and start == end:
            problems.append(
                problem(
                    "WP-ACC-010", table.where, "feeder {name} runs from busbar {busbar} to itself",
                    "give the busbar at the other end", name=shown(name), busbar=start,
                )
            )  # fmt: skip
        table.needs("wh")
        feeders.append(Feeder(name, start, end, energy_wh(table, "wh"), energy_wh(table, "reverse_wh")))
    if problems:
        return None, problems, ignored
    return Network(tuple(busbars), tuple(sources), tuple(sinks), tuple(feeders)), [], ignored


def _ends(top: Fields, key: str, known: "list[str] | None", ignored: "list[Problem]") -> "list[tuple[str, str, int]]":
    rows = []
    names: "list[str]" = []
    for table in top.tables(key):
        note_ignored(table, ("id", "busbar", "wh"), ignored)
        name = table.text("id")
        table.fresh("id", name, names)
        table.needs("wh")
        rows.append((name, _busbar(table, "busbar", known), energy_wh(table, "wh")))
    return rows


def _busbar(table: Fields, key: str, known: "list[str] | None") -> str:
    """Return the busbar under *key*, which must be one of *known*."""
    name = table.text(key)
    if known is not None:
        table.known(key, name, known)
    return name


def energy_wh(table: Fields, key: str) -> int:
    """Return the whole watt-hours under *key*, 0 where there are none."""
    value = table.plain.get(key, 0)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_WH:
        return value
    table.problems.append(
        problem(
            "WP-ACC-008", table.place(key), "{value} is no energy",
            "write whole watt-hours from 0 to {most}, without quotation marks or decimals; "
            "energy that flows the other way has its own figure",
            value=shown(value), most=MOST_WH,
        )
    )  # fmt: skip
    return 0


def note_ignored(table: Fields, known: "tuple[str, ...]", ignored: "list[Problem]") -> None:
    """Note in *ignored* every key of *table* that is not one of *known*: it does not stop the trace."""
    for key in sorted(table.plain):
        if key not in known:
            ignored.append(
                problem(
                    "WP-ACC-011", table.where, "the key {key} means nothing here and was ignored",
                    "known keys: {keys}", key=key, keys=", ".join(known),
                )
            )  # fmt: skip
