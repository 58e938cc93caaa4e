"""The emulated wire with several ends, settings, echo, bundles, strict meters, and faults by a script."""

import os
import select
import termios
import time
from contextlib import ExitStack
from pathlib import Path

from pymodbus.framer.rtu import FramerRTU

from hil_tests.emulated import answered, emulated, heard, opened
from hil_tests.sweeping import swept, write_site

BUS = '[[bus]]\nname = "line"\nbaud = 19200\nturnaround = "2 ms"\n'
METER = '[[meter]]\nname = "{name}"\nbus = "line"\nunit = {unit}\nprofile = "eastron-sdm630"\nload = "36 kW"\n'
CMSPAR = 0o10000000000  # asm-generic/termbits.h
SDM = METER.format(name="sdm", unit=7)
OTHER = METER.format(name="other", unit=8)


def framed(octets: str) -> bytes:
    """Return *octets* with the check sum that pymodbus computes."""
    plain = bytes.fromhex(octets)
    return plain + FramerRTU.compute_CRC(plain).to_bytes(2, "big")


ASKED, RIGHT = framed("070400340002"), framed("070404470ca000")  # 36000.0
OTHER_ASKED, OTHER_RIGHT = framed("080400340002"), framed("080404470ca000")


def test_everybody_hears_everybody(tmp_path: Path) -> None:
    """A port of its own hears question and answer, and the client hears what that port says; with echo also itself."""
    ports = '[[port]]\nname = "third"\nbus = "line"\n[[port]]\nname = "echoing"\nbus = "line"\necho = true\n'
    with emulated(tmp_path, BUS + SDM + ports) as bus, ExitStack() as ends:
        client, third, echoing = (ends.enter_context(opened(bus.link(name))) for name in ("line", "third", "echoing"))
        assert answered(client, ASKED, len(RIGHT)) == RIGHT
        for end in (third, echoing):
            assert answered(end, b"", len(ASKED + RIGHT)) == ASKED + RIGHT
        assert heard(third, b"hello") == b""
        for end in (client, echoing):
            assert answered(end, b"", len(b"hello")) == b"hello"
        assert answered(echoing, ASKED, len(ASKED + RIGHT)) == ASKED + RIGHT
    assert bus.ends["third"]["seed"] == "park/line"
    spoken = [(one["from"], bytes.fromhex(one["hex"])) for one in bus.log()]
    question, answer = ("port line", ASKED), ("meter sdm", RIGHT)
    assert spoken == [question, answer, ("port third", b"hello"), ("port echoing", ASKED), answer]
    for question_row, row in zip(bus.log()[::3], bus.log()[1::3], strict=True):
        assert question_row["lasts_us"] == round(8 * 11e6 / 19200)
        silent_us = row["us"] - question_row["us"] - question_row["lasts_us"]
        assert abs(silent_us - 3.5 * 11e6 / 19200 - 2000) < 3  # by the emulator's own clock
        assert row["late_us"] >= 0 and row["collided"] is False


def test_two_who_talk_at_once_spoil_it(tmp_path: Path) -> None:
    """Two ports that ask in the same moment get no answer, both questions are marked, and the next one is answered."""
    second = '[[port]]\nname = "second"\nbus = "line"\n'
    with emulated(tmp_path, BUS.replace("19200", "1200") + SDM + OTHER + second) as bus, ExitStack() as ends:
        one, two = (ends.enter_context(opened(bus.link(name))) for name in ("line", "second"))
        os.write(one, ASKED)
        assert heard(two, OTHER_ASKED) == b""
        assert answered(one, ASKED, len(RIGHT)) == RIGHT
    assert [one["collided"] for one in bus.log()] == [True, True, False, False]
    assert bus.counts["line"]["collisions"] == 1 and bus.counts["line"]["ignored"] >= 1


