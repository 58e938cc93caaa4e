"""An enrolled gateway that lies: whatever it says, the platform goes on, and the others' figures are given."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cloud_sync.core.batch import SEQUENCE_MAX, Batch, batch_of
from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import GENESIS
from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform import showing
from cloud_sync.platform.bounds import NUMBER_MAX, ROWS_MAX, SITE_DOTS_MAX, WH_MAX
from cloud_sync.platform.enrolment import enrol
from cloud_sync.platform.rebuilding import differences
from cloud_sync.platform.web import create_app
from cloud_sync.tests.conftest import Platform, signer_of
from cloud_sync.tests.gateways import BASIS, CHANNELS, SITE, Gateway, account, config, interval, stamp
from gateway.core import record as records
from gateway.core.account.interval import Energy
from gateway.core.account.storage import Layer, Pool
from gateway.core.account.trace import Allocation

ACCOUNT = account(0, 60, 7)
TALLY = ACCOUNT.tallies[0]
NOTHING: tuple[tuple[object, ...], ...] = ((), (), (), (), (), BASIS)  # of an amendment: no trace, no storage
HUGE = (1 << 64) - 1


def figures(platform: Platform, path: str, gateway: str = "gw-2") -> int:
    """Ask the page for *path* of *gateway* and return the status of its answer, which must be JSON."""
    client = TestClient(create_app(platform.ledger, now=lambda: 120.0))
    answer = client.get("/api/v1/" + path, params={"gateway": gateway})
    assert answer.headers["content-type"] == "application/json"
    json.loads(answer.text)
    return int(answer.status_code)


@pytest.mark.parametrize(
    "lie",
    [
        ACCOUNT._replace(end_s=HUGE),
        ACCOUNT._replace(energies=(Energy("Hall", -5, 0, ""),)),
        ACCOUNT._replace(energies=(Energy("Hall", WH_MAX + 1, 0, ""),)),
        ACCOUNT._replace(energies=(Energy("Hall\x1b[2J", 7, 0, ""),)),
        ACCOUNT._replace(energies=(Energy("Hall\x00", 7, 0, ""),)),
        ACCOUNT._replace(energies=(Energy("H" * 100_000, 7, 0, ""),)),
        ACCOUNT._replace(allocations=(Allocation("flow", "Intake", "Hall", HUGE),)),
        ACCOUNT._replace(allocations=tuple(Allocation("flow", "Intake", str(n), 0) for n in range(ROWS_MAX + 1))),
        ACCOUNT._replace(tallies=(TALLY._replace(by_origin=(("grid", HUGE),)),)),
        ACCOUNT._replace(tallies=(TALLY._replace(carbon_ug=NUMBER_MAX + 1),)),
        ACCOUNT._replace(basis=ACCOUNT.basis._replace(configuration=bytes(15))),
        ACCOUNT._replace(basis=ACCOUNT.basis._replace(entries=(-1,))),
        ACCOUNT._replace(basis=ACCOUNT.basis._replace(switches=("a\x1b[2J=b",))),
        ACCOUNT._replace(pools_after=(Pool("Battery", (Layer(0, (("grid", -1),)),)),)),
        records.SelfUse(stamp(), 1, 0, HUGE, (), (), 0, ACCOUNT.basis),
        records.Amendment(stamp(), 1, 0, HUGE, 3, (), (), *NOTHING),
        records.Amendment(stamp(), 1, 0, 60, 3, (), (Energy("Hall", HUGE, 0, ""),), *NOTHING),
        records.Amendment(stamp(), 1, 0, 60, 3, (), (), (Allocation("flow", "Intake", "Hall", HUGE),), *NOTHING[1:]),
        interval(253_402_300_740, 253_402_300_800),
        interval(-60, 0),
        interval(60, 120)._replace(root=b"r" * 100_000),
        config("gateway = 5"),
        config("[gateway]\npark = 1979-05-27"),
        config("[gateway]\npark = nan"),
        config("[gateway]\nfactor_sets = 5"),
        config(SITE.replace('"Hall"', '"Ha\\u001bll"')),
        config("a" + ".a" * (SITE_DOTS_MAX + 1) + " = 1"),
        config()._replace(channels=((("m" * 100_000), "active_power_total"),)),
    ],
)
def test_a_record_beyond_the_bounds_is_unread_and_hurts_nobody(
    platform: Platform, gateway: Gateway, lie: tuple[object, ...]
) -> None:
    """It is receipted and named among the unread, no figure comes of it, and every list of the platform is given."""
    before = {"interval": 1, "energy": 0, "tally": 0, "self_use": 0, "config": 1}
    assert platform.receipted("gw-1", gateway.send(config(), interval(0, 60), lie)) == [3]
    assert [tuple(row) for row in platform.ledger.read("SELECT sequence FROM unread")] == [(3,)]
    assert {table: platform.count(table) for table in before} == before
    other = Gateway("gw-2", signer_of(platform.home, "gw-2"))
    assert platform.receipted("gw-2", other.send(config(), interval(0, 60), ACCOUNT)) == [3]
    assert [figures(platform, path) for path in ("gateways", "summary", "flow", "live")] == [200] * 4
    assert showing.text(showing.overview(platform.ledger))
    assert differences(platform.ledger) == []


def test_what_keeps_to_the_bounds_is_counted(platform: Platform, gateway: Gateway) -> None:
    """The largest figures that are taken are given again, exactly."""
    largest = account(0, 60, 1)._replace(
        energies=(Energy("Hall", WH_MAX, WH_MAX, ""),), tallies=(TALLY._replace(carbon_ug=NUMBER_MAX),)
    )
    platform.say("gw-1", gateway.send(config(), interval(0, 60), largest))
    assert platform.count("unread") == 0
    assert [tuple(row) for row in platform.ledger.read("SELECT import_wh, export_wh FROM energy")] == [(WH_MAX, WH_MAX)]
    assert figures(platform, "summary", "gw-1") == 200


def test_a_batch_that_ends_beyond_the_last_sequence_is_malformed(platform: Platform) -> None:
    """Two entries from 2^63 - 1 on: the second has no number that a ledger can keep."""
    signer = signer_of(platform.home, "gw-1")
    lie: Batch = batch_of("gw-1", b"x" * 16, SEQUENCE_MAX, GENESIS, (b"\x01", b"\x02"))
    assert platform.refused("gw-1", Gateway("gw-1", signer).sealed(lie)) == ["malformed"]


def test_a_live_value_that_no_browser_can_count_is_left_out(platform: Platform, gateway: Gateway) -> None:
    """The value before it stays the newest."""
    columns = ((5, 1 << 60), (None, None), (None, None))
    platform.say("gw-1", gateway.send(config(), records.Readings(stamp(), 1, 1000, (1000,), columns)))
    assert [tuple(row) for row in platform.ledger.read("SELECT at_ms, value FROM live")] == [(1000, 5)]
    assert len(columns) == len(CHANNELS)


def test_figures_that_cannot_be_added_up_are_a_problem_of_one_gateway(platform: Platform, gateway: Gateway) -> None:
    """Where a sum leaves 64 bits the answer says so as JSON with the guarding headers, and others are answered."""
    platform.say("gw-1", gateway.send(config(), interval(0, 60), ACCOUNT))
    with platform.ledger.writing() as tables:
        for name in ("Hall", "Intake"):
            tables.execute(f"INSERT INTO energy VALUES ('gw-1', 61, 62, '{name}', {SEQUENCE_MAX}, 0, '')")
        tables.execute(
            "INSERT INTO interval VALUES ('gw-1', 0, 120, x'00', 9, 9, 0, x'00', x'00', 0, 0, 'S', 0, 1)"
            " ON CONFLICT DO UPDATE SET end_s = 120"
        )
    client = TestClient(create_app(platform.ledger, now=lambda: 120.0))
    answer = client.get("/api/v1/summary?gateway=gw-1")
    assert (answer.status_code, answer.json()["problem"]["code"]) == (500, "WP-PLT-208")
    assert "content-security-policy" in answer.headers
    assert figures(platform, "summary") == 200


def test_an_interval_without_its_account_is_missing(platform: Platform, gateway: Gateway) -> None:
    """An account that is unread leaves its interval without energy: it is neither the last one nor complete."""
    lie = account(60, 120, 7)._replace(energies=(Energy("Hall", -5, 0, ""),))
    platform.say("gw-1", gateway.send(config(), interval(0, 60), ACCOUNT, interval(60, 120), lie))
    client = TestClient(create_app(platform.ledger, now=lambda: 180.0))
    asked = {"gateway": "gw-1", "day": "1970-01-01"}
    overview = client.get("/api/v1/overview", params=asked).json()
    assert (overview["interval"]["start_s"], overview["interval"]["end_s"]) == (0, 60)
    complete = client.get("/api/v1/completeness", params=asked).json()
    assert (complete["received"], complete["missing"]) == (1, [{"start_s": 60, "end_s": 120}])
    assert complete["complete_ppm"] == 500_000


def test_a_body_of_strange_bytes_is_unread(platform: Platform, gateway: Gateway) -> None:
    """No CBOR, deep nesting, a map of an unknown kind, a text where a number belongs."""
    strange = (b"\xff", b"\x81" * 1000 + b"\x80", encode({0: 99}), encode({0: 4, 1: "x"}), b"\x00" * 1000)
    assert platform.receipted("gw-1", gateway.send(*strange)) == [5]
    assert platform.count("unread") == 5


def test_a_removed_further_key_ends_the_trust_at_once(platform: Platform, tmp_path: Path) -> None:
    """A second key in the gateway's own folder is believed, and no more once its file is gone."""
    second = tmp_path / "edge" / "second.key"
    new_key(second)
    path, _key = enrol(platform.home / "keys" / "gateways", "gw-1", second.with_suffix(".pub"))
    assert path.parent.name == "gw-1"
    gateway = Gateway("gw-1", load_signer(second))
    assert platform.receipted("gw-1", gateway.send(b"\x01")) == [1]
    path.unlink()
    assert platform.refused("gw-1", gateway.send(b"\x02")) == ["unknown-key"]
