"""The audit of a ledger: an honest one holds, and whatever is changed in it is found and located."""

from pathlib import Path

import pytest

from cloud_sync.core.batch import hole_of
from cloud_sync.core.entry import link
from cloud_sync.keys import KeyRing, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.ledger import Ledger
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, account, config, interval


@pytest.fixture
def told(platform: Platform, gateway: Gateway) -> Platform:
    """A platform that holds two chains of gw-1, with a hole, a branch and a conflict."""
    platform.say("gw-1", gateway.send(config(), interval(0, 60), account(0, 60, 7)))
    back = gateway.restarted(b"j" * 16)
    platform.say("gw-1", gateway.sealed(hole_of(gateway.batch(b"\x01", b"\x02"))))
    platform.say("gw-1", gateway.send(interval(60, 120), account(60, 120, 8)))
    platform.say("gw-1", back.send(interval(60, 120), account(60, 120, 9)))
    return platform


def found(platform: Platform, ring: KeyRing | None = None) -> list[tuple[str, str, dict[str, object]]]:
    """Return code, place and values of all that an audit of the file finds."""
    ledger = Ledger(platform.ledger.path, read_only=True)
    try:
        return [(one.code, one.where, one.values) for one in audit(ledger, ring or platform.ring).problems]
    finally:
        ledger.close()


def change(platform: Platform, *statements: str) -> None:
    """Edit the file as someone with a database shell would."""
    with platform.ledger.writing() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def test_an_honest_ledger_holds(told: Platform) -> None:
    """Two chains with a hole and a branch between them are checked without a finding, and counted."""
    ledger = Ledger(told.ledger.path, read_only=True)
    assert audit(ledger, told.ring) == (2, 4, 7, 4, ())
    ledger.close()


def test_a_changed_body_is_located(told: Platform) -> None:
    """The sequence of the entry is named, and the tables that no longer follow from it."""
    change(told, "UPDATE entry SET body = x'00' WHERE sequence = 3")
    codes = found(told)
    assert ("WP-PLT-031", "gw-1/69696969", {"sequence": 3}) in codes
    assert {values["table"] for code, _, values in codes if code == "WP-PLT-038"} >= {"energy", "unread"}


def test_a_change_with_all_links_made_again_is_found(told: Platform) -> None:
    """Links that fit a changed body still differ from what the gateway signed."""
    body = told.ledger.read("SELECT body FROM entry WHERE sequence = 7 AND incarnation = x'" + "69" * 16 + "'")[0][0]
    before = told.ledger.read("SELECT link FROM entry WHERE sequence = 6")[0][0]
    forged = body.replace(b"\x08", b"\x09")
    assert forged != body
    new = link(before, 7, forged)
    where = f"WHERE incarnation = x'{'69' * 16}'"
    change(
        told,
        f"UPDATE entry SET body = x'{forged.hex()}', link = x'{new.hex()}' {where} AND sequence = 7",
        f"UPDATE chain SET head_link = x'{new.hex()}' {where}",
    )
    assert ("WP-PLT-031", "gw-1/69696969", {"sequence": 7}) in found(told)


def test_a_missing_entry_is_located(told: Platform) -> None:
    """A row taken out is named by its sequence."""
    change(told, "DELETE FROM entry WHERE sequence = 2")
    assert ("WP-PLT-033", "gw-1/69696969", {"sequence": 2}) in found(told)


def test_a_chain_cut_short_contradicts_its_receipt(told: Platform) -> None:
    """Taking the last batch away with its entries leaves the receipt that was given for it."""
    i = "incarnation = x'" + "69" * 16 + "'"
    link = told.ledger.read("SELECT link FROM hole")[0][0]
    change(
        told,
        f"DELETE FROM entry WHERE {i} AND sequence >= 6",
        f"DELETE FROM batch WHERE {i} AND first_sequence = 6",
        f"UPDATE chain SET head_sequence = 5, head_link = x'{link.hex()}' WHERE {i}",
    )
    assert {code for code, _, _ in found(told)} >= {"WP-PLT-037", "WP-PLT-039"}


# Each column of the received tables, set to something else, with the finding that must name it.
EDITS = {
    "UPDATE chain SET first_sequence = first_sequence + 1": "WP-PLT-036",
    "UPDATE chain SET parent_link = zeroblob(32) WHERE parent_link <> zeroblob(32)": "WP-PLT-036",
    "UPDATE chain SET head_sequence = head_sequence + 1": "WP-PLT-033",
    "UPDATE chain SET head_sequence = head_sequence - 1": "WP-PLT-035",
    "UPDATE chain SET head_link = zeroblob(32)": "WP-PLT-032",
    "DELETE FROM chain": "WP-PLT-035",
    "UPDATE batch SET signed = zeroblob(9)": "WP-PLT-030",
    "UPDATE batch SET bucket = 'b1'": "WP-PLT-030",
    "UPDATE batch SET last_sequence = last_sequence + 1": "WP-PLT-030",
    "DELETE FROM batch": "WP-PLT-031",
    "UPDATE entry SET link = zeroblob(32)": "WP-PLT-031",
    "UPDATE entry SET projected = 1 - projected": "WP-PLT-038",
    "UPDATE hole SET link = zeroblob(32)": "WP-PLT-031",
    "UPDATE hole SET previous_link = zeroblob(32)": "WP-PLT-031",
    "DELETE FROM hole": "WP-PLT-033",
    "UPDATE receipt SET signed = zeroblob(9)": "WP-PLT-037",
    "UPDATE receipt SET at_ms = at_ms + 1": "WP-PLT-037",
    "DELETE FROM receipt": "WP-PLT-039",
    "UPDATE gateway SET public_key = 'none' WHERE name = 'gw-1'": "WP-PLT-030",
    "DELETE FROM gateway WHERE name = 'gw-1'": "WP-PLT-030",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_a_received_table_is_found(told: Platform, edit: str) -> None:
    """Whichever column of what was received is edited, the audit names the kind of harm."""
    change(told, edit)
    assert EDITS[edit] in {code for code, _, _ in found(told)}


def test_an_edit_of_any_figure_on_the_page_is_found(told: Platform) -> None:
    """Each table of the projection, emptied or with a row added to, no longer follows from the entries."""
    for table in ("point", "interval", "span", "energy", "allocation", "residual", "tally", "pool", "conflict"):
        change(told, f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})")
    tables = {values["table"] for code, _, values in found(told) if code == "WP-PLT-038"}
    assert tables == {"point", "interval", "span", "energy", "allocation", "residual", "tally", "pool", "conflict"}


def test_receipts_of_another_platform_are_found(told: Platform, tmp_path: Path) -> None:
    """Without the key they were signed with, no receipt is believed."""
    other = KeyRing([new_key(tmp_path / "other.key")])
    codes = found(told, other)
    assert [code for code, _, _ in codes] == ["WP-PLT-037"] * 4
