"""Parks of several gateways on the platform: composed from the ledger, late truth included, agreed by both sides."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.platform.composing import adopt, compose
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.park import Opening, ParkPlan
from cloud_sync.platform.rebuilding import differences, rebuild
from cloud_sync.platform.schema import MIGRATIONS
from cloud_sync.tests import two_cabinets
from cloud_sync.tests.conftest import Platform, signer_of
from cloud_sync.tests.gateways import BASIS, Gateway, stamp
from cloud_sync.tests.two_cabinets import (
    START_S,
    STEP_S,
    closed_by,
    configuration,
    energies,
    hour_in_one,
    in_one,
    site_text,
)
from gateway.core import record as records
from gateway.core.account import declared
from gateway.core.account.closing import Closed

PLAN = ParkPlan("demo", ("gw-1", "gw-2"), ())
KEY = "park/demo"
STEPS = 6


class Cabinets:
    """The platform and the two gateways; *send* is what comes, *compose* what the platform makes of it."""

    def __init__(self, platform: Platform, plan: ParkPlan = PLAN) -> None:
        self.platform = platform
        self.gateways = {name: Gateway(name, signer_of(platform.home, name)) for name in two_cabinets.PARTS}
        with platform.ledger.writing() as tables:
            adopt(tables, (plan,))

    def send(self, name: str, *written: tuple[object, ...]) -> None:
        """Let entries of a gateway come."""
        self.platform.receipted(name, self.gateways[name].send(*written))

    def compose(self, limit: int = 50) -> int:
        """Compose all that waits; return in how many rounds."""
        rounds = 1
        with self.platform.ledger.writing() as tables:
            while compose(tables, limit):
                rounds += 1
        return rounds

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Return the answer to a question about the park's rows."""
        return [tuple(row) for row in self.platform.ledger.read(question, (KEY,))]

    def states(self) -> list[tuple[str, list[str]]]:
        """Return state and missing gateways of every period."""
        found = self.rows("SELECT state, missing FROM composed WHERE gateway = ? ORDER BY start_s")
        return [(state, json.loads(missing)) for state, missing in found]

    def figures(self) -> list[Any]:
        """Return all that is laid out for the park."""
        return [
            self.rows(f"SELECT * FROM {table} WHERE gateway = ? ORDER BY 2, 3, 4, 5, 6")
            for table in ("energy", "allocation", "residual", "tally", "pool", "interval", "composed")
        ]


def assert_is(cabinets: Cabinets, expected: list[Closed]) -> None:
    """The rows of the park are *expected*, period by period, and nothing beside them."""
    allocations, residuals, tallies, pools = [], [], [], []
    for step, one in enumerate(expected):
        period = (KEY, START_S + step * STEP_S, START_S + (step + 1) * STEP_S)
        allocations += [(*period, *row) for row in one.allocations]
        residuals += [(*period, *row) for row in one.residuals]
        tallies += [
            (
                *period,
                t.method,
                t.factor_set,
                t.meter_point,
                t.wh,
                t.green_wh,
                t.carbon_ug,
                json.dumps(dict(t.by_origin)),
            )
            for t in one.tallies
        ]
        pools += [(*period, pool.storage, origin, wh) for pool in one.pools_after for origin, wh in pool.content]
    assert cabinets.rows("SELECT * FROM allocation WHERE gateway = ? AND method = 'flow' ORDER BY 2, 5, 6") == sorted(
        allocations, key=lambda row: (row[1], row[4], row[5])
    )
    assert sorted(cabinets.rows("SELECT * FROM residual WHERE gateway = ?")) == sorted(residuals)
    columns = "gateway, start_s, end_s, method, factor_set, meter_point, wh, green_wh, carbon_ug, by_origin"
    assert sorted(cabinets.rows(f"SELECT {columns} FROM tally WHERE gateway = ? AND method = 'flow'")) == sorted(
        tallies
    )
    assert sorted(cabinets.rows("SELECT * FROM pool WHERE gateway = ?")) == sorted(pools)


@pytest.fixture
def cabinets(platform: Platform) -> Cabinets:
    """Both gateways with their configurations sent, and the park adopted."""
    one = Cabinets(platform)
    for name in one.gateways:
        one.send(name, configuration(name))
    return one


