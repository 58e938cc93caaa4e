"""Tests of a gap shaped by like days, from the journal to the proof."""

from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode, encode
from gateway.core.record import Account, from_map, to_map
from gateway.export import ENTRY, read_frames, write_export
from gateway.figures import day_bounds, records_of
from gateway.recompute import Recomputation
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark
from gateway.verification import verify_export

WEEK_S = 7 * 86400
MILL = ("m-mill", "energy_active_import")
NEXT_DAY = "2026-11-28"


@pytest.fixture
def gapped(tmp_path: Path) -> Path:
    """The export of a day that begins with a gap of four hours, a week after hours of 1:2:3:2."""
    park = SmallPark(tmp_path)
    park.configure(SITE.replace('"15 min"', '"60 min"\ngap = "like-day"'))
    park.read_at(DAY_START_S)
    for hour, counts in enumerate((100, 200, 300, 200)):
        park.count(*MILL, counts)
        park.read_at(DAY_START_S + 3600 * (hour + 1))
    for hour in (0, 4, 5):
        park.count(*MILL, 2_000)
        park.read_at(DAY_START_S + WEEK_S + 3600 * hour)
        while park.recorder.settlement.ending_s is not None:
            park.recorder.close_due()
    records = records_of(park.journal, *day_bounds(NEXT_DAY))
    accounts = [record for _, record in records if isinstance(record, Account)]
    mill = [next(span for span in one.spans if (span.meter, span.quantity) == MILL) for one in accounts]
    assert [(span.energy_wh, span.flag) for span in mill] == [
        (10_000, "Y"), (20_000, "Y"), (30_000, "Y"), (20_000, "Y"), (80_000, ""),
    ]  # fmt: skip
    roof = [span.flag for one in accounts for span in one.spans if span.meter == "m-roof"]
    assert set(roof[:-2]) == {"E"}  # it gave nothing a week before: no shape of that day
    park.receipt()
    path = tmp_path / "day.wpx"
    write_export(park.configuration, park.journal, NEXT_DAY, str(path))
    park.close()
    return path


def test_a_gap_has_the_shape_of_the_week_before_and_is_provable(gapped: Path, tmp_path: Path) -> None:
    """80 kWh over four hours are 10, 20, 30 and 20 kWh, as a week before, and the export proves them."""
    answer = verify_export(gapped, tmp_path / "keys")
    mill = next(one for one in answer["energies"] if one["meter_point"] == "Mill")
    assert mill["import_wh"] == 160_000


@pytest.mark.parametrize(("part", "weight", "weights"), [(1, 201, 800), (3, 100, 800), (2, 300, 801), (0, 900, 800)])
def test_another_weight_does_not_follow(gapped: Path, part: int, weight: int, weights: int) -> None:
    """A weight that is not that of its energy, or does not add up with the others, is found."""
    recomputation = Recomputation()
    seen = 0
    for frame in read_frames(gapped):
        if frame.kind != ENTRY:
            continue
        sequence, _, _, body = frame.fields
        record = from_map(decode(body))  # type: ignore[arg-type]
        if isinstance(record, Account) and record.start_s >= day_bounds(NEXT_DAY)[0]:
            if seen == part:
                spans = [
                    span._replace(weight=weight * 40, weights=weights * 40)
                    if (span.meter, span.quantity) == MILL
                    else span
                    for span in record.spans
                ]
                body = encode(to_map(record._replace(spans=tuple(spans))))
            seen += 1
        recomputation.take(sequence, body)
    assert "the register energy_active_import of m-mill" in [one.values["figure"] for one in recomputation.problems]
