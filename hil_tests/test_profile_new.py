"""wattproof profile new as a process: from a pasted list to a profile that decodes the truth of emulated meters."""

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.core.meter.profile_lint import lint
from gateway.profiles import load_profile
from gateway.tests.pty_meter import PtyMeter, registers_answer
from gateway.tests.test_tcp_line import pymodbus_server
from hil_tests.test_commands_on_a_bus import wattproof
from hil_tests.test_emulator import ROOT, emulator

SDM630 = """30001  Phase 1 line to neutral volts  Float  V
30003  Phase 2 line to neutral volts  Float  V
30005  Phase 3 line to neutral volts  Float  V
30007  Phase 1 current  Float  A
30009  Phase 2 current  Float  A
30011  Phase 3 current  Float  A
30013  Phase 1 power  Float  W
30015  Phase 2 power  Float  W
30017  Phase 3 power  Float  W
30053  Total system power  Float  W
30063  Total system power factor  Float
30071  Frequency of supply voltages  Float  Hz
30073  Import active energy  Float  kWh
30075  Export active energy  Float  kWh
"""
DTSU666 = """address,name,type,factor,unit
0x2006,Ua,float,0.1,V
0x2008,Ub,float,0.1,V
0x200A,Uc,float,0.1,V
0x200C,Ia,float,0.001,A
0x200E,Ib,float,0.001,A
0x2010,Ic,float,0.001,A
0x2012,Pt,float,0.1,W
0x2014,Pa,float,0.1,W
0x2016,Pb,float,0.1,W
0x2018,Pc,float,0.1,W
0x202A,PFt,float,0.001,
0x2044,Freq,float,0.01,Hz
0x101E,正向有功总电能,float,1,kWh
0x1028,反向有功总电能,float,1,kWh
0x3000,Firmware word,uint16,,
"""


