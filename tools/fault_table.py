"""Writes docs/bus-faults.md, every fault of bus and meter with its tests; `--check` fails where it is behind."""

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

from tools.messages import ROOT

PAGE = ROOT / "docs" / "bus-faults.md"
FOLDERS = ("hil_tests", "gateway/tests")
_NAME = re.compile(r"test_fault_([ab]\d\d)_\w+")

FAULTS = {
    "A01": "A late answer comes during the next question to the same meter",
    "A02": "An answer comes later than the line is left alone",
    "A03": "An answer with fewer registers than asked, its check sum good",
    "A04": "An answer of another unit id",
    "A05": "Noise before or behind an answer",
    "A06": "The question comes back as an echo",
    "A07": "A gap of 60 ms inside an answer",
    "A08": "One to eight flipped bits",
    "A09": "A stream of garbage",
    "A10": "Two meters with one address",
    "A11": "A meter answers with exceptions",
    "A12": "A meter is silent for days",
    "A13": "A meter sends a byte a second",
    "A14": "A node talks without end",
    "A15": "A wrong speed or parity",
    "A16": "No termination: bursts hit long answers",
    "A17": "The adapter vanishes and returns under another name",
    "A18": "The adapter never drives the line",
    "A19": "The process is killed between question and answer, and starts again",
    "A20": "A network gateway answers with an old transaction number",
    "A21": "Mangled frames reach every decoder",
    "B01": "A register rolls over",
    "B02": "A register is reset, or the meter exchanged",
    "B03": "A register steps back slightly",
    "B04": "A register jumps beyond what its connection carries",
    "B05": "A value of two words is torn while it counts",
    "B06": "The word order changes",
    "B07": "A register stands still while power flows",
    "B08": "A register holds what is no number",
    "B09": "Current transformers are reversed, or directions exchanged",
    "B10": "The meter's own clock is off, and its frozen values are of the wrong day",
    "B11": "Import and export both count in one interval",
    "B12": "A register counts in another unit than before",
    "B13": "A meter is away and counts on",
}

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
                    found.append(Proof(match[1].upper(), str(path.relative_to(ROOT)), node.name, fact))
    return found


def page(found: list[Proof]) -> str:
    """Return the whole page."""
    unknown = {proof.fault for proof in found} - set(FAULTS)
    if unknown:
        raise SystemExit("tests of faults that are not in the table: %s" % ", ".join(sorted(unknown)))
    lines = [OPENING.rstrip(), "", "## The tests", "", "| | fault | proven by | fact |", "|---|---|---|---|"]
    open_faults = []
    for fault, text in FAULTS.items():
        own = [proof for proof in found if proof.fault == fault]
        if not own:
            open_faults.append(fault)
            lines.append("| %s | %s | **no test** | |" % (fault, text))
        for proof in own:
            test = "[`%s`](../%s)" % (proof.name.removeprefix("test_fault_"), proof.place)
            lines.append("| %s | %s | %s | %s |" % (fault, text, test, proof.fact.replace("|", "\\|")))
    lines += ["", "Tested: %d of %d faults." % (len(FAULTS) - len(open_faults), len(FAULTS))]
    if open_faults:
        lines[-1] += " Without a test: %s." % ", ".join(open_faults)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is behind")
    wanted = page(proofs(tuple(ROOT / folder for folder in FOLDERS)))
    if not parser.parse_args().check:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    print("docs/bus-faults.md is behind the tests: run `make fault-table`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
