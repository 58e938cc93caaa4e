"""A day with everything in it for the tests of exports: a gap, late truth, a battery that charges and discharges."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_sync.core.batch import ES256
from cloud_sync.keys import new_key
from gateway.evidence import JournalEvidence
from gateway.export_as import export_as, readings_key_path
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark

STEP_S = 900
STEPS, SKIPPED_STEP, SILENT_STEP = 8, 3, 7


@contextmanager
def exported_day(home: Path) -> Iterator[SmallPark]:
    """Yield the park in *home* after two hours: one boundary was not read at all, one not of the mill, until later."""
    park = SmallPark(home)
    new_key(readings_key_path(home), ES256)
    park.read_at(DAY_START_S)
    for step in range(1, STEPS + 1):
        # A thousandth of a kWh each for the intake, a hundredth for the others.
        park.count("m-intake", "energy_active_import", 12345 + step)
        park.count("m-roof", "energy_active_export", 700)
        park.count("m-mill", "energy_active_import", 55)
        park.count("m-battery", "energy_active_import" if step < 5 else "energy_active_export", 300)
        if step == SILENT_STEP:
            park.silent.add("m-mill")
        if step != SKIPPED_STEP:
            park.read_at(DAY_START_S + STEP_S * step)
        if step == SILENT_STEP:
            # Its time to answer is over, and the interval is closed without it; then it is back, and amends it.
            park.read_at(DAY_START_S + STEP_S * step + STEP_S // 2)
            park.silent.clear()
            park.read_at(DAY_START_S + STEP_S * step + STEP_S // 2 + 60)
    yield park
    park.close()


def write(park: SmallPark, form: str, path: Path) -> list[Path]:
    """Export the day of *park* from its journal; return the files."""
    answer = export_as(form, JournalEvidence("gw-test", park.journal), DAY, str(path), park.home)
    return [Path(name) for name in answer["files"]]
