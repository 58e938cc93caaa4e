"""Every exchange with a DL/T 645 meter that is kept here decodes to what its source says it means."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import device_profiles
from gateway.cli import main
from gateway.core.meter.dlt645_exchange import Exchange, exchanged
from gateway.core.meter.modbus import FrameFault

FOLDER = Path(device_profiles.__file__).parent / "captures"
CAPTURES = [json.loads(line) for line in (FOLDER / "dlt645.jsonl").read_text(encoding="utf-8").splitlines()]
IDS = [capture["id"] for capture in CAPTURES]
GOOD = [capture for capture in CAPTURES if capture["provenance"] != "reconstructed"]


def frames(capture: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return question (b"" where it was not recorded) and answer."""
    return bytes.fromhex(capture["request_hex"]), bytes.fromhex(capture["response_hex"])


def told(request: bytes, response: bytes) -> Exchange:
    """Return what the exchange means, whichever issue of the standard it is of."""
    return exchanged(request, response)


@pytest.mark.parametrize("protocol", ["dlt645", "as recorded"])
@pytest.mark.parametrize("capture", CAPTURES, ids=IDS)
def test_a_captured_exchange_means_what_its_source_says(capture: dict[str, Any], protocol: str) -> None:
    """`wattproof decode` gives every expected figure, by the stated issue of the standard and by the control code."""
    arguments = ["decode", "--protocol", protocol if protocol == "dlt645" else capture["protocol"], "--json"]
    if capture["request_hex"]:
        arguments += ["--request", capture["request_hex"]]
    run = CliRunner().invoke(main, [*arguments, "--response", capture["response_hex"]])
    result = json.loads(run.output)
    faulty = capture["provenance"] == "reconstructed" or capture["expected"][0]["quantity"] == "dlt645_error"
    assert (run.exit_code, result["fault"] is not None) == (int(faulty), faulty)
    assert len(result["readings"]) == len(capture["expected"])
    for wanted, found in zip(capture["expected"], result["readings"], strict=True):
        assert (found["quantity"], found["unit"]) == (wanted["quantity"], wanted["unit"] or "")
        if wanted["value"] is None or isinstance(wanted["value"], str):
            assert found["value"] == wanted["value"]
        else:
            assert Decimal(found["value"]) == Decimal(str(wanted["value"]))


@pytest.mark.parametrize("capture", GOOD, ids=[capture["id"] for capture in GOOD])
def test_no_single_changed_byte_gives_another_value(capture: dict[str, Any]) -> None:
    """Whichever byte of an answer is changed to whatever: it is refused, or means the same as before."""
    request, response = frames(capture)
    exact = told(request, response)
    for place in range(len(response)):
        for octet in range(256):
            changed = told(request, response[:place] + bytes((octet,)) + response[place + 1 :])
            assert changed == exact or (changed.fault is not None and changed.fault[0] != "exception")


def test_changes_of_two_bytes_that_no_receiver_can_see() -> None:
    """The check sum is but a sum: what one byte of the value gains and another loses, or the check sum follows, passes.

    Address, control code, length and data identifier are held against the question, so a pair of changes that
    touches one of these is still refused; a pair inside the value is not, as long as digits stay digits. Plausibility
    (a counter neither falls nor leaps) is what stands behind it.
    """
    capture = next(one for one in CAPTURES if one["id"] == "v107")
    request, response = frames(capture)
    unseen = set()
    for one in range(len(response)):
        for other in range(one + 1, len(response)):
            for step in (1, 0x10, 0xF0, 0xFF):
                for against in (-step, step):
                    changed = bytearray(response)
                    changed[one] = (changed[one] + step) & 0xFF
                    changed[other] = (changed[other] + against) & 0xFF
                    if told(request, bytes(changed)).fault is None:
                        unseen.add((one, other))
    value, check_sum = (14, 15, 16), 17
    assert response[check_sum] == sum(response[:check_sum]) & 0xFF
    assert unseen == {(one, other) for one in value for other in (*value, check_sum) if one < other}


def test_no_question_can_be_made_of_an_answer() -> None:
    """An answer in the place of the question is refused as such."""
    for capture in CAPTURES:
        with pytest.raises(FrameFault):
            exchanged(frames(capture)[1], frames(capture)[1])