def test_a_meter_of_another_setting_is_deaf(tmp_path: Path) -> None:
    """Meters of other speed or parity hear nothing they understand; a clock 4 % fast or slow does not matter."""
    off = OTHER + 'clock_permille = -40\n[[meter]]\nname = "slow"\nbus = "line"\nunit = 9\nprofile = "eastron-sdm630"\n'
    off += 'line = "9600 8N1"\n[[meter]]\nname = "even"\nbus = "line"\nunit = 10\nprofile = "eastron-sdm630"\n'
    with emulated(tmp_path, BUS + SDM + off + 'line = "19200 8E1"\n') as bus, opened(bus.link()) as client:
        assert answered(client, OTHER_ASKED, len(OTHER_RIGHT)) == OTHER_RIGHT
        assert heard(client, framed("090400340002")) == b"" == heard(client, framed("0a0400340002"))
        assert answered(client, OTHER_ASKED, len(OTHER_RIGHT)) == OTHER_RIGHT  # and nothing to what it said itself
        assert answered(client, ASKED, len(RIGHT)) == RIGHT
    assert [one["from"] for one in bus.log()].count("meter other") == 2


def test_parity_that_differs_is_silence(tmp_path: Path) -> None:
    """8N1 on a line of 8E1 hears nothing; the parity of a pseudo-terminal is stated, or marked by the client."""
    even = BUS.replace("baud = 19200", 'line = "19200 8E1"')
    with emulated(tmp_path, even + SDM) as bus, opened(bus.link()) as client:
        assert answered(client, ASKED, len(RIGHT)) == RIGHT
    with emulated(tmp_path, even + 'client_parity = "N"\n' + SDM) as bus, opened(bus.link()) as client:
        assert heard(client, ASKED) == b""
        settings = termios.tcgetattr(client)
        settings[2] |= CMSPAR  # the mark that the gateway leaves for even parity
        termios.tcsetattr(client, termios.TCSANOW, settings)
        assert answered(client, ASKED, len(RIGHT)) == RIGHT
    assert bus.counts["line"]["garbled"] == 1


def test_an_adapter_hands_over_in_bundles(tmp_path: Path) -> None:
    """With a latency of 500 ms what came is given over in one piece that long after its first octet."""
    with emulated(tmp_path, BUS + 'latency = "500 ms"\nchunk = 1\n' + SDM) as bus, opened(bus.link()) as client:
        began = time.monotonic()
        os.write(client, ASKED)
        assert select.select([client], [], [], 30)[0]
        assert time.monotonic() - began >= 0.5
        assert os.read(client, 512) == RIGHT


def test_strict_meters_drop_what_comes_too_early(tmp_path: Path) -> None:
    """Without 3.5 characters of silence before it, a question is dropped by strict meters and counted by all."""
    slow = BUS.replace("19200", "300") + "chunk = 1\n"  # where the silence is 128 ms long
    for strict in (False, True):
        with emulated(tmp_path, slow + "strict = true\n" * strict + SDM) as bus, opened(bus.link()) as client:
            os.write(client, ASKED)
            octets = b""
            while len(octets) < len(RIGHT):
                assert select.select([client], [], [], 30)[0]
                octets += os.read(client, 512)
            second = heard(client, ASKED, 1.5) if strict else answered(client, ASKED, len(RIGHT))
        assert octets == RIGHT
        dropped = strict and bus.counts["line"]["early"] == 1  # not early where this machine was too slow for that
        assert second == (b"" if dropped else RIGHT)


SCRIPT = """
{"meter": "sdm", "question": 2, "kind": "silent"}
{"meter": "sdm", "question": 3, "kind": "flip", "bits": 3}
{"meter": "sdm", "question": 4, "kind": "split", "delay": "60 ms"}
{"meter": "sdm", "question": 5, "kind": "collide"}
{"meter": "sdm", "question": 6, "kind": "late", "delay": "200 ms", "times": 2}

{"meter": "other", "question": 2, "kind": "babble", "lasts": "50 ms"}
"""


