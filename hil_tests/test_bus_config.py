"""What a configuration says of lines, ends and faults, and what is wrong with it."""

from pathlib import Path

import pytest

from gateway.core.problem import ProblemError
from hil_tests.emulator_config import read_emulator_config

METER = '[[meter]]\nname = "m"\nbus = "line"\nunit = 1\nprofile = "eastron-sdm630"\n'


def wrong(tmp_path: Path, text: str, script: str = "") -> set[str]:
    """Return code and place of everything that is wrong."""
    config, more = tmp_path / "c.toml", tmp_path / "more.jsonl"
    config.write_text(text)
    more.write_text(script)
    with pytest.raises(ProblemError) as raised:
        read_emulator_config(config, tmp_path, more)
    return {f"{one.code} {one.where}" for one in raised.value.problems}


def test_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    """Settings that no emulated line has, ends without a bus, names taken twice, and lines of a script."""
    text = '[[bus]]\nname = "line"\nline = "9600 7E1"\n[[port]]\nname = "line"\nbus = "lost"\nclient_parity = "M"\n'
    script = '\n{"kind": "pull", "lasts": "soon"}\n{"kind": \n[1]\n{"kind": "late", "at": "1 s", "until": "2 s"}\n'
    assert wrong(tmp_path, text + METER + "clock_permille = 900\n", script) == {
        "WP-EMU-019 c.toml.bus[0].line",
        "WP-CFG-016 c.toml.port[0].name",
        "WP-CFG-016 c.toml.port[0].link",
        "WP-CFG-008 c.toml.port[0].bus",
        "WP-CFG-040 c.toml.port[0].client_parity",
        "WP-CFG-005 c.toml.meter[0].clock_permille",
        "WP-CFG-006 more.jsonl:2.lasts",
        "WP-CFG-001 more.jsonl:3",
        "WP-CFG-001 more.jsonl:4",
        "WP-CFG-002 more.jsonl:5.until",
    }


def test_a_real_port_cannot_do_what_only_an_emulated_wire_can(tmp_path: Path) -> None:
    """Strict meters, further ends, colliding and pulled adapters are refused; other faults are not."""
    text = '[[bus]]\nname = "line"\nport = "/dev/ttyUSB0"\nstrict = true\n[[port]]\nname = "p"\nbus = "line"\n' + METER
    script = '{"kind": "pull", "question": 2}\n{"kind": "collide", "meter": "m"}\n{"kind": "crc", "bus": "line"}\n'
    assert wrong(tmp_path, text, script) == {
        "WP-EMU-021 c.toml.bus[0].strict",
        "WP-EMU-021 c.toml.port[0]",
        "WP-EMU-021 more.jsonl:1",
        "WP-EMU-021 more.jsonl:2",
    }


def test_a_fault_belongs_to_the_bus_of_its_meter(tmp_path: Path) -> None:
    """With a meter it is on that meter's bus alone; without meter and bus it is everywhere; a question comes once."""
    config = tmp_path / "c.toml"
    faults = '[[fault]]\nkind = "crc"\nmeter = "m"\nquestion = 4\n[[fault]]\nkind = "late"\n'
    config.write_text('[[bus]]\nname = "line"\n[[bus]]\nname = "second"\n' + METER + faults)
    plan = read_emulator_config(config, tmp_path)
    assert [one.kind for one in plan.faults["line"]] == ["crc", "late"]
    assert [one.kind for one in plan.faults["second"]] == ["late"]
    assert [one.times for one in plan.faults["line"]] == [1, None]
