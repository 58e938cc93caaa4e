"""Serving: the receiver and the web page in one process, on one loop, until a signal ends it.

Messages come from the connection's thread and wait in a queue that the broker keeps short, since it sends no more
than a window of unacknowledged ones; each is dealt with on a worker thread. The page reads through a connection to
the ledger of its own, on threads too, so that neither a commit nor a long question holds up the loop.
"""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from cloud_sync.core.receipt import UNBOUND_MS
from cloud_sync.kernel_clock import kernel_bound_ms
from cloud_sync.keys import load_signer
from cloud_sync.mqtt import Closed, Connection, Event, Message, Opened
from cloud_sync.platform.composer import Composer
from cloud_sync.platform.enrolment import Enrolment
from cloud_sync.platform.events import News
from cloud_sync.platform.home import GATEWAYS, KEY_FILE, Settings
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Came, Receiver
from cloud_sync.platform.web import create_app
from gateway import garbage
from gateway.core.problem import Problem, ProblemError, problem
from gateway.words import translate as _

GRACE_S = 2  # What an open page gets to take its last bytes.
LOOK_S = 5.0  # How often park.toml is looked at while nothing comes.


class PageServer(uvicorn.Server):
    """uvicorn without its own signals: the platform has one way to end, for all of it."""

    def __init__(self, config: uvicorn.Config, news: News) -> None:
        super().__init__(config)
        self.news = news

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the open pages' event streams end, then stop."""
        self.news.end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """Return a socket bound to where the page shall be, or say why there is none."""
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ProblemError(_cannot_listen(place, error)) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise ProblemError(
                problem(
                    "WP-PLT-014",
                    place,
                    "Another program already listens here.",
                    "Stop it (is it another `wattproof-platform serve`?), or change listen in platform.toml.",
                )
            ) from error
        raise ProblemError(_cannot_listen(place, error)) from error
    return bound


def _cannot_listen(place: str, error: OSError) -> Problem:
    return problem(
        "WP-PLT-015",
        place,
        "The page cannot be offered here: {reason}.",
        "Change listen in platform.toml to an address of this machine and a port this user may have.",
        reason=error.strerror or error,
    )


def signer_needed(home: Path) -> Path:
    """Return the file of the platform's key, or say how to make it."""
    path = home / KEY_FILE
    if not path.exists():
        raise ProblemError(
            problem(
                "WP-PLT-009",
                str(path),
                "The platform has no key to sign receipts with.",
                "Make one with `wattproof-platform keys new`, and give its public half to every gateway.",
            )
        )
    return path


async def serve(home: Path, settings: Settings, tell: Callable[[str], None], warn: Callable[[Problem], None]) -> None:
    """Run until SIGTERM or SIGINT; *tell* takes lines for people, *warn* what is wrong and may pass."""
    signer = load_signer(signer_needed(home))
    ledger = Ledger(settings.ledger)
    try:
        receiver = Receiver(ledger, Enrolment(home / GATEWAYS, ledger), signer, settings.bucket)
        composer = Composer(home, ledger)
        with contextlib.closing(Ledger(settings.ledger, read_only=True)) as page_ledger:
            await _offer(home, page_ledger, receiver, composer, settings, tell, warn)
    finally:
        ledger.close()


async def _offer(
    home: Path,
    page_ledger: Ledger,
    receiver: Receiver,
    composer: Composer,
    settings: Settings,
    tell: Callable[[str], None],
    warn: Callable[[Problem], None],
) -> None:
    """Run the page, which reads through a connection of its own, and the road, which writes."""
    app = create_app(page_ledger, settings.zone, home=home, bucket=settings.bucket)
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S)
    server = PageServer(config, app.state.news)
    with ended_by_signals(server), listening(settings.host, settings.port) as bound:
        host, port = bound.getsockname()[:2]
        tell(_("The page is at http://{host}:{port}/").format(host=host, port=port))
        garbage.begun()
        await _run(server, bound, Road(receiver, composer, settings, tell, warn))


