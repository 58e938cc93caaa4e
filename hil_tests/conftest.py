"""Says at the end of a run what tests measured, and counts those that could not run here, by what is missing."""

from collections import Counter

import pytest

from hil_tests.foreign import WANT

TOLD = "told"  # the property of a test that is shown


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests were skipped for want of what."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    wanting = Counter(reason.partition(WANT)[2] for reason in reasons if WANT in reason)
    for thing, count in sorted(wanting.items()):
        terminalreporter.write_line(f"skipped for want of {thing}: {count}", yellow=True, bold=True)
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == TOLD:
                terminalreporter.write_line(str(value))
