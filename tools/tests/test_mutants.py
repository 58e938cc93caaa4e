"""The count of unnoticed changes bites: weak tests let mutants live, strong ones do not, and a rerun says the same."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.core_on_micropython import ROOT
from tools.mutants.making import changed, difference, mutants_of
from tools.mutants.score import equivalents, interval, spread

CORE = '''"""A meter's price."""

LIMIT = 3


def price(wh: int, rate: int = 2) -> int:
    """Return what *wh* cost, past the limit at one more each."""
    assert wh >= 0
    if wh > LIMIT:
        return wh * rate + (wh - LIMIT)
    return wh * rate


def digits(number: int) -> int:
    """Count the decimal digits."""
    count = 0
    while number:
        number = number // 10
        count += 1
    return count
'''
WEAK = '''"""Weak tests."""

from park.core.price import digits, price


def test_price():
    assert price(1) == 2
    assert digits(5) == 1
'''
STRONG = (
    WEAK
    + """

def test_prices_about_the_limit():
    assert [price(wh) for wh in (0, 2, 3, 4, 9)] == [0, 4, 6, 9, 24]
    assert [price(wh, 5) for wh in (1, 4)] == [5, 21]
    assert [digits(number) for number in (0, 9, 10, 99, 100)] == [0, 1, 2, 2, 3]
"""
)
BY_PYTEST = '''"""A test that needs pytest."""

import pytest

from park.core.price import price


@pytest.mark.parametrize(("wh", "asked"), [(2, 4), (3, 6), (4, 9), (9, 24)])
def test_price(wh, asked):
    assert price(wh) == asked
