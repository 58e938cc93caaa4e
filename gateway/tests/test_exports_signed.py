"""OCMF: a strict reader written from the specification alone, and a public one, accept what is written."""

import json
import re
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyocmf import OCMF

from gateway.cli import main
from gateway.core.record import Account
from gateway.export_as import readings_key_path
from gateway.figures import current, records_of
from gateway.tests.exported_day import SKIPPED_STEP, STEPS, exported_day, write
from gateway.tests.small_park import DAY_START_S, SmallPark

DAYS_SINCE_1970 = (DAY_START_S + 8 * 3600) // 86400
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}[+-]\d{4} [UISR]")
_OBIS = re.compile(r"\d-[\db]+:\d+\.\d+\.\d+")
_HEAD = {"FV", "GI", "GS", "GV", "PG", "MV", "MM", "MS", "MF"}
_READING = {"TM", "RV", "RI", "RU", "RT", "EF", "ST"}


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPark]:
    with exported_day(tmp_path_factory.mktemp("park")) as one:
        yield one


@pytest.fixture(scope="module")
def lines(park: SmallPark, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    (path,) = write(park, "ocmf", tmp_path_factory.mktemp("out") / "day.ocmf")
    return path.read_text(encoding="ascii").splitlines()


def public_key(park: SmallPark) -> ec.EllipticCurvePublicKey:
    pem = readings_key_path(park.home).with_suffix(".pub").read_bytes()
    key = serialization.load_pem_public_key(pem)
    assert isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return key


def read_strictly(line: str, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """Return the payload of a record of OCMF 1.2 in the fiscal context, with its readings made whole."""
    header, payload, signature = line.split("|")
    assert header == "OCMF"
    signed = json.loads(signature)
    assert set(signed) == {"SA", "SD"} and signed["SA"] == "ECDSA-secp256r1-SHA256"
    key.verify(bytes.fromhex(signed["SD"]), payload.encode(), ec.ECDSA(hashes.SHA256()))
    plain: dict[str, Any] = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
    # Without a transaction there is no user (IS, IT) and no reason of a reading (TX).
    assert set(plain) <= _HEAD | {"RD"} and {"PG", "MS", "RD"} <= set(plain)
    assert plain["FV"] == "1.2" and re.fullmatch(r"F(0|[1-9]\d*)", plain["PG"])
    whole: dict[str, Any] = {}
    for index, reading in enumerate(plain["RD"]):
        assert set(reading) <= _READING and {"TM", "RV"} <= set(reading)
        assert ("RI" in reading) == ("RU" in reading)  # a group: both or none
        whole = whole | reading
        assert {"RI", "RU", "ST"} <= set(whole) and _TIME.fullmatch(whole["TM"]) and _OBIS.fullmatch(whole["RI"])
        assert whole["RU"] in ("kWh", "Wh") and whole["RT"] in ("AC", "DC") and whole["ST"] in "NGTDRMXIOSEF"
        plain["RD"][index] = whole
    return plain


def test_a_strict_reader_accepts_every_record(park: SmallPark, lines: list[str]) -> None:
    """One record a meter and day, numbered by days; first to last reading of a register is the energy of the day."""
    records = [read_strictly(line, public_key(park)) for line in lines]
    assert [one["MS"] for one in records] == ["m-battery", "m-intake", "m-mill", "m-roof"]
    assert {one["PG"] for one in records} == {"F%d" % DAYS_SINCE_1970}
    accounts = [row for _, row in current(records_of(park.journal, DAY_START_S, DAY_START_S + 86400))]
    energies = [energy for row in accounts if isinstance(row, Account) for energy in row.energies]
    for point, meter, obis in (("Intake", "m-intake", "1-1:1.8.0"), ("Battery", "m-battery", "1-1:2.8.0")):
        (one,) = [record for record in records if record["MS"] == meter]
        values = [row["RV"] for row in one["RD"] if row["RI"] == obis]
        assert len(values) == STEPS  # one boundary of nine was never read
        wh = sum(
            row.import_wh if obis == "1-1:1.8.0" else row.export_wh for row in energies if row.meter_point == point
        )
        assert values[-1] - values[0] == Decimal(wh) / 1000
    times = [row["TM"] for row in records[1]["RD"] if row["RI"] == "1-1:1.8.0"]
    assert times == sorted(times)
    assert not [time for time in times if time.startswith("2026-11-20T16:%d" % (15 * SKIPPED_STEP))]


def test_a_public_reader_accepts_every_record(park: SmallPark, lines: list[str]) -> None:
    """pyocmf parses every record, inherits the fields left out, and finds the signature good."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = public_key(park).public_bytes(serialization.Encoding.DER, form).hex()
    for line in lines:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants a user also where there is no transaction
            record = OCMF.from_string(line)
        assert record.verify_signature(key)
        assert [getattr(row.RU, "value", "") for row in record.payload.RD] == ["kWh"] * len(record.payload.RD)


def test_a_changed_reading_is_found(park: SmallPark, lines: list[str]) -> None:
    """The signature does not hold over a payload with one digit changed."""
    changed = lines[1].replace('"RV":1000.000', '"RV":1000.001', 1)
    assert changed != lines[1]
    with pytest.raises(InvalidSignature):
        read_strictly(changed, public_key(park))


def test_a_section_mark_in_a_name_stays_inside_its_section(tmp_path: Path) -> None:
    """A | in a serial is written so that the record still has three sections, and reads back as it was."""
    with exported_day(tmp_path) as park:
        text = (park.home / "gateway.toml").read_text(encoding="utf-8")
        park.configure(text.replace('profile = "eastron-sdm630"', 'profile = "eastron-sdm630"\nserial = "12|34"'))
        for step in (STEPS + 1, STEPS + 2):
            park.read_at(DAY_START_S + 900 * step)
        found = [read_strictly(line, public_key(park)) for line in _lines(park, tmp_path)]
    assert "12|34" in [one["MS"] for one in found]


def _lines(park: SmallPark, folder: Path) -> list[str]:
    (path,) = write(park, "ocmf", folder / "day.ocmf")
    return path.read_text(encoding="ascii").splitlines()


def test_the_key_is_made_by_the_command(tmp_path: Path) -> None:
    """`keys new --ocmf` makes a P-256 key apart from the gateway's own; a second time it refuses."""
    (tmp_path / "gateway.toml").write_text("", encoding="utf-8")
    asked = ["--home", str(tmp_path), "keys", "new", "--ocmf", "--json"]
    first = CliRunner().invoke(main, asked)
    assert first.exit_code == 0, first.output
    path = tmp_path / "keys" / "ocmf" / "readings.key"
    assert json.loads(first.output)["file"] == str(path)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    assert not (tmp_path / "keys" / "gateway.key").exists()
    assert CliRunner().invoke(main, asked).exit_code == 1
