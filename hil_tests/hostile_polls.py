"""Hostile polls: how many answers of a line where one in four goes wrong are good, and how many are believed wrongly.

`python -m hil_tests.hostile_polls [--polls N] [--seed S] [--json]` asks that many questions in simulated time, some of
pymodbus with its defaults on the same kind of line, and 2,000 at true line time, with processes that are killed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import click

from gateway.core.reading import Fault, Reading
from hil_tests.hostile_meters import UNITS, Tally, word
from hil_tests.hostile_port import BAUD, HostilePort, poll_at_line_time
from hil_tests.hostile_wire import KILLED, MIX, HostileWire
from hil_tests.simulated_line import BUS, poll_simulated, pymodbus_simulated

POLLS = 100_000
PYMODBUS_POLLS = 10_000
LINES = 16  # at true line time, next to each other: each of them mostly waits
LINE_POLLS = 130
KILLED_LINES = 4
KILLS = 6  # on each of them
_KILLED_PERMILLE = 60
_SETTLED_S = 0.3  # a new process asks nothing for two seconds; long before, all of the old one was heard
_LONGEST_S = 120.0


def simulated_polls(seed: str, polls: int) -> Tally:
    """Return what the gateway's Poll and Line make of a hostile line in simulated time."""
    return poll_simulated(HostileWire(BUS.baud, UNITS, word, f"{seed}/simulated", MIX), polls)


def pymodbus_polls(seed: str, polls: int) -> Tally:
    """Return what pymodbus makes of the same kind of line."""
    return pymodbus_simulated(HostileWire(BUS.baud, UNITS, word, f"{seed}/simulated", MIX), polls)


def line_polls(seed: str) -> Tally:
    """Return what Poll and Line make of hostile pseudo-terminals at true line time."""
    mix = {kind: permille for kind, permille in MIX.items() if kind != KILLED}
    wires = [HostileWire(BAUD, UNITS, word, f"{seed}/line {number}", mix) for number in range(LINES)]
    with ThreadPoolExecutor(LINES) as threads:
        return _sum(list(threads.map(lambda wire: poll_at_line_time(wire, LINE_POLLS), wires)))


def killed_polls(seed: str) -> tuple[Tally, int]:
    """Return what polls give that are killed between question and answer and begun anew, and how often that was."""
    mix = dict(MIX, **{KILLED: _KILLED_PERMILLE})
    runs = [
        _KilledRun(HostileWire(BAUD, UNITS, word, f"{seed}/killed {number}", mix)) for number in range(KILLED_LINES)
    ]
    with ThreadPoolExecutor(KILLED_LINES) as threads:
        tallies = list(threads.map(_KilledRun.run, runs))
    return _sum(tallies), sum(run.kills for run in runs)


def _sum(tallies: list[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


class _KilledRun:
    """One hostile line whose reader is a process that is killed and started again."""

    def __init__(self, wire: HostileWire) -> None:
        self.kills = 0
        self._wire = wire
        self._pid: int | None = None

    def run(self) -> Tally:
        """Go on until the process was killed KILLS times, and for the rest of that life."""
        tally = Tally()
        with HostilePort(self._wire, self._kill) as port:
            command = [sys.executable, "-m", "hil_tests.hostile_port", port.path, str(BAUD)]
            root = Path(__file__).parent.parent
            with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, start_new_session=True) as process:
                assert process.stdout is not None
                late = threading.Timer(_LONGEST_S, os.killpg, (process.pid, signal.SIGKILL))
                late.start()
                try:
                    self._read(process.stdout, tally)
                finally:
                    late.cancel()
                    self._pid = None
                    os.killpg(process.pid, signal.SIGKILL)
        tally.injected = dict(self._wire.faults)
        return tally

    def _kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._pid = None
            self.kills += 1

    def _read(self, lines: IO[bytes], tally: Tally) -> None:
        before = 0
        for line in lines:
            told = json.loads(line)
            if "pid" in told:
                if self.kills >= KILLS:
                    return
                time.sleep(_SETTLED_S)
                before = self._wire.questions
                self._pid = told["pid"]
                continue
            tally.polls += 1
            tally.take([_outcome(*row) for row in told["outcomes"]], before + told["asked"])
        raise RuntimeError("the process that polls ended by itself")


def _outcome(meter: str, what: str, words: Sequence[int] = ()) -> Reading | Fault:
    return Reading(meter, what, 0, tuple(words), None) if words else Fault(meter, 0, what, "")


def figures(tally: Tally) -> dict[str, object]:
    """Return the figures of one run, for programs."""
    return {
        "questions": tally.polls,
        "good": tally.good,
        "good_share": round(tally.good / tally.polls, 4),
        "values": tally.values,
        "wrong_values": len(tally.wrong),
        "line_s": round(tally.line_s, 1),
        "good_per_line_minute": round(60 * tally.good / tally.line_s, 1) if tally.line_s else None,
        "faults_injected": dict(sorted(tally.injected.items())),
        "faults_told": dict(sorted(tally.kinds.items())),
    }


def row(name: str, tally: Tally) -> str:
    """Return one row of the table."""
    rate = "%10.0f" % (60 * tally.good / tally.line_s) if tally.line_s else " " * 10
    share = 100 * tally.good / tally.polls
    return "%-34s %9d %8.1f %% %s %9d %7d" % (name, tally.polls, share, rate, tally.values, len(tally.wrong))


HEAD = "%-34s %9s %10s %10s %9s %7s" % ("", "questions", "good", "good/min", "values", "wrong")


def told(tallies: dict[str, Tally]) -> str:
    """Return the table of some runs."""
    return "\n".join([HEAD, *(row(name, tally) for name, tally in tallies.items())])


@click.command()
@click.option("--polls", default=POLLS, show_default=True, help="Questions in simulated time.")
@click.option("--seed", default="1", show_default=True, help="What goes wrong follows from it.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def main(polls: int, seed: str, as_json: bool) -> None:
    """Ask on hostile lines, say what came of it, and leave with 1 where a wrong value was believed."""
    ours = {"gateway, simulated time": simulated_polls(seed, polls)}
    others = {"pymodbus, simulated time": pymodbus_polls(seed, min(polls, PYMODBUS_POLLS))}
    ours["gateway, true line time"] = line_polls(seed)
    ours["gateway, killed and begun anew"], kills = killed_polls(seed)
    wrong = [one for tally in ours.values() for one in tally.wrong]
    runs = {**ours, **others}
    if as_json:
        answer = {"seed": seed, "kills": kills, "runs": {name: figures(tally) for name, tally in runs.items()}}
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(told(runs))
        injected = sum(sum(tally.injected.values()) for tally in ours.values())
        click.echo("seed %s; %d faults on the gateway's lines, %d of them kill -9" % (seed, injected, kills))
    for one in wrong:
        click.echo("BELIEVED WRONGLY: %s" % (one,), err=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
