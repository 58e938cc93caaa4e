"""The JSON Schema of device profiles and the reader of device profiles agree on what a profile is."""

import copy
import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import device_profiles
from gateway.core.meter.profile_reading import read_profile
from tools.profile_schema import FILE, schema

Plain = dict[str, Any]
VALIDATOR = Draft202012Validator(json.loads(FILE.read_text(encoding="utf-8")))

SOUND = """
id = "acme-one"
maker = "Acme"
model = "One"
kind = "meter"
status = "draft"
[[points]]
quantity = "energy_active_import"
at = 2
type = "u32"
factor = "0.01"
unit = "kWh"
counter = true
wrap = 100000000
side = "secondary"
times = ["ct", "vt"]
sentinel = [0xFFFFFFFF]
[[points]]
quantity = "active_power_total"
at = 6
type = "i16"
unit = "kW"
sign = "+import"
exponent_at = 7
words = "low-first"
function = 4
poll = false
[[points]]
name = "serial_number"
at = 20
type = "ascii"
count = 4
poll = false
[[evidence]]
source = "manual"
page = "p. 1"
[serial]
default = "9600 8N1"
allowed = ["2400 8E1"]
units = [1, 247]
[modbus]
transport = ["rtu", "tcp"]
function = 3
address = "one-based"
words = "high-first"
max_registers = 60
align = 1
windows = [[1, 50], { first = 1, last = 9, function = 4 }]
timeout_ms = 300
gap_ms = 10
[constants.ct]
at = 9
type = "u16"
factor = "0.1"
[[identify]]
at = 11
type = "u16"
expect = [7]
[[test]]
request = "01 03 00 01 00 02 95 cb"
response = "01 03 04 00 00 00 00 fa 33"
with = { ct = "200/5" }
expect = { energy_active_import = "0" }
provenance = "manual"
"""


def put(*path_and_value: Any) -> Callable[[Plain], None]:
    """Return the change that puts a value at a path."""
    *path, key, value = path_and_value

    def change(plain: Plain) -> None:
        place: Any = plain
        for step in path:
            place = place[step]
        place[key] = value

    return change


def drop(*path: Any) -> Callable[[Plain], None]:
    """Return the change that takes a key away."""

    def change(plain: Plain) -> None:
        place: Any = plain
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


