"""Scan: how long the line is taken until 32 meters are found and named, added up from characters and waits."""

from hil_tests.accounted_scan import MIXED, scanned
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section

TURNAROUND_MS = 40
_CABINETS = {"one": ("eastron-sdm630",) * 32, "signed": ("chint-dtsu666",) * 32, "mixed": MIXED * 4}
_TEXTS = {"one": "32 meters of one model, by its values", "signed": "by its signature", "mixed": "of eight models"}


def measure() -> Section:
    """Scan three cabinets of 32 meters with known line settings."""
    figures = []
    for name, models in _CABINETS.items():
        report, line = scanned(models, TURNAROUND_MS)
        assert all(models[one.unit - 1] in (*one.models, *one.likely) for one in report.found)
        assert len(report.found) == len(models)
        figures.append(Figure(f"scan_{name}_s", _TEXTS[name], line.line_us / 1e6, "s", 1, Gate(AT_MOST, 60.0)))
    measured_on = (
        f"line time of 32 unit ids at 9600 8N1, meters that begin after {TURNAROUND_MS} ms, added up, not measured"
    )
    return Section("Scan", measured_on, tuple(figures))