def test_the_park_on_the_platform_is_the_whole_park_in_one(cabinets: Cabinets) -> None:
    """Traces, residuals, tallies and pools are those of one gateway over all meters, over several intervals."""
    for step in range(STEPS):
        for name in cabinets.gateways:
            cabinets.send(name, *closed_by(name, step))
        cabinets.compose()
    assert cabinets.states() == [("whole", [])] * STEPS
    assert_is(cabinets, in_one(STEPS))
    assert differences(cabinets.platform.ledger) == []


def test_a_late_gateway_is_flagged_until_it_comes_and_nothing_counts_twice(cabinets: Cabinets) -> None:
    """While its intervals are away the others count, with their storages; then all is as if it had never been late."""
    for step in range(STEPS):
        cabinets.send("gw-1", *closed_by("gw-1", step))
        if step not in (2, 3):
            cabinets.send("gw-2", *closed_by("gw-2", step))
        cabinets.compose()
    assert cabinets.states() == [("whole", [])] * 2 + [("partial", ["gw-2"])] * 2 + [("whole", [])] * 2
    assert_is(cabinets, in_one(STEPS, {2: "gw-2", 3: "gw-2"}))
    assert differences(cabinets.platform.ledger) == []
    for step in (2, 3):
        cabinets.send("gw-2", *closed_by("gw-2", step))
    assert cabinets.compose(limit=2) > 1
    assert cabinets.states() == [("whole", [])] * STEPS
    assert_is(cabinets, in_one(STEPS))
    assert differences(cabinets.platform.ledger) == []


def test_an_amendment_of_one_gateway_makes_the_park_anew_from_there(cabinets: Cabinets) -> None:
    """An interval closed with a silent meter, then amended: the park is what it is with the true energies."""
    first = energies("gw-2", 1)
    silent = tuple(row._replace(import_wh=0, export_wh=0, flag="M") for row in first)
    for step in range(3):
        for name in cabinets.gateways:
            missing = (name, step) == ("gw-2", 1)
            cabinets.send(name, *closed_by(name, step, silent if missing else None))
    cabinets.compose()
    assert cabinets.rows("SELECT sum(import_wh) FROM energy WHERE gateway = ? AND flag = 'M'") == [(0,)]
    start_s = START_S + STEP_S
    late = records.Amendment(stamp(), 1, start_s, start_s + STEP_S, 5, (), first, (), (), (), (), (), BASIS)
    cabinets.send("gw-2", late)
    cabinets.compose()
    assert_is(cabinets, in_one(3))
    assert differences(cabinets.platform.ledger) == []


def test_in_whatever_order_entries_come_the_figures_are_the_same(cabinets: Cabinets, platform: Platform) -> None:
    """One gateway's day first, then the other's; composed in between, and rebuilt from the entries: always the same."""
    for name in ("gw-2", "gw-1"):
        for step in range(STEPS):
            cabinets.send(name, *closed_by(name, step))
            cabinets.compose(limit=1)
    found = cabinets.figures()
    assert_is(cabinets, in_one(STEPS))
    rebuild(platform.ledger)
    assert cabinets.figures() == found
    assert differences(platform.ledger) == []


def test_the_park_is_one_project_by_the_published_rule_too(cabinets: Cabinets) -> None:
    """An hour that all gateways closed has the self-use trace of the whole park; while one is lacking, it has none."""
    question = "SELECT source, sink, wh FROM allocation WHERE gateway = ? AND method = '688-hourly' AND start_s = "
    for step in range(STEPS):
        for name in cabinets.gateways:
            if (name, step) != ("gw-2", 1):
                cabinets.send(name, *closed_by(name, step))
        cabinets.compose()
    assert cabinets.rows(question + str(START_S)) == []
    cabinets.send("gw-2", *closed_by("gw-2", 1))
    cabinets.compose()
    expected = hour_in_one()
    assert sorted(cabinets.rows(question + str(START_S))) == sorted(tuple(row)[1:] for row in expected.allocations)
    tallied = cabinets.rows("SELECT sum(wh), sum(green_wh) FROM tally WHERE gateway = ? AND method = '688-hourly'")
    assert tallied == [(sum(row.wh for row in expected.tallies), sum(row.green_wh for row in expected.tallies))]
    assert cabinets.rows("SELECT start_s, end_s FROM self_use WHERE gateway = ?") == [(START_S, START_S + 3600)]
    assert differences(cabinets.platform.ledger) == []


