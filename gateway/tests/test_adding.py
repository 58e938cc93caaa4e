"""What a scan puts into the configuration: valid, once, and without touching what stands there."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.commissioning.adding import addition
from gateway.commissioning.scan import Found, LineReport
from gateway.core.meter.modbus import read_request, with_crc
from gateway.core.problem import ProblemError
from gateway.profiles import all_profiles
from gateway.tests.pty_meter import PtyMeter, registers_answer

PROFILES = {profile.id: profile for profile in all_profiles(Path())[0]}
REPORT = LineReport(
    "9600 8N1",
    (
        Found(3, None, ("chint-dtsu666",), ()),
        Found(7, None, (), ("eastron-sdm630", "eastron-sdm72")),
        Found(9, 2, (), ()),
        Found(0, None, ("dlt645-2007-three-phase",), (), "002241020208"),
    ),
    (),
)
SITE = """# Our park.
[gateway]
id = "g1"   # as on the box
province = "Jiangsu"

[[bus]]
name = "cabinet-a"
port = "/dev/ttyS99"  # the upper adapter

# The mill.
[[meter]]
name = "mill"
bus = "cabinet-a"
unit = 3
profile = "chint-dtsu666"
max_power = "100 kW"

[[busbar]]
name = "LV1"

[[meter_point]]
name = "Mill"
role = "load"
meter = "mill"
busbar = "LV1"
"""


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scan wait less than on wires; here everybody answers at once."""
    for name in ("_LISTEN_MS", "_SECOND_TIMEOUT_MS", "_NUMBER_TIMEOUT_MS"):
        monkeypatch.setattr("gateway.commissioning.scan." + name, 300)


def test_new_meters_come_behind_what_stands_there() -> None:
    """Every sign of the old text stays; the meter that is configured is not written again, under whatever name."""
    new = addition(SITE, "gateway.toml", "/dev/ttyS99", REPORT, PROFILES)
    assert new.text.startswith(SITE.rstrip("\n"))
    assert (new.names, new.present) == (("cabinet-a-7", "cabinet-a-002241020208"), 1)
    before, after = tomllib.loads(SITE), tomllib.loads(new.text)
    assert after["meter"][0] == before["meter"][0] and after["bus"] == before["bus"]
    assert after["meter"][1:] == [
        {"name": "cabinet-a-7", "bus": "cabinet-a", "unit": 7, "profile": "eastron-sdm630", "max_power": "1 MW"},
        {
            "name": "cabinet-a-002241020208", "bus": "cabinet-a", "address": "002241020208",
            "profile": "dlt645-2007-three-phase", "max_power": "1 MW",
        },
    ]  # fmt: skip
    assert "eastron-sdm72" in new.text and "unit 9" in new.text and "# [[meter_point]]" in new.text


def test_adding_twice_adds_once() -> None:
    """What was added is known the next time."""
    once = addition(SITE, "gateway.toml", "/dev/ttyS99", REPORT, PROFILES)
    again = addition(once.text, "gateway.toml", "/dev/ttyS99", REPORT, PROFILES)
    assert (again.text, again.names) == (once.text, ())


def test_a_port_without_a_bus_gets_one() -> None:
    """An empty configuration, and one of another port: a bus of the found settings, with a name of its own."""
    report = LineReport("2400 8E1", REPORT.found[:1], ())
    first = tomllib.loads(addition("", "gateway.toml", "/dev/ttyS98", report, PROFILES).text)
    assert first["bus"] == [{"name": "bus", "port": "/dev/ttyS98", "line": "2400 8E1"}]
    other = SITE.replace("cabinet-a", "bus")
    second = tomllib.loads(addition(other, "gateway.toml", "/dev/ttyS98", report, PROFILES).text)
    assert [one["name"] for one in second["bus"]] == ["bus", "bus-2"]
    assert [(one["bus"], one["unit"]) for one in second["meter"]] == [("bus", 3), ("bus-2", 3)]


def test_a_device_that_answers_to_any_unit_id_is_added_once() -> None:
    """Of many finds of one device the first is taken."""
    found = tuple(Found(unit, None, ("sunspec-103",), ()) for unit in (1, 2, 3))
    report = LineReport("9600 8N1", found, (), any_unit=True)
    new = addition("", "gateway.toml", "tcp://10.0.0.7:502", report, PROFILES)
    assert [one["unit"] for one in tomllib.loads(new.text)["meter"]] == [1]
    assert tomllib.loads(new.text)["bus"] == [{"name": "bus", "port": "tcp://10.0.0.7:502"}]


def test_a_hint_for_the_ratio_where_the_site_has_to_know_it() -> None:
    """A model that shows secondary values gets a hint for ct_ratio, one that shows primary values gets none."""
    secondary = next(
        one for one in PROFILES.values() if any("ct" in point.times for point in one.points) and one.units[1]
    )
    for name, hinted in ((secondary.id, True), ("eastron-sdm630", False)):
        report = LineReport("9600 8N1", (Found(5, None, (name,), ()),), ())
        text = addition("", "gateway.toml", "/dev/ttyS98", report, PROFILES).text
        assert ("# ct_ratio" in text) == hinted


def test_a_bus_of_other_settings_is_not_added_to() -> None:
    """A bus has one line setting, so that is a problem, with both settings in it."""
    with pytest.raises(ProblemError) as caught:
        addition(SITE, "gateway.toml", "/dev/ttyS99", LineReport("19200 8E1", REPORT.found, ()), PROFILES)
    assert [one.code for one in caught.value.problems] == ["WP-BUS-059"]


def call(home: Path, port: str, *arguments: str, answer: str = "") -> Result:
    """Scan two units of one setting, and add what is found."""
    command = ["--lang", "en", "--home", str(home), "scan", port, "--line", "9600 8N1", "--units", "3", "--add"]
    return CliRunner().invoke(main, [*command, *arguments], input=answer)


def test_the_command_shows_asks_and_writes(tmp_path: Path) -> None:
    """No leaves everything as it was, yes writes what was shown, and the next time nothing is to add."""

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        asked = read_request(question)
        if asked.unit != 3:
            return []
        if asked.function != 4:
            return [(0, with_crc(bytes((asked.unit, asked.function | 0x80, 1))))]
        floats = {0: 0x4366, 2: 0x4366, 4: 0x4366, 0x46: 0x4248}
        return [(0, registers_answer(question, lambda at: floats.get(at, 0)))]

    path = tmp_path / "gateway.toml"
    with PtyMeter(respond) as meter:
        refused = call(tmp_path, meter.port, answer="n\n")
        assert refused.exit_code == 0 and "+[[meter]]" in refused.stderr and not path.exists()
        written = call(tmp_path, meter.port, answer="y\n")
        assert written.exit_code == 0, written.output
        text = path.read_text(encoding="utf-8")
        assert tomllib.loads(text)["meter"][0]["unit"] == 3
        again = call(tmp_path, meter.port, "--yes", "--json")
        assert again.exit_code == 0 and "Nothing to add" in again.stderr
    assert path.read_text(encoding="utf-8") == text


def test_meters_in_brackets_on_one_line_stay_as_they_are() -> None:
    """A table behind an array written in brackets would be no TOML: it is told, and nothing is written."""
    text = 'bus = [{name = "b", port = "/dev/ttyS98"}]\n'
    with pytest.raises(ProblemError) as caught:
        addition(text, "gateway.toml", "/dev/ttyS99", REPORT, PROFILES)
    assert caught.value.problems[0].code == "WP-BUS-060"
