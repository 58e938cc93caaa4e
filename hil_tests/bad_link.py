"""Bad link: bridges two interfaces and does to the frames what bad links do.

`python -m hil_tests.bad_link A B CONTROL SEED` runs until it is killed.

For kernels that cannot do so themselves. CONTROL is a JSON file that is read again whenever it changes:
delay_s and jitter_s (each way), loss, twice and corrupt (parts of 1), lost ("both", "up" or "down"), flap_s (lost for
so long, then whole for so long), bytes_s (bytes a second, each way). What went through and what did not is written
beside it, in CONTROL.counts.
"""

import heapq
import json
import random
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

UP, DOWN = "up", "down"  # from A to B, and back
_ALL_PROTOCOLS = 3
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23
_HEADERS = 14 + 20 + 32  # Ethernet, IP, TCP with time stamps: what follows is payload
_LOOK_S = 0.05
_COUNTS_S = 0.5


def _raw(interface: str) -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    line.bind((interface, 0))
    line.setblocking(False)
    line.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    return line


class Link:
    """The frames under way, and what becomes of those that come."""

    def __init__(self, a: str, b: str, control: Path, seed: int) -> None:
        self._ends = (_raw(a), _raw(b))
        self._control = control
        self._changed_ns = 0
        self._wanted: dict[str, Any] = {}
        self._dice = random.Random(seed)
        self._under_way: list[tuple[float, int, socket.socket, bytes]] = []
        self._number = 0
        self._free_s = {UP: 0.0, DOWN: 0.0}  # when the frames before have gone out
        self.counts = dict.fromkeys(("came", "lost", "doubled", "corrupted", "bytes"), 0)

    def look(self) -> None:
        """Read the control file again where it changed."""
        changed_ns = self._control.stat().st_mtime_ns
        if changed_ns != self._changed_ns:
            self._wanted, self._changed_ns = json.loads(self._control.read_text()), changed_ns

    def turn(self) -> None:
        """Take what comes within a moment, and deliver what is due."""
        wait_s = _LOOK_S
        if self._under_way:
            wait_s = min(wait_s, max(0.0, self._under_way[0][0] - time.monotonic()))
        for line in select.select(self._ends, (), (), wait_s)[0]:
            first = line is self._ends[0]
            while True:
                try:
                    frame = line.recv(1 << 16)
                except BlockingIOError:
                    break
                self._take(frame, UP if first else DOWN, self._ends[first])
        now_s = time.monotonic()
        while self._under_way and self._under_way[0][0] <= now_s:
            _, _, to, frame = heapq.heappop(self._under_way)
            to.send(frame)

    def _take(self, frame: bytes, way: str, to: socket.socket) -> None:
        wanted, dice = self._wanted, self._dice
        self.counts["came"] += 1
        self.counts["bytes"] += len(frame)
        flap_s = wanted.get("flap_s", 0)
        away = wanted.get("lost") in ("both", way) or (flap_s and time.monotonic() // flap_s % 2)
        if away or dice.random() < wanted.get("loss", 0):
            self.counts["lost"] += 1
            return
        if dice.random() < wanted.get("corrupt", 0):
            frame = self._corrupted(frame)
        copies = 1 + (dice.random() < wanted.get("twice", 0))
        self.counts["doubled"] += copies - 1
        for _ in range(copies):
            self._number += 1
            delay_s = max(0.0, dice.gauss(wanted.get("delay_s", 0), wanted.get("jitter_s", 0)))
            out_s = time.monotonic()
            if "bytes_s" in wanted:
                out_s = self._free_s[way] = max(out_s, self._free_s[way]) + len(frame) / wanted["bytes_s"]
            heapq.heappush(self._under_way, (out_s + delay_s, self._number, to, frame))

    def _corrupted(self, frame: bytes) -> bytes:
        """Return *frame* with two words of its payload in each other's place, which no checksum of TCP sees."""
        words = (len(frame) - _HEADERS) // 2
        if words < 2:
            return frame
        one, other = sorted(_HEADERS + 2 * place for place in self._dice.sample(range(words), 2))
        self.counts["corrupted"] += frame[one : one + 2] != frame[other : other + 2]
        swapped = bytearray(frame)
        swapped[one : one + 2], swapped[other : other + 2] = frame[other : other + 2], frame[one : one + 2]
        return bytes(swapped)


def main() -> None:
    """Bridge until killed."""
    a, b, control, seed = sys.argv[1:5]
    link = Link(a, b, Path(control), int(seed))
    counts = Path(control + ".counts")
    told_s = 0.0
    print("ready", flush=True)
    while True:
        link.look()
        link.turn()
        if time.monotonic() - told_s > _COUNTS_S:
            told_s = time.monotonic()
            new = Path(control + ".new")
            new.write_text(json.dumps(link.counts))
            new.replace(counts)


if __name__ == "__main__":
    main()
