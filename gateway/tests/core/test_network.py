"""Reading a network from a plain map: everything wrong at once."""

from gateway.core.account.network import Feeder, Network, Sink, Source, energy_wh, read_network
from gateway.core.fields import Fields


def test_a_good_map_becomes_a_network() -> None:
    """All fields arrive; reverse_wh may be left out and is then 0."""
    network, problems, ignored = read_network(
        {
            "busbars": ["A", "B"],
            "sources": [{"id": "g", "busbar": "A", "wh": 5}],
            "sinks": [{"id": "l", "busbar": "B", "wh": 5}],
            "feeders": [{"id": "f", "from": "A", "to": "B", "wh": 5}],
        }
    )
    assert (problems, ignored) == ([], [])
    assert network == Network(("A", "B"), (Source("g", "A", 5),), (Sink("l", "B", 5),), (Feeder("f", "A", "B", 5, 0),))


def test_everything_wrong_is_told_at_once_with_its_place() -> None:
    """Negative, fractional and boolean energies, unknown busbars, double names, loops and missing keys."""
    network, problems, _ = read_network(
        {
            "busbars": ["A", "A", ""],
            "sources": [{"id": "g", "busbar": "Z", "wh": -1}, {"id": "g", "busbar": "A", "wh": True}],
            "sinks": [{"id": "l", "wh": "5"}, 7],
            "feeders": [{"id": "f", "from": "A", "to": "A", "wh": 1 << 70, "reverse_wh": None}],
        }
    )
    assert network is None
    assert sorted([(one.code, one.where) for one in problems]) == [
        ("WP-ACC-008", "feeders[0].reverse_wh"),
        ("WP-ACC-008", "feeders[0].wh"),
        ("WP-ACC-008", "sinks[0].wh"),
        ("WP-ACC-008", "sources[0].wh"),
        ("WP-ACC-008", "sources[1].wh"),
        ("WP-ACC-010", "feeders[0]"),
        ("WP-CFG-001", "sinks[1]"),
        ("WP-CFG-003", "sinks[0]"),
        ("WP-CFG-008", "sources[0].busbar"),
        ("WP-CFG-016", "busbars[1]"),
        ("WP-CFG-016", "sources[1].id"),
        ("WP-CFG-017", "busbars[2]"),
    ]


def test_a_missing_list_is_named() -> None:
    """Without busbars their absence is the one problem told, not every busbar that is named elsewhere."""
    _, problems, _ = read_network({"sources": [{"id": "g", "busbar": "A", "wh": 1}], "sinks": [], "feeders": []})
    assert [(one.code, one.values["key"]) for one in problems] == [("WP-CFG-003", "busbars")]
    assert [one.code for one in read_network([])[1]] == ["WP-CFG-001"]
    assert "WP-CFG-017" in [one.code for one in read_network({"busbars": {}})[1]]


def test_an_unknown_key_is_told_and_ignored() -> None:
    """A misspelt key does not stop the trace, and does not pass in silence."""
    plain = {
        "busbars": ["A"],
        "sources": [],
        "sinks": [{"id": "l", "busbar": "A", "wh": 0, "watt_hours": 5}],
        "feeders": [],
    }
    network, problems, ignored = read_network(plain)
    assert network is not None and problems == []
    assert [(one.code, one.where, one.values["key"]) for one in ignored] == [("WP-ACC-011", "sinks[0]", "watt_hours")]


def test_energies_at_both_ends() -> None:
    """Nothing and a thousand terawatt-hours are energies, one more or less is none; a feeder must state its own."""

    def codes(**keys):
        feeder = {"id": "f", "from": "A", "to": "B"}
        feeder.update(keys)
        plain = {"busbars": ["A", "B"], "sources": [], "sinks": [], "feeders": [feeder]}
        network, problems, _ = read_network(plain)
        assert (network is None) == bool(problems)
        return [(one.code, one.where) for one in problems]

    assert codes(wh=0) == codes(wh=10**15, reverse_wh=10**15) == []
    assert codes(wh=10**15 + 1) == [("WP-ACC-008", "feeders[0].wh")]
    assert codes(wh=1, reverse_wh=-1) == [("WP-ACC-008", "feeders[0].reverse_wh")]
    assert codes() == [("WP-CFG-003", "feeders[0]")]
    table = Fields({"wh": "much", "most": 10**15}, "", [])
    assert (energy_wh(table, "wh"), energy_wh(table, "most"), energy_wh(table, "absent")) == (0, 10**15, 0)