def new(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call profile new as a process that nobody answers."""
    return wattproof(home, "profile", "new", *arguments)


def made(home: Path, *arguments: str) -> Any:
    """Return the JSON of a profile that was made."""
    done = new(home, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def answers(home: Path, text: str) -> str:
    """Write a file of answers; return its path."""
    path = home / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def listed(home: Path, text: str) -> str:
    """Write a register list; return its path."""
    path = home / "list.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


def assert_sound(home: Path, profile_id: str) -> None:
    """Assert that the profile is read, a draft, free of complaints, and proven by what was captured."""
    profile = load_profile(profile_id, home)
    assert profile.status == "draft" and lint(profile) == []
    assert profile.tests and {test.provenance for test in profile.tests} == {"captured"}


def test_a_list_with_everything_stated_wrong_becomes_the_profile_of_the_meter(tmp_path: Path) -> None:
    """Function and word order are answered wrong: the meter shows the true ones and the emulated values."""
    wrong = (
        'maker = "Eastron"\nmodel = "SDM X"\nfunction = 3\naddress = "one-based"\nwords = "low-first"\npage = "p. 3"\n'
    )
    with emulator(tmp_path) as link:
        found = made(
            tmp_path, listed(tmp_path, SDM630), "--answers", answers(tmp_path, wrong), "--port", link, "--line",
            "115200 8N1", "--unit", "7",
        )  # fmt: skip
        way = found["way"]
        assert (way["function"], way["address"], way["words"], way["fails"]) == (4, "reference", "high-first", 0)
        assert [one["code"] for one in found["open"]] == ["WP-PRF-091"]
        values = {one["quantity"]: Decimal(one["value"]) for one in found["registers"]}
        assert len(values) == 14 and values["active_power_total"] == 36_000
        assert 228 < values["voltage_l2_n"] < 232 and Decimal("1234.56") <= values["energy_active_import"] < 1240
        assert_sound(tmp_path, "eastron-sdm-x")
        (tmp_path / "gateway.toml").write_text(_site(link), encoding="utf-8")
        read = wattproof(tmp_path, "read", "m", "--json")
        assert read.returncode == 0, read.stderr
        readings = {one["quantity"]: one["value"] for one in json.loads(read.stdout)["readings"]}
        assert Decimal(readings["active_power_total"]) == 36_000 and len(readings) == 14


def _site(port: str) -> str:
    return (
        '[gateway]\nid = "g"\ninterval = "15 min"\nprovince = "Jiangsu"\n'
        f'[[bus]]\nname = "line"\nport = "{port}"\nline = "115200 8N1"\n'
        '[[meter]]\nname = "m"\nbus = "line"\nunit = 7\nprofile = "eastron-sdm-x"\nmax_power = "100 kW"\n'
        '[[busbar]]\nname = "LV1"\n'
        '[[meter_point]]\nname = "Intake"\nrole = "intake"\nmeter = "m"\nbusbar = "LV1"\n'
    )


def test_the_shipped_profile_and_a_new_one_of_the_same_meter_agree(tmp_path: Path) -> None:
    """A meter behind transformers, on a bus of the configuration: the new points are those of the shipped profile."""
    stated = 'maker = "CHINT"\nmodel = "T"\nside = "secondary"\nsource = "manual"\nline = "9600 8N1"\n'
    with emulator(tmp_path) as link:
        (tmp_path / "gateway.toml").write_text(_site(link).replace("eastron-sdm-x", "eastron-sdm630"), encoding="utf-8")
        found = made(
            tmp_path, listed(tmp_path, DTSU666), "--answers", answers(tmp_path, stated), "--bus", "line", "--unit", "8"
        )
    codes = [one["code"] for one in found["open"]]
    assert "WP-PRF-087" in codes and "0x3000 Firmware word" in found["open"][codes.index("WP-PRF-087")]["text"]
    assert_sound(tmp_path, "chint-t")
    ours, shipped = load_profile("chint-t", tmp_path), load_profile("chint-dtsu666", tmp_path)
    assert len(ours.points) == 14
    assert set(ours.points) <= set(shipped.points)


def test_without_a_meter_what_the_list_says_is_written_and_the_rest_named(tmp_path: Path) -> None:
    """Offline, the profile has the list's points, no windows and no tests, and says that no meter was read."""
    text = SDM630 + "30101 Something new Float\n30103 Untyped power W\n"
    found = made(tmp_path, listed(tmp_path, text), "--id", "x-1", "--offline")
    codes = [one["code"] for one in found["open"]]
    assert codes == ["WP-PRF-085", "WP-PRF-088", "WP-PRF-089"]
    profile = load_profile("x-1", tmp_path)
    assert (profile.function, profile.windows, profile.tests, len(profile.points)) == (4, (), (), 15)
    assert profile.points[9].address == 0x34 and lint(profile) == []


def test_no_profile_is_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    """A second time is refused before anything is asked, and leaves the file as it was; --force replaces it."""
    path = listed(tmp_path, SDM630)
    made(tmp_path, path, "--id", "x-1", "--offline")
    file = tmp_path / "profiles" / "x-1.toml"
    file.write_text("kept", encoding="utf-8")
    again = new(tmp_path, path, "--id", "x-1", "--offline", "--yes")
    assert (again.returncode, file.read_text(encoding="utf-8")) == (1, "kept")
    assert again.stderr.startswith("WP-PRF-082 ")
    made(tmp_path, path, "--id", "x-1", "--offline", "--force")
    assert load_profile("x-1", tmp_path).points
    assert sorted(one.name for one in file.parent.iterdir()) == ["x-1.toml"]


def test_answers_that_are_wrong_are_all_named_at_once(tmp_path: Path) -> None:
    """A slip in the file of answers ends with 1 and every place that is wrong, and nothing is written."""
    slips = 'id = "x"\nfunction = 5\nadress = "x"\nwords = "mixed"\nline = "9600"\n[quantities]\n30001 = "volts"\n'
    done = new(tmp_path, listed(tmp_path, SDM630), "--answers", answers(tmp_path, slips), "--offline", "--yes")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for place in ("function", "adress", "words", "line", "quantities.30001"):
        assert "answers.toml." + place in done.stderr
    assert not (tmp_path / "profiles").exists()
    usage = new(tmp_path, listed(tmp_path, SDM630), "--yes")
    assert usage.returncode == 2


def test_a_silent_meter_and_one_that_refuses_everything_are_told_apart(tmp_path: Path) -> None:
    """Nobody at the unit id gives WP-PRF-081, a meter without these registers WP-PRF-080; nothing is written."""
    with emulator(tmp_path) as link:
        bus = ("--port", link, "--line", "115200 8N1", "--id", "x-1", "--yes")
        silent = new(tmp_path, listed(tmp_path, SDM630), *bus, "--unit", "20")
        assert (silent.returncode, silent.stderr[:10]) == (1, "WP-PRF-081")
        other = "0x7000 Ua float V\n0x7002 Ub float V\n"
        refusing = new(tmp_path, listed(tmp_path, other), *bus, "--unit", "7")
        assert (refusing.returncode, refusing.stderr[:10]) == (1, "WP-PRF-080")
    assert not (tmp_path / "profiles").exists()


def test_a_meter_is_only_ever_read(tmp_path: Path) -> None:
    """Whatever a meter answers, every question it hears is a read, and a meter of exchanged bytes gets no profile."""
    words = {0: 0x6643, 1: 0x0080, 2: 0x6743, 3: 0x0000, 4: 0x6643, 5: 0x3333, 6: 0x4842, 7: 0x0000}  # 230 V, 50 Hz
    with PtyMeter(lambda asked: [(0.0, registers_answer(asked, lambda at: words.get(at, 0)))]) as meter:
        text = "0x0000 Ua float V\n0x0002 Ub float V\n0x0004 Uc float V\n0x0006 Frequency float Hz\n"
        done = new(tmp_path, listed(tmp_path, text), "--port", meter.port, "--unit", "1", "--id", "x-1", "--yes")
    assert (done.returncode, done.stderr[:10]) == (1, "WP-PRF-096"), done.stderr
    assert meter.questions and {question[1] for question in meter.questions} <= {3, 4}


def test_a_foreign_meter_on_the_network_is_understood_too(tmp_path: Path) -> None:
    """Floats of pymodbus, low word first and counted from one in the list: found, and the profile is one for TCP."""
    figures = {3028: 230.123, 3030: 231.777, 3032: 229.456, 3054: 4.7531, 3056: 4.5127, 3058: 5.2509, 3060: 14.5167}
    figures[3110] = 50.013
    words = [0] * 200
    for number, figure in figures.items():
        high, low = struct.unpack(">HH", struct.pack(">f", figure))
        words[number - 1 - 3000 : number + 1 - 3000] = [low, high]
    device = SimDevice(1, simdata=[SimData(3000, values=words, datatype=DataType.REGISTERS)])
    names = ("Voltage A-N", "Voltage B-N", "Voltage C-N", "Power A", "Power B", "Power C", "Total power", "Frequency")
    units = ("V",) * 3 + ("kW",) * 4 + ("Hz",)
    text = "\n".join("%d,%s,%s" % row for row in zip(figures, names, units, strict=True))
    with pymodbus_server([device]) as port:
        address = "tcp://127.0.0.1:%d" % port
        found = made(tmp_path, listed(tmp_path, text), "--id", "net", "--port", address, "--unit", "1")
    assert (found["way"]["address"], found["way"]["words"]) == ("one-based", "low-first")
    assert {one["type"] for one in found["registers"]} == {"f32"}
    watts = [figure * (1000 if unit == "kW" else 1) for figure, unit in zip(figures.values(), units, strict=True)]
    assert [float(one["value"]) for one in found["registers"]] == pytest.approx(watts, rel=1e-6)
    assert load_profile("net", tmp_path).transport == ("tcp",)
    assert_sound(tmp_path, "net")


class Terminal:
    """A person at a terminal of 80 columns, who reads what is asked before an answer is typed."""

    def __init__(self, home: Path, *arguments: str, lang: str = "en") -> None:
        self.ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "gateway", "--home", str(home), "--lang", lang, "profile", "new", *arguments]
        environment = os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, start_new_session=True
        )
        os.close(theirs)
        self.heard = ""

    def until(self, text: str) -> str:
        """Return what came up to *text*, which must come."""
        deadline = time.monotonic() + 60
        while text not in self.heard:
            assert time.monotonic() < deadline, self.heard
            self._hear()
        at = self.heard.index(text) + len(text)
        before, self.heard = self.heard[:at], self.heard[at:]
        return before

    def _hear(self) -> bool:
        if not select.select([self.ours], [], [], 1)[0]:
            return True
        try:
            more = os.read(self.ours, 4096)
        except OSError:  # the other end is closed
            return False
        self.heard += more.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(more)

    def type(self, text: str) -> None:
        """Type *text* and the key that ends a line."""
        os.write(self.ours, (text + "\n").encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, again where it came just before the terminal was listened to."""
        deadline = time.monotonic() + 60
        while "--answers" not in self.heard:
            assert time.monotonic() < deadline, self.heard
            self.process.send_signal(signal.SIGINT)
            self._hear()

    def end(self) -> int:
        """Return the exit code, once all was heard."""
        deadline = time.monotonic() + 60
        while self._hear() and self.process.poll() is None:
            assert time.monotonic() < deadline, self.heard
        code = self.process.wait(30)
        while self._hear() and select.select([self.ours], [], [], 0)[0]:
            continue
        return code


@contextmanager
def terminal(home: Path, *arguments: str, lang: str = "en") -> Iterator[Terminal]:
    """Give a terminal on which the command runs; it does not outlive the block."""
    one = Terminal(home, *arguments, lang=lang)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        os.close(one.ours)


def columns(line: str) -> int:
    """Return how many columns of a terminal *line* takes."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in line)


def test_a_person_at_a_terminal_gets_from_a_pasted_list_to_a_profile(tmp_path: Path) -> None:
    """Paste, correct a line, answer, choose a ranked reading, compare live values: the profile decodes the truth."""
    with emulator(tmp_path) as link, terminal(tmp_path, "--line", "115200 8N1") as person:
        person.until("ends it.")
        for line in (SDM630 + "30081 Strange thing Float kVAh\n").splitlines():
            person.type(line)
        person.type("")
        shown = person.until("lines are right")
        assert "voltage_l1_n" in shown and "(kept by its name)" in shown
        person.type("15")
        person.until("[.]")
        person.type("apparent")
        person.until("energy_apparent")
        person.type("energy_apparent")
        assert "energy_apparent" in person.until("lines are right")
        person.type("")
        for question, said in (
            ("Maker", "Eastron"), ("Model", "SDM Y"), ("Id of", ""), ("Manual", "protocol.pdf"), ("Page", "p. 3"),
            ("Port of", link), ("Unit id", "7"), ("Function", "3"), ("Addresses", "zero-based"), ("Order", "low-first"),
            ("Most", ""), ("factory", ""), ("Side", ""), ("positive", ""),
        ):  # fmt: skip
            person.until(question)
            person.type(said)
        ranking = person.until("Which one is right?")
        person.type("1")
        table = person.until("agree with the display")
        person.type("y")
        code = person.end()
        assert code == 0, person.heard
    first = next(line for line in ranking.splitlines() if line.strip().startswith("1 "))
    assert first.split()[1:4] == ["4", "reference", "high-first"]
    assert "36000" in table and max(columns(line) for line in (ranking + table).splitlines()[3:]) <= 80
    assert_sound(tmp_path, "eastron-sdm-y")
    profile = load_profile("eastron-sdm-y", tmp_path)
    assert (profile.function, profile.align, profile.evidence) == (4, 2, (("protocol.pdf", "p. 3"),))
    expected = dict(pair for test in profile.tests for pair in test.expect)
    assert Decimal(expected["active_power_total"]) == 36_000
    assert sorted(one.name for one in (tmp_path / "profiles").iterdir()) == ["eastron-sdm-y.toml"]


def test_ctrl_c_keeps_what_was_typed_and_writes_nothing_else(tmp_path: Path) -> None:
    """Interrupted in the middle of the questions: no profile, but a draft with every answer, from which one goes on."""
    with terminal(tmp_path, lang="zh") as person:
        person.until("空行结束")
        for line in SDM630.splitlines():
            person.type(line)
        person.type("")
        person.until("按回车")
        person.type("")
        person.until("厂家")
        person.type("Eastron")
        person.until("型号")
        person.type("SDM Z")
        person.until("id")
        person.type("")
        person.until("说明书")
        person.type("protocol.pdf")
        person.until("页码")
        person.interrupt()
        assert person.end() == 1
        assert "--answers" in person.heard and "Traceback" not in person.heard
    assert [one.name for one in (tmp_path / "profiles").iterdir()] == ["eastron-sdm-z.draft"]
    draft = tmp_path / "profiles" / "eastron-sdm-z.draft"
    found = made(tmp_path, "--answers", str(draft), "--offline")
    assert found["id"] == "eastron-sdm-z" and len(found["registers"]) == 14
    assert load_profile("eastron-sdm-z", tmp_path).maker == "Eastron"
    assert [one.name for one in (tmp_path / "profiles").iterdir()] == ["eastron-sdm-z.toml"]
