"""wattproof decode and plan, as a person or a script calls them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadHoldingRegistersResponse

from gateway.cli import main

QUESTION, ANSWER = "01 04 00 48 00 02 f1 dd", "01 04 04 46 2a 75 21 29 8c"


def call(*arguments: str, home: Path | str = "/nonexistent") -> Result:
    """Run the command line in English."""
    return CliRunner().invoke(main, ["--lang", "en", "--home", str(home), *arguments])


def decode(request: str, response: str, *more: str, profile: str = "eastron-sdm230") -> Result:
    """Run wattproof decode."""
    return call("decode", "--profile", profile, "--request", request, "--response", response, *more)


def test_decode_gives_the_contract() -> None:
    """A captured exchange gives quantity, decimal value and unit, no fault, and exit 0."""
    result = decode(QUESTION, ANSWER, "--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "readings": [{"quantity": "energy_active_import", "value": "10909.282", "unit": "kWh"}],
        "fault": None,
    }


@pytest.mark.parametrize("shape", [str.upper, str.lower, lambda text: text.replace(" ", "")])
def test_any_way_to_write_hexadecimal(shape: object) -> None:
    """Large and small letters, with and without spaces, are the same bytes."""
    assert callable(shape)
    assert decode(shape(QUESTION), shape(ANSWER)).output == "energy_active_import  10909.282 kWh\n"


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        ("", "silent", "no answer"),
        ("01 04 04 46 2a 75 21 29", "short", "the answer is too short"),
        (ANSWER + " 00", "long", "the answer is too long"),
        ("01 04 04 46 2a 75 21 29 8d", "crc", "the check sum is wrong"),
        ("01 84 02 c2 c1", "exception", "the meter refuses: 2 (illegal data address)"),
    ],
)
def test_a_refused_answer_is_a_fault(response: str, kind: str, words: str) -> None:
    """An answer that is not to be believed gives its kind and detail, no reading, and exit 1."""
    result = decode(QUESTION, response, "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["readings"], found["fault"]["kind"]) == (1, [], kind)
    assert decode(QUESTION, response).output.startswith(words)


def test_an_answer_of_another_meter_is_a_fault() -> None:
    """A sound frame of another unit or function is refused by what differs."""
    framer = FramerRTU(DecodePDU(True))
    other = framer.buildFrame(ReadHoldingRegistersResponse(dev_id=2, registers=[1, 2])).hex()
    assert json.loads(decode(QUESTION, other, "--json").output)["fault"]["kind"] == "wrong-unit"
    other = framer.buildFrame(ReadHoldingRegistersResponse(dev_id=1, registers=[1, 2])).hex()
    assert json.loads(decode(QUESTION, other, "--json").output)["fault"]["kind"] == "wrong-function"


def test_an_answer_to_a_broadcast_is_a_fault() -> None:
    """Unit 0 on a serial line is everyone; an answer to it comes from nobody."""
    framer = FramerRTU(DecodePDU(True))
    asked = framer.buildFrame(ReadHoldingRegistersRequest(dev_id=0, address=0, count=1)).hex()
    answered = framer.buildFrame(ReadHoldingRegistersResponse(dev_id=0, registers=[1])).hex()
    result = decode(asked, answered, "--json")
    assert (result.exit_code, json.loads(result.output)["fault"]["kind"]) == (1, "wrong-unit")


def test_ratios_bring_secondary_values_to_the_primary_side() -> None:
    """Behind 200/1 current transformers a DTSU666's 6.4 var are 1280 var, exactly."""
    frames = ("0a 03 20 1a 00 08 6f 70", "0a 03 10 42 80 00 00 41 40 00 00 42 00 00 00 41 a0 00 00 4a 47")

    def total(*more: str) -> str:
        found = json.loads(decode(*frames, *more, "--json", profile="chint-dtsu666").output)["readings"]
        return str(next(one["value"] for one in found if one["quantity"] == "reactive_power_total"))

    assert total() == "6.4"
    assert total("--ct", "200/1") == "1280"
    assert total("--ct", "1000/5", "--vt", "10000/100") == "128000"


def test_primary_values_are_left_alone() -> None:
    """A meter that knows its own transformers is not multiplied again."""
    assert decode(QUESTION, ANSWER, "--ct", "200/1").output == "energy_active_import  10909.282 kWh\n"


