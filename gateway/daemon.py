"""Daemon: ties the machines to their carriers: one loop, one small thread a bus, one commit a cycle."""

import asyncio
import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway import garbage
from gateway.arrivals import Arrivals
from gateway.boundary_bell import LOOK_MS, BoundaryBell
from gateway.bus_plan import jobs_of
from gateway.clock import Clock
from gateway.config import Configuration, load
from gateway.control_thread import ControlThread
from gateway.core.meter.poll import Poll
from gateway.core.problem import ProblemError
from gateway.core.reading import Fault, Notice, Reading
from gateway.core.site import Bus
from gateway.core.tcp_address import transport_of
from gateway.journal import Journal
from gateway.journal_file import UnwrittenError, unreadable
from gateway.key_files import Handover, Signing, signing, take_over, waiting_key
from gateway.line import Line, line_of
from gateway.questions import answer_from_journal, journal_status, readings_answer, storage_status, utc_text
from gateway.recorder import Recorder, journal_path
from gateway.roads import Roads, road_ends
from gateway.rotation import handed_over, nothing_signed
from gateway.sealing import Acceptance, accepted, applied, not_accepted, plain_changes
from gateway.sweep import BusRunner
from gateway.words import say

Tell = Callable[[str], None]
FIRST_LOOK_S = 0.25  # after a start, which may follow a kill, the first readings are kept as soon as they are there


