"""Bench: measures what the product promises in numbers; a gate that is missed makes it fail.

`python -m tools.bench [--json] [--only PART]`. Every comparison is made within one run, on the same machine.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import click

from tools.benchmarks import account, buffer, bus, drain, gateway_run, herd, recovery, scan, simulator, soak
from tools.benchmarks.figure import Section, exit_code, plain, table

PARTS: dict[str, Callable[[], tuple[Section, ...]]] = {
    "bus": bus.measure,
    "gateway": gateway_run.measure,
    "scan": lambda: (scan.measure(),),
    "account": account.measure,
    "buffer": buffer.measure,
    "soak": soak.measure,
    "simulator": lambda: (simulator.measure(),),
    "recovery": lambda: (recovery.measure(),),
    "herd": lambda: (herd.measure(),),
    "drain": drain.measure,
}
ALONE = ("drain",)  # takes longer than all others together, and needs root: measured where it is asked for


def machine() -> str:
    """Return what kind of machine this is."""
    cores = len(os.sched_getaffinity(0))
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{cores} cores {platform.machine()}, {system}, Python {platform.python_version()}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option("--only", type=click.Choice(list(PARTS)), multiple=True, help="Measure this part alone.")
def main(as_json: bool, only: tuple[str, ...]) -> None:
    """Measure, print one table, and leave with 1 where a gate is missed."""
    sections: list[Section] = []
    chosen = only or tuple(part for part in PARTS if part not in ALONE)
    for part in chosen:
        click.echo("measuring: %s ..." % part, err=True)
        sections += PARTS[part]()
    found = tuple(sections)
    command = " ".join(["python -m tools.bench", *("--only " + part for part in only)])
    code = exit_code(found)
    now = datetime.now(UTC).date().isoformat()
    if as_json:
        answer = {"date": now, "machine": machine(), "command": command, "passes": code == 0, "sections": plain(found)}
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(table(found))
        click.echo("%s; %s\ncommand: %s" % (now, machine(), command))
        click.echo("every gate is passed" if code == 0 else "A GATE IS MISSED")
    sys.exit(code)


if __name__ == "__main__":
    main()
