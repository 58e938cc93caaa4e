"""CJ/T 188 meters in a site, and `wattproof decode` by their profiles, as a person calls them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.bus_plan import jobs_of
from gateway.cli import main
from gateway.config import Configuration, configuration_of
from gateway.core.problem import ProblemError
from gateway.factors import factors_text
from gateway.profiles import profile_text
from gateway.rehearsal import rehearse

SITE = """
[gateway]
id = "gw1"
province = "Jiangsu"
[[bus]]
name = "a"
port = "/dev/ttyUSB0"
line = "2400 8E1"
[[meter]]
name = "mains"
bus = "a"
profile = "dlt645-2007-three-phase"
address = "{mains}"
max_power = "100 kW"
[[meter]]
name = "heat"
bus = "a"
profile = "cjt188-2004-heat"
{heat}
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "{point}"
busbar = "LV1"
"""
MAINS, HEAT = "002241020208", 'address = "00312718241912"'
NAMES = ("dlt645-2007-three-phase", "cjt188-2004-heat")
# A readout of a meter of heat and cold, in kWh, from a public trace of 2025.
READOUT = (
    "68 25 12 19 24 18 27 31 00 81 2e 1f 90 03 11 74 02 00 05 88 27 44 05 05 00 00 00 00 17 00 00 00 00 35 08 56 71 00 "
    "2c 79 26 00 64 26 00 66 47 07 11 52 17 03 09 25 20 00 05 2a 16"
)


def configured(heat: str = HEAT, mains: str = MAINS, point: str = "mains") -> Configuration:
    """Return the configuration of a site of an electricity and a heat meter."""
    home = Path("/nonexistent")
    texts = tuple((name, profile_text(name, home)[0]) for name in NAMES)
    return configuration_of(SITE.format(heat=heat, mains=mains, point=point), factors_text(home), texts)


def problems(heat: str = HEAT, mains: str = MAINS, point: str = "mains") -> list[tuple[str, str]]:
    """Return code and place of everything that is wrong with such a site."""
    try:
        configured(heat, mains, point)
    except ProblemError as error:
        return [(one.code, one.where) for one in error.problems]
    return []


def decode(profile: str, *arguments: str) -> Result:
    """Decode *READOUT* or what is given by a shipped profile."""
    asked = ["--request", "fe fe fe fe 68 20 12 19 24 18 27 31 00 01 03 1f 90 03 fd 16", *arguments]
    return CliRunner().invoke(main, ["--lang", "en", "--home", "/x", "decode", "--profile", profile, *asked])


def test_a_heat_meter_needs_no_meter_point_and_no_greatest_power() -> None:
    """It is named by the fourteen digits on its plate; what its connection carries may be stated, and need not be."""
    assert configured().site.meters[1].max_power_w == 0
    assert configured(HEAT + '\nmax_power = "2 MW"').site.meters[1].max_power_w == 2_000_000


@pytest.mark.parametrize("address", ["00312718241", "003127182419120", "0031271824191A"])
def test_an_address_has_all_its_digits(address: str) -> None:
    """Fewer digits, more, and letters are refused."""
    assert ("WP-CFG-046", "meter[1].address") in problems(f'address = "{address}"\nmax_power = "1 MW"')


def test_each_model_has_addresses_of_its_own_length() -> None:
    """Twelve digits belong to DL/T 645, fourteen to CJ/T 188."""
    assert problems(f'address = "{MAINS[::-1]}"\nmax_power = "1 MW"') == [("WP-BUS-090", "meter[1].address")]
    assert problems(mains="00002241020208") == [("WP-BUS-090", "meter[0].address")]
    assert problems('unit = 3\nmax_power = "1 MW"') == [("WP-CFG-047", "meter[1]")]


def test_a_meter_without_energy_registers_serves_no_meter_point() -> None:
    """Heat is not traced as electricity."""
    assert ("WP-CFG-033", "meter_point[0].meter") in problems(point="heat")


def test_the_plan_is_rehearsed_with_its_answers() -> None:
    """With nobody dead every sweep is made: the answers that are made up for the rehearsal are believed."""
    configuration = configured()
    bus = configuration.site.buses[0]
    found = rehearse(bus, jobs_of(configuration.site, configuration.profiles, bus), 15_000, 4, ())
    assert found.sweeps_percent == 100


def test_decode_by_a_profile() -> None:
    """The values of a public readout, in the units of the profile; a wrong unit names both, a wrong type the meter."""
    found = json.loads(decode("cjt188-2004-heat", "--response", READOUT, "--json").output)
    values = {one["quantity"]: (one["value"], one["unit"]) for one in found["readings"]}
    assert values["energy_heat"] == ("54427.88", "kWh") and values["temperature_supply"] == ("26.79", "degC")
    octets = bytearray.fromhex(READOUT)
    octets[23], octets[-2] = 0x11, octets[-2] + 0x11 - 0x05
    other = decode("cjt188-2004-heat", "--response", octets.hex())
    assert other.exit_code == 1 and "energy in unit 11 (GJ), stated is kWh" in other.output
    state = "68 20 12 19 24 18 27 31 00 c1 03 03 04 00 12 16"
    refused = decode("cjt188-2004-heat", "--response", state)
    assert refused.exit_code == 1 and "the meter refuses: 4" in refused.output
