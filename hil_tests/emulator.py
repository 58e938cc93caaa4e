"""Emulated meters on pseudo-terminals, at true line speed, for anyone's client to talk to.

`python -m hil_tests.emulator CONFIG [--truth FILE] [--faults SEED] [--home DIR]` prints one JSON line a bus with the
path of its pseudo-terminal and the stable link to it, then {"ready": true}, and serves until SIGTERM or SIGINT. With
--truth, what the meters truly counted is appended to FILE, and FILE.state lets the next start continue the registers.
"""

import json
import os
import select
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from gateway.core.problem import ProblemError, problem
from gateway.frame import fails_clearly
from gateway.words import choose, language_of_locale
from hil_tests.bus_log import BusLog
from hil_tests.emulated_bus import EmulatedBus, Line
from hil_tests.emulated_meter import EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Park, Sample
from hil_tests.emulator_config import EmulatorPlan, read_emulator_config
from hil_tests.freezing import Freezing
from hil_tests.line_faults import FaultDice, standard_faults
from hil_tests.serial_bus import SerialBus
from hil_tests.stations import Stations
from hil_tests.truth import TruthWriter

SAVE_EVERY_S = 5  # after a kill, the park is computed again from the last save: exactly, but not for ever


class Emulator:
    """A park, its buses, and the record of the truth."""

    def __init__(
        self,
        plan: EmulatorPlan,
        truth: Path | None = None,
        faults_seed: str | None = None,
        log: Path | None = None,
    ) -> None:
        self._state_path = truth.with_name(truth.name + ".state") if truth else None
        self._writer = None
        self._lock = threading.Lock()
        # UTC is taken once: a step of the machine's clock must not move what the meters have counted.
        self._utc_ahead_s = time.time() - time.monotonic()
        kept = self._kept_state()
        self.park = Park(plan.park, self._utc_ms(), kept)
        meters = [meter for found in plan.meters.values() for meter in found]
        self._freezing = Freezing(self.park, meters, newborn=kept is None)
        if truth is not None:
            self._writer = _open_truth(truth)
        self._log = _open_log(log) if log is not None else None
        extra = standard_faults() if faults_seed is not None else ()
        self.seed = seed = plan.seed if faults_seed is None else faults_seed
        self.buses = tuple(
            self._bus(line, plan.meters[line.name], FaultDice(plan.faults[line.name] + extra, f"{seed}/{line.name}"))
            for line in plan.lines
        )

    def start(self) -> None:
        """Keep the birth of the park, put the links in place and serve."""
        self.save()
        for bus in self.buses:
            bus.start()

    def stop(self) -> None:
        """End all buses and save the park."""
        for bus in self.buses:
            bus.stop()
        self.save()
        if self._writer is not None:
            self._writer.close()
        if self._log is not None:
            self._log.close()

    def _bus(self, line: Line, meters: tuple[EmulatedMeter, ...], dice: FaultDice) -> EmulatedBus | SerialBus:
        stations = Stations(meters, self._sample, self._witness, dice)
        return (SerialBus if line.device else EmulatedBus)(line, stations, dice, self._log)

    def skip(self, skipped_ms: int) -> None:
        """Let so much time pass at once, for what would take hours."""
        self._utc_ahead_s += skipped_ms / 1000

    def save(self) -> None:
        """Write the state of the park beside the truth, in one step."""
        if self._state_path is None:
            return
        with self._lock:
            self._freezing.advance(self._utc_ms())
            text = json.dumps(self.park.state())
        fresh = self._state_path.with_name(self._state_path.name + ".new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._state_path)
        except OSError as error:
            raise _unusable(self._state_path, error) from error

    def _utc_ms(self) -> int:
        return int((time.monotonic() + self._utc_ahead_s) * 1000)

    def _sample(self, meter: str) -> Sample:
        with self._lock:
            self._freezing.advance(self._utc_ms())
            return self.park.sample(meter)

    def _witness(self, meter: str, utc_ms: int, registers: tuple[TrueRegister, ...]) -> None:
        if self._writer is not None and registers:
            with self._lock:
                self._writer.write(meter, utc_ms, registers)

    def _kept_state(self) -> dict[str, object] | None:
        if self._state_path is None or not self._state_path.exists():
            return None
        try:
            kept = json.loads(self._state_path.read_text(encoding="utf-8"))
        except OSError as error:
            raise _unusable(self._state_path, error) from error
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or not {"now_ms", "origin_ms", "step", "imported_mj"} <= kept.keys():
            raise ProblemError(
                problem(
                    "WP-EMU-015",
                    str(self._state_path),
                    "The state of the emulated park cannot be understood.",
                    "Remove the file together with its truth file; the meters then begin again.",
                )
            )
        return kept


def _open_truth(path: Path) -> TruthWriter:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return TruthWriter(path)
    except OSError as error:
        raise _unusable(path, error) from error


def _open_log(path: Path) -> BusLog:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return BusLog(path)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-EMU-020",
                str(path),
                "The log of the emulated buses cannot be kept: {reason}.",
                "Choose a place that can be written, with --log.",
                reason=error.strerror,
            )
        ) from error


def _unusable(path: Path, error: OSError) -> ProblemError:
    return ProblemError(
        problem(
            "WP-EMU-012",
            str(path),
            "The truth of the emulated park cannot be kept: {reason}.",
            "Choose a place that can be written, with --truth.",
            reason=error.strerror,
        )
    )


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _stop_signals() -> int:
    """Return the end of a pipe that can be read once SIGTERM or SIGINT has come."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return heard


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--truth", type=click.Path(path_type=Path), help="Append what the meters truly counted to this file.")
@click.option("--faults", metavar="SEED", help="Let about one answer in twelve go wrong, decided by this seed.")
@click.option(
    "--script", type=click.Path(path_type=Path), help="Faults at times and questions: [[fault]] tables, or JSON lines."
)
@click.option("--log", type=click.Path(path_type=Path), help="Append everything that was on the wires to this file.")
@click.option("--home", type=click.Path(path_type=Path), help="Where relative links go.")
@fails_clearly
def main(
    config: Path, truth: Path | None, faults: str | None, script: Path | None, log: Path | None, home: Path | None
) -> None:
    """Serve the emulated meters of CONFIG on pseudo-terminals until SIGTERM.

    Prints one JSON line for each end of each bus, with its pseudo-terminal, its stable link and the seed of its
    faults, then {"ready": true}, and at the end what happened on each bus. hil_tests/README.md tells all keys of
    CONFIG and of fault scripts.
    """
    home = home or Path(tempfile.gettempdir()) / "wattproof-park"
    stopped = _stop_signals()
    emulator = Emulator(read_emulator_config(config, home.resolve(), script), truth, faults, log)
    try:
        emulator.start()
        for bus in emulator.buses:
            where = {"bus": bus.line.name, "baud": bus.line.baud, "seed": f"{emulator.seed}/{bus.line.name}"}
            if bus.line.device:
                _say({**where, "path": bus.path, "link": bus.path})
            for place, port in enumerate(bus.ports):
                _say(
                    {**({"port": port.plan.name} if place else {}), **where, "path": port.path, "link": str(port.link)}
                )
        _say({"ready": True})
        rounds = 0
        while not select.select([stopped], [], [], 1.0)[0]:
            for bus in emulator.buses:
                bus.assert_serves()
            rounds += 1
            if rounds % SAVE_EVERY_S == 0:
                emulator.save()
    finally:
        emulator.stop()
    for bus in emulator.buses:
        _say({"bus": bus.line.name, "ended": True, **vars(bus.counts)})


if __name__ == "__main__":
    choose(language_of_locale())
    sys.exit(main())
