"""The configuration: one smallest mistake for every code, and nothing said where nothing is wrong."""

import re
from pathlib import Path

import pytest

import gateway
from gateway.config import configuration_of, load
from gateway.core.problem import ProblemError
from gateway.factors import factors_text
from gateway.profiles import profile_names, profile_text
from gateway.tests.small_park import SITE

BATTERY = SITE[SITE.index("[[storage]]") :]
# A park without its battery, for mistakes that would otherwise be told of the battery, too.
NO_BATTERY = SITE.replace(BATTERY, "").replace('role = "storage"', 'role = "load"')
POINTS = SITE[SITE.index("[[meter_point]]") :]
# A meter that measures, and counts nothing.
POWER_ONLY = """
id = "power-only"
maker = "T"
model = "T1"
kind = "meter"
status = "draft"
points = [{ quantity = "active_power_total", at = 0, type = "u16", unit = "W", sign = "+import" }]
[[evidence]]
source = "test"
page = "1"
[serial]
default = "9600 8N1"
allowed = ["9600 8N1"]
units = [1, 247]
[modbus]
transport = ["rtu"]
function = 3
address = "zero-based"
words = "high-first"
max_registers = 50
windows = [[0, 15]]
timeout_ms = 200
"""


def changed(old: str, new: str, site: str = SITE) -> str:
    """Return *site* with one text replaced."""
    assert old in site
    return site.replace(old, new, 1)


# By code: a site in which just this is wrong, and where that is.
PROVINCE = '\n[[uplink]]\nplatform = "province"\nbroker = "mqtts://province:8883"\nplatform_key = "keys/province.pub"\n'
TWO_PLATFORMS = SITE.replace("[uplink]", '[[uplink]]\nplatform = "park"') + PROVINCE
MISTAKES = {
    "WP-CFG-001": ("uplink = 5\n" + SITE.replace("[uplink]", "").replace('broker = "mqtt://127.0.0.1:1883"', "")
                   .replace('platform_key = "keys/platform.pub"', ""), "uplink"),
    "WP-CFG-002": (changed('park = "Test park"', 'parc = "Test park"'), "gateway.parc"),
    "WP-CFG-003": (changed('province = "Jiangsu"', ""), "gateway"),
    "WP-CFG-004": (changed('park = "Test park"', "park = 7"), "gateway.park"),
    "WP-CFG-005": (changed("unit = 1\n", "unit = 248\n"), "meter[0].unit"),
    "WP-CFG-006": (changed('"400 kW"', '"400 km"'), "meter[0].max_power"),
    "WP-CFG-007": (changed('"200/5"', '"5/200"'), "meter[2].ct_ratio"),
    "WP-CFG-008": (changed('meter = "m-mill"', 'meter = "m-mil"'), "meter_point[2].meter"),
    "WP-CFG-009": (changed("9600 8N1", "9600 8X1"), "bus[0].line"),
    "WP-CFG-010": (changed("unit = 2\n", "unit = 1\n"), "meter[1].unit"),
    "WP-CFG-011": (changed('origin = "solar"', ""), "meter_point[1]"),
    "WP-CFG-012": (changed('role = "load"', 'role = "load"\nreversed = 1'), "meter_point[2].reversed"),
    "WP-CFG-013": (changed('role = "load"', 'role = "load"\nto_busbar = "LV1"'), "meter_point[2].to_busbar"),
    "WP-CFG-014": (changed('"0.85"', '"1.85"'), "storage[0].efficiency"),
    "WP-CFG-015": (changed(BATTERY, ""), "meter_point"),
    "WP-CFG-016": (SITE + '\n[[busbar]]\nname = "LV1"\n', "busbar[1].name"),
    "WP-CFG-017": (changed('["NDRC910-trial", "grid-2023"]', '"NDRC910-trial"'), "gateway.factor_sets"),
    "WP-CFG-019": (NO_BATTERY + "\n[storage]\n", "storage"),
    "WP-CFG-020": (changed(POINTS, ""), "meter_point"),
    "WP-CFG-021": (changed('"15 min"', '"7 min"'), "gateway.interval"),
    "WP-CFG-022": (SITE + '\n[self_use]\nperiod = "40 min"\n', "self_use.period"),
    "WP-CFG-023": (changed('id = "gw-test"', 'id = "gw/test"'), "gateway.id"),
    "WP-CFG-024": (changed('broker = "', 'bucket = "a/b"\nbroker = "'), "uplink.bucket"),
    "WP-CFG-025": (changed("Test park", "Test\\npark"), "gateway.park"),
    "WP-CFG-026": (SITE + '\n[[bus]]\nname = "b"\nport = "/dev/ttyUSB0"\n', "bus[1].port"),
    "WP-CFG-027": (SITE + BATTERY, "storage[1].meter_point"),
    "WP-CFG-028": (changed('meter = "m-mill"', 'meter = "m-roof"'), "meter_point[2].meter"),
    "WP-CFG-029": (SITE + '\n[[bus]]\nname = "b"\nport = "tcp://x:y"\n', "bus[1].port"),
    "WP-CFG-030": (SITE + "[[[", "gateway.toml"),
    "WP-CFG-120": (TWO_PLATFORMS + 'bucket = "b1"\n', "uplink[1].bucket"),
    "WP-CFG-033": (changed("chint-dtsu666", "power-only").replace('ct_ratio = "200/5"', ""), "meter_point[2].meter"),
    "WP-CFG-034": (changed("unit = 2\n", 'unit = 2\nct_ratio = "200/5"\n'), "meter[1].ct_ratio"),
    "WP-CFG-035": (changed("/dev/ttyUSB0", "tcp://10.0.0.7"), "meter[0].bus"),
    "WP-CFG-036": (changed("9600 8N1", "1200 8N1").replace('"15 s"', '"5 s"'), "bus[0]"),
    "WP-CFG-040": (changed('role = "load"', 'role = "lod"'), "meter_point[2].role"),
    "WP-CFG-045": (changed("unit = 3\n", 'unit = 3\naddress = "002241020208"\n'), "meter[2].unit"),
    "WP-CFG-046": (changed("unit = 3\n", 'address = "12"\n'), "meter[2].address"),
    "WP-CFG-047": (changed("unit = 3\n", 'address = "002241020208"\n'), "meter[2]"),
    "WP-CFG-100": (SITE + '\n[[bus]]\nname = "b"\nport = "rtu+tcp://10.0.0.7:4001"\n', "bus[1].line"),
}  # fmt: skip
# What the texts alone cannot show; test_bad_input.py and the last test here do.
OF_FILES = {"WP-CFG-037"}