@contextlib.contextmanager
def ended_by_signals(server: PageServer) -> Iterator[None]:
    """While this lasts, SIGTERM and SIGINT let *server* come to its end, and do nothing else."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _run(server: PageServer, bound: socket.socket, road: "Road") -> None:
    receiving = asyncio.create_task(road.run())
    receiving.add_done_callback(lambda _task: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[bound])
    finally:
        road.stop()
        await receiving


class Road:
    """The platform's end of the road: one connection to the broker, and the receiver behind it."""

    def __init__(
        self,
        receiver: Receiver,
        composer: Composer,
        settings: Settings,
        tell: Callable[[str], None],
        warn: Callable[[Problem], None],
    ) -> None:
        self._receiver = receiver
        self._composer = composer
        self._came = asyncio.Event()
        self._ended = False
        self._tell = tell
        self._warn = warn
        self._clock_bound_ms = settings.clock_bound_ms
        self._broker = f"{settings.broker.host}:{settings.broker.port}"
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._next: tuple[Event | None] | None = None  # taken out of the queue and not dealt with yet
        topic = f"v1/{settings.bucket}/+/up"
        self._connection = Connection(settings.broker, (topic,), self._note, manual_ack=True)
        self._trouble: Problem | None = None

    def _note(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._events.put_nowait(None)

    async def run(self) -> None:
        """Keep the connection and deal with what comes, until `stop`."""
        composing = asyncio.create_task(self._compose())
        composing.add_done_callback(lambda _task: self.stop())
        self._connection.start()
        try:
            while (event := await self._event()) is not None:
                if isinstance(event, Opened):
                    self._trouble = None
                    self._tell(_("Connected to the broker at {place}").format(place=self._broker))
                elif isinstance(event, Closed):
                    if event.why is not None and event.why != self._trouble:  # said once, not at every attempt
                        self._trouble = event.why
                        self._warn(event.why)
                else:
                    await self._take([event, *self._waiting()])
        finally:
            await asyncio.to_thread(self._connection.stop)
            self._ended = True
            self._came.set()
            await composing

    async def _event(self) -> Event | None:
        """Return what comes next; None at the end."""
        if self._next is None:
            return await self._events.get()
        (event,), self._next = self._next, None
        return event

    async def _compose(self) -> None:
        """Compose parks, a little at a time, whenever something came."""
        try:
            while not self._ended:
                if not await asyncio.to_thread(self._composer.step):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._came.wait(), LOOK_S)
                    self._came.clear()
        except sqlite3.Error as error:
            raise ProblemError(self._unwritable(error)) from error

    def _waiting(self) -> list[Message]:
        """Return the messages that wait in the queue, up to whatever else comes after them."""
        found: list[Message] = []
        while self._next is None and not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Message):
                found.append(event)
            else:
                self._next = (event,)
        return found

    async def _take(self, messages: list[Message]) -> None:
        now_ms, bound_ms = time.time_ns() // 1_000_000, kernel_bound_ms()
        if bound_ms is None:
            bound_ms = self._clock_bound_ms or UNBOUND_MS
        came = [Came(one.topic, one.payload, now_ms, one.nonce, bound_ms) for one in messages]
        try:
            answers = await asyncio.to_thread(self._receiver.received_all, came)
        except sqlite3.Error as error:
            raise ProblemError(self._unwritable(error)) from error
        for answer in answers:
            if not self._connection.publish(answer.topic, answer.raw):
                log.warning("an answer on %s was not sent; it is given again when the batch is", answer.topic)
        for message in messages:
            self._connection.ack(message)
        self._came.set()

    def _unwritable(self, error: sqlite3.Error) -> Problem:
        return problem(
            "WP-PLT-016",
            str(self._receiver.ledger.path),
            "The ledger cannot be written: {reason}.",
            "Look for a full disk or a missing right, and start the platform again; the gateways keep and"
            " repeat all that has no receipt.",
            reason=error,
        )


log = logging.getLogger(__name__)
