"""The real serial ports that the environment names for tests, and a joint of two pseudo-terminals in their place.

HIL_PORT alone: a real meter answers there, at HIL_LINE, as HIL_UNIT (or HIL_ADDRESS, a DL/T 645 number), of
HIL_PROFILE. HIL_PORT and HIL_PORT_2: two adapters on one pair of wires, the gateway on the first.
"""

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from gateway.core.reading import Fault, Reading
from hil_tests.foreign import WANT

EMULATED, REAL = "emulated", "real"


class Ports(NamedTuple):
    """Two ends of one line: the gateway's and the meters', and how both are set."""

    gateway: str
    meters: str
    line: str


class RealMeter(NamedTuple):
    """A meter to read. asked_as: the keys of a configuration by which it is found on its bus."""

    port: str
    line: str
    profile: str
    asked_as: str


def two_adapters() -> Ports:
    """Return the two adapters that are wired together, or skip."""
    first, second = os.environ.get("HIL_PORT"), os.environ.get("HIL_PORT_2")
    if not (first and second):
        pytest.skip(WANT + "two adapters (HIL_PORT and HIL_PORT_2)")
    return Ports(first, second, os.environ.get("HIL_LINE", "9600 8N1"))


def real_meter() -> RealMeter:
    """Return the meter behind HIL_PORT, or skip."""
    port, profile = os.environ.get("HIL_PORT"), os.environ.get("HIL_PROFILE")
    if not (port and profile) or os.environ.get("HIL_PORT_2"):
        pytest.skip(WANT + "a real meter (HIL_PORT alone, and HIL_PROFILE)")
    address = os.environ.get("HIL_ADDRESS")
    asked_as = f'address = "{address}"' if address else f"unit = {os.environ.get('HIL_UNIT', '1')}"
    return RealMeter(port, os.environ.get("HIL_LINE", "9600 8N1"), profile, asked_as)


@contextmanager
def joined_terminals(line: str = "9600 8N1") -> Iterator[Ports]:
    """Give two pseudo-terminals of which each hears what is written to the other."""
    first, gateway = os.openpty()
    second, meters = os.openpty()
    wake_read, wake_write = os.pipe()
    for end in (gateway, meters):
        tty.setraw(end)

    def carry() -> None:
        while True:
            ready, _, _ = select.select([first, second, wake_read], [], [])
            if wake_read in ready:
                return
            for end in ready:
                os.write(second if end == first else first, os.read(end, 512))

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield Ports(os.ttyname(gateway), os.ttyname(meters), line)
    finally:
        os.write(wake_write, b"x")
        thread.join(30)
        for end in (first, second, gateway, meters, wake_read, wake_write):
            os.close(end)


class Outcomes:
    """What the sweeps over a bus gave."""

    def __init__(self, found: list[Reading | Fault]) -> None:
        self.readings = [one for one in found if isinstance(one, Reading)]
        self.faults = [one for one in found if isinstance(one, Fault)]

    def words(self, meter: str, quantity: str) -> list[tuple[int, ...]]:
        """Return the registers of one quantity, one after the other."""
        return [one.words for one in self.readings if (one.meter, one.quantity) == (meter, quantity)]

    def values(self, meter: str, quantity: str) -> list[int]:
        """Return the values of one quantity, one after the other."""
        found = [one.value for one in self.readings if (one.meter, one.quantity) == (meter, quantity)]
        return [value for value in found if value is not None]
