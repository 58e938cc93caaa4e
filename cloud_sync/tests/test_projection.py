"""The projection: what the tables say of records, and that they can be made again from the entries alone."""

from typing import Any

from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.live import undone
from cloud_sync.platform.rebuilding import Difference, differences, rebuild
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import BASIS, SITE, Gateway, account, config, interval, stamp
from gateway.core import record as records
from gateway.core.account.interval import Energy
from gateway.core.account.tally import Tally
from gateway.core.account.trace import Allocation

NOTHING: tuple[tuple[object, ...], ...] = ((), (), (), (), (), BASIS)  # of an amendment: no trace, no storage


def rows(ledger: Ledger, question: str) -> list[tuple[Any, ...]]:
    """Return the rows of *question* as tuples."""
    return [tuple(row) for row in ledger.read(question)]


def readings(first_ms: int, steps_ms: tuple[int, ...], *columns: tuple[int | None, ...]) -> records.Readings:
    """Return readings under the configuration of entry 1."""
    return records.Readings(stamp(), 1, first_ms, steps_ms, columns)


def test_a_configuration_becomes_meter_points(platform: Platform, gateway: Gateway) -> None:
    """Roles and busbars come from the TOML text; a point that is gone stays, marked as no longer current."""
    platform.say("gw-1", gateway.send(config()))
    question = "SELECT name, role, meter, busbar, to_busbar, origin, current FROM point ORDER BY name"
    assert rows(platform.ledger, question) == [
        ("Hall", "load", "m-hall", "LV1", "", "", 1),
        ("Intake", "intake", "m-intake", "LV1", "", "grid", 1),
    ]
    platform.say("gw-1", gateway.send(config(SITE.replace('"Hall"', '"Hall B"'))))
    assert rows(platform.ledger, "SELECT name, current FROM point ORDER BY name") == [
        ("Hall", 0),
        ("Hall B", 1),
        ("Intake", 1),
    ]


def test_a_configuration_that_is_no_toml_is_unread(platform: Platform, gateway: Gateway) -> None:
    """Its entry is accepted, and named among the unread."""
    platform.say("gw-1", gateway.send(config("[[meter_point")))
    assert platform.count("unread") == 1 and platform.count("point") == 0 and platform.count("entry") == 1


def test_an_account_fills_its_tables(platform: Platform, gateway: Gateway) -> None:
    """Energy, allocation, residual, tally, pool and span carry the figures of the record."""
    platform.say("gw-1", gateway.send(config(), interval(0, 60), account(0, 60, 7)))
    ledger = platform.ledger
    assert rows(ledger, "SELECT start_s, end_s, sequence, account, complete_ppm FROM interval") == [
        (0, 60, 2, 3, 1_000_000)
    ]
    assert rows(ledger, "SELECT * FROM energy ORDER BY meter_point") == [
        ("gw-1", 0, 60, "Hall", 7, 0, ""),
        ("gw-1", 0, 60, "Intake", 7, 0, ""),
    ]
    assert rows(ledger, "SELECT * FROM allocation") == [("gw-1", 0, 60, "flow", "Intake", "Hall", 7)]
    assert rows(ledger, "SELECT * FROM residual") == [("gw-1", 0, 60, "LV1", "Intake", 0)]
    assert rows(ledger, "SELECT * FROM tally") == [
        ("gw-1", 0, 60, "flow", "grid-2023", "Hall", 7, 0, 4060, '{"grid": 7}', '["grid-2023-cn"]')
    ]
    assert rows(ledger, "SELECT storage, origin, wh FROM pool ORDER BY origin") == [
        ("Battery", "grid", 5),
        ("Battery", "solar", 7),
    ]
    assert rows(ledger, "SELECT start_words, end_words, energy_wh FROM span WHERE meter = 'm-hall'") == [
        ("[1, 0]", "[1, 60]", 7)
    ]


def test_an_interval_closed_twice_counts_once(platform: Platform, gateway: Gateway) -> None:
    """The first account of an interval stays; the second, and any that overlaps it, is a conflict."""
    platform.say("gw-1", gateway.send(interval(0, 60), account(0, 60, 7)))
    platform.say("gw-1", gateway.send(interval(0, 60), account(0, 60, 9), account(0, 60, 9)))
    platform.say("gw-1", gateway.send(interval(0, 900), account(0, 900, 100), interval(30, 90), account(30, 90, 1)))
    assert rows(platform.ledger, "SELECT sum(import_wh), count(*) FROM energy") == [(14, 2)]
    assert rows(platform.ledger, "SELECT sequence, kind FROM conflict ORDER BY sequence") == [
        (3, "interval"),
        (4, "account"),
        (5, "account"),
        (6, "interval"),
        (7, "account"),
        (8, "interval"),
        (9, "account"),
    ]
    assert differences(platform.ledger) == []