# Every way in which the reader refuses a single place of a file, as far as a schema can say it.
REFUSED = {
    **{"no " + key: drop(key) for key in ("id", "maker", "model", "kind", "status", "points", "modbus")},
    **{"no point " + key: drop("points", 0, key) for key in ("at", "type", "unit", "quantity")},
    **{"no identify " + key: drop("identify", 0, key) for key in ("at", "type", "expect")},
    **{"no test " + key: drop("test", 0, key) for key in ("request", "response")},
    "no serial line": drop("serial"),
    "no source": drop("evidence", 0, "source"),
    "no serial default": drop("serial", "default"),
    "no function": drop("modbus", "function"),
    "no count of a text": drop("points", 2, "count"),
    "wrap without counter": drop("points", 0, "counter"),
    "key of the head": put("colour", "red"),
    "key of a point": put("points", 0, "write", True),
    "key of serial": put("serial", "parity", "N"),
    "key of modbus": put("modbus", "delay", 1),
    "key of constants": put("constants", "pt", {"at": 1, "type": "u16"}),
    "key of a constant": put("constants", "ct", "unit", "A"),
    "key of identify": put("identify", 0, "weight", "weak"),
    "key of a test": put("test", 0, "reply", ""),
    "key of with": put("test", 0, "with", {"pt": "1/1"}),
    "key of evidence": put("evidence", 0, "url", "x"),
    "key of another protocol": put("dlt645", {"timeout_ms": 500}),
    "id in capitals": put("id", "Acme"),
    "empty id": put("id", ""),
    "maker of two lines": put("maker", "a\nb"),
    "status": put("status", "good"),
    "protocol": put("protocol", "mbus"),
    "no points at all": put("points", []),
    "points that are no list": put("points", {}),
    "point that is no table": put("points", [7]),
    "quantity and name": put("points", 0, "name", "x"),
    "unknown quantity": put("points", 0, "quantity", "colour"),
    "name of a quantity": put("points", 2, "name", "frequency"),
    "address below": put("points", 0, "at", -1),
    "address above": put("points", 0, "at", 0x10001),
    "address as text": put("points", 0, "at", "0x10"),
    "address as truth": put("points", 0, "at", True),
    "type": put("points", 0, "type", "u24"),
    "count of a number": put("points", 0, "count", 2),
    "too long a text": put("points", 2, "count", 65),
    "factor as number": put("points", 0, "factor", 0.1),
    "factor zero": put("points", 0, "factor", "0.0"),
    "factor in words": put("points", 0, "factor", "ten"),
    "factor without whole": put("points", 0, "factor", ".5"),
    "unit of another quantity": put("points", 0, "unit", "W"),
    "text for a quantity": put("points", 1, "type", "bits16"),
    "side": put("points", 0, "side", "left"),
    "times": put("points", 0, "times", ["pt"]),
    "times that are no list": put("points", 0, "times", "ct"),
    "write function": put("points", 1, "function", 6),
    "words": put("points", 1, "words", "middle-first"),
    "counter as text": put("points", 0, "counter", "yes"),
    "wrap too small": put("points", 0, "wrap", 1),
    "wrap too large": put("points", 0, "wrap", (1 << 64) + 1),
    "sentinel too wide": put("points", 0, "sentinel", [1 << 32]),
    "sentinel below": put("points", 0, "sentinel", [-1]),
    "sentinel that is no list": put("points", 0, "sentinel", 7),
    "exponent above": put("points", 1, "exponent_at", 0x10001),
    "sign": put("points", 1, "sign", "plus"),
    "poll as text": put("points", 1, "poll", "no"),
    "line": put("serial", "default", "9600"),
    "baud": put("serial", "default", "9601 8N1"),
    "allowed line": put("serial", "allowed", ["9600 9N1"]),
    "units of three": put("serial", "units", [1, 2, 3]),
    "units above": put("serial", "units", [1, 248]),
    "transport": put("modbus", "transport", ["udp"]),
    "function": put("modbus", "function", 16),
    "address base": put("modbus", "address", "4xxxx"),
    "most registers": put("modbus", "max_registers", 126),
    "least registers": put("modbus", "max_registers", 0),
    "align": put("modbus", "align", 5),
    "window of one": put("modbus", "windows", [[1]]),
    "window with another key": put("modbus", "windows", [{"first": 1, "last": 2, "step": 2}]),
    "window of another function": put("modbus", "windows", [{"first": 1, "last": 2, "function": 6}]),
    "timeout": put("modbus", "timeout_ms", 5),
    "gap": put("modbus", "gap_ms", 10001),
    "nothing expected of a sign": put("identify", 0, "expect", []),
    "text expected of a number": put("identify", 0, "expect", ["A"]),
    "request": put("test", 0, "request", "01 0"),
    "ratio": put("test", 0, "with", {"ct": "200"}),
    "expected number": put("test", 0, "expect", {"energy_active_import": 0}),
    "provenance": put("test", 0, "provenance", "guess"),
}

# What takes two places of a file to see, or arithmetic: only the reader can tell.
ONLY_READ = {
    "window backwards": put("modbus", "windows", [[9, 1]]),
    "window before the first register": put("modbus", "windows", [[0, 40]]),
    "register that no window holds": put("modbus", "windows", [[3, 4]]),
    "secondary above primary": put("test", 0, "with", {"ct": "5/200"}),
}