def test_modbus_tcp_is_told_by_its_header() -> None:
    """Frames with a TCP header are understood by the same command, and judged as strictly."""
    framer = FramerSocket(DecodePDU(True))
    request = framer.buildFrame(ReadHoldingRegistersRequest(dev_id=1, transaction_id=9, address=32080, count=2)).hex()
    response = framer.buildFrame(ReadHoldingRegistersResponse(dev_id=1, transaction_id=9, registers=[0, 5520])).hex()
    found = json.loads(decode(request, response, "--json", profile="huawei-sun2000").output)
    assert {"quantity": "active_power_total", "value": "5520", "unit": "W"} in found["readings"]
    late = framer.buildFrame(ReadHoldingRegistersResponse(dev_id=1, transaction_id=8, registers=[0, 1])).hex()
    result = decode(request, late, "--json", profile="huawei-sun2000")
    assert (result.exit_code, json.loads(result.output)["fault"]["kind"]) == (1, "late")


def test_what_is_no_read_request() -> None:
    """A damaged question, or a write, is a problem of its own and not a fault of the meter."""
    for request in ("01 04 00 48 00 02 f1 de", "01 06 00 48 00 02 88 1d", "01 04 00 48", ""):
        result = decode(request, ANSWER)
        assert (result.exit_code, "WP-BUS-040" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((QUESTION, "zz"), "WP-CLI-020"),
        (("01 0", ANSWER), "WP-CLI-021"),
        ((QUESTION, ANSWER, "--ct", "200:1"), "WP-CLI-022"),
        ((QUESTION, ANSWER, "--vt", "0/1"), "WP-CLI-022"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], code: str) -> None:
    """Broken hexadecimal and broken ratios are wrong usage: exit 2 and a code."""
    result = decode(*arguments)
    assert (result.exit_code, code in result.output) == (2, True)


def test_unknown_profile() -> None:
    """A profile that is not there is a problem with a hint, also where its name leads out of the folder."""
    for name in ("eastron", "../eastron-sdm230", ""):
        result = decode(QUESTION, ANSWER, profile=name)
        assert (result.exit_code, "WP-PRF-001" in result.output) == (1, True)


def test_plan_lists_reads_times_and_total() -> None:
    """The plan names each read with its bus time; the times add up to the total, and no two lengths are alike."""
    result = call("plan", "--profile", "eastron-sdm630", "--baud", "9600", "--json")
    plan = json.loads(result.output)
    assert result.exit_code == 0
    fast = [read for read in plan["reads"] if read["poll"] == "fast"]
    assert plan["total_us"] == sum(read["time_us"] for read in fast)
    assert plan["registers"] == sum(read["count"] for read in fast)
    assert [one["poll"] for one in plan["classes"]] == ["fast", "slow"]
    assert plan["classes"][1]["total_us"] == sum(read["time_us"] for read in plan["reads"] if read not in fast)
    counts = [read["count"] for read in plan["reads"]]
    assert plan["distinct"] and len(set(counts)) == len(counts)
    for read in plan["reads"]:
        # (8 + 5 + 2n) characters of 11 bits, twice 3.5 characters of silence, 10 ms of turnaround
        seconds = Decimal((13 + 2 * read["count"]) * 11 + 77) / 9600 + Decimal("0.010")
        assert 0 <= read["time_us"] - seconds * 1_000_000 < 1


def test_plan_follows_the_line() -> None:
    """A slower line or a slower meter takes longer; the least bus time is never above the planned one."""
    totals = []
    for arguments in (("115200",), ("9600",), ("9600", "--turnaround-ms", "50"), ("2400",)):
        plan = json.loads(call("plan", "--profile", "eastron-sdm630", "--json", "--baud", *arguments).output)
        assert plan["shortest_us"] <= plan["total_us"]
        totals.append(plan["total_us"])
    assert totals == sorted(totals)
    assert "ms at 9600 Bd" in call("plan", "--profile", "eastron-sdm630", "--baud", "9600").output


def test_plan_refuses_impossible_lines() -> None:
    """A baud rate of nothing is wrong usage."""
    assert call("plan", "--profile", "eastron-sdm630", "--baud", "0").exit_code == 2