def content(start_s: int, difference: str) -> records.Declaration:
    """Return what a person declared of the content of the battery of gw-2."""
    values = ((declared.BOOKED, str(start_s)), (declared.DIFFERENCE, difference), (declared.HELD, "3 kWh"))
    return records.Declaration(stamp(), 1, declared.CONTENT, "Battery", start_s * 1000, "Li", "seen", values)


def test_a_declared_content_of_a_storage_is_booked_in_the_park_too(cabinets: Cabinets) -> None:
    """What a person declared to one gateway is lost or gained in the same interval of the park."""
    cabinets.send("gw-2", content(START_S + STEP_S, "-2000"))
    for step in range(3):
        for name in cabinets.gateways:
            cabinets.send(name, *closed_by(name, step))
        cabinets.compose()
    assert_is(cabinets, in_one(3, corrections={1: (("gw-2/Battery", -2000),)}))
    assert differences(cabinets.platform.ledger) == []


def test_what_cannot_be_computed_with_stops_nothing_but_its_own_period(cabinets: Cabinets) -> None:
    """A content beyond all bounds makes its period refused; those before and after are composed."""
    cabinets.send("gw-2", content(START_S + STEP_S, "9" * 30))
    for step in range(3):
        for name in cabinets.gateways:
            cabinets.send(name, *closed_by(name, step))
    cabinets.compose()
    assert [state for state, _missing in cabinets.states()] == ["whole", "refused", "whole"]
    [(problems,)] = cabinets.rows("SELECT problems FROM composed WHERE gateway = ? AND state = 'refused'")
    assert [one[0] for one in json.loads(problems)] == ["WP-PLT-071"]
    assert differences(cabinets.platform.ledger) == []


def test_what_was_tampered_with_in_the_park_is_found(cabinets: Cabinets, platform: Platform) -> None:
    """A figure of the park that does not follow from the entries is a difference."""
    for name in cabinets.gateways:
        cabinets.send(name, *closed_by(name, 0))
    cabinets.compose()
    with platform.ledger.writing() as tables:
        tables.execute("UPDATE tally SET green_wh = green_wh + 1 WHERE gateway = ?", (KEY,))
    assert [found.table for found in differences(platform.ledger)] == ["tally"]


def test_quarter_hours_and_minutes_make_quarter_hours(cabinets: Cabinets) -> None:
    """A gateway that closes every five minutes is summed up to the intervals of the other."""
    third = tuple(row._replace(import_wh=row.import_wh * 3, export_wh=row.export_wh * 3) for row in energies("gw-2", 0))
    cabinets.send("gw-2", *closed_by("gw-2", 0, third))
    for part in range(3):
        start_s = START_S + part * 300
        closing, account = closed_by("gw-1", 0)
        assert isinstance(closing, records.Interval) and isinstance(account, records.Account)
        cabinets.send(
            "gw-1",
            closing._replace(start_s=start_s, end_s=start_s + 300),
            account._replace(start_s=start_s, end_s=start_s + 300),
        )
        cabinets.compose()
        assert cabinets.states() == [("whole" if part == 2 else "partial", [] if part == 2 else ["gw-1"])]
    sums = cabinets.rows("SELECT sum(import_wh), count(*) FROM energy WHERE gateway = ?")
    assert sums == [(3 * sum(row.import_wh for name in two_cabinets.PARTS for row in energies(name, 0)), 9)]


