"""DL/T 645 meters in a site, and `wattproof decode` and `plan` for them, as a person calls them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.config import configuration_of
from gateway.core.problem import ProblemError
from gateway.factors import factors_text
from gateway.profiles import profile_text

SITE = """
[gateway]
id = "gw1"
province = "Jiangsu"
[[bus]]
name = "a"
port = "{port}"
line = "2400 8E1"
[[meter]]
name = "m1"
bus = "a"
{meter}
max_power = "100 kW"
[[meter]]
name = "m2"
bus = "a"
{other}
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "m1"
busbar = "LV1"
"""
MODEL = 'profile = "dlt645-2007-three-phase"\n'
GOOD = MODEL + 'address = "002241020208"'
OTHER = MODEL + 'address = "002241020209"'
NAMES = ("dlt645-2007-three-phase", "eastron-sdm630")


def problems(meter: str, other: str = OTHER, port: str = "/dev/ttyUSB0") -> list[tuple[str, str]]:
    """Return code and place of everything that is wrong with a site of two meters."""
    home = Path("/nonexistent")
    texts = tuple((name, profile_text(name, home)[0]) for name in NAMES)
    try:
        configuration_of(SITE.format(meter=meter, other=other, port=port), factors_text(home), texts)
    except ProblemError as error:
        return [(one.code, one.where) for one in error.problems]
    return []


def call(*arguments: str) -> Result:
    """Run the command line in English."""
    return CliRunner().invoke(main, ["--lang", "en", "--home", "/nonexistent", *arguments])


def test_a_meter_is_named_by_the_number_on_its_plate() -> None:
    """Two meters of a line have two addresses, and no unit ids."""
    assert problems(GOOD) == []


@pytest.mark.parametrize("address", ["2241020208", "00224102020x", "999999999999", "AAAAAAAAAAAA"])
def test_an_address_has_twelve_digits(address: str) -> None:
    """Fewer digits, letters, and the number that means everyone are refused."""
    assert problems(MODEL + f'address = "{address}"') == [("WP-CFG-046", "meter[0].address")]


def test_an_address_stands_alone() -> None:
    """Beside an address there is neither unit id nor serial number, and no address is given twice."""
    assert problems(GOOD + "\nunit = 1") == [("WP-CFG-045", "meter[0].unit")]
    assert problems(GOOD + '\nserial = "1"') == [("WP-CFG-045", "meter[0].serial")]
    assert problems(GOOD, GOOD) == [("WP-CFG-010", "meter[1].address")]


def test_model_and_address_belong_together() -> None:
    """A DL/T 645 model needs an address, a Modbus model a unit id; DL/T 645 is not spoken over Modbus TCP."""
    assert problems(MODEL + "unit = 1") == [("WP-CFG-047", "meter[0]")]
    assert problems('profile = "eastron-sdm630"\naddress = "002241020208"') == [("WP-CFG-047", "meter[0]")]
    assert problems(GOOD, 'profile = "eastron-sdm630"\nunit = 1') == []
    tcp = problems(GOOD, OTHER, "tcp://10.0.0.9:502")
    assert ("WP-CFG-035", "meter[0].bus") in tcp


def test_decode_by_a_profile_multiplies_by_the_ratios() -> None:
    """With the profile, ratios lead to the primary side; without, the figure is that of the answer."""
    frames = ("--response", "68 61 01 00 00 00 00 68 91 07 33 34 35 35 cc 7c 33 16 16")
    request = ("--request", "68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16")
    block = ("--request", "68 12 00 00 00 10 20 68 11 04 33 32 34 35 f5 16")
    heard = ("--response", "68 12 00 00 00 10 20 68 91 0a 33 32 34 35 89 55 32 32 32 32 21 16")
    assert call("decode", "--protocol", "dlt645", *request, *frames).output == "current_l1  4.999 A\n"
    assert call("decode", "--protocol", "dlt645", *frames).output == "current_l1  4.999 A\n"
    told = json.loads(call("decode", "--profile", NAMES[0], "--vt", "100/1", *block, *heard, "--json").output)
    assert told["readings"][0] == {"quantity": "voltage_l1_n", "value": "22560", "unit": "V"}
    assert told["fault"] is None


def test_decode_refuses_in_words() -> None:
    """A refusal, a damaged frame and another meter are told as what they are, with exit 1."""
    for response, words in (
        ("68 60 07 92 04 00 91 68 d1 01 37 67 16", "the meter refuses: 4 (password wrong or not authorised)"),
        ("68 61 01 00 00 00 00 68 91 07 33 34 35 35 cc 7c 33 17 16", "the check sum is wrong: "),
        ("68 61 01 00", "the answer is too short: "),
        ("00", "no DL/T 645 frame: "),
        ("68 18 06 36 04 00 91 68 91 08 33 33 34 33 33 33 41 33 f9 16", "a digit is no digit: "),
    ):
        result = call("decode", "--protocol", "dlt645-2007", "--response", response)
        assert (result.exit_code, result.output.startswith(words)) == (1, True), result.output
    asked = ("--request", "68 62 01 00 00 00 00 68 11 04 33 34 35 35 19 16")
    heard = ("--response", "68 61 01 00 00 00 00 68 91 07 33 34 35 35 cc 7c 33 16 16")
    for how in (("--protocol", "dlt645"), ("--profile", NAMES[0])):
        result = call("decode", *how, *asked, *heard)
        assert (result.exit_code, result.output.startswith("another meter answers: ")) == (1, True)


def test_what_is_no_question() -> None:
    """A command to a meter, and a damaged question, are a problem of their own."""
    for how in (("--protocol", "dlt645"), ("--profile", NAMES[0])):
        for request in ("68 61 01 00 00 00 00 68 16 04 cc cc cc cc 78 16", "68 61"):
            result = call("decode", *how, "--request", request, "--response", "68")
            assert (result.exit_code, "WP-BUS-041" in result.output) == (1, True)


def test_profile_or_protocol() -> None:
    """Neither, both, and a Modbus exchange without its question are wrong usage."""
    for arguments in ((), ("--profile", NAMES[1]), ("--profile", NAMES[0], "--protocol", "dlt645")):
        assert call("decode", *arguments, "--response", "68").exit_code == 2


def test_the_plan_names_identifiers() -> None:
    """Each read of a DL/T 645 meter is one data identifier, with its time on a line of 2400 baud."""
    plan = json.loads(call("plan", "--profile", NAMES[0], "--baud", "2400", "--json").output)
    assert [read["di"] for read in plan["reads"]] == ["00010000", "00020000", "0201FF00", "0202FF00", "0203FF00"]
    assert plan["distinct"] is True
    assert plan["total_us"] == sum(read["time_us"] for read in plan["reads"])
    assert "DI 0203FF00" in call("plan", "--profile", NAMES[0], "--baud", "2400").output


def test_a_readout_of_a_water_meter() -> None:
    """`decode --protocol cjt188` tells the figures of a published exchange, and why others are not believed."""
    asked = ("--request", "68 10 88 05 27 10 15 20 00 01 03 90 1F 01 25 16")
    frame = "68 10 88 05 27 10 15 20 00 81 16 90 1F 01 00 00 00 00 2C 00 00 00 00 2C 06 20 17 09 01 17 20 00 00 8E 16"
    result = call("decode", "--protocol", "cjt188", *asked, "--response", frame)
    assert result.exit_code == 0 and "volume_water          0 m3\n" in result.output
    told = json.loads(call("decode", "--protocol", "cjt188", "--response", frame, "--json").output)
    assert told["fault"] is None
    assert told["readings"][0] == {"quantity": "meter_address", "value": "00201510270588", "unit": ""}
    for response, words in (
        (frame[:-5] + "8F 16", "the check sum is wrong: "),
        ("12", "no CJ/T 188 frame: "),
        ("68 10 88 05 27 10 15 20 00 C1 03 01 02 00 38 16", "the meter refuses: 2"),
    ):
        result = call("decode", "--protocol", "cjt188", "--response", response)
        assert (result.exit_code, result.output.startswith(words)) == (1, True), result.output
    result = call("decode", "--protocol", "cjt188", "--request", "68 10", "--response", frame)
    assert (result.exit_code, "WP-BUS-081" in result.output) == (1, True)
