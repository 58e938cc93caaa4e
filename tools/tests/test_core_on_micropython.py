"""The cores run alike on CPython and on a real MicroPython."""

import sys
from pathlib import Path

from tools import core_on_micropython as core

GOOD = '''"""A module that passes."""


def test_one():
    """One is one."""
    assert 1 == 1


def vectors():
    """Give some bytes."""
    return [b"wattproof"]
'''


def house(folder: Path, source: str, name: str = "test_made.py") -> Path:
    """Lay out a project with one core test module holding *source*."""
    tests = folder / "gateway" / "tests" / "core"
    tests.mkdir(parents=True)
    for package in (folder / "gateway", folder / "gateway" / "tests", tests):
        (package / "__init__.py").write_text('"""A package."""\n')
    (tests / name).write_text(source)
    return folder


def test_both_cores_pass_on_both_interpreters() -> None:
    """All core tests pass on CPython and on MicroPython, with the same bytes, and mpy-cross reads all core modules."""
    lines, problems = core.examine()
    assert problems == []
    assert any(line.startswith("MicroPython:") for line in lines)


def test_vectors_reach_both_cores() -> None:
    """At least five modules, of both cores, give bytes that both interpreters must agree on."""
    outcome = core.run_tests([sys.executable], core.test_modules())
    assert len(outcome.digests) >= 5
    assert {name.split(".")[0] for name in outcome.digests} == {"gateway", "cloud_sync"}


def test_a_passing_module_is_counted(tmp_path: Path) -> None:
    """A module that passes on both interpreters adds its tests and no problem."""
    lines, problems = core.examine(house(tmp_path, GOOD))
    assert problems == []
    assert lines[0].endswith("1 core tests passed")


def test_a_failing_test_is_told(tmp_path: Path) -> None:
    """A test that fails is a problem that names the function."""
    _, problems = core.examine(house(tmp_path, GOOD.replace("1 == 1", "1 == 2")))
    assert any("FAIL gateway.tests.core.test_made.test_one" in problem for problem in problems)


def test_no_tests_is_a_failure(tmp_path: Path) -> None:
    """A house without core tests has not been proven."""
    _, problems = core.examine(house(tmp_path, GOOD, "notes.py"))
    assert problems == ["no core test was found"]


def test_a_module_only_one_interpreter_knows_is_told(tmp_path: Path) -> None:
    """An import that MicroPython lacks is a problem although CPython passes."""
    _, problems = core.examine(house(tmp_path, GOOD.replace("def test_one", "import dataclasses\n\n\ndef test_one")))
    assert any("dataclasses" in problem for problem in problems) or core.micropython() is None


def test_other_bytes_are_told(tmp_path: Path) -> None:
    """Vectors that differ between the interpreters are a problem."""
    source = GOOD.replace('b"wattproof"', "sys.implementation.name.encode()").replace(
        "def test_one", "import sys\n\n\ndef test_one"
    )
    _, problems = core.examine(house(tmp_path, source))
    assert any("different bytes" in problem for problem in problems) or core.micropython() is None


def test_what_mpy_cross_refuses_is_told(tmp_path: Path) -> None:
    """Syntax that MicroPython does not have is refused before it runs anywhere."""
    file = tmp_path / "modern.py"
    file.write_text("match 1:\n    case 1:\n        pass\n")
    assert len(core.compile_core([file])) == 1
