"""Configuration of the emulator: buses, meters, curves, faults."""

from collections.abc import Iterator

from gateway.core.problem import ProblemError
from hil_tests.emulator_config import read_emulator_config
from tools.fuzz.room import room_of
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS

TOKENS = (
    *TOML_TOKENS, b"[[bus]]", b"[[meter]]", b"[[curve]]", b"[[fault]]", b"[[battery]]", b"[[port]]", b"[[unmetered]]",
    b'begin = "10:30"', b"\xc2\xb2", b'role = "storage"', b'profile = "eastron-sdm630"', b'file = "curve.csv"',
)  # fmt: skip
_PARK = """
seed = "fuzz"
value = "60 s"
step = "6 s"
begin = "10:30"
[[curve]]
name = "roof"
file = "curve.csv"
column = "PV"
peak = "150 kW"
[[bus]]
name = "a"
baud = 9600
[[meter]]
name = "intake"
bus = "a"
unit = 1
profile = "eastron-sdm630"
role = "intake"
busbar = "LV1"
[[meter]]
name = "roof"
bus = "a"
unit = 2
profile = "eastron-sdm120"
role = "generation"
busbar = "LV1"
load = "roof"
[[meter]]
name = "battery"
bus = "a"
unit = 3
profile = "acrel-adw300"
role = "storage"
busbar = "LV1"
[[battery]]
meter = "battery"
power = "50 kW"
capacity = "100 kWh"
[[fault]]
kind = "silence"
meter = "roof"
[[unmetered]]
busbar = "LV1"
power = "900 W"
"""


def seeds() -> Iterator[bytes]:
    """Yield a small park, and its tables one by one."""
    yield _PARK.encode()
    for table in _PARK.split("[["):
        yield b"[[" + table.encode()


def target(data: bytes) -> None:
    """A park is read, or refused with problems that can be said."""
    home = room_of("emulator")
    if not (home / "curve.csv").exists():
        (home / "curve.csv").write_text("time,PV\n" + "".join("%d,%d.5\n" % (n, n) for n in range(96)))
    path = home / "park.toml"
    path.write_bytes(data)
    try:
        found = read_emulator_config(path, home)
    except ProblemError as error:
        check_said(error.problems)
        return
    assert set(found.meters) == {line.name for line in found.lines}
