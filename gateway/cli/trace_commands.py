"""The command `trace`: who fed whom in one interval, worked out from a file."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gateway.cli.account_commands import show_trace, time_of
from gateway.cli.tables import WIDTH, drawn
from gateway.core.account.flow_tracing import trace_flow
from gateway.core.account.network import energy_wh, note_ignored, read_network
from gateway.core.account.self_use import GRID, Renewable, SelfUseTrace, allocate
from gateway.core.account.trace import FLOW, METHODS
from gateway.core.fields import Fields
from gateway.core.problem import Problem, ProblemError, problem
from gateway.frame import emit, fails_clearly, json_option, plain_problem, show
from gateway.text_file import read_text
from gateway.words import translate as _

MOST_BYTES = 16 * 1024 * 1024  # a file of 1000 sinks has about 100 KB


@click.command("trace")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE|TIME")
@click.option("--method", type=click.Choice(METHODS), default=FLOW, show_default=True, help="Which method traces.")
@json_option
@click.pass_obj
@fails_clearly
def trace(home: str, file: Path, method: str, as_json: bool) -> None:
    """Trace one interval of the gateway, or of a file.

    TIME is a moment of the interval, in the park's time: 2026-11-21T10:15. With the method
    688-hourly it is a moment of the hour.

    FILE is JSON. For the method flow: {"busbars": ["A"], "sources": [{"id", "busbar", "wh"}],
    "sinks": [{"id", "busbar", "wh"}], "feeders": [{"id", "from", "to", "wh", "reverse_wh"}]}.
    For 688-hourly: {"renewables": [{"origin", "generated_wh", "charged_wh", "discharged_wh"}],
    "export_wh": 0, "users": [{"id", "wh"}]}. All energies are whole watt-hours.
    """
    if not file.exists() and time_of(str(file)) is not None:
        show_trace(home, str(file), method, as_json)
        return
    plain = read_traced(file)
    value, warnings = trace_by_flow(plain, file.name) if method == FLOW else trace_by_self_use(plain, file.name)
    show(*warnings)
    value["warnings"] = [plain_problem(one) for one in warnings]
    emit(value, "" if as_json else _text(value), as_json)


def read_traced(file: Path) -> Any:
    """Return what the JSON in *file* says."""
    try:
        plain = json.loads(read_text(file, MOST_BYTES))
        json.dumps(plain, ensure_ascii=False).encode()  # halves of characters cannot be written out again
        return plain
    except json.JSONDecodeError as error:
        raise ProblemError(
            problem(
                "WP-ACC-002", str(file), "line {line}, column {column}: this is not JSON: {reason}",
                "mend it at that place; often a comma, a bracket or a quotation mark is missing just before",
                line=error.lineno, column=error.colno, reason=error.msg,
            )
        ) from error  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            problem(
                "WP-ACC-013", str(file), "the file has numbers, brackets or characters that nobody means",
                "give the figures of one interval, in whole watt-hours",
            )
        ) from error  # fmt: skip


def trace_by_flow(plain: object, where: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the JSON value of a trace by proportional sharing, and warnings."""
    network, problems, ignored = read_network(plain, where)
    if network is None:
        raise ProblemError(*problems)
    result = trace_flow(network.busbars, network.sources, network.sinks, network.feeders)
    value = {
        "allocations": [{"source": one.source, "sink": one.sink, "wh": one.wh} for one in result.allocations],
        "residuals": [{"busbar": one.busbar, "source": one.source, "wh": one.wh} for one in result.residuals],
    }
    return value, [*ignored, *result.warnings]


def trace_by_self_use(plain: object, where: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the JSON value of a trace by the published self-use rule, and warnings."""
    result, ignored = _self_use(plain, where)
    value = {
        "allocations": [{"source": one.source, "sink": one.sink, "wh": one.wh} for one in result.allocations],
        "self_use_wh": result.self_use_wh,
        "loss_wh": result.loss_wh,
    }
    return value, ignored


def _self_use(plain: object, where: str) -> tuple[SelfUseTrace, list[Problem]]:
    problems: list[Problem] = []
    ignored: list[Problem] = []
    top = Fields(plain, where, problems)
    note_ignored(top, ("renewables", "export_wh", "users"), ignored)
    top.needs("renewables", "export_wh", "users")
    renewables: list[Renewable] = []
    origins = [GRID]
    for table in top.tables("renewables"):
        note_ignored(table, ("origin", "generated_wh", "charged_wh", "discharged_wh"), ignored)
        origin = table.text("origin")
        table.fresh("origin", origin, origins)
        table.needs("generated_wh")
        one = Renewable(origin, *[energy_wh(table, key) for key in ("generated_wh", "charged_wh", "discharged_wh")])
        if one.charged_wh > one.generated_wh + one.discharged_wh:
            problems.append(
                problem(
                    "WP-ACC-015", table.where, "more {origin} energy was charged than there was",
                    "charged_wh cannot exceed generated_wh and discharged_wh together", origin=origin,
                )
            )  # fmt: skip
        renewables.append(one)
    users: list[tuple[str, int]] = []
    names: list[str] = []
    for table in top.tables("users"):
        note_ignored(table, ("id", "wh"), ignored)
        name = table.text("id")
        table.fresh("id", name, names)
        table.needs("wh")
        users.append((name, energy_wh(table, "wh")))
    export_wh = energy_wh(top, "export_wh")
    if problems:
        raise ProblemError(*problems)
    return allocate(tuple(renewables), export_wh, tuple(users)), ignored


def _text(value: dict[str, Any]) -> str:
    """Return the trace as a table for people, 80 columns wide."""
    table = Table(box=None, pad_edge=False, width=WIDTH)
    for title in (_("From"), _("To")):
        table.add_column(title, overflow="fold", ratio=1)
    table.add_column("Wh", justify="right", no_wrap=True)
    for row in value["allocations"]:
        table.add_row(row["source"], row["sink"], f"{row['wh']:,}")
    for row in value.get("residuals", []):
        table.add_row(row["source"], _("residual of {busbar}").format(busbar=row["busbar"]), f"{row['wh']:,}")
    total = sum(row["wh"] for row in value["allocations"] + value.get("residuals", []))
    return "\n".join([drawn(table), _("Total: {wh} Wh").format(wh=f"{total:,}")])
