"""The table of faults and their tests: every fault, every test, and what has none."""

import pytest

from tools.fault_table import BUS_PAGE, FAULTS, FOLDERS, PAGES, Proof, page, proofs
from tools.faults import BUS_FAULTS
from tools.messages import ROOT


def test_every_fault_has_a_row_and_what_has_no_test_is_said() -> None:
    """A fault without a test is listed as such; one with two tests has two rows."""
    found = [
        Proof("A01", "x/test_x.py", "test_fault_a01_one", "One."),
        Proof("A01", "x/test_x.py", "test_fault_a01_b", ""),
    ]
    rows = [line for line in page(BUS_PAGE, found).splitlines() if line[:3] in ("| A", "| B")]
    assert len(rows) == len(BUS_FAULTS) + 1
    assert len([row for row in rows if "**no test**" in row]) == len(BUS_FAULTS) - 1
    assert rows[0].startswith("| A01 |") and rows[0].endswith("[`a01_one`](../x/test_x.py) | One. |")


def test_a_test_of_no_known_fault_is_refused() -> None:
    """A mistyped number is found rather than left out."""
    with pytest.raises(SystemExit, match="A99"):
        page(BUS_PAGE, [Proof("A99", "x/test_x.py", "test_fault_a99_one", "One.")])


def test_every_fault_of_the_bus_is_proven() -> None:
    """Each fault of bus and meter has a test of its name."""
    found = proofs(tuple(ROOT / folder for folder in FOLDERS))
    assert {proof.fault for proof in found} >= set(BUS_FAULTS)


def test_pages_say_what_the_tests_say() -> None:
    """Every test named after a fault has its fact in its docstring, and the pages are up to date."""
    found = proofs(tuple(ROOT / folder for folder in FOLDERS))
    assert all(proof.fact for proof in found)
    for which in PAGES:
        assert which.path.read_text(encoding="utf-8") == page(which, found)


def test_catalogue_has_144_faults() -> None:
    """21 of the bus, 13 of the meter, 18, 20, 14, 16, 10, 12 and 20 of what is beyond."""
    count = [len([fault for fault in FAULTS if fault[0] == family]) for family in "ABCDEFGHI"]
    assert count == [21, 13, 18, 20, 14, 16, 10, 12, 20]
