"""Network: a gateway's side and a platform's side in network namespaces of their own, with a bad link between them.

Needs root and `ip`. Everything has a name with this process's id in it and is taken away by that name, also what a
killed process left.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.foreign import WANT, wanted

GATEWAY_SIDE, LINK, PLATFORM_SIDE = "g", "l", "p"
GATEWAY_ADDRESS, PLATFORM_ADDRESS = "10.99.0.2", "10.99.0.3"
SEED = 20261121
_PREFIX = "wattproof-"
_NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_LIBC = ctypes.CDLL(None, use_errno=True)
_SIOCETHTOOL = 0x8946
_OFF = (
    0x17,
    0x1F,
    0x24,
    0x2C,
)  # ETHTOOL_S...: sums of sent frames, TSO, GSO, GRO: a bridge in user space sees whole ones


class Network:
    """Two sides and the link between them."""

    def __init__(self, folder: Path) -> None:
        """Make it, with a link that does nothing to what goes over it."""
        self._id = "%s%d-" % (_PREFIX, os.getpid())
        self._control = folder / "link.json"
        self._bridge: subprocess.Popen[str] | None = None
        self._wanted: dict[str, Any] = {}
        _sweep()
        try:
            self._make()
        except BaseException:
            self.end()
            raise

    def _make(self) -> None:
        for side in (GATEWAY_SIDE, LINK, PLATFORM_SIDE):
            _ip("netns", "add", self._id + side)
            _ip("-n", self._id + side, "link", "set", "lo", "up")
        for side, address in ((GATEWAY_SIDE, GATEWAY_ADDRESS), (PLATFORM_SIDE, PLATFORM_ADDRESS)):
            inner, outer = side + "0", side + "1"
            peer = ("type", "veth", "peer", "name", outer, "netns", self._id + LINK)
            _ip("link", "add", inner, "netns", self._id + side, *peer)
            _ip("-n", self._id + side, "addr", "add", address + "/24", "dev", inner)
            _ip("-n", self._id + side, "link", "set", inner, "up")
            _ip("-n", self._id + LINK, "link", "set", outer, "up")
            with self.inside(side):
                _whole_frames(inner)
            with self.inside(LINK):
                _whole_frames(outer)
        self.link()
        command = [sys.executable, "-m", "hil_tests.bad_link", GATEWAY_SIDE + "1", PLATFORM_SIDE + "1"]
        with self.inside(LINK):
            self._bridge = subprocess.Popen(
                [*command, str(self._control), str(SEED)], stdout=subprocess.PIPE, text=True
            )
        assert self._bridge.stdout is not None and self._bridge.stdout.readline() == "ready\n"

    def link(self, **wanted: Any) -> None:
        """Have the link do to frames what *wanted* says (see bad_link), and nothing else."""
        new = self._control.with_suffix(".next")
        new.write_text(json.dumps(wanted))
        new.replace(self._control)

    def move(self, side: str, old: str, new: str) -> None:
        """Give *side* the address *new* in the place of *old*, as a carrier does with the address it lent."""
        _ip("-n", self._id + side, "addr", "del", old + "/24", "dev", side + "0")
        _ip("-n", self._id + side, "addr", "add", new + "/24", "dev", side + "0")

    def counts(self) -> dict[str, int]:
        """Return what the link did so far, some half a second ago."""
        found: dict[str, int] = json.loads(Path(str(self._control) + ".counts").read_text())
        return found

    @contextlib.contextmanager
    def inside(self, side: str) -> Iterator[None]:
        """Have this thread, and the threads and processes that it starts, be on one side."""
        with Path("/proc/thread-self/ns/net").open() as own, (_NAMESPACES / (self._id + side)).open() as other:
            _enter(other.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())

    def end(self) -> None:
        """Take it all away."""
        if self._bridge is not None:
            self._bridge.kill()
            self._bridge.wait()
            assert self._bridge.stdout is not None
            self._bridge.stdout.close()
        for side in (GATEWAY_SIDE, LINK, PLATFORM_SIDE):
            if (_NAMESPACES / (self._id + side)).exists():
                _ip("netns", "del", self._id + side)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _whole_frames(interface: str) -> None:
    """Let the kernel leave no work on frames to hardware that is not there."""
    with socket.socket() as line:
        for command in _OFF:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):  # some kernels have one switch for several
                fcntl.ioctl(line, _SIOCETHTOOL, request)


def _sweep() -> None:
    """Take away what belongs to a process that lives no more."""
    for place in _NAMESPACES.glob(_PREFIX + "*"):
        owner = place.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            _ip("netns", "del", place.name)


def possible() -> bool:
    """Tell whether this process may make namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    allowed: list[bool] = []
    thread = threading.Thread(target=lambda: allowed.append(_LIBC.unshare(_NEW_NETWORK) == 0))
    thread.start()
    thread.join()
    return allowed == [True]


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Give a network until the end of the block; skip the test, loudly, where that cannot be."""
    wanted("ip")
    if not possible():
        pytest.skip(WANT + "root and network namespaces")
    made = Network(folder)
    try:
        yield made
    finally:
        made.end()
