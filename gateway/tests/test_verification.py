"""Tests of export and verify: what holds is proven offline, and whatever is changed is found and named."""

import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.core.canonical import decode, encode
from cloud_sync.keys import load_public, load_signer
from gateway.core.problem import ProblemError
from gateway.core.record import Account, Amendment, from_map, to_map
from gateway.export import read_frames, write_export
from gateway.recompute import Recomputation
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark
from gateway.verification import verify_export

STEP_S = 900


def _some_intervals(park: SmallPark, first: int, count: int) -> None:
    for number in range(first, first + count):
        park.read_at(DAY_START_S + number * STEP_S)
        park.count("m-intake", "energy_active_import", 12_000)
        park.count("m-roof", "energy_active_export", 1_100 + number)
        park.count("m-mill", "energy_active_import", 500)
        park.count("m-battery", "energy_active_import", 200)


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, Path]:
    """An export of six intervals with a gap, a silent meter that came back, and a restart; and the public keys."""
    home = tmp_path / "home"
    home.mkdir()
    park = SmallPark(home)
    _some_intervals(park, 0, 3)
    park.silent = {"m-mill"}
    _some_intervals(park, 3, 1)
    park.clock.now_ms += 60_000
    park.recorder.close_due()
    park.silent = set()
    _some_intervals(park, 4, 1)
    park.close()
    park.open()
    _some_intervals(park, 7, 2)
    park.receipt()
    path = tmp_path / "day.wpx"
    answer = write_export(park.configuration, park.journal, DAY, str(path))
    park.close()
    assert answer["intervals"] == 8 and answer["receipted"]
    keys = tmp_path / "auditor"
    keys.mkdir()
    for name in ("gateway", "platform"):
        (keys / (name + ".pub")).write_text(load_public(home / "keys" / (name + ".pub")).pem())
    return path, keys


def test_an_export_proves_itself_with_public_keys_alone(exported: tuple[Path, Path]) -> None:
    """Every figure follows from the registers, through a gap, late truth and a restart."""
    answer = verify_export(*exported)
    assert answer["intervals"] == 8
    assert answer["amendments"] == 1
    energies = {row["meter_point"]: (row["import_wh"], row["export_wh"]) for row in answer["energies"]}
    # SDM630 counts here in 0.001 kWh, SUN2000 and ADW300 in 0.01 kWh, DTSU666 in 0.001 kWh times 200/5.
    assert energies["Intake"] == (6 * 12_000, 0)
    assert energies["Mill"] == (6 * 500 * 40, 0)
    assert energies["Roof"] == (0, sum(1_100 + n for n in (0, 1, 2, 3, 4, 7)) * 10)


def test_any_changed_byte_is_found_and_named(exported: tuple[Path, Path]) -> None:
    """Whatever byte of an export is changed, verify fails and names an entry."""
    path, keys = exported
    raw = path.read_bytes()
    seed = 7
    print("seed", seed)
    chance = random.Random(seed)
    places = sorted({*range(64), *range(len(raw) - 64, len(raw)), *chance.sample(range(len(raw)), 150)})
    changed = path.with_name("changed.wpx")
    for place in places:
        bits = chance.randrange(1, 256)
        changed.write_bytes(raw[:place] + bytes([raw[place] ^ bits]) + raw[place + 1 :])
        with pytest.raises(ProblemError) as caught:
            verify_export(changed, keys)
        where = caught.value.problems[0].where
        assert "entr" in where or (place < 64 and "byte 0" in where), (place, where)


def test_a_changed_record_is_named_by_its_own_sequence(exported: tuple[Path, Path]) -> None:
    """A byte inside one record is found in that very entry."""
    path, keys = exported
    raw = path.read_bytes()
    place = raw.index(b"Mill", raw.index(b"flow")) + 1
    path.write_bytes(raw[:place] + b"I" + raw[place + 1 :])
    with pytest.raises(ProblemError) as caught:
        verify_export(path, keys)
    assert caught.value.problems[0].where.startswith("entry ")
    assert caught.value.problems[0].code == "WP-EXP-010"


@pytest.mark.parametrize(
    ("field", "figure"),
    [
        ("energies", "the energy"),
        ("allocations", "the trace"),
        ("residuals", "the balance residual"),
        ("tallies", "the tally"),
        ("pools_after", "the content of the storage"),
        ("pools_before", "the content of the storage before the interval"),
        ("seed", "the interval's root or completeness"),
    ],
)
def test_a_figure_that_does_not_follow_is_named(exported: tuple[Path, Path], field: str, figure: str) -> None:
    """A gateway that signs a wrong figure is caught, although its signature holds."""
    from gateway.export import ENTRY, read_frames

    recomputation = Recomputation()
    forged = 0
    for frame in read_frames(exported[0]):
        if frame.kind != ENTRY:
            continue
        sequence, _, _, body = frame.fields
        record = from_map(decode(body))  # type: ignore[arg-type]
        if isinstance(record, Account) and recomputation.accounts and not forged:
            forged = sequence
            value = getattr(record, field)
            other = b"\x00" * 32 if field == "seed" else _grown(value)
            body = encode(to_map(record._replace(**{field: other})))
        recomputation.take(sequence, body)
    named = [(one.where, one.values.get("figure")) for one in recomputation.problems]
    assert ("entry %d" % forged, figure) in named


