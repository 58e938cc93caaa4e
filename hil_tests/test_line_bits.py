"""The line in bits: what a receiver takes a sender for, by settings, clocks, and others who talk at the same time."""

import random

from hil_tests.line_bits import Setting, listen, lows_of, merged

FRAME = bytes.fromhex("010404447a0000ceac")
PLAIN, EVEN, ODD = Setting(9600), Setting(9600, "E"), Setting(9600, "O")


def taken(octets: bytes, sent: Setting, heard: Setting) -> tuple[bytes, bool]:
    """Return what a receiver hears of *octets*, and whether every character was sound."""
    sounds, _ = listen(merged(lows_of(octets, sent, 1.0)), heard, 0.0, 2.0)
    return bytes(one.octet for one in sounds), all(one.sound for one in sounds)


def test_what_is_sent_is_heard_at_the_same_setting() -> None:
    """Every octet comes through at every common setting, and takes the bits that the setting says."""
    octets = random.Random(1).randbytes(600)
    for setting in (PLAIN, EVEN, ODD, Setting(115200, "N", 2), Setting(2400, "E")):
        assert taken(octets[:200], setting._replace(baud=9600), setting._replace(baud=9600)) == (octets[:200], True)
    assert [one.character_bits for one in (PLAIN, EVEN, Setting(9600, "N", 2))] == [10, 11, 11]


def test_a_clock_may_be_four_percent_off_and_not_seven() -> None:
    """A UART that looks at the middle of bits stands 4 % of clock error in ten bits, and reads nonsense at 7 %."""
    octets = random.Random(2).randbytes(100)
    for permille in (-40, 40):
        assert taken(octets, EVEN._replace(clock_permille=permille), EVEN) == (octets, True)
    for permille in (-70, 70):
        heard, sound = taken(octets, EVEN._replace(clock_permille=permille), EVEN)
        assert heard != octets and not sound


def test_another_parity_is_seen() -> None:
    """Odd for even fails in every character; 8N1 heard as 8E1 and 8E1 heard as 8N1 fail in some of a frame."""
    sounds, _ = listen(lows_of(FRAME, ODD, 1.0), EVEN, 0.0, 2.0)
    assert [one.sound for one in sounds] == [False] * len(FRAME) and bytes(one.octet for one in sounds) == FRAME
    assert taken(FRAME, PLAIN, EVEN)[1] is False
    assert taken(FRAME, EVEN, PLAIN)[1] is False


def test_another_speed_is_garbage() -> None:
    """Twice as slow or fast, something else is heard; a low of nine slow bits is a broken character to a fast ear."""
    for sent, heard in ((4800, 9600), (9600, 4800), (9600, 19200), (115200, 9600)):
        octets, _ = taken(FRAME, Setting(sent), Setting(heard))
        assert octets != FRAME
    octets, sound = taken(b"\x00", Setting(1200), Setting(9600))
    assert octets[:1] == b"\x00" and not sound


def test_two_at_once_pull_the_line_low() -> None:
    """Of two senders in step every bit is low where either of them is low: the AND of their octets."""
    one, other = bytes.fromhex("01f355"), bytes.fromhex("ff3f0f")
    lows = merged(lows_of(one, PLAIN, 1.0) + lows_of(other, PLAIN, 1.0))
    sounds, _ = listen(lows, PLAIN, 0.0, 2.0)
    assert bytes(sound.octet for sound in sounds) == bytes(a & b for a, b in zip(one, other, strict=True))
    shifted, _ = listen(merged(lows_of(FRAME, EVEN, 1.0) + lows_of(FRAME, EVEN, 1.0032)), EVEN, 0.0, 2.0)
    assert not all(sound.sound for sound in shifted)


def test_listening_in_steps_hears_the_same() -> None:
    """Whether a receiver is asked once or after every moment, it has heard the same characters."""
    lows = merged(lows_of(FRAME, Setting(9100, "E"), 1.0))
    at_once, _ = listen(lows, PLAIN, 0.0, 2.0)
    moment, heard = 0.0, []
    for step in range(400):
        sounds, moment = listen(lows, PLAIN, moment, 1.0 + step * 0.0003)
        heard += sounds
    assert [one[1:] for one in heard] == [one[1:] for one in at_once]