def wrong(site: str) -> list[tuple[str, str]]:
    """Return (code, place) of everything that is wrong with *site*."""
    texts = [(name, profile_text(name, Path("none"))[0]) for name in profile_names(Path("none"))]
    texts.append(("power-only", POWER_ONLY))
    try:
        configuration_of(site, factors_text(None), tuple(texts))
    except ProblemError as error:
        return [(one.code, one.where) for one in error.problems]
    return []


@pytest.mark.parametrize("site", [SITE, NO_BATTERY, TWO_PLATFORMS], ids=["whole", "without battery", "two platforms"])
def test_a_sound_site_is_not_complained_about(site: str) -> None:
    """The parks that the mistakes are put into are in order."""
    assert wrong(site) == []


@pytest.mark.parametrize("code", MISTAKES)
def test_one_mistake_is_one_code(code: str) -> None:
    """The smallest mistake of its kind gives its code at its place, and no other code."""
    site, place = MISTAKES[code]
    found = wrong(site)
    assert {one for one, _ in found} == {code}
    assert found[0][1].startswith(place)


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        ("rtu+tcp://10.0.0.7:4001", "rtu+tcp://10.0.0.7:4002", []),
        ("rtu+tcp://10.0.0.7:4001", "http://10.0.0.7:4002", ["WP-CFG-029"]),
        ("unnumbered+tcp://10.0.0.7", "tcp://10.0.0.8", ["WP-CFG-035"]),
    ],
)
def test_meters_behind_a_network(first: str, second: str, codes: list[str]) -> None:
    """A serial server carries serial meters, and models must speak what is spoken there."""
    site = SITE.replace("/dev/ttyUSB0", first)
    site += '\n[[bus]]\nname = "b"\nline = "9600 8N1"\nport = "%s"\n' % second
    assert sorted({code for code, _ in wrong(site)}) == codes


def test_all_mistakes_are_told_at_once() -> None:
    """Mistakes in different tables do not hide each other."""
    site = SITE.replace("Test park", "Test\\npark").replace('"400 kW"', '"400 km"', 1).replace('"0.85"', '"1.85"')
    assert [code for code, _ in wrong(site)] == ["WP-CFG-006", "WP-CFG-014", "WP-CFG-025"]


def test_every_code_of_a_site_has_its_mistake() -> None:
    """No code is told by the readers of a site that is not shown here."""
    folder = Path(gateway.__file__).parent
    told = set()
    for name in ("core/site_reading.py", "core/site_points.py", "config.py"):
        told |= set(re.findall(r"WP-CFG-\d+", (folder / name).read_text(encoding="utf-8")))
    assert told - OF_FILES <= set(MISTAKES)


def test_two_names_of_one_port_are_one_bus(tmp_path: Path) -> None:
    """A symbolic link to a port that another bus has is told by both names."""
    (tmp_path / "one").touch()
    (tmp_path / "other").symlink_to(tmp_path / "one")
    site = SITE.replace("/dev/ttyUSB0", str(tmp_path / "one"))
    site += '\n[[bus]]\nname = "b"\nport = "%s"\n' % (tmp_path / "other")
    (tmp_path / "gateway.toml").write_text(site, encoding="utf-8")
    with pytest.raises(ProblemError) as raised:
        load(tmp_path)
    assert [(one.code, one.where) for one in raised.value.problems] == [("WP-CFG-037", "bus[1].port")]
