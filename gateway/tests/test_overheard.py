"""What bytes that nobody asked for say: another master, noise, exchanged wires."""

from gateway.commissioning.overheard import looks_swapped, overheard
from gateway.core.meter.dlt645 import framed, read
from gateway.core.meter.dlt645 import request as request_645
from gateway.core.meter.modbus import request, with_crc


def test_another_master_is_known_by_its_frames() -> None:
    """Questions and answers with right check sums tell who is asked, and who answers, also among noise."""
    talk = request(3, 4, 0, 10) + with_crc(bytes((3, 4, 4, 1, 2, 3, 4))) + b"\x00" + request(9, 3, 0, 2)
    heard = overheard(talk + with_crc(bytes((9, 0x83, 2))))
    assert (heard.asked, heard.answered, heard.another_master) == (("3", "9"), ("3", "9"), True)
    assert heard.octets == len(talk) + 5


def test_another_master_that_speaks_dlt645() -> None:
    """Its meters are told by the numbers on their plates."""
    answer = framed("002241020208", 0x91, bytes((0, 0, 1, 0, 1, 2, 3, 4)))
    heard = overheard(request_645(read("002241020208", 0x00010000)) + answer)
    assert (heard.asked, heard.answered) == (("002241020208",), ("002241020208",))


def test_noise_is_no_master() -> None:
    """Bytes without a right check sum name nobody."""
    heard = overheard(bytes(range(40)))
    assert (heard.octets, heard.asked, heard.answered, heard.another_master) == (40, (), (), False)


def test_exchanged_wires_are_guessed_from_ones_and_zeros() -> None:
    """The bytes that a Growatt inverter gave with A and B exchanged look so; a sound frame and a few bytes do not."""
    assert looks_swapped(bytes.fromhex("00 7f df fe fd ff ff b1"))
    assert not looks_swapped(with_crc(bytes((3, 4, 4, 0x43, 0x66, 0x33, 0x34))))
    assert not looks_swapped(b"\x00\x00")