def test_a_script_names_the_question(tmp_path: Path) -> None:
    """At question n of one meter, and of no other, happens what the script says; the log names it."""
    script = tmp_path / "script.jsonl"
    script.write_text(SCRIPT, encoding="utf-8")
    with emulated(tmp_path, BUS + SDM + OTHER, "--script", str(script)) as bus, opened(bus.link()) as client:
        whole, spoilt, babble = len(RIGHT), 5, round(0.05 * 19200 / 11)
        expected = (whole, 0, whole, whole, spoilt, whole, whole)
        got = [answered(client, ASKED, octets) if octets else heard(client, ASKED) for octets in expected]
        others = [answered(client, OTHER_ASKED, octets) for octets in (whole, babble, whole)]
    assert [got[0], got[1], got[3], *got[5:]] == [RIGHT, b"", RIGHT, RIGHT, RIGHT]
    assert sum((one ^ other).bit_count() for one, other in zip(got[2], RIGHT, strict=True)) == 3
    assert got[4][:4] == RIGHT[:4] and got[4] != RIGHT
    assert others[::2] == [OTHER_RIGHT, OTHER_RIGHT]
    assert len(others[1]) == babble
    faults = [one["fault"] for one in bus.log() if one["fault"]]
    assert faults == ["flip", "split", "split", "collide", "collide", "late", "late", "babble"]


PULLED = '[[fault]]\nkind = "pull"\nmeter = "sdm"\nquestion = 2\nlasts = "300 ms"\nlink = "second.tty"\n'


def test_an_adapter_is_pulled_and_returns_under_another_name(tmp_path: Path) -> None:
    """In the middle of a question the port is gone with its link; later it is there under the name of the script."""
    with emulated(tmp_path, BUS + SDM + PULLED) as bus:
        with opened(bus.link()) as client:
            assert answered(client, ASKED, len(RIGHT)) == RIGHT
            os.write(client, ASKED)
            gone = b"?"
            while gone:
                select.select([client], [], [], 30)
                try:
                    gone = os.read(client, 1)
                except OSError:  # EIO: nobody is at the other end
                    gone = b""
        assert not Path(bus.link()).is_symlink()
        back = tmp_path / "second.tty"
        while not back.exists():
            time.sleep(0.02)
        with opened(str(back)) as client:
            assert answered(client, ASKED, len(RIGHT)) == RIGHT
    assert not back.is_symlink()


def test_a_silence_by_the_clock(tmp_path: Path) -> None:
    """A meter is silent from a time on for a while, and answers again when that is over."""
    fault = '[[fault]]\nkind = "silent"\nmeter = "sdm"\nat = "0 s"\nlasts = "2 s"\n'
    with emulated(tmp_path, BUS + SDM + OTHER + fault) as bus, opened(bus.link()) as client:
        assert heard(client, ASKED) == b""
        assert answered(client, OTHER_ASKED, len(OTHER_RIGHT)) == OTHER_RIGHT
        while not (answer := heard(client, ASKED, 1.0)):
            pass
        assert answer == RIGHT
    assert bus.counts["line"]["faults"] >= 1


def test_strict_meters_lose_nothing_to_the_gateway(tmp_path: Path) -> None:
    """Two strict meters in two sweeps: the gateway keeps the silence every time, so none is dropped."""
    with emulated(tmp_path, BUS + "strict = true\n" + SDM + OTHER) as bus:
        asked_as = {name: (f"unit = {unit}", "eastron-sdm630", "") for name, unit in (("sdm", 7), ("other", 8))}
        write_site(tmp_path, bus.link(), "19200 8N1", asked_as)
        outcomes, asked = swept(tmp_path, 2)
    assert outcomes.faults == [] and len(asked) > 8
    counts = bus.counts["line"]
    assert (counts["early"], counts["asked"], counts["answered"]) == (0, len(asked), len(asked))


def test_babble_and_a_pulled_adapter_by_the_clock(tmp_path: Path) -> None:
    """With no question at all the line babbles at its time, and the adapter goes at its own, for good."""
    faults = '[[fault]]\nkind = "babble"\nat = "1 s"\nlasts = "100 ms"\n[[fault]]\nkind = "pull"\nat = "1600 ms"\n'
    with emulated(tmp_path, BUS + SDM + faults) as bus, opened(bus.link()) as client:
        assert len(heard(client, b"", 30)) == round(0.1 * 19200 / 11)
        assert not Path(bus.link()).is_symlink()
