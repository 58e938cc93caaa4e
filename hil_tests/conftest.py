"""Counts at the end of a run the tests that could not run here, by what is missing."""

from collections import Counter

import pytest

from hil_tests.foreign import WANT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests were skipped for want of what."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    wanting = Counter(reason.partition(WANT)[2] for reason in reasons if WANT in reason)
    for thing, count in sorted(wanting.items()):
        terminalreporter.write_line(f"skipped for want of {thing}: {count}", yellow=True, bold=True)