def _grown(rows: object) -> object:
    """Return *rows* with the first whole number in them one larger."""
    grown = False

    def grow(value: Any) -> Any:
        nonlocal grown
        if isinstance(value, tuple):
            parts = [grow(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        if isinstance(value, int) and not grown:
            grown = True
            return value + 1
        return value

    result = grow(rows)
    assert grown
    return result


def test_a_missing_public_key_is_told(exported: tuple[Path, Path]) -> None:
    """Without the gateway's public key the signature cannot hold, and the message says where to put it."""
    path, keys = exported
    (keys / "gateway.pub").unlink()
    with pytest.raises(ProblemError) as caught:
        verify_export(path, keys)
    assert caught.value.problems[0].code == "WP-EXP-012"
    assert "--keys" in caught.value.problems[0].hint


def _rewritten(path: Path, left_out: int) -> None:
    """Leave batch number *left_out* out of an export, with its entries, and put the counts at its end right."""
    from gateway.export import BATCH, END, ENTRY, HEADER, read_frames

    kept: list[bytes] = []
    entries: list[bytes] = []
    counts = [0, 0]
    number = others = 0
    for frame in read_frames(path):
        fields = frame.fields
        if frame.kind == END:
            fields = (*counts, others, sha256(b"".join(kept)).digest())
        item = encode([frame.kind, *fields])
        raw = len(item).to_bytes(4, "big") + item
        others += frame.kind not in (ENTRY, BATCH, END)
        if frame.kind == ENTRY:
            entries.append(raw)
        elif frame.kind == BATCH:
            if number != left_out:
                kept += [*entries, raw]
                counts = [counts[0] + len(entries), counts[1] + 1]
            entries = []
            number += 1
        else:
            assert frame.kind != HEADER or not kept
            kept.append(raw)
    path.write_bytes(b"".join(kept))


def test_fault_i03_an_interval_left_out_is_missed(exported: tuple[Path, Path]) -> None:
    """Whoever leaves out a batch with an interval of the day, and mends the counts, is found."""
    from gateway.export import BATCH, ENTRY, read_frames

    path, keys = exported
    batches = [0]
    accounts = []
    for frame in read_frames(path):
        if frame.kind == ENTRY and isinstance(from_map(decode(frame.fields[3])), Account):  # type: ignore[arg-type]
            accounts.append(batches[0])
        batches[0] += frame.kind == BATCH
    _rewritten(path, accounts[len(accounts) // 2])
    with pytest.raises(ProblemError) as caught:
        verify_export(path, keys)
    assert caught.value.problems[0].where.startswith("entry ")


def test_a_receipt_that_the_gateway_gave_itself_is_none(tmp_path: Path) -> None:
    """The key that signed the batches cannot give the platform's receipt."""
    park = SmallPark(tmp_path)
    _some_intervals(park, 0, 3)
    park.platform = load_signer(tmp_path / "keys" / "gateway.key")
    park.receipt()
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    park.close()
    with pytest.raises(ProblemError) as caught:
        verify_export(tmp_path / "day.wpx", tmp_path / "keys")
    assert "receipt" in caught.value.problems[0].where


@pytest.mark.parametrize("amends", [0, 10**6])
def test_an_amendment_of_another_account_is_named(exported: tuple[Path, Path], amends: int) -> None:
    """Late truth must point to the account of its own interval; what does not rest on it then does not follow."""
    from gateway.export import ENTRY, read_frames

    recomputation = Recomputation()
    for frame in read_frames(exported[0]):
        if frame.kind == ENTRY:
            sequence, _, _, body = frame.fields
            record = from_map(decode(body))  # type: ignore[arg-type]
            if isinstance(record, Amendment):
                body = encode(to_map(record._replace(amends=amends)))
            recomputation.take(sequence, body)
    assert recomputation.problems[0].values.get("figure") == "the entry it amends"


@pytest.mark.parametrize("kind", [[], {}, None, "0", True, 99])
def test_a_frame_of_no_kind_is_named_as_damage(tmp_path: Path, kind: object) -> None:
    """Whatever stands in the place of a frame's kind, the file is told to be damaged there."""
    item = encode([kind, 1])
    path = tmp_path / "day.export"
    path.write_bytes(len(item).to_bytes(4, "big") + item)
    with pytest.raises(ProblemError) as caught:
        list(read_frames(path))
    assert [(one.code, one.where) for one in caught.value.problems] == [("WP-EXP-010", "byte 0 (after entry 0)")]
