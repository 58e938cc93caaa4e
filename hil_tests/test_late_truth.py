"""Late truth from end to end: what a silent meter counted, and every figure that rests on it, on both sides."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sync.core.topic import up_topic
from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.rebuilding import differences
from cloud_sync.platform.receiver import Receiver
from gateway.core.flag import MISSING
from gateway.core.record import Account, Amendment, SelfUse
from gateway.figures import current, records_of
from gateway.questions import tally_answer
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark

GATEWAY, BUCKET = "gw-test", "b0"
STEP_S = 900
SILENT = range(5, 11)  # boundaries at which the mill's meter gives no answer: six intervals and an hour's end


@pytest.fixture
def park(tmp_path: Path) -> Iterator[SmallPark]:
    """Four hours of a park whose mill is silent from the second hour into the third, and answers again."""
    (tmp_path / "edge").mkdir()
    park = SmallPark(tmp_path / "edge")
    for number in range(17):
        park.silent = {"m-mill"} if number in SILENT else set()
        park.read_at(DAY_START_S + number * STEP_S)
        if number in SILENT:
            park.read_at(DAY_START_S + number * STEP_S + 61)  # the hold time is over: closed without it
        park.count("m-intake", "energy_active_import", 10_000 + 700 * number)
        park.count("m-roof", "energy_active_export", 900)
        park.count("m-mill", "energy_active_import", 400 + 10 * number)
        park.count("m-battery", "energy_active_import", 40 * (number % 3))
        park.count("m-battery", "energy_active_export", 30 * (number % 2))
    yield park
    park.close()


@pytest.fixture
def ledger(park: SmallPark, tmp_path: Path) -> Ledger:
    """The ledger of a platform to which everything the park sealed has come."""
    home = tmp_path / "platform"
    new_key(home / "keys" / "platform.key")
    enrol(home / "keys" / "gateways", GATEWAY, park.home / "keys" / "gateway.pub")
    ledger = Ledger(home / "ledger.sqlite")
    enrolment = Enrolment(home / "keys" / "gateways", ledger)
    receiver = Receiver(ledger, enrolment, load_signer(home / "keys" / "platform.key"), BUCKET)
    for batch in park.journal.sealed_between(1, park.journal.head_sequence):
        receiver.received(up_topic(BUCKET, GATEWAY), batch.signed, park.clock.now_ms)
    return ledger


def test_the_first_closing_is_conservative_and_the_last_is_whole(park: SmallPark) -> None:
    """Without the mill all that came in is a residual; amended, the mill has its share and no figure is missing."""
    records = records_of(park.journal, DAY_START_S, DAY_START_S + 86400)
    first = [record for _, record in records if isinstance(record, Account)]
    blind = [one for one in first if any(MISSING in span.flag for span in one.spans)]
    assert len(blind) == len(SILENT)
    for account in blind:
        assert not [one for one in account.allocations if one.sink == "Mill"]
        assert sum(one.wh for one in account.residuals) > 0
    assert len([record for _, record in records if isinstance(record, Amendment)]) == len(SILENT)
    # One hour had been closed by the self-use rule without the mill: it is closed again.
    assert len([record for _, record in records if isinstance(record, SelfUse) and record.amends]) == 1
    now = [record for _, record in current(records) if isinstance(record, Account)]
    for account in now:
        mill = sum(one.wh for one in account.allocations if one.sink == "Mill")
        assert mill == next(one.import_wh for one in account.energies if one.meter_point == "Mill") > 0
    assert [one.pools_after for one in now[:-1]] == [one.pools_before for one in now[1:]]
    assert now[-1].pools_after == park.recorder.settlement.pools


def test_platform_and_gateway_count_the_same(park: SmallPark, ledger: Ledger) -> None:
    """Energy, green share and carbon of every meter point, method and factor set, and what the storage holds."""
    counted = [
        tuple(row)
        for row in ledger.read(
            "SELECT meter_point, method, factor_set, SUM(wh), SUM(green_wh), SUM(carbon_ug) FROM tally"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
    ]
    keys = ("meter_point", "method", "factor_set", "wh", "green_wh", "carbon_ug")
    assert counted == [tuple(row[key] for key in keys) for row in tally_answer(park.journal, DAY)["tallies"]]
    assert [name for name, method, *_ in counted if (name, method) == ("Mill", "688-hourly")]
    assert ledger.read("SELECT SUM(import_wh) FROM energy WHERE meter_point = 'Mill'")[0][0] == sum(
        (400 + 10 * number) * 40 for number in range(16)
    )
    held = ledger.read("SELECT origin, wh FROM pool WHERE start_s = (SELECT max(start_s) FROM pool) ORDER BY 1")
    assert tuple(tuple(row) for row in held) == park.recorder.settlement.pools[0].content
    assert ledger.read("SELECT count(*) FROM conflict")[0][0] == 0
    assert differences(ledger) == []