def test_an_interval_whose_account_was_lost_is_counted_by_the_next_one(platform: Platform, gateway: Gateway) -> None:
    """A card set back between an interval and its account: the account that comes is counted, once."""
    back = gateway.restarted(b"j" * 16)
    platform.say("gw-1", gateway.send(interval(0, 60)))
    platform.say("gw-1", back.send(interval(0, 60), account(0, 60, 9)))
    platform.say("gw-1", gateway.send(account(0, 60, 7)))
    assert rows(platform.ledger, "SELECT DISTINCT import_wh FROM energy") == [(9,)]
    assert rows(platform.ledger, "SELECT incarnation, sequence, kind FROM conflict ORDER BY 1, 2") == [
        (b"i" * 16, 1, "interval"),
        (b"i" * 16, 2, "account"),
    ]
    assert differences(platform.ledger) == []


def test_a_period_of_self_use_counts_once(platform: Platform, gateway: Gateway) -> None:
    """The 688-hourly figures stand beside those of the intervals; a second record of the period is a conflict."""

    def period(start_s: int, end_s: int, wh: int) -> records.SelfUse:
        allocations = (Allocation("688-hourly", "PV", "Hall", wh),)
        tallies = (Tally("Hall", "688-hourly", "grid-2023", wh, wh, 0, (("solar", wh),), ()),)
        return records.SelfUse(stamp(), 1, start_s, end_s, allocations, tallies, 0, BASIS)

    platform.say("gw-1", gateway.send(period(0, 3600, 5), period(0, 3600, 6), period(1800, 5400, 7)))
    assert rows(platform.ledger, "SELECT method, source, sink, wh FROM allocation") == [("688-hourly", "PV", "Hall", 5)]
    assert rows(platform.ledger, "SELECT start_s, end_s, green_wh FROM tally") == [(0, 3600, 5)]
    assert rows(platform.ledger, "SELECT sequence, kind FROM conflict ORDER BY 1") == [(2, "self-use"), (3, "self-use")]


def test_an_amendment_replaces_the_figure_and_keeps_the_old_one(platform: Platform, gateway: Gateway) -> None:
    """Late truth is what counts from then on; what it replaced is in `amended`, with the entry that did it."""
    platform.say("gw-1", gateway.send(interval(0, 60), account(0, 60, 0, "M")))
    true = account(0, 60, 5)
    late = records.Amendment(stamp(), 1, 0, 60, 2, true.spans[:1], *true[6:])
    platform.say("gw-1", gateway.send(late))
    ledger = platform.ledger
    assert rows(ledger, "SELECT import_wh, flag FROM energy WHERE meter_point = 'Intake'") == [(5, "")]
    assert rows(ledger, "SELECT meter_point, sequence, import_wh, flag FROM amended ORDER BY 1") == [
        ("Hall", 3, 0, ""),
        ("Intake", 3, 0, "M"),
    ]
    assert rows(ledger, "SELECT source, sink, wh FROM allocation") == [("Intake", "Hall", 5)]
    assert rows(ledger, "SELECT meter_point, wh, carbon_ug FROM tally") == [("Hall", 5, 2900)]
    assert rows(ledger, "SELECT busbar, source, wh FROM residual") == [("LV1", "Intake", 0)]
    assert rows(ledger, "SELECT storage, origin, wh FROM pool ORDER BY 2") == [
        ("Battery", "grid", 5),
        ("Battery", "solar", 7),
    ]
    assert rows(ledger, "SELECT energy_wh, flag FROM span WHERE meter = 'm-intake'") == [(5, "")]
    assert differences(ledger) == []


def test_late_truth_about_a_period_takes_the_place_of_what_was_counted(platform: Platform, gateway: Gateway) -> None:
    """A period that names the entry it amends replaces it, also twice; one that names another is a conflict."""

    def period(wh: int, amends: int) -> records.SelfUse:
        tallies = (Tally("Hall", "688-hourly", "grid-2023", wh, wh, 0, (("solar", wh),), ()),)
        return records.SelfUse(
            stamp(), 1, 0, 3600, (Allocation("688-hourly", "PV", "Hall", wh),), tallies, amends, BASIS
        )

    hour = (interval(0, 3600), account(0, 3600, 9))
    platform.say("gw-1", gateway.send(*hour, period(5, 0), period(6, 3), period(7, 4), period(8, 3)))
    assert rows(platform.ledger, "SELECT method, wh FROM allocation ORDER BY 1") == [("688-hourly", 7), ("flow", 9)]
    assert rows(platform.ledger, "SELECT method, wh FROM tally ORDER BY 1") == [("688-hourly", 7), ("flow", 9)]
    assert rows(platform.ledger, "SELECT sequence, kind FROM conflict") == [(6, "self-use")]
    assert differences(platform.ledger) == []


