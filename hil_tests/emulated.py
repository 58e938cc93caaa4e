"""Runs emulators as processes for tests, and gives what they say."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Emulated:
    """A running emulator: its links by name of bus or port, and, once it has ended, its counts and its log."""

    def __init__(self, folder: Path, ends: dict[str, dict[str, Any]]) -> None:
        self._log = folder / "log.jsonl"
        self.ends = ends
        self.counts: dict[str, dict[str, int]] = {}

    def link(self, name: str = "line") -> str:
        """Return the link to a bus or port."""
        return str(self.ends[name]["link"])

    def log(self) -> list[dict[str, Any]]:
        """Return what was on the wires."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]


@contextmanager
def emulated(folder: Path, config: str, *options: str) -> Iterator[Emulated]:
    """Run the emulator of *config*, a TOML text, until the end of the block; it has to end well."""
    path = folder / "emulator.toml"
    path.write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "hil_tests.emulator", str(path), "--home", str(folder), *options]
    command += ["--log", str(folder / "log.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    ends: dict[str, dict[str, Any]] = {}
    try:
        while True:
            line = json.loads(process.stdout.readline())
            if "ready" in line:
                break
            ends[line.get("port", line["bus"])] = line
        found = Emulated(folder, ends)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    found.counts = {line["bus"]: line for line in map(json.loads, rest.splitlines())}


@contextmanager
def opened(link: str) -> Iterator[int]:
    """Open a port as it is."""
    port = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield port
    finally:
        os.close(port)


def heard(port: int, frame: bytes, quiet_s: float = 0.3) -> bytes:
    """Send *frame* as it is, and return all that the line gives back until it is quiet for a while, or gone."""
    if frame:
        os.write(port, frame)
    octets = b""
    while select.select([port], [], [], quiet_s)[0]:
        try:
            piece = os.read(port, 512)
        except OSError:  # EIO: nobody is at the other end
            break
        if not piece:
            break
        octets += piece
    return octets


def answered(port: int, frame: bytes, octets: int) -> bytes:
    """Send *frame*, wait for so many *octets* however busy the machine is, and return them with all that follows."""
    os.write(port, frame)
    found = b""
    while len(found) < octets and select.select([port], [], [], 30)[0]:
        found += os.read(port, 512)
    return found + heard(port, b"", 0.1)
