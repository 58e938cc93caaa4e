"""Tests of a changed configuration: no figure is made of counts that do not belong together, and no reading is lost."""

from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode
from gateway.core.problem import ProblemError
from gateway.core.record import Account, Event, Readings, from_map
from gateway.export import write_export
from gateway.figures import account_of
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark
from gateway.verification import verify_export

STEP_S = 900


def _run(park: SmallPark, first: int, last: int) -> None:
    for number in range(first, last + 1):
        park.read_at(DAY_START_S + number * STEP_S)
        park.count("m-mill", "energy_active_import", 500)


def _records(park: SmallPark, kind: type) -> list[tuple[object, ...]]:
    entries = park.journal.entries(1, park.journal.head_sequence)
    records = [from_map(decode(entry.body)) for entry in entries]  # type: ignore[arg-type]
    return [record for record in records if isinstance(record, kind)]


def _mill(park: SmallPark, number: int) -> tuple[int, str]:
    found = account_of(park.journal, DAY_START_S + number * STEP_S)
    assert found is not None
    (energy,) = [one for one in found[1].energies if one.meter_point == "Mill"]
    return energy.import_wh, energy.flag


@pytest.mark.parametrize(
    ("old", "new", "after_wh"),
    [
        ('ct_ratio = "200/5"', 'ct_ratio = "400/5"', 500 * 80),
        ('profile = "chint-dtsu666"\nct_ratio = "200/5"', 'profile = "acrel-adw300"', 500 * 10),
        ("unit = 3", "unit = 7", 500 * 40),
        ("m-mill", "m-other", None),
    ],
)
def test_counts_that_do_not_belong_together_make_no_figure(
    tmp_path: Path, old: str, new: str, after_wh: int | None
) -> None:
    """After another ratio, profile, unit or name the open interval is missing, said in an event, and verify agrees."""
    home = tmp_path / "home"
    home.mkdir()
    park = SmallPark(home)
    _run(park, 0, 2)
    park.configure(SITE.replace(old, new))
    _run(park, 3, 5)
    assert [_mill(park, number) for number in (0, 1)] == [(500 * 40, "")] * 2
    assert _mill(park, 2) == (0, "M")
    if after_wh is not None:
        assert [_mill(park, number) for number in (3, 4)] == [(after_wh, "")] * 2
    left = [dict(one[2]) for one in _records(park, Event) if one[1] == "register-left"]  # type: ignore[call-overload]
    assert {(one["meter"], one["quantity"]) for one in left} >= {("m-mill", "energy_active_import")}
    assert {one["meter"] for one in left} == {"m-mill"}
    wanted = "ratio m-mill --ct 400/5" if "ct_ratio" in new else "exchange " + left[0]["meter"]
    assert all(wanted in one["declare"] for one in left)
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    assert verify_export(tmp_path / "day.wpx", home / "keys")["intervals"] == 5
    park.close()


def test_a_longer_interval_begins_with_a_short_one(tmp_path: Path) -> None:
    """From 15 to 60 minutes at 00:30: the intervals are 00:15, 00:30, 01:00 and 02:00, and no energy is lost."""
    home = tmp_path / "home"
    home.mkdir()
    park = SmallPark(home)
    _run(park, 0, 2)
    park.configure(SITE.replace("15 min", "60 min"))
    _run(park, 3, 8)
    accounts = [one for one in _records(park, Account) if isinstance(one, Account)]
    assert [(one.end_s - DAY_START_S) // 60 for one in accounts] == [15, 30, 60, 120]
    assert sum(e.import_wh for one in accounts for e in one.energies if e.meter_point == "Mill") == 8 * 500 * 40
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    assert verify_export(tmp_path / "day.wpx", home / "keys")["intervals"] == 4
    park.close()


def test_readings_of_the_old_configuration_are_recorded_with_it(tmp_path: Path) -> None:
    """Readings in no entry yet are recorded before the new configuration, although the process was killed."""
    park = SmallPark(tmp_path)
    park.read_at(DAY_START_S)
    park.journal.close()
    park.close = lambda: None  # type: ignore[method-assign]
    park.configure(SITE.replace("m-mill", "m-other"))
    (record,) = [one for one in _records(park, Readings) if isinstance(one, Readings)]
    assert record.config == 1 and record.first_ms == DAY_START_S * 1000 + 300
    park.journal.close()


def test_a_journal_stays_with_its_gateway(tmp_path: Path) -> None:
    """Under another id the gateway does not start: what is signed for one name cannot be proven under another."""
    home = tmp_path / "home"
    home.mkdir()
    park = SmallPark(home)
    _run(park, 0, 1)
    with pytest.raises(ProblemError) as caught:
        park.configure(SITE.replace('id = "gw-test"', 'id = "gw-other"'))
    assert caught.value.problems[0].code == "WP-JRN-009"
    park.journal.close()