def test_an_amendment_of_another_account_is_a_conflict(platform: Platform, gateway: Gateway) -> None:
    """It must name the account that is counted, by its sequence and its time."""
    platform.say("gw-1", gateway.send(interval(0, 60), account(0, 60, 7)))
    for start_s, amends in ((0, 1), (60, 2)):
        wrong = records.Amendment(
            stamp(), 1, start_s, start_s + 60, amends, (), (Energy("Intake", 99, 0, ""),), *NOTHING
        )
        platform.say("gw-1", gateway.send(wrong))
    assert rows(platform.ledger, "SELECT DISTINCT import_wh FROM energy") == [(7,)]
    assert rows(platform.ledger, "SELECT kind FROM conflict") == [("amendment",), ("amendment",)]


def test_an_event_keeps_its_details(platform: Platform, gateway: Gateway) -> None:
    """Code, time and details are as the gateway wrote them, Chinese text too."""
    platform.say("gw-1", gateway.send(records.Event(stamp(5000), "fault", (("meter", "一号表"),))))
    assert rows(platform.ledger, "SELECT sequence, utc_ms, code, details FROM event") == [
        (1, 5000, "fault", '{"meter": "一号表"}')
    ]


def test_the_differences_of_a_column_are_undone() -> None:
    """First value, then differences to the last one that was there; a gap gives nothing."""
    column = (None, 100, 5, None, -10)
    assert list(undone(1000, (5, 5, 5, 5), column)) == [(1005, 100), (1010, 105), (1020, 95)]


def test_live_values_are_the_newest_in_account_units(platform: Platform, gateway: Gateway) -> None:
    """Power is in W; voltage, recorded in steps of 100 mV, comes out in mV; older readings change nothing."""
    new = readings(10_000, (5000,), (100, 1), (2301, -1), (None, 50))
    old = readings(1000, (5000,), (1, 0), (1, 0), (7, None))
    platform.say("gw-1", gateway.send(config(), new, old))
    assert rows(platform.ledger, "SELECT meter, quantity, at_ms, value FROM live ORDER BY 1, 2") == [
        ("m-hall", "active_power_total", 15_000, 50),
        ("m-intake", "active_power_total", 15_000, 101),
        ("m-intake", "voltage_l1_n", 15_000, 230_000),
    ]


def test_a_clock_that_runs_ahead_hides_no_later_reading(platform: Platform, gateway: Gateway) -> None:
    """A reading from the future is kept as an entry, and is not the newest live value."""
    ahead = readings(platform.now_ms + 86_400_000, (), (9,), (None,), (None,))
    platform.say("gw-1", gateway.send(config(), ahead, readings(platform.now_ms, (), (5,), (None,), (None,))))
    assert rows(platform.ledger, "SELECT value FROM live") == [(5,)]


def test_readings_of_another_shape_are_unread(platform: Platform, gateway: Gateway) -> None:
    """Too few columns, a column too short, or a configuration that is not there."""
    short = readings(0, (5,), (1,), (1, 1), (1, 1))
    homeless = readings(0, (), (1,), (1,), (1,))._replace(config=99)
    platform.say("gw-1", gateway.send(config(), readings(0, (), (1,)), short, homeless))
    assert rows(platform.ledger, "SELECT sequence FROM unread ORDER BY 1") == [(2,), (3,), (4,)]
    assert platform.count("live") == 0


def test_a_changed_figure_shows_up_against_the_entries(platform: Platform, gateway: Gateway) -> None:
    """Whoever edits a table of the projection is found out by rebuilding it, and the rebuilding mends it."""
    platform.say("gw-1", gateway.send(config(), interval(0, 60), account(0, 60, 7)))
    assert differences(platform.ledger) == []
    with platform.ledger.writing() as connection:
        connection.execute("UPDATE energy SET import_wh = 8 WHERE meter_point = 'Hall'")
        connection.execute("DELETE FROM tally")
    assert differences(platform.ledger) == [Difference("energy", 1, 1), Difference("tally", 0, 1)]
    assert rebuild(platform.ledger) == 3
    assert differences(platform.ledger) == []
