"""The ground of a run: which modules are changed, which tests watch them, and which lines each of them runs."""

import ast
import contextlib
import hashlib
import importlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from tools.core_on_micropython import CORES, ROOT, TESTS

# Where the other tests lie that may notice what the tests of the cores do not.
OTHERS = ("gateway/tests", "cloud_sync/tests", "device_profiles")


class Ground(NamedTuple):
    """A checkout, its folders of modules to change, of their plain tests, and of other tests."""

    root: Path = ROOT
    cores: tuple[str, ...] = CORES
    tests: tuple[str, ...] = TESTS
    others: tuple[str, ...] = OTHERS

    def core_files(self) -> list[str]:
        """The modules to change, by their place in the checkout."""
        return self.files(self.cores, "*.py")

    def other_files(self) -> list[str]:
        """The other tests, which need pytest."""
        return [place for place in self.files(self.others, "test_*.py") if not place.startswith(self.tests)]

    def source(self, place: str) -> str:
        """The text of a module."""
        return (self.root / place).read_text(encoding="utf-8")

    def packages(self) -> tuple[str, ...]:
        """The names of the outermost packages that are imported anew where a whole module is changed."""
        return tuple(sorted({folder.split("/")[0] for folder in self.cores + self.tests}))

    def fingerprint(self) -> str:
        """A name for the modules and their tests as they are now: a figure holds for these alone."""
        total = hashlib.sha256(sys.version.encode())
        for place in self.core_files() + self.files(self.tests, "*.py") + self.other_files():
            total.update(place.encode() + b"\0" + (self.root / place).read_bytes() + b"\0")
        return total.hexdigest()[:12]

    def files(self, folders: tuple[str, ...], pattern: str) -> list[str]:
        """The places in *folders* that fit *pattern*."""
        found = {file for folder in folders for file in (self.root / folder).rglob(pattern)}
        return sorted(str(file.relative_to(self.root)) for file in found)


class Test(NamedTuple):
    """One plain test."""

    module: str
    name: str


class Lines(NamedTuple):
    """Which tests run a line, and at what price."""

    cost_s: dict[Test, float]  # of its own processor time, under the eye of the tracer
    tests: dict[tuple[str, int], list[Test]]  # (place, line): those that run it, cheapest first
    importing: dict[tuple[str, int], list[str]]  # the test modules that run it while they are imported
    at_import: frozenset[tuple[str, int]]  # run while the cores themselves are imported
    reached: dict[str, list[str]]  # core module: test modules that import it, if through others


def dotted(place: str) -> str:
    """Return the name under which the module at *place* is imported."""
    return ".".join(Path(place).with_suffix("").parts)


def lines_of(code: CodeType) -> int:
    """Return how many lines *code* has."""
    return len({line for _, _, line in code.co_lines() if line})


class Watch:
    """Notes the lines of some files that run."""

    def __init__(self, places: dict[str, str]) -> None:
        """Watch the files that *places* names: file name to place."""
        self._places = places
        self._counts: dict[CodeType, int] = {}
        self._seen: dict[CodeType, set[int]] = {}

    def _called(self, frame: FrameType, _event: str, _value: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_filename not in self._places:
            return None
        seen = self._seen.setdefault(code, set())
        if code not in self._counts:
            self._counts[code] = lines_of(code)
        if len(seen) >= self._counts[code]:
            return None
        seen.add(frame.f_lineno)

        def step(frame: FrameType, _event: str, _value: Any) -> Callable[..., Any]:
            seen.add(frame.f_lineno)
            return step

        return step

    def run(self, act: Callable[[], object]) -> set[tuple[str, int]]:
        """Return the lines that *act* runs."""
        self._seen = {}
        sys.settrace(self._called)
        try:
            act()
        finally:
            sys.settrace(None)
        return {(self._places[code.co_filename], line) for code, seen in self._seen.items() for line in seen}


def imports_of(source: str, package: str = "") -> set[str]:
    """Return the names of the modules that *source* may import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(part for part in (package if node.level else "", node.module or "") if part)
            found.add(base)
            found.update(base + "." + alias.name for alias in node.names)
    return found


def reached_by(ground: Ground, places: list[str]) -> dict[str, set[str]]:
    """Return for each module at *places* the modules of the cores and of its own folder that it comes to import."""
    known = {dotted(place): place for place in ground.core_files() + places}
    for folder in ground.tests:
        known.update({dotted(place): place for place in ground.files((folder,), "*.py")})
    direct = {}
    for name, place in known.items():
        direct[name] = imports_of(ground.source(place), name.rpartition(".")[0]) & set(known)
    found = {}
    for place in places:
        met: set[str] = set()
        ahead = [dotted(place)]
        while ahead:
            name = ahead.pop()
            if name not in met:
                met.add(name)
                ahead.extend(direct[name])
        found[dotted(place)] = met
    return found


def gather(ground: Ground, modules: set[str]) -> Lines:
    """Run each plain test that reaches *modules* once under a tracer; afterwards all is imported in this process."""
    reached: dict[str, list[str]] = {}
    for name, met in sorted(reached_by(ground, ground.files(ground.tests, "test_*.py")).items()):
        for module in met:
            reached.setdefault(module, []).append(name)
    asked = sorted({name for module in modules for name in reached.get(module, [])})
    places = {str(ground.root / place): place for place in ground.core_files()}
    watch = Watch(places)
    at_import = watch.run(lambda: [importlib.import_module(dotted(place)) for place in ground.core_files()])
    cost: dict[Test, float] = {}
    ran: dict[tuple[str, int], list[Test]] = {}
    importing: dict[tuple[str, int], list[str]] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in asked:
            for line in watch.run(lambda name=name: importlib.import_module(name)):  # type: ignore[misc]
                importing.setdefault(line, []).append(name)
            for key in sorted(vars(sys.modules[name])):
                if key.startswith("test_"):
                    begun = time.process_time()
                    lines = watch.run(getattr(sys.modules[name], key))
                    cost[Test(name, key)] = time.process_time() - begun
                    for line in lines:
                        ran.setdefault(line, []).append(Test(name, key))
    for tests in ran.values():
        tests.sort(key=lambda test: (cost[test], test))
    return Lines(cost, ran, importing, frozenset(at_import), reached)
