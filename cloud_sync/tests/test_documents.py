"""Documents as a person enters them: files in, signed rows out, all mistakes at once, voids instead of deletions."""

import json
import sqlite3
from pathlib import Path

import pytest

from cloud_sync.keys import new_key
from cloud_sync.platform.ledger import Ledger
from cloud_sync.tests.test_platform_cli import SETTINGS, answer, call

TOML = """
[[document]]
kind = "activity"
park = "Demo park"
period = "2026-03"
carrier = "natural gas"
quantity = "12.5"
unit = "1e4 Nm3"
use = "fuel"
paper = "invoice 0331"

[[document]]
kind = "certificate"
park = "Demo park"
period = "2026-02"
operation = "bought"
count = "120"
number = "GEC-2026-02-000001"
paper = "contract 7"
"""
CSV = "kind,park,period,carrier,quantity,unit,use,paper\nactivity,Demo park,2026,烟煤,200,t,fuel,磅单 12\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A platform's home folder with its key and an empty ledger."""
    new_key(tmp_path / "keys" / "platform.key")
    (tmp_path / "platform.toml").write_text(SETTINGS)
    Ledger(tmp_path / "ledger.sqlite").close()
    return tmp_path


def written(home: Path, text: str, name: str = "new.toml") -> str:
    """Write *text* to a file and return its path."""
    (home / name).write_text(text, encoding="utf-8")
    return str(home / name)


def test_documents_of_toml_and_csv_become_numbered_rows(home: Path) -> None:
    """Rows of both kinds of files are numbered in order, listed with all their fields, and found whole by verify."""
    assert answer(home, "document", "add", written(home, TOML))["numbers"] == [1, 2]
    assert answer(home, "document", "add", written(home, CSV, "new.csv"))["numbers"] == [3]
    found = answer(home, "document", "list")["documents"]
    assert [one["number"] for one in found] == [1, 2, 3]
    assert found[2]["fields"]["carrier"] == "烟煤" and found[2]["fields"]["paper"] == "磅单 12"
    checked = answer(home, "verify")
    assert checked["documents"] == 3 and checked["problems"] == []


def test_document_can_be_given_on_the_command_line(home: Path) -> None:
    """One document needs no file."""
    pairs = ["kind=offset", "park=P", "period=2026", "number=CCER-9", "co2=12", "paper=a"]
    options = [part for pair in pairs for part in ("--with", pair)]
    assert answer(home, "document", "add", *options)["numbers"] == [1]
    assert call(home, "document", "add").exit_code == 2


def test_all_mistakes_of_a_file_are_told_at_once_and_nothing_is_entered(home: Path) -> None:
    """Each wrong field is named with its place; one wrong row keeps the whole file out."""
    text = TOML + (
        '[[document]]\nkind = "activity"\npark = "P"\nperiod = "2026-13"\ncarrier = "oil"\nquantity = "-1"\n'
        'unit = "t"\nuse = "burnt"\n'
        '[[document]]\nkind = "activity"\npark = "P"\nperiod = "2026"\ncarrier = "plutonium"\nquantity = "1"\n'
        'unit = "t"\nuse = "fuel"\npaper = "x"\n'
        '[[document]]\nkind = "activity"\npark = "P"\nperiod = "2026"\ncarrier = "天然气"\nquantity = "1"\n'
        'unit = "m3"\nuse = "fuel"\npaper = "x"\n'
        '[[document]]\nkind = "certificate"\npark = "P"\nperiod = "2026"\noperation = "cancelled"\ncount = "1.5"\n'
        'number = "a"\npaper = "x"\n[[document]]\nkind = "rumour"\n'
    )
    result = call(home, "document", "add", written(home, text))
    assert result.exit_code == 1
    for code in ("WP-PLT-075", "WP-PLT-078", "WP-ACC-066", "WP-PLT-079", "WP-PLT-080", "WP-PLT-087", "WP-CFG-003"):
        assert code in result.stderr
    assert "document[2].period" in result.stderr and "document[6].kind" in result.stderr
    assert answer(home, "document", "list")["documents"] == []


def test_same_certificate_or_invoice_is_entered_once(home: Path) -> None:
    """A file entered twice is refused with the number of the row that stands, also after a part of it was voided."""
    path = written(home, TOML)
    answer(home, "document", "add", path)
    again = call(home, "document", "add", path)
    assert again.exit_code == 1 and again.stderr.count("WP-PLT-081") == 2
    answer(home, "document", "void", "1", "--reason", "wrong month")
    assert call(home, "document", "add", path).stderr.count("WP-PLT-081") == 1


def test_void_is_a_further_row_and_the_voided_one_stays(home: Path) -> None:
    """What was voided is out of the list, stays among all rows with the row that voids it, and is not voided twice."""
    answer(home, "document", "add", written(home, TOML))
    assert answer(home, "document", "void", "1", "--reason", "typed twice")["number"] == 3
    assert [one["number"] for one in answer(home, "document", "list")["documents"]] == [2]
    every = answer(home, "document", "list", "--all")["documents"]
    assert [(one["number"], one["kind"], one["voided_by"]) for one in every] == [
        (1, "activity", 3), (2, "certificate", None), (3, "void", None)
    ]  # fmt: skip
    assert every[2]["fields"]["reason"] == "typed twice"
    for number in ("1", "3", "9"):
        assert "WP-PLT-082" in call(home, "document", "void", number, "--reason", "x").stderr


def test_changed_document_does_not_verify(home: Path) -> None:
    """A row whose body was changed from outside breaks the chain; a signature that was exchanged does not hold."""
    answer(home, "document", "add", written(home, TOML))
    with sqlite3.connect(home / "documents.sqlite") as connection:
        connection.execute("UPDATE document SET signature = (SELECT signature FROM document WHERE number = 1)")
    codes = [one["code"] for one in answer(home, "verify", code=1)["problems"]]
    assert codes == ["WP-PLT-086"]
    with sqlite3.connect(home / "documents.sqlite") as connection:
        connection.execute("UPDATE document SET body = (SELECT body FROM document WHERE number = 2) WHERE number = 1")
    codes = [one["code"] for one in answer(home, "verify", code=1)["problems"]]
    assert codes == ["WP-PLT-085"]


def test_documents_can_be_entered_while_the_platform_holds_the_ledger(home: Path) -> None:
    """The ledger's one writer does not keep documents out."""
    ledger = Ledger(home / "ledger.sqlite")
    try:
        assert answer(home, "document", "add", written(home, TOML))["numbers"] == [1, 2]
    finally:
        ledger.close()


@pytest.mark.parametrize(
    "text, name", [("", "a.toml"), ("kind,park\n", "a.csv"), ("a,b\n1\n", "b.csv"), ("x", "a.txt")]
)
def test_file_without_documents_is_refused(home: Path, text: str, name: str) -> None:
    """An empty file, a header alone, ragged rows and a file of another kind end with a message, not a traceback."""
    result = call(home, "document", "add", written(home, text, name))
    assert result.exit_code == 1 and "WP-" in result.stderr


def test_commands_speak_chinese(home: Path) -> None:
    """In Chinese the answer of `document void` is Chinese."""
    answer(home, "document", "add", written(home, TOML))
    said = call(home, "document", "void", "1", "--reason", "x", lang="zh").stdout
    assert "作废" in said
    assert json.loads(call(home, "document", "list", "--json", lang="zh").stdout)["documents"][0]["number"] == 2
