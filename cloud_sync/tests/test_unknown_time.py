"""What a gateway closed without knowing the time counts in every total, and is claimed by no hour."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud_sync.core.freshness import Freshness
from cloud_sync.core.receipt import UNBOUND_MS, Receipt
from cloud_sync.platform.park_energy import green_by_hour
from cloud_sync.platform.rebuilding import differences
from cloud_sync.platform.reports import Period, unplaced
from cloud_sync.platform.standing import day_period, self_use
from cloud_sync.seal import open_answer
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, config, interval, stamp
from cloud_sync.tests.report_park import ReportPark
from gateway.core import record as records
from gateway.core.account.trace import FLOW, SELF_USE
from gateway.core.record import Stamp, TimeAnchor

KWH = 1000
NOON_S = 1_744_171_200
ALWAYS = Period(0, 1 << 40)


@pytest.fixture
def park(platform: Platform, gateway: Gateway) -> ReportPark:
    """A park with sun, wind and grid."""
    return ReportPark(platform, gateway)


def closed(park: ReportPark, start_s: int, status: str, flag: str = "", wrong_ms: int = 0) -> Stamp:
    """Close an hour in which the hall takes 100 kWh of the sun, stamped with *status*; return the stamp."""
    at_ms = (start_s + 3607) * 1000
    park.stamp = Stamp(b"bootboot", at_ms - wrong_ms, at_ms, status, 20)
    park.close(start_s, start_s + 3600, {"PV": (0, 120 * KWH), "Hall": (100 * KWH, 0), "Grid": (0, 20 * KWH)}, flag)
    return park.stamp


def green(park: ReportPark, method: str) -> list[int]:
    """Return the green energy of each hour by *method*."""
    found = green_by_hour(park.platform.ledger, ["gw-1"], ALWAYS, method) or {}
    return [found[hour] for hour in sorted(found)]


def test_hours_whose_time_is_unknown_are_not_claimed_and_count(park: ReportPark) -> None:
    """Of hours stamped S, R, I and U the first two are green by the hour; the load of all four stands in the total."""
    for number, status in enumerate("SRIU"):
        closed(park, NOON_S + 3600 * number, status)
    for method in (FLOW, SELF_USE):
        assert green(park, method) == [100 * KWH, 100 * KWH, 0, 0]
    ledger = park.platform.ledger
    assert unplaced(ledger, ["gw-1"], ALWAYS) == 2
    found = self_use(ledger, "gw-1", ALWAYS)
    assert (found["self_use_wh"], found["consumption_wh"], found["generation_wh"]) == (200_000, 400_000, 480_000)
    assert found["unplaced"] == 2


def test_an_anchor_of_the_same_boot_places_what_waited(park: ReportPark) -> None:
    """An hour that was right is green once the anchor has come; one that was an hour off, or of another boot, stays."""
    right = closed(park, NOON_S, "I")
    closed(park, NOON_S + 3600, "U", wrong_ms=3_600_000)
    assert green(park, FLOW) == [0, 0]
    foreign = TimeAnchor(stamp(), b"another ", right.monotonic_ms, right.utc_ms, 20, "receipt")
    park.send(foreign)
    assert green(park, FLOW) == [0, 0]
    later_ms = 7_200_000
    park.send(
        foreign._replace(boot=right.boot, monotonic_ms=right.monotonic_ms + later_ms, utc_ms=right.utc_ms + later_ms)
    )
    assert green(park, FLOW) == [100 * KWH, 0]
    closed(park, NOON_S + 7200, "I")
    assert green(park, FLOW) == [100 * KWH, 0, 100 * KWH]
    assert differences(park.platform.ledger) == []


def test_an_anchor_beyond_nine_seconds_places_nothing(park: ReportPark) -> None:
    """100 ppm over 25 hours are 9 s: an anchor a day and two hours later comes too late."""
    early = closed(park, NOON_S, "I")
    for hours in (26, 24):
        away_ms = hours * 3_600_000
        anchor = TimeAnchor(stamp(), early.boot, early.monotonic_ms + away_ms, early.utc_ms + away_ms, 20, "kernel")
        park.send(anchor)
        assert green(park, FLOW) == ([0] if hours == 26 else [100 * KWH])


def test_an_interval_of_another_status_is_unread(platform: Platform, gateway: Gateway) -> None:
    """A status that time does not have is beyond the bounds."""
    odd = interval(0, 60)._replace(stamp=stamp()._replace(status="X"))
    platform.say("gw-1", gateway.send(config(), odd))
    assert platform.count("unread") == 1 and platform.count("interval") == 0


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Europe/Berlin", "2026-03-29", 92),
        ("Europe/Berlin", "2026-10-25", 100),
        ("Europe/Berlin", "2026-10-24", 96),
        ("Asia/Shanghai", "2026-03-29", 96),
        ("Asia/Shanghai", "2026-10-25", 96),
    ],
)
def test_fault_e07_days_have_the_quarter_hours_of_their_zone(zone: str, day: str, quarters: int) -> None:
    """A zone changes what a day is for people: 92, 96 or 100 quarter-hours of UTC."""
    found = day_period(ZoneInfo(zone), day)
    assert (found.end_s - found.start_s) // 900 == quarters


def test_fault_e09_a_nonce_is_good_for_one_receipt() -> None:
    """Of receipts with no nonce, a strange one, the right one and the right one again only the third tells the time."""
    receipt = Receipt("gw-1", bytes(16), 1, bytes(32), 1000, b"", UNBOUND_MS)
    freshness = Freshness()
    freshness.sent(b"n" * 16, 5)
    found = [freshness.answered(receipt._replace(nonce=nonce)) for nonce in (b"", b"m" * 16, b"n" * 16, b"n" * 16)]
    assert [one is not None for one in found] == [False, False, True, False]
    assert found[2] == (1000, UNBOUND_MS, 5)


def test_fault_e09_old_nonces_are_forgotten() -> None:
    """After 80 more sendings a receipt for the first tells no time any more."""
    freshness = Freshness()
    for number in range(81):
        freshness.sent(number.to_bytes(16, "big"), number)
    receipt = Receipt("gw-1", bytes(16), 1, bytes(32), 1000, bytes(16), 20)
    assert freshness.answered(receipt) is None
    assert freshness.answered(receipt._replace(nonce=(1).to_bytes(16, "big"))) is not None


def test_fault_e14_a_receipt_says_how_far_the_platform_knows_the_time(platform: Platform, gateway: Gateway) -> None:
    """What the kernel says of the platform clock, and the nonce of the batch, are signed into the receipt."""
    raw = gateway.send(config())
    for nonce, bound_ms in ((b"n" * 16, 12), (b"short", UNBOUND_MS)):
        (answer,) = platform.receiver.received("v1/b0/gw-1/up", raw, platform.now_ms, nonce, bound_ms)
        receipt = open_answer(answer.raw, answer.topic, platform.ring)
        assert isinstance(receipt, Receipt)
        assert (receipt.nonce, receipt.bound_ms) == (nonce if len(nonce) == 16 else b"", bound_ms)


def test_the_page_of_time_lists_the_figures_of_the_code() -> None:
    """docs/time.md names every event and the kinds that stand for them."""
    text = (Path(__file__).parents[2] / "docs" / "time.md").read_text(encoding="utf-8")
    for code in ("clock-step", "clock-lost", "clock-status", "clock-disagrees", "tls-time-unjudged"):
        assert "`%s`" % code in text
    assert records.KINDS[11] is TimeAnchor
