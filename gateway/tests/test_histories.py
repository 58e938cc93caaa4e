"""Tests of whole histories: whatever happens to a gateway, every watt-hour is counted once, every day is provable."""

import random
from pathlib import Path

import pytest

from gateway.core.record import Account, Amendment, SelfUse
from gateway.export import write_export
from gateway.figures import current, records_of
from gateway.questions import tally_answer
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark
from gateway.verification import verify_export

STEP_S = 300  # the time from one visit to the next
HOURS = 26
LENGTHS = ("1 min", "5 min", "10 min", "15 min", "30 min", "60 min")
# What one count of a register means, from the manuals: SDM630 shows kWh as a float (here in steps of 0.001),
# SUN2000 and ADW300 0.01 kWh, DTSU666 0.001 kWh at the secondary side of 200/5.
WH = {"m-intake": 1, "m-roof": 10, "m-mill": 40, "m-battery": 10}


BOUNDARIES = ("first-after", "interpolated")


def site(length: str, boundary: str) -> str:
    """Return the configuration of the small park with intervals of *length*."""
    return SITE.replace('"15 min"', '"%s"\nboundary = "%s"' % (length, boundary))


class History:
    """A small park to which things happen by chance."""

    def __init__(self, home: Path, seed: int) -> None:
        """Open the park's books with every register read in time."""
        print("seed", seed)
        self.chance = random.Random(seed)
        self.park = SmallPark(home)
        self.park.configure(site("15 min", self.chance.choice(BOUNDARIES)))
        self.park.read_at(DAY_START_S)
        self.first = dict(self.park.counts)

    def live(self) -> None:
        """Let HOURS pass, then let every meter answer until all is closed."""
        at_s = DAY_START_S
        while at_s < DAY_START_S + HOURS * 3600:
            at_s += STEP_S * self.chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 2, 9, 30))
            self._happen()
            self._advance()
            if self.chance.random() < 0.4:
                self.park.read_at(at_s - self.chance.choice((1, 4, 60)))
                self._advance()
            late_s = self.chance.choice((0, 0, 0, 2, 7, 40))
            self.park.read_at(at_s + late_s)
            self._advance()
            if self.chance.random() < 0.5:
                self.park.read_at(at_s + 100)
        self.park.silent = set()
        for _ in range(2):
            at_s += 3600 - at_s % 3600
            self.park.read_at(at_s)
        while self.park.recorder.settlement.ending_s is not None:
            self.park.recorder.close_due()

    def _advance(self) -> None:
        for key in sorted(self.park.counts):
            self.park.counts[key] += self.chance.randrange(50)

    def _happen(self) -> None:
        dice = self.chance.random()
        meters = sorted(WH)
        if dice < 0.10:
            self.park.silent = set(self.chance.sample(meters, self.chance.randrange(1, len(meters))))
        elif dice < 0.15:
            self.park.silent = set()
        elif dice < 0.20:
            self.park.close()
            self.park.open()
        elif dice < 0.23:
            self.park.journal.close()  # as after a power cut
            self.park.open()
        elif dice < 0.27:
            self.park.configure(site(self.chance.choice(LENGTHS), self.chance.choice(BOUNDARIES)))
        elif dice < 0.30:
            self.park.receipt()


@pytest.fixture(params=[1, 2, 3])
def history(tmp_path: Path, request: pytest.FixtureRequest) -> History:
    """A history of more than a day, lived."""
    home = tmp_path / "home"
    home.mkdir()
    lived = History(home, request.param)
    lived.live()
    return lived


def test_every_watt_hour_is_counted_once_and_every_day_is_provable(history: History, tmp_path: Path) -> None:
    """Restarts, gaps, silent meters, late readings, other interval lengths: registers, intervals and proofs agree."""
    park = history.park
    found = records_of(park.journal, 0, DAY_START_S + 10 * 86400)
    records = [record for _, record in found]
    accounts = sorted((one for one in records if isinstance(one, Account)), key=lambda one: one.start_s)
    assert accounts[0].start_s == DAY_START_S
    for before, after in zip(accounts, accounts[1:], strict=False):
        assert before.end_s == after.start_s
    sums = dict.fromkeys(park.counts, 0)
    for record in records:
        for span in () if isinstance(record, SelfUse) else record.spans:
            sums[span.meter, span.quantity] += span.energy_wh
    advanced = {key: (park.counts[key] - history.first[key]) * WH[key[0]] for key in park.counts}
    assert sums == advanced
    assert all(one.amends for one in records if isinstance(one, Amendment))
    _sums_close([record for _, record in current(found)])
    park.receipt()
    intervals = 0
    for day in ("2026-11-21", "2026-11-22"):
        path = tmp_path / (day + ".wpx")
        intervals += write_export(park.configuration, park.journal, day, str(path))["intervals"]
        proven = verify_export(path, park.home / "keys")
        assert proven["tallies"] == tally_answer(park.journal, day)["tallies"]
    assert intervals == len([one for one in accounts if one.start_s < DAY_START_S + 2 * 86400])
    park.close()


def _sums_close(records: list[Account | SelfUse]) -> None:
    """Of every interval as it is known now: what came in is used, lost, stored or a residual; storage goes on."""
    accounts = sorted((one for one in records if isinstance(one, Account)), key=lambda one: one.start_s)
    for account in accounts:
        energies = {one.meter_point: one for one in account.energies}
        given = {"Intake": energies["Intake"].import_wh, "Roof": energies["Roof"].export_wh}
        given["Battery"], charged = energies["Battery"].export_wh, energies["Battery"].import_wh
        for name, wh in given.items():
            ways = [one.wh for one in account.allocations if one.source == name]
            assert sum(ways) + sum(one.wh for one in account.residuals if one.source == name) == wh
        used = sum(one.wh for one in account.allocations if one.sink == "Mill")
        assert used == energies["Mill"].import_wh
        held = [
            sum(wh for pool in pools for _, wh in pool.content) for pools in (account.pools_before, account.pools_after)
        ]
        by_factors = [one for one in account.tallies if one.factor_set == "NDRC910-trial"]
        lost = sum(one.wh for one in by_factors if one.meter_point == "Battery")
        if "unknown" not in {origin for one in by_factors for origin, _ in one.by_origin}:
            assert held[0] + charged == held[1] + given["Battery"] + lost
    for before, after in zip(accounts, accounts[1:], strict=False):
        assert before.pools_after == after.pools_before
    periods = [one for one in records if isinstance(one, SelfUse)]
    for period in periods:
        inside = [one for one in accounts if period.start_s <= one.start_s < period.end_s]
        consumed = sum(one.import_wh for each in inside for one in each.energies if one.meter_point == "Mill")
        assert sum(one.wh for one in period.allocations if one.sink == "Mill") == consumed