OF_SUNSPEC = {
    "no sunspec": drop("sunspec"),
    "no main model": drop("sunspec", "model"),
    "no chain": drop("sunspec", "chain"),
    "no model": drop("points", 0, "model"),
    "no figure": drop("points", 0, "point"),
    "no name": drop("points", 0, "quantity"),
    "register": put("points", 0, "at", 40083),
    "windows": put("sunspec", "windows", [[40000, 40100]]),
    "table of another protocol": put("modbus", {"function": 3}),
    "model above": put("points", 0, "model", 0xFFFF),
    "model as text": put("sunspec", "model", "103"),
    "base": put("sunspec", "bases", [-1]),
    "chain of lengths": put("sunspec", "chain", [66, 50]),
    "empty chain": put("sunspec", "chain", []),
    "raw as text": put("points", 0, "raw", "yes"),
}


@pytest.mark.parametrize("name", OF_SUNSPEC)
def test_what_the_reader_refuses_of_sunspec_the_schema_refuses(name: str) -> None:
    """Each single fault of a SunSpec profile is found by both."""
    plain = tomllib.loads(device_profiles.text("sunspec-103"))
    OF_SUNSPEC[name](plain)
    assert read_profile(plain)[0] is None
    assert not VALIDATOR.is_valid(plain)


OF_READOUT = {
    "no cjt188": drop("cjt188"),
    "no type": drop("cjt188", "type"),
    "type above": put("cjt188", "type", 0x40),
    "type as text": put("cjt188", "type", "heat"),
    "no serial line": drop("serial"),
    "no name": drop("points", 0, "quantity"),
    "no unit": drop("points", 0, "unit"),
    "register": put("points", 0, "at", 2),
    "quantity of another meter": put("points", 0, "quantity", "frequency"),
    "unit of nothing in it": put("points", 0, "unit", "kvar"),
    "unknown item": put("points", 0, "item", "valve"),
    "unknown name": put("points", 5, "name", "valve"),
    "flow without decimals": put("points", 0, {"quantity": "flow_rate", "unit": "m3/h"}),
    "decimals above": put("points", 0, {"quantity": "flow_rate", "unit": "m3/h", "decimals": 8}),
    "table of another protocol": put("dlt645", {"timeout_ms": 500}),
}


@pytest.mark.parametrize("name", OF_READOUT)
def test_what_the_reader_refuses_of_a_readout_the_schema_refuses(name: str) -> None:
    """Each single fault of a CJ/T 188 profile is found by both."""
    plain = tomllib.loads(device_profiles.text("cjt188-2004-heat"))
    assert read_profile(copy.deepcopy(plain))[1] == []
    OF_READOUT[name](plain)
    assert read_profile(plain)[0] is None
    assert not VALIDATOR.is_valid(plain)


def sound() -> Plain:
    """Return a profile in which nothing is wrong."""
    return tomllib.loads(SOUND)


def test_the_schema_is_that_of_the_reader() -> None:
    """The file beside the profiles is what the reader's own tables make; `python -m tools.profile_schema` writes it."""
    Draft202012Validator.check_schema(schema())
    assert json.loads(FILE.read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize("name", device_profiles.names())
def test_every_shipped_profile_fits_the_schema(name: str) -> None:
    """An editor that checks by the schema marks nothing in a shipped file."""
    assert [error.message for error in VALIDATOR.iter_errors(tomllib.loads(device_profiles.text(name)))] == []


def test_a_sound_profile_fits_both() -> None:
    """With every key in use, neither the reader nor the schema complains."""
    assert read_profile(sound())[1] == []
    assert VALIDATOR.is_valid(sound())


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_reader_refuses_the_schema_refuses(name: str) -> None:
    """Each single fault is found by both."""
    plain = copy.deepcopy(sound())
    REFUSED[name](plain)
    assert read_profile(plain)[0] is None
    assert not VALIDATOR.is_valid(plain)


@pytest.mark.parametrize("name", ONLY_READ)
def test_what_a_schema_cannot_say_the_reader_still_refuses(name: str) -> None:
    """A schema is an aid while typing; the reader has the last word."""
    plain = sound()
    ONLY_READ[name](plain)
    assert VALIDATOR.is_valid(plain)
    assert read_profile(plain)[0] is None
