"""The report on a park in a year, a month or a day: every figure with its rule, its factors and what it rests on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloud_sync.platform.report_carbon import carbon_section, counted
from cloud_sync.platform.report_electricity import electricity_section
from cloud_sync.platform.report_parts import Section
from cloud_sync.platform.report_sources import gather
from cloud_sync.platform.report_standing import basis_section, budget_section, quality_section
from cloud_sync.platform.report_supply import certificate_section, matching_section, supply_section
from cloud_sync.platform.reports import Reads
from gateway.core.problem import Problem
from gateway.frame import plain_problem


class Report(NamedTuple):
    """A report; problems: factors and parameters that are absent, so that figures which need them are not told."""

    park: str
    period: str
    gateways: tuple[str, ...]
    province: str
    made_s: int
    sections: tuple[Section, ...]
    problems: tuple[Problem, ...]

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "park": self.park,
            "period": self.period,
            "gateways": list(self.gateways),
            "province": self.province,
            "made_s": self.made_s,
            "sections": {one.id: one.plain() for one in self.sections},
            "problems": [plain_problem(one) for one in self.problems],
        }

    def made(self) -> str:
        """Return when it was made, in UTC."""
        return datetime.fromtimestamp(self.made_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def make_report(ledger: Reads, home: Path | None, zone: ZoneInfo, period: str, park: str | None, now_s: int) -> Report:
    """Return the report on *park* (the only one without a name) in *period*; raises ProblemError where it has none."""
    sources = gather(ledger, home, zone, period, park, now_s)
    problems: list[Problem] = []
    carbon = counted(sources, problems)
    budgets = budget_section(sources, problems)
    sections = (
        carbon_section(sources, carbon),
        electricity_section(sources, carbon),
        supply_section(sources),
        matching_section(sources),
        certificate_section(sources),
        *((budgets,) if budgets else ()),
        quality_section(sources),
    )
    sections = (*sections, basis_section(sources, sections))
    return Report(
        sources.park, sources.period.text, tuple(sources.gateways), sources.province, now_s, sections, tuple(problems)
    )