class Daemon:
    """A running gateway."""

    def __init__(self, configuration: Configuration, tell: Tell) -> None:
        """Open journal, keys and lines; raises ProblemError with what cannot be opened."""
        self._tell = tell
        self._home = configuration.home
        self._clock = Clock()
        self._journal = Journal(journal_path(self._home), configuration.platforms)
        configuration, self._held = accepted(configuration, self._journal)
        self._configuration = configuration
        if self._held:
            self._tell(say(not_accepted(str(self._home), self._held)))
        self._journal.platforms = configuration.platforms
        self.again = False  # it ended only to begin anew with another configuration
        self._signing = self._keys()
        try:
            ends = road_ends(configuration, self._clock.known_ms)
        except ProblemError:
            self._journal.close()
            raise
        signer = self._signing.signer if self._signing is not None else None
        self._recorder = Recorder(configuration, self._journal, self._clock, signer)
        self._roads = Roads(
            ends,
            configuration.site.gateway,
            self._journal,
            self._signing,
            self._wake_from_thread,
            self._clock.anchor,
            self._tell_unjudged,
        )
        self._intervals = 0
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self._arrivals = Arrivals()
        self._known: dict[str, Any] | None = None  # the status as of the last cycle, but what only the journal tells
        self._missing: list[tuple[str, str]] = []
        self._runners: list[BusRunner] = []
        for bus in configuration.site.buses:
            site = configuration.site
            jobs = jobs_of(site, configuration.profiles, bus)
            poll = Poll(bus, jobs, site.cycle_s * 1000, transport_of(bus.port), site.slow_sweeps)
            line = self._line(bus)
            self._runners.append(
                BusRunner(poll, line, self._clock, self._deliver_from_thread, bus.name, self._note_from_thread)
            )

    def _keys(self) -> Signing | None:
        """Return the key that signs; where there is none, the journal is given back."""
        try:
            return signing(self._home, self._journal) if self._configuration.uplinks else None
        except ProblemError:
            self._journal.close()
            raise

    def _line(self, bus: Bus) -> Line:
        """Return the line of *bus*; one that is not there yet is said, and opened as soon as it appears."""
        line = line_of(bus)
        try:
            line.open()
        except ProblemError as error:
            for one in error.problems:
                self._tell(say(one))
            self._missing.append((bus.name, error.problems[0].code))
        return line

    def _tell_unjudged(self) -> None:
        self._recorder.event("tls-time-unjudged")

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; everything is committed when it returns."""
        self._loop = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self._ended = asyncio.Event()
        # What fails must end the daemon, so that whoever supervises it starts it anew; nothing is half done,
        # because the journal commits all of a cycle or nothing.
        self._loop.set_exception_handler(lambda _, context: self._fail(context.get("exception")))
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._ended.set)
        self._journal.lay_log()
        try:
            self._recorder.start()
        except BaseException:
            self._journal.close()  # whoever mends it needs it
            raise
        if self._held:
            self._recorder.event("parameters-held", **{what: "%s -> %s" % (old, new) for what, old, new in self._held})
        for bus, code in self._missing:
            self._recorder.event("bus-missing", bus=bus, problem=code)
        control = ControlThread(self._home, self._answer, self._answer_meanwhile, self._fail)
        await control.start()
        threads = [
            threading.Thread(target=self._watched, args=(runner.run,), name="bus-" + runner.name, daemon=True)
            for runner in self._runners
        ]
        bell = BoundaryBell(self._runners, self._recorder.settlement, self._clock)
        threads.append(threading.Thread(target=self._watched, args=(bell.run,), name="boundaries", daemon=True))
        garbage.begun()
        for thread in threads:
            thread.start()
        self._roads.start()
        tasks = [asyncio.create_task(self._cycles()), asyncio.create_task(self._send())]
        for task in tasks:
            task.add_done_callback(self._task_done)
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await self._stop(control, threads)
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException | None) -> None:
        self._failure = self._failure or error or RuntimeError("a part of the daemon failed")
        self._ended.set()

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            self._fail(task.exception())

    def _watched(self, run: Callable[[threading.Event], None]) -> None:
        try:
            run(self._stopped)
        except BaseException as error:  # A bus that nobody reads any more must be heard of.
            if self._stopped.is_set():
                raise  # the loop may be gone already
            self._loop.call_soon_threadsafe(self._fail, error)

    async def _stop(self, control: ControlThread, threads: Sequence[threading.Thread]) -> None:
        self._stopped.set()
        for runner in self._runners:
            runner.wake()
        # A line that hangs must not keep the others from being committed; its thread ends with the process.
        await asyncio.gather(*(asyncio.to_thread(thread.join, 5.0) for thread in threads))
        await control.stop()
        if self._failure is None:
            try:
                self._recorder.stop()
            except ProblemError as error:
                self._failure = error
        if self._failure is None:
            self._roads.sealed()
            self._roads.step(self._clock.monotonic_ms())
        self._roads.stop()
        self._journal.close()

    def _deliver_from_thread(self, outcomes: Sequence[Reading | Fault]) -> None:
        if not self._stopped.is_set() and self._arrivals.put(outcomes, self._clock.utc_ms()):
            self._loop.call_soon_threadsafe(self._deliver)

    def _note_from_thread(self, notice: Notice) -> None:
        if not self._stopped.is_set():
            self._loop.call_soon_threadsafe(self._note, notice)

    def _note(self, notice: Notice) -> None:
        if self.again:
            return
        self._recorder.event(notice.code, **notice.details)

    def _deliver(self) -> None:
        """Take what arrived, and close at each arrival what was complete then."""
        while not self.again and (arrival := self._arrivals.take()) is not None:
            self._recorder.take(arrival.outcomes)
            self._close_due(arrival.at_ms)
        if dropped := self._arrivals.dropped():
            self._recorder.event("readings-dropped", count=str(dropped))

    def _close_due(self, at_ms: int) -> None:
        closed = self._recorder.close_due(at_ms)
        if closed:
            self._intervals += closed
            self._offer()
            start_s = self._recorder.settlement.start_s
            assert start_s is not None
            self._tell("interval closed at %s" % utc_text(start_s * 1000))

    def _offer(self) -> None:
        self._roads.sealed()
        self._awake.set()

    async def _cycles(self) -> None:
        """Commit once a cycle; the first one ends as soon as something was read."""
        cycle_s = self._configuration.site.cycle_s
        waited_s = 0.0
        while not self._recorder.latest and waited_s < cycle_s:
            waited_s += FIRST_LOOK_S
            await asyncio.sleep(FIRST_LOOK_S)
        while True:
            self._deliver()
            self._known = self._status(without_journal=True)
            self._recorder.cycle()
            self._deliver()
            self._close_due(self._clock.utc_ms())
            self._offer()
            await asyncio.sleep(cycle_s)

    async def _send(self) -> None:
        while True:
            self._awake.clear()
            try:
                wait_ms = self._roads.step(self._clock.monotonic_ms())
            except (sqlite3.Error, UnwrittenError) as error:
                if self._recorder.holding is None and not isinstance(error, UnwrittenError):
                    raise
                wait_ms = LOOK_MS  # the journal gives and takes nothing now; what it holds is sent afterwards
            try:
                await asyncio.wait_for(self._awake.wait(), None if wait_ms is None else wait_ms / 1000)
            except TimeoutError:
                continue

    def _wake_from_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._awake.set)

    def _answer_meanwhile(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """Return what is known while the loop waits for the disk; None where that is no answer to the question."""
        if question.get("ask") == "readings":
            return readings_answer(list(self._recorder.latest.values()))
        if question.get("ask") != "status" or self._known is None:
            return None
        return self._known | {
            "storage": self._known["storage"] | self._recorder.pace.answer(self._clock.monotonic_ms())
        }

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        kind = question.get("ask")
        if kind == "status":
            return self._status()
        if kind == "readings":
            return readings_answer(list(self._recorder.latest.values()))
        try:
            if kind == "held":
                return {"changes": plain_changes(accepted(load(self._home), self._journal)[1])}
            if kind == "apply":
                return self._apply(Acceptance(str(question["by"]), str(question["reason"])))
            if kind == "rotate":
                return self._rotate()
            if kind == "declare":
                return self._recorder.declare(question)
            return answer_from_journal(self._configuration, self._journal, question)
        except (ProblemError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error):
                error = ProblemError(unreadable(self._journal.path, error))
            first = error.problems[0]
            values = {name: str(value) for name, value in first.values.items()}
            return {"problem": [first.code, first.where, first.what, first.hint, values]}

    def _apply(self, acceptance: Acceptance) -> dict[str, Any]:
        """Take over the configuration in the home folder, then end and begin anew with it."""
        fresh = load(self._home)
        changes = accepted(fresh, self._journal)[1]
        signer = self._signing.signer if self._signing is not None else None
        self._recorder.commit()
        recorder = Recorder(fresh, self._journal, self._clock, signer, acceptance)
        recorder.incarnation = self._recorder.incarnation
        recorder.accept()
        self._recorder, self.again = recorder, True
        self._stopped.set()
        self._loop.call_soon(self._ended.set)
        return applied(changes, running=True)

    def _rotate(self) -> dict[str, Any]:
        """Hand over to the new key that waits in the home folder."""
        new = waiting_key(self._home)
        if self._signing is None:
            raise ProblemError(nothing_signed(self._configuration))
        old, before = self._signing

        def in_force(sequence: int) -> None:
            self._roads.change_key(sequence, new)
            self._signing = Signing(new, (*before, Handover(sequence, old)))
            take_over(self._home, old.kid)

        self._recorder.change_key(new, in_force)
        self._offer()
        return handed_over(self._journal.head_sequence, old, new)

    def _status(self, without_journal: bool = False) -> dict[str, Any]:
        answer = journal_status(self._configuration, self._journal, without_journal)
        answer["held"] = plain_changes(self._held)
        answer["clock"] = self._clock.answer() | {"utc": utc_text(self._clock.utc_ms())}
        answer["storage"] = storage_status(self._recorder, without_journal)
        answer["intervals"] = self._intervals
        answer["findings"] = self._recorder.findings.all(self._clock.utc_ms() // 1000)
        known = {meter: says for runner in self._runners for meter, says in runner.poll.known().items()}
        answer["meters"] = [
            {
                "known": known[state.meter],
                "bus": runner.name,
                "meter": state.meter,
                "state": state.state,
                "faults": dict(state.faults),
                "failures": state.failures,
                "last_good": None if state.last_good_ms is None else utc_text(state.last_good_ms),
                "last_fault": {"kind": state.last_fault[0], "detail": state.last_fault[1]},
                "stale": state.stale,
                "foreign": state.foreign,
                "timeout_ms": state.timeout_ms,
                "refused": [{"function": f, "start": start, "count": n} for f, start, n in state.refused],
                "shortened": state.shortened,
            }
            for runner in self._runners
            for state in runner.poll.meters()
        ]
        answer["uplinks"] = self._roads.status(without_journal)
        answer["uplink"] = answer["uplinks"][0] if answer["uplinks"] else {"state": "off", "connected": False}
        return answer


def started_text(configuration: Configuration) -> str:
    """Return the line that says what runs."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return "%s %s: %d buses, %d meters" % (
        now,
        configuration.site.gateway,
        len(configuration.site.buses),
        len(configuration.site.meters),
    )