@pytest.mark.parametrize(
    ("gateway", "old", "new", "code"),
    [
        ("gw-2", 'ties = ["gw-1/Tie"]', "", "WP-PLT-068"),
        ("gw-2", "gw-1/LV1", "gw-1/LV7", "WP-PLT-067"),
        ("gw-2", "gw-1/LV1", "gw-3/LV1", "WP-PLT-067"),
        ("gw-1", "gw-2/Back tie", "gw-2/Other tie", "WP-PLT-069"),
        ("gw-1", "Jiangsu", "Zhejiang", "WP-PLT-064"),
        ("gw-1", '"grid-2023", "NDRC910-trial"', '"grid-2022"', "WP-PLT-066"),
        ("gw-1", "[[bus]]", "[[buss]]", "WP-PLT-063"),
    ],
)
def test_gateways_that_disagree_are_not_composed(
    platform: Platform, gateway: str, old: str, new: str, code: str
) -> None:
    """Nothing of such a period counts, and why is named; with a mended configuration the next one counts."""
    cabinets = Cabinets(platform)
    for name in cabinets.gateways:
        text = site_text(name)
        assert name != gateway or old in text
        cabinets.send(
            name, configuration(name, text.replace(old, new) if name == gateway else text), *closed_by(name, 0)
        )
    cabinets.compose()
    [(state, problems)] = cabinets.rows("SELECT state, problems FROM composed WHERE gateway = ?")
    assert state == "refused" and code in [one[0] for one in json.loads(problems)]
    assert cabinets.rows("SELECT count(*) FROM energy WHERE gateway = ?") == [(0,)]
    cabinets.send(gateway, configuration(gateway))
    again = cabinets.gateways[gateway].sequence
    for name in cabinets.gateways:
        config = again if name == gateway else 1
        cabinets.send(name, *(one._replace(config=config) for one in closed_by(name, 1)))  # type: ignore[attr-defined]
    cabinets.compose()
    assert [state for state, _missing in cabinets.states()] == ["refused", "whole"]
    assert differences(platform.ledger) == []


def test_other_factors_under_the_same_name_are_refused(cabinets: Cabinets) -> None:
    """A set of factors that two gateways understand differently is named, and nothing is composed with it."""
    config = configuration("gw-2")
    changed = config._replace(factors=config.factors.replace("0.8325", "0.8326"))
    assert changed != config
    cabinets.send("gw-2", changed, *(one._replace(config=2) for one in closed_by("gw-2", 0)))  # type: ignore[attr-defined]
    cabinets.send("gw-1", *closed_by("gw-1", 0))
    cabinets.compose()
    [(problems,)] = cabinets.rows("SELECT problems FROM composed WHERE gateway = ?")
    [(code, *_place, values)] = json.loads(problems)
    assert code == "WP-PLT-065" and "NDRC910-trial" in values["factors"]


def test_another_plan_composes_the_park_from_its_start(cabinets: Cabinets, platform: Platform) -> None:
    """What a storage held at the start, as park.toml says it, goes before what the gateway's file says."""
    for name in cabinets.gateways:
        cabinets.send(name, *closed_by(name, 0))
    cabinets.compose()
    assert_is(cabinets, in_one(1))
    plan = PLAN._replace(openings=(Opening("gw-2/Battery", 70_000, "wind"),))
    with platform.ledger.writing() as tables:
        adopt(tables, (plan,))
    assert cabinets.rows("SELECT count(*) FROM energy WHERE gateway = ?") == [(0,)]
    cabinets.compose()
    held = dict(cabinets.rows("SELECT origin, wh FROM pool WHERE gateway = ?"))
    assert held["wind"] > 60_000 and cabinets.states() == [("whole", [])]
    with platform.ledger.writing() as tables:
        adopt(tables, ())
    assert cabinets.rows("SELECT count(*) FROM energy WHERE gateway = ?") == [(0,)]


def test_a_ledger_from_before_there_were_parks_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its tables get those of parks beside them, and a park adopted then is composed from its start."""
    path = tmp_path / "ledger.sqlite"
    old = sqlite3.connect(path)
    old.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
    old.close()
    ledger = Ledger(path)
    with ledger.writing() as tables:
        adopt(tables, (PLAN,))
        assert tables.execute("SELECT due_s FROM park").fetchone()[0] == 0
        assert not compose(tables)
    ledger.close()


def test_the_meter_points_of_a_park_are_those_of_its_gateways(cabinets: Cabinets) -> None:
    """Each has its full name, and a tie the full name of the busbar where it ends."""
    cabinets.compose()
    found = cabinets.rows("SELECT name, busbar, to_busbar FROM point WHERE gateway = ? ORDER BY name")
    assert len(found) == 9
    assert ("gw-1/Inner tie", "gw-1/LV1", "gw-1/LV2") in found
    assert ("gw-1/Tie", "gw-1/LV2", "gw-2/LV1") in found and ("gw-2/Mill", "gw-2/LV1", "") in found
