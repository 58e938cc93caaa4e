"""The whole product on an emulated park at true line speed; `make demo` runs it.

It starts the emulated meters, a broker, the platform and the gateway, tells what happens, and at the end
compares every register's energy on the platform with what the emulated meters truly counted.
"""

import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from types import FrameType

import click

from gateway.cli.tables import table_text
from gateway.core.problem import ProblemError
from gateway.figures import PARK_TIME
from gateway.frame import PROBLEM, stop
from gateway.words import LANGUAGES, choose, language_of_locale
from gateway.words import translate as _
from hil_tests.brokers import PipBroker
from hil_tests.stand import BROKER, EMULATOR, GATEWAY, PARTS, PLATFORM, Stand
from hil_tests.truth import UWH_PER_WH, Comparison

PAGE_PORT = 8688
_LOOK_S = 1.0
# How long the demo waits, when it stops, for the platform to give a receipt for the last entries.
_DRAIN_S = 10.0


class Narrator:
    """Says what happens, with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        """Print one line."""
        seconds = int(time.monotonic() - self._start)
        click.echo("[%d:%02d] %s" % (*divmod(seconds, 60), text))


def _starting(say: Narrator, stand: Stand) -> None:
    texts = {
        EMULATOR: _("12 emulated meters on two RS-485 buses, 9600 and 19200 baud, at true line time"),
        BROKER: _("MQTT broker (in memory, loopback only: for demonstrations)"),
        PLATFORM: _("platform: verifies, keeps the ledger, gives receipts, serves the page"),
        GATEWAY: _("gateway: polls, closes intervals, traces, signs, sends"),
    }
    for part in PARTS:
        say(_("starting the {text}").format(text=texts[part]))
        stand.start(part)


def _narrate(say: Narrator, stand: Stand, ended: threading.Event, until: float) -> None:
    """Tell of every interval until *ended* or the moment *until*; start a part again that fell over."""
    receipted, told = -1, 0
    while not ended.wait(_LOOK_S) and time.monotonic() < until:
        for part in PARTS:
            if not stand.running(part):
                say(_("the {part} fell over; starting it again: {log}").format(part=part, log=stand.log_end(part)))
                stand.stop(part)
                stand.start(part)
        status = stand.gateway_status()
        if status["intervals"] > told:
            told = status["intervals"]
            say(_("interval {count} closed and signed; the journal holds {entries} entries").format(
                count=told, entries=status["entries"]))  # fmt: skip
            receipted = -1
        elif told and receipted < 0 and status["oldest_unreceipted"] is None:
            receipted = status["receipted"]
            say(_("the platform gave its signed receipt for all entries through {through}").format(through=receipted))
            if told == 1:
                say(_("the first interval is on the page now: {url}").format(url=_url(stand)))


def _url(stand: Stand) -> str:
    return "http://127.0.0.1:%d/" % stand.page_port


def _drain(say: Narrator, stand: Stand) -> None:
    """Stop the gateway, start it without waiting for meters no more, and leave when all is receipted."""
    deadline = time.monotonic() + _DRAIN_S
    while time.monotonic() < deadline:
        if stand.gateway_status()["oldest_unreceipted"] is None:
            break
        time.sleep(_LOOK_S / 4)
    say(_("stopping: gateway, platform, broker, meters"))
    stand.stop_all()


def _comparison_text(found: list[Comparison]) -> str:
    """Return how far the platform's figures are from the truth, a line for every register."""
    if not found:
        return _("no interval was closed, so there is nothing to compare")
    rows = [
        [
            one.meter_point,
            one.quantity.removeprefix("energy_"),
            "%.3f" % (one.platform_wh / 1000),
            "%.3f" % (one.true_uwh / UWH_PER_WH / 1000),
            "%+.2f" % (one.difference_uwh / UWH_PER_WH),
            "%.2f" % (one.resolution_uwh / UWH_PER_WH),
            _("exact") if one.agrees else _("WRONG"),
        ]
        for one in found
    ]
    headings = [_("meter point"), _("register"), _("platform kWh"), _("true kWh"), _("off Wh"), _("step Wh"), ""]
    agreeing = len([one for one in found if one.agrees])
    text = _("{agreeing} of {count} registers are exact to their resolution").format(
        agreeing=agreeing, count=len(found)
    )
    return table_text(headings, rows, {2, 3, 4, 5}) + "\n" + text


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="demo-home", show_default=True)
@click.option("--page-port", default=PAGE_PORT, show_default=True)
@click.option("--minutes", type=float, help="Stop by itself after so long.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of messages (default: by locale).")
def main(folder: Path, page_port: int, minutes: float | None, lang: str | None) -> None:
    """Run the whole product on an emulated park until Ctrl-C."""
    choose(lang or language_of_locale())
    say = Narrator()
    ended = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    stand = Stand(folder, PipBroker(), page_port)
    try:
        resumed = stand.ledger_path.exists()
        site = stand.prepare()
        say(_("everything is kept in {folder}; remove it to begin anew").format(folder=folder))
        if resumed:
            say(_("going on with the journal and the ledger that are there"))
        _starting(say, stand)
        now = datetime.now(PARK_TIME)
        say(_("the page: {url}   (Ctrl-C stops everything)").format(url=_url(stand)))
        say(_("ask the gateway in another terminal: {command}").format(
            command=".venv/bin/wattproof --home %s status" % (folder / "gateway")))  # fmt: skip
        say(_("the first interval closes within {seconds} s").format(
            seconds=site.interval_s + site.interval_s - now.second % site.interval_s))  # fmt: skip
        _narrate(say, stand, ended, time.monotonic() + 60 * minutes if minutes else float("inf"))
        _drain(say, stand)
    except ProblemError as error:
        stand.stop_all()
        stop(PROBLEM, *error.problems)
    found = stand.compared()
    click.echo(_comparison_text(found))
    sys.exit(0 if all(one.agrees for one in found) else PROBLEM)


if __name__ == "__main__":
    main()
