"""The table of faults and their tests: every fault, every test, and what has none."""

import pytest

from tools.fault_table import FAULTS, FOLDERS, PAGE, Proof, page, proofs
from tools.messages import ROOT


def test_every_fault_has_a_row_and_what_has_no_test_is_said() -> None:
    """A fault without a test is listed as such; one with two tests has two rows."""
    found = [
        Proof("A01", "x/test_x.py", "test_fault_a01_one", "One."),
        Proof("A01", "x/test_x.py", "test_fault_a01_b", ""),
    ]
    rows = [line for line in page(found).splitlines() if line[:3] in ("| A", "| B")]
    assert len(rows) == len(FAULTS) + 1
    assert len([row for row in rows if "**no test**" in row]) == len(FAULTS) - 1
    assert rows[0].startswith("| A01 |") and rows[0].endswith("[`a01_one`](../x/test_x.py) | One. |")


def test_a_test_of_no_known_fault_is_refused() -> None:
    """A mistyped number is found rather than left out."""
    with pytest.raises(SystemExit, match="A99"):
        page([Proof("A99", "x/test_x.py", "test_fault_a99_one", "One.")])


def test_every_fault_is_proven_and_the_page_says_so() -> None:
    """Each fault of bus and meter has a test of its name with a fact in its docstring, and the page is up to date."""
    found = proofs(tuple(ROOT / folder for folder in FOLDERS))
    assert {proof.fault for proof in found} == set(FAULTS)
    assert all(proof.fact for proof in found)
    assert PAGE.read_text(encoding="utf-8") == page(found)
