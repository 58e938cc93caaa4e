"""Fast park: meters on Modbus TCP that answer at once, by a clock of any speed, and the site of a gateway for them."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from cloud_sync.keys import new_key
from gateway.config import key_path

GATEWAY = "fast-gw"
COUNT_WH = 10  # a count of the profile's energy register
_ENERGY_AT, _ENERGY_WORDS = 0x5000, 4
_FIRST_VALUE_AT = 0x5B00
_QUESTIONS_KEPT = 100_000
_HEAD = """[gateway]
id = "%s"
park = "Fast park"
interval = "%d min"
cycle = "%d s"
readings = "60 s"
hold = "%d s"
province = "Jiangsu"
factor_sets = ["NDRC910-trial", "grid-2023"]

[uplink]
broker = "mqtt://127.0.0.1:%d"
platform_key = "keys/platform.pub"

[[bus]]
name = "lan"
port = "tcp://127.0.0.1:%d"

[[busbar]]
name = "LV1"
"""
_METER = """
[[meter]]
name = "m%(unit)d"
bus = "lan"
unit = %(unit)d
profile = "abb-m4m"
max_power = "10 MW"

[[meter_point]]
name = "p%(unit)d"
role = "%(role)s"
meter = "m%(unit)d"
busbar = "LV1"
"""


def counts(unit: int, units: int, at_ms: int) -> int:
    """Return the energy register of *unit* at a moment: the first takes in what the others use."""
    rate = unit if unit > 1 else sum(range(2, units + 1))
    return at_ms // 1000 % 100_000_000 * rate


class FastMeters:
    """The meters, each a unit of one server; questions: UTC of the moments at which they were asked."""

    def __init__(self, units: int, utc_ms: Callable[[], int]) -> None:
        self.units = units
        self.questions: deque[int] = deque(maxlen=_QUESTIONS_KEPT)
        self._utc_ms = utc_ms
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those there are end when the gateway ends."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                line = self._listening.accept()[0]
            except OSError:  # closed
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line:
            while True:
                try:
                    asked = line.recv(12, socket.MSG_WAITALL)
                    if len(asked) < 12:
                        return
                    line.sendall(self._answer(asked))
                except OSError:  # the gateway has gone
                    return

    def _answer(self, asked: bytes) -> bytes:
        number, _, _, unit, function, start, count = struct.unpack(">HHHBBHH", asked)
        at_ms = self._utc_ms()
        self.questions.append(at_ms)
        words = [self._word(unit, address, at_ms) for address in range(start, start + count)]
        head = struct.pack(">HHHBBB", number, 0, 3 + 2 * count, unit, function, 2 * count)
        return head + struct.pack(">%dH" % count, *words)

    def _word(self, unit: int, address: int, at_ms: int) -> int:
        if _ENERGY_AT <= address < _ENERGY_AT + _ENERGY_WORDS:
            return counts(unit, self.units, at_ms) >> 16 * (_ENERGY_AT + _ENERGY_WORDS - 1 - address) & 0xFFFF
        if address < _FIRST_VALUE_AT or address % 2 == 0:
            return 0
        return 2000 + (address * 7 + unit * 31 + at_ms // 5000 * 13) % 300  # values that move a little


def fast_site(home: Path, meters: FastMeters, minutes: int, cycle_s: int, hold_s: int, broker_port: int) -> None:
    """Lay out the gateway of *meters* in *home*; the platform's key is made where there is none."""
    (home / "keys").mkdir(parents=True, exist_ok=True)
    new_key(key_path(home))
    if not (home / "keys" / "platform.pub").exists():
        new_key(home / "keys" / "platform.key")
    parts = [_HEAD % (GATEWAY, minutes, cycle_s, hold_s, broker_port, meters.port)]
    parts += [_METER % {"unit": n, "role": "load" if n > 1 else "intake"} for n in range(1, meters.units + 1)]
    (home / "gateway.toml").write_text("".join(parts), encoding="utf-8")
