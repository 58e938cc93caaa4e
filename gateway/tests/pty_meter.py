"""A meter on a pseudo-terminal for tests of lines: answers each question with what a function says."""

import os
import threading
import time
import tty
from collections.abc import Callable
from types import TracebackType

from gateway.core.meter.dlt645 import WAKE, is_whole
from gateway.core.meter.modbus import read_request, with_crc

Respond645 = Callable[[bytes], bytes]
Respond = Callable[[bytes], list[tuple[float, bytes]]]  # pieces of the answer, each with the seconds before it


class PtyMeter:
    """Use as a context: `port` is the path to open; every 8 bytes heard are a question.

    What begins as a question of DL/T 645 is one, and answered by respond_645, or not at all.
    """

    def __init__(self, respond: Respond, respond_645: Respond645 = lambda question: b"") -> None:
        self._respond = respond
        self._respond_645 = respond_645
        self.questions_645: list[bytes] = []
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self.questions: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "PtyMeter":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.unplug()

    def say(self, octets: bytes) -> None:
        """Put bytes on the line without being asked."""
        os.write(self._ours, octets)

    def unplug(self) -> None:
        """Take the adapter away."""
        for end in (self._ours, self._theirs):
            if end >= 0:
                os.close(end)
        self._ours = self._theirs = -1

    def _serve(self) -> None:
        heard = b""
        while True:
            try:
                heard += os.read(self._ours, 256)
                while len(heard) >= 8:
                    if heard[0] == WAKE:
                        if not is_whole(heard):
                            break
                        self.questions_645.append(heard)
                        os.write(self._ours, self._respond_645(heard))
                        heard = b""
                        continue
                    question, heard = heard[:8], heard[8:]
                    self.questions.append(question)
                    for pause_s, octets in self._respond(question):
                        time.sleep(pause_s)
                        os.write(self._ours, octets)
            except OSError:  # unplugged
                return


def registers_answer(question: bytes, value: Callable[[int], int]) -> bytes:
    """Return the RTU answer that gives value(address) for every register asked for."""
    asked = read_request(question)
    words = (value(address) for address in range(asked.start, asked.start + asked.count))
    octets = b"".join(word.to_bytes(2, "big") for word in words)
    return with_crc(bytes((asked.unit, asked.function, len(octets))) + octets)