'''


def park(folder: Path, tests: str) -> Path:
    """Write a checkout with one module and *tests* of it."""
    for place, text in {
        "park/__init__.py": "",
        "park/core/__init__.py": "",
        "park/core/price.py": CORE,
        "park/tests/__init__.py": "",
        "park/tests/core/__init__.py": "",
        "park/tests/core/test_price.py": tests,
    }.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    return folder


def measure(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the answer of a run on *folder*."""
    command = [sys.executable, "-m", "tools.mutants", "--root", str(folder), "--core", "park/core", "--json"]
    command += ["--tests", "park/tests/core", "--others", "park/tests", "--patience", "0.1", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, json.loads(run.stdout)


def test_weak_tests_let_mutants_live_and_strong_ones_kill_them(tmp_path: Path) -> None:
    """One planted pair of tests leaves a quarter and more alive, at the limit first; the other notices every change."""
    code, weak = measure(park(tmp_path, WEAK), "--plain", "--least", "90")
    assert code == 1
    assert weak["score"] < 0.75
    assert weak["tried"] == weak["mutants"] == weak["killed"] + weak["timed_out"] + weak["survived"]
    alive = {(one["place"], one["change"]) for one in weak["survivors"]}
    assert ("park/core/price.py:9", "-    if wh > LIMIT:\n+    if (wh >= LIMIT):") in alive
    assert ("park/core/price.py:3", "-LIMIT = 3\n+LIMIT = (4)") in alive
    code, strong = measure(park(tmp_path, STRONG), "--plain", "--least", "90")
    assert code == 0
    # At the limit itself both sides of the comparison give the same price: the one change that nobody can see.
    assert [one["change"] for one in strong["survivors"]] == ["-    if wh > LIMIT:\n+    if (wh >= LIMIT):"]
    assert strong["timed_out"] >= 1  # A loop that never ends is noticed too.


def test_what_is_known_to_change_nothing_is_counted_apart(tmp_path: Path) -> None:
    """A mutant of the reviewed list is neither noticed nor alive, and one without a reason is refused."""
    folder = park(tmp_path, STRONG)
    _, before = measure(folder, "--plain")
    (one,) = before["survivors"]
    listed = folder / "tools/mutants/equivalent.toml"
    listed.parent.mkdir(parents=True)
    text = '[[equivalent]]\nid = "%s"\nplace = "x"\nchange = "x"\nreason = "%s"\n'
    listed.write_text(text % (one["id"], "both sides agree at the limit"), encoding="utf-8")
    _, after = measure(folder, "--plain")
    assert (after["score"], after["equivalent"], after["survived"]) == (1.0, 1, 0)
    assert after["tried"] == before["tried"] - 1
    listed.write_text(text % (one["id"], " "), encoding="utf-8")
    with pytest.raises(ValueError, match="reason"):
        equivalents(listed)


def test_tests_that_need_pytest_are_a_second_chance_and_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    """What the plain tests miss, those of pytest may notice; results that were kept are not found again."""
    folder = park(tmp_path, WEAK)
    (folder / "park/tests/test_prices.py").write_text(BY_PYTEST, encoding="utf-8")
    asked = ["--sample", "6", "--seed", "3"]
    _, plain = measure(folder, "--plain", *asked)
    _, both = measure(folder, *asked)
    assert both["survived"] < plain["survived"]
    kept = folder / ".mutants/results.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6 + plain["survived"]  # What was noticed once is not tried again.
    by_pytest = [one["id"] for one in map(json.loads, lines) if one["by"] == "park/tests/test_prices.py"]
    assert len(by_pytest) == plain["survived"] - both["survived"]
    kept.write_text("\n".join(lines[:5]) + "\n" + lines[5][:20], encoding="utf-8")
    _, resumed = measure(folder, *asked)
    assert resumed == both
    _, replayed = measure(folder, "--id", by_pytest[0])
    assert (replayed["tried"], replayed["killed"], len(replayed["survivors"])) == (1, 1, 1)


def test_a_mutant_changes_its_own_place_alone() -> None:
    """Every mutant of a module with many kinds of them compiles, and leaves the lines around it where they were."""
    place = "gateway/core/meter/modbus.py"
    source = (ROOT / place).read_text(encoding="utf-8")
    mutants = mutants_of(place, source)
    assert {one.operator for one in mutants} >= {"compare", "compute", "constant", "drop", "return", "and/or", "sign"}
    for mutant in mutants[::5]:
        text = changed(source, mutant)
        compile(text, place, "exec")
        before, after = source.split("\n"), text.split("\n")
        assert len(before) == len(after)
        told = [index for index in range(len(before)) if before[index] != after[index]]
        assert told and mutant.start[0] - 1 <= told[0] and told[-1] <= mutant.end[0] - 1, mutant
        assert difference(source, mutant)


def test_every_mutant_has_a_name_of_its_own_that_outlives_moved_lines() -> None:
    """Lines put in above change no id; the changes of one line differ in theirs."""
    first = mutants_of("park/core/price.py", CORE)
    moved = mutants_of("park/core/price.py", CORE.replace("LIMIT = 3", "\n\nLIMIT = 3"))
    assert [one.id for one in moved] == [one.id for one in first]
    assert len({one.id for one in first}) == len(first)
    assert {one.line for one in moved} == {one.line + 2 for one in first}


def test_what_is_reviewed_is_still_there() -> None:
    """Each mutant of the list of those that change nothing is one of the code as it stands."""
    listed = tomllib.loads((ROOT / "tools/mutants/equivalent.toml").read_text(encoding="utf-8"))["equivalent"]
    for place in sorted({one["place"] for one in listed}):
        known = {one.id for one in mutants_of(place, (ROOT / place).read_text(encoding="utf-8"))}
        assert {one["id"] for one in listed if one["place"] == place} <= known, place


def test_the_interval_is_that_of_wilson() -> None:
    """Worked values of the literature: none, all and half of ten; and 81 of 263 (Newcombe 1998: 0.2553 to 0.3662)."""
    asked = {(0, 10): (0.0, 0.2775), (10, 10): (0.7225, 1.0), (5, 10): (0.2366, 0.7634), (81, 263): (0.2553, 0.3662)}
    for (noticed, tried), ends in asked.items():
        assert interval(noticed, tried) == pytest.approx(ends, abs=0.00006)


def test_a_sample_meets_all_modules_and_is_the_same_for_the_same_seed() -> None:
    """One mutant from each of equal stretches, drawn by the seed."""
    mutants = mutants_of("park/core/price.py", CORE)
    assert len(mutants) > 20
    sample = spread(mutants, 10, 1)
    assert len(set(sample)) == 10 and sample == sorted(sample, key=mutants.index)
    assert sample == spread(mutants, 10, 1) != spread(mutants, 10, 2)
    assert spread(mutants, 0, 1) == spread(mutants, 10**6, 1) == mutants
