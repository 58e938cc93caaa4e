"""Writes docs/bus-faults.md and docs/faults.md, every fault with its tests; `--check` fails where they are behind."""

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

from tools.faults import BUS_FAULTS, GATEWAY_FAULTS, PEOPLE_FAULTS, ROAD_FAULTS
from tools.messages import ROOT

FOLDERS = ("hil_tests", "gateway/tests", "cloud_sync/tests", "tools/tests")
FAULTS = {**BUS_FAULTS, **GATEWAY_FAULTS, **ROAD_FAULTS, **PEOPLE_FAULTS}
_NAME = re.compile(r"test_fault_((?:[a-i]\d\d_)+)\w+")

OPENING = """# Faults of bus and meter

This page is written by `make fault-table` from the tests; change the tests, not the page.

Every fault that a bus or a meter can show has tests of its name. They run the gateway's own Poll, Line and Settlement:
most in simulated time (`hil_tests/simulated_line.py`), some on pseudo-terminals at true line time. All of them together
are mixed in the [hostile polls](benchmarks.md#hostile-lines).

## What tells a wrong answer

Modbus RTU answers carry no number. An answer is believed only when all of this holds:

1. Unit, function, length and check sum are those of the question, with no more than four bytes of noise around.
2. It was not complete before its characters could pass over the wire.
3. No other answer of its length can be under way. After a question that was not answered, the meter is left alone for
   two seconds or longer; for ten seconds its reads are of another length than the one that is missing, or wait.
4. It is not the last answer to another question, come again within half a second.
5. After a start, nothing is asked for two seconds: a process that ran before may be owed an answer.
6. An energy register neither falls nor rises faster than its connection carries (`max_power`); the serial number, where
   the site names one, is the right one.

## What this cannot tell

- A check sum of 16 bits lets one garble in 65,536 through, and hardly any with up to eight flipped bits. Energy
  registers are then still held to 6; a voltage or a power is not.
- An answer that comes more than ten seconds late, or more than two seconds late to a process that died meanwhile, or a
  second time after half a second, passes where a read of its length is being asked of its meter at that moment. It is
  then mostly a value of the same registers, only older.
- An answer that a meter gives to another master, or to nobody, between the last answer on the wire and its own: where
  it is as long as the one asked for, it passes. It too holds the meter's registers; one bus has one master.
- An energy register that is garbled upwards by less than its connection carries in half a minute is believed until the
  next reading. Sums are differences of registers, so the next interval takes back what was too much, or is flagged `D`.
- A register whose unit or word order changes, or that stands still, is told as an event (`register-scale`,
  `register-stuck`, `register-direction`), never corrected.

"""
OPENING_OF_ALL = """# The catalogue of faults

This page is written by `make fault-table` from the tests; change the tests, not the page.

What a gateway meets in years of field work, by where it comes from: the process and the machine (C), the card (D), the
clock (E), the network and the broker (F), the platform (G), people (H), attackers (I). What a bus and its meters do (A
and B) has [a page of its own](bus-faults.md). A row says which tests show what becomes of it, or that there is none.
"""


class Page(NamedTuple):
    """One page of faults: where it lies, how it opens, and the faults that it lists."""

    path: Path
    opening: str
    faults: dict[str, str]


BUS_PAGE = Page(ROOT / "docs" / "bus-faults.md", OPENING, BUS_FAULTS)
WHOLE_PAGE = Page(ROOT / "docs" / "faults.md", OPENING_OF_ALL, {**GATEWAY_FAULTS, **ROAD_FAULTS, **PEOPLE_FAULTS})
PAGES = (BUS_PAGE, WHOLE_PAGE)


class Proof(NamedTuple):
    """One test of a fault, and the fact that it proves."""

    fault: str
    place: str
    name: str
    fact: str


def proofs(folders: tuple[Path, ...]) -> list[Proof]:
    """Return every test that is named after a fault, in the order of files and lines."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and (match := _NAME.fullmatch(node.name)):
                    fact = " ".join((ast.get_docstring(node) or "").split())
                    place = str(path.relative_to(ROOT))
                    found += [Proof(fault, place, node.name, fact) for fault in match[1].upper().split("_")[:-1]]
    return found


def page(which: Page, found: list[Proof]) -> str:
    """Return the text of a page."""
    unknown = {proof.fault for proof in found} - set(FAULTS)
    if unknown:
        raise SystemExit("tests of faults that are not in the table: %s" % ", ".join(sorted(unknown)))
    lines = [which.opening.rstrip(), "", "## The tests", "", "| | fault | proven by | fact |", "|---|---|---|---|"]
    open_faults = []
    for fault, text in which.faults.items():
        own = [proof for proof in found if proof.fault == fault]
        if not own:
            open_faults.append(fault)
            lines.append("| %s | %s | **no test** | |" % (fault, text))
        for proof in own:
            test = "[`%s`](../%s)" % (proof.name.removeprefix("test_fault_"), proof.place)
            lines.append("| %s | %s | %s | %s |" % (fault, text, test, proof.fact.replace("|", "\\|")))
    lines += ["", "Tested: %d of %d faults." % (len(which.faults) - len(open_faults), len(which.faults))]
    if open_faults:
        lines[-1] += " Without a test: %s." % ", ".join(open_faults)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is behind")
    check = parser.parse_args().check
    found = proofs(tuple(ROOT / folder for folder in FOLDERS))
    behind = 0
    for which in PAGES:
        wanted = page(which, found)
        if not check:
            which.path.write_text(wanted, encoding="utf-8")
        elif not which.path.exists() or which.path.read_text(encoding="utf-8") != wanted:
            behind = 1
            where = which.path.relative_to(ROOT)
            print("%s is behind the tests: run `make fault-table`" % where, file=sys.stderr)
    return behind


if __name__ == "__main__":
    sys.exit(main())
