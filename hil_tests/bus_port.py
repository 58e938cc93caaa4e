"""BusPort: a pseudo-terminal as one end of an emulated line, as a client sees an adapter or a foreign meter its own."""

import errno
import fcntl
import os
import struct
import termios
import tty
from pathlib import Path
from typing import NamedTuple

from gateway.core.problem import ProblemError, problem
from hil_tests.line_bits import Setting
from hil_tests.wire import Burst, Ear, Wire

_MOST_BYTES = 512
_BUNDLE_BYTES = 62  # a USB adapter hands so many over at once without waiting for its timer
_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_TERMIOS2 = struct.Struct("4I20s2I")  # input, output, control and local flags; line and characters; both speeds
_STICKY_PARITY = 0o10000000000  # CMSPAR
_OTHER_SPEED, _SPEED_MASK = 0x1000, 0x100F


class PortPlan(NamedTuple):
    """An end of the line as configured. chunk: how many characters are handed over at once.

    latency_ms: how long a USB adapter waits for more, 0 for none; parity: what its program has set where it leaves no
    mark, for a pseudo-terminal drops parity; marks: whether a mark (sticky parity, which means nothing there) counts.
    """

    name: str
    link: Path
    chunk: int = 16
    latency_ms: int = 0
    echo: bool = False
    parity: str = "N"
    marks: bool = False


class BusPort:
    """One pseudo-terminal with its link. It is open from the beginning; `place_link` shows it to others."""

    def __init__(self, bus: str, plan: PortPlan, setting: Setting) -> None:
        self.plan = plan
        self.sender = "port " + plan.name
        self._bus = bus
        self._setting = setting
        self._ear = Ear("" if plan.echo else self.sender)
        self._burst: Burst | None = None
        self._bundle = b""
        self._bundle_due = 0.0
        self._link = plan.link
        self._ours = self._theirs = -1
        self.path = ""
        self._open()

    @property
    def end(self) -> int | None:
        """What to wait on for octets of the client; None while the adapter is pulled."""
        return None if self._ours < 0 else self._ours

    @property
    def link(self) -> Path:
        """The link that shows the port at present, or did so last."""
        return self._link

    def setting(self) -> Setting:
        """Return how the client has set its end; what a pseudo-terminal does not show is as configured."""
        flags = _TERMIOS2.unpack(fcntl.ioctl(self._ours, _TCGETS2, bytes(_TERMIOS2.size)))
        stop_bits = 2 if flags[2] & termios.CSTOPB else 1
        parity = self.plan.parity
        if self.plan.marks and flags[2] & _STICKY_PARITY:
            parity = "O" if flags[2] & termios.PARODD else "E"
        rest = max(0, self._setting.character_bits - 9 - (parity != "N") - stop_bits)
        return Setting(flags[6] or self._setting.baud, parity, stop_bits, rest)

    def place_link(self) -> None:
        """Put the link in place."""
        link = self._link
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            fresh = link.with_name(link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.path)
            if link.exists() and not link.is_symlink():
                raise FileExistsError(17, "the name is taken by something else")
            fresh.replace(link)
        except OSError as error:
            raise ProblemError(
                problem(
                    "WP-EMU-011",
                    str(link),
                    "The link to the emulated bus {bus} cannot be made: {reason}.",
                    "Choose another place with the key link, or with --home.",
                    bus=self._bus,
                    reason=error.strerror,
                )
            ) from error

    def pull(self, back: str = "") -> None:
        """Close the port and take its link away, as when somebody pulls the adapter out; *back*: its next link."""
        if self._ours < 0:
            return
        if self._link.is_symlink() and str(self._link.readlink()) == self.path:
            self._link.unlink()
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1
        self._bundle, self._burst = b"", None
        self._link = self.plan.link.parent / back if back else self.plan.link

    def plug_in(self, now: float) -> None:
        """Come back."""
        if self._ours >= 0:
            return
        self._ear.heard_to = now
        self._open()
        self.place_link()

    def take(self, wire: Wire, now: float) -> None:
        """Put on the wire what the client has written, at the speed of its end."""
        try:
            octets = os.read(self._ours, _MOST_BYTES)
        except BlockingIOError:
            return
        if self._burst is not None and now <= self._burst.end:
            wire.extend(self._burst, octets)
        else:
            self._burst = wire.begin(Burst(self.sender, self.setting(), now, octets))

    def due(self, wire: Wire) -> float | None:
        """Return when there is something to give to the client."""
        if self._ours < 0:
            return None
        ahead = self._ear.ahead(wire)
        if not ahead:
            return self._bundle_due if self._bundle else None
        first, setting = ahead[0], self.setting()
        length = first.character_s
        begin = max(first.start, self._ear.heard_to)
        if self.plan.latency_ms:
            full = begin + (_BUNDLE_BYTES - len(self._bundle)) * length
            return min(full, self._bundle_due) if self._bundle else begin + length
        if self._ear.plain(first, setting):
            return min(first.end, begin + self.plan.chunk * length)
        asked = max(first.start, self._ear.asked_at)
        return max(min(first.end, asked + self.plan.chunk * length), asked + setting.character_s)

    def give(self, wire: Wire, now: float) -> int:
        """Write what the client hears by now, and return by how many microseconds it is late."""
        if self._ours < 0:
            return 0
        heard = self._ear.hear(wire, self.setting(), now)
        octets = b"".join(one.octets for one in heard)
        due = heard[-1].end if heard else now
        if self.plan.latency_ms:
            if octets and not self._bundle:
                self._bundle_due = heard[0].start + (heard[0].end - heard[0].start) / len(heard[0].octets)
                self._bundle_due += self.plan.latency_ms / 1000
            self._bundle += octets
            if now < self._bundle_due and len(self._bundle) < _BUNDLE_BYTES:
                return 0
            octets, self._bundle = self._bundle, b""
            due = min(now, self._bundle_due)
        if not octets:
            return 0
        try:
            os.write(self._ours, octets)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EIO):
                raise
            return 0  # nobody has read for a long time: on a wire, the octets would be gone too
        return max(0, round((now - due) * 1e6))

    def _open(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        # Let clients that set no baud rate have that of the line.
        flags = list(_TERMIOS2.unpack(fcntl.ioctl(self._theirs, _TCGETS2, bytes(_TERMIOS2.size))))
        code = getattr(termios, f"B{self._setting.baud}", _OTHER_SPEED)
        flags[2] = flags[2] & ~_SPEED_MASK | code
        flags[5] = flags[6] = self._setting.baud
        fcntl.ioctl(self._theirs, _TCSETS2, _TERMIOS2.pack(*flags))
