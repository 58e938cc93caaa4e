"""Files that commands go on from: the answers of an unfinished profile, and a site to which found meters are added."""

from collections.abc import Iterator
from functools import cache

import device_profiles
from gateway.commissioning.adding import addition
from gateway.commissioning.scan import Found, LineReport
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import ProblemError
from gateway.new_profile.profile_answers import ProfileAnswers, answers_text, draft_path, read_answers
from gateway.profiles import profile_of_text
from gateway.tests.small_park import SITE
from gateway.text_file import parse_toml
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS, text_of

ANSWERS, ADDITION = range(2)
EXAMPLES = 100
TOKENS = (
    *TOML_TOKENS, b"[quantities]\n", b'"0x10" = ', b'"leave out"', b"list = '''", b"function = 3",
    b'address = "zero-based"', b"[[bus]]\n", b"[[meter]]\n", b"unit = ", b"port = ", b"line = ",
)  # fmt: skip
_PORT = "/dev/ttyUSB0"
_REPORT = LineReport(
    "9600 8N1",
    (
        Found(3, None, ("chint-dtsu666",), ()),
        Found(7, None, (), ("eastron-sdm630",)),
        Found(9, 2, (), ()),
        Found(0, None, ("dlt645-2007-three-phase",), (), "002241020208"),
    ),
    (),
)


@cache
def _profiles() -> dict[str, DeviceProfile]:
    names = ("chint-dtsu666", "eastron-sdm630", "dlt645-2007-three-phase")
    read = {name: profile_of_text(device_profiles.text(name), name)[0] for name in names}
    return {name: profile for name, profile in read.items() if profile is not None}


def seeds() -> Iterator[bytes]:
    """Yield answers as they are kept, and sites with and without the bus."""
    answers = ProfileAnswers(
        "0x10 Voltage V\\n0x12 Current A\\n", "acme-m1", "Acme", "M1", function=3, address="zero-based",
        line="9600 8N1", quantities={"0x10": "voltage_l1_n"},
    )  # fmt: skip
    yield bytes((ANSWERS,)) + answers_text(answers).encode()
    yield bytes((ADDITION,)) + SITE[: SITE.index("[[busbar]]")].encode()
    yield bytes((ADDITION,)) + b'[[bus]]\nname = "b"\nport = "/dev/ttyUSB1"\n'
    yield bytes((ADDITION,)) + b'bus = [{name = "b", port = "/dev/ttyUSB1"}]\n'
    yield bytes((ADDITION,)) + b'[[bus]]\nname = "a"\nport = "/dev/ttyUSB0"\nline = "2400 8E1"\n'


def target(data: bytes) -> None:
    """Answers are kept as they were read; a site keeps its text and stays TOML, with the new meters behind it."""
    source = Source(data)
    kind = source.octet() % 2
    try:
        if kind == ANSWERS:
            path = draft_path(room_of("setup"), "acme-m1")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.rest())
            found = read_answers(path)
            path.write_text(answers_text(found), encoding="utf-8")
            again = read_answers(path)
            assert again._replace(list="") == found._replace(list="") or "" in found
            return
        text = text_of(source.rest())
        if text is None:
            return
        added = addition(text, "gateway.toml", _PORT, _REPORT, _profiles())
    except ProblemError as error:
        check_said(error.problems)
        return
    assert added.text.startswith(text.rstrip("\n") if text.strip() else "")
    assert len(added.names) + added.present <= len(_REPORT.found)
    parse_toml(added.text, "gateway.toml")
