"""Serves the platform's page on a loopback port, and opens it in a headless Chromium that may speak to nobody else."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Browser, Page, Request

from cloud_sync.platform.reports import Reads
from cloud_sync.platform.web import create_app

WAIT_MS = 20_000
WAIT_S = 20.0


class Served:
    """The page of one ledger, in a thread of its own, on a port that the system chose or on *port*."""

    def __init__(self, ledger: Reads, now: Callable[[], float], port: int = 0, home: Path | None = None) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.port = int(self.socket.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}/"
        self.app = create_app(ledger, now=now, home=home, bucket="b0")
        config = uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=5)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        until = time.monotonic() + WAIT_S
        while not self.server.started:
            assert time.monotonic() < until, "the page does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop serving, and close every open connection."""
        self.app.state.news.end()
        self.server.should_exit = True
        self.thread.join(WAIT_S)
        self.socket.close()
        assert not self.thread.is_alive()


class Opened:
    """A page in the browser, with what went wrong in it and where it wanted to go."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        place = urlsplit(request.url)
        if place.scheme not in ("data", "blob") and place.hostname != "127.0.0.1":
            self.strangers.append(request.url)

    def settled(self) -> None:
        """Wait until the page has shown what it was asked for."""
        self.page.wait_for_selector("main[aria-busy=false]", timeout=WAIT_MS)

    def figures(self, name: str) -> list[str]:
        """Return the exact values of the figures called *name*, as the page holds them."""
        found = self.page.locator(f'[data-figure="{name}"]').evaluate_all("all => all.map(one => one.dataset.value)")
        return [str(value) for value in found]

    def figure(self, name: str) -> int:
        """Return the exact value of the one figure called *name*."""
        values = self.figures(name)
        assert len(values) == 1, (name, values)
        return int(values[0])

    def all_figures(self) -> dict[str, tuple[int, str]]:
        """Return every figure of the page: its name, exact value, and the text people read."""
        found: list[list[Any]] = self.page.locator("[data-figure][data-value]").evaluate_all(
            "all => all.map(one => [one.dataset.figure, one.dataset.value, one.textContent])"
        )
        return {str(name): (int(value), str(text)) for name, value, text in found}

    def eventually(self, condition: str) -> None:
        """Wait until the JavaScript *condition* holds; asked from outside, as the page's policy allows no eval."""
        until = time.monotonic() + WAIT_S
        while not self.page.evaluate(condition):
            assert time.monotonic() < until, condition
            self.page.wait_for_timeout(50)


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280, height: int = 900, **wishes: Any) -> Iterator[Opened]:
    """Open *address* in a browser profile that knows nothing yet."""
    context = browser.new_context(viewport={"width": width, "height": height}, **wishes)
    try:
        one = Opened(context.new_page())
        one.page.goto(address)
        one.settled()
        yield one
    finally:
        context.close()
