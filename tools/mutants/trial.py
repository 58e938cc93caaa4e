"""Tries a mutant: in a child of this process, which has all imported, until a test fails or none is left."""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, ModuleType
from typing import NamedTuple

import hypothesis
import pytest

from tools.mutants.ground import Ground, Lines, Test, imports_of
from tools.mutants.making import Mutant, changed

KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"
# A test may take this much processor time more than it took under the tracer, which is some times its own.
PATIENCE_S = 0.5
# All plain tests of one mutant together, under the tracer, the cheapest first: what they miss till then, they miss.
PLAIN_COST_S = 3.0
# Other tests, which are measured in the same way, module by module: what takes longer is not asked.
OTHER_COST_S = 5.0
OTHER_PATIENCE_S = 3.0
# What a mutant may allocate before it fails: the tests themselves need a tenth.
MEMORY = 3 << 30


class Verdict(NamedTuple):
    """What became of a mutant, and by which test."""

    outcome: str
    by: str = ""


class Outcome(NamedTuple):
    """How a child ended: whether it was stopped by a signal, and what it told."""

    stopped: bool
    told: str


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed text where the module is imported."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name = name
        self._code = code

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Answer for the one module."""
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed module."""
        module.__file__ = self._code.co_filename
        exec(self._code, vars(module))


def functions_of(code: CodeType, scope: str) -> list[CodeType]:
    """Return the code of the function *scope* in the module *code* and of what is inside it."""
    found = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            name = constant.co_qualname
            if name == scope or name.startswith(scope + "."):
                found.append(constant)
            found.extend(functions_of(constant, scope))
    return found


def in_child(act: Callable[[], str]) -> Outcome:
    """Return what *act* tells when a child of this process runs it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.write(writing, act().encode())
        except BaseException:  # noqa: BLE001 - a child that cannot be run is told as such, and never goes on
            os.write(writing, ("!" + traceback.format_exc()[-3000:]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if told.startswith("!"):
        raise RuntimeError("a trial could not be made:\n" + told[1:])
    return Outcome(os.WIFSIGNALED(status), told)


class Trials:
    """Tries mutants on one ground whose lines are known; holds everything imported."""

    def __init__(self, ground: Ground, lines: Lines, patience_s: float = PATIENCE_S) -> None:
        """Take what `gather` found in this process."""
        self._patience_s = patience_s
        self._ground = ground
        self._lines = lines
        self._live: dict[tuple[str, str, int], list[FunctionType]] = {}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                code = thing.__code__
                self._live.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(thing)
        self._imports = {place: imports_of(ground.source(place)) for place in ground.other_files()}
        self._other_cost: dict[str, float | None] = {}
        gc.freeze()

    def _code(self, mutant: Mutant) -> CodeType:
        filename = str(self._ground.root / mutant.place)
        return compile(changed(self._ground.source(mutant.place), mutant), filename, "exec")

    def plain(self, mutant: Mutant) -> Verdict:
        """Try *mutant* by the plain tests that run its line."""
        code = self._code(mutant)
        found = Verdict(SURVIVED)
        whole = not mutant.scope
        span = [(mutant.place, line) for line in range(mutant.start[0], mutant.end[0] + 1)]
        whole = whole or any(line in self._lines.at_import for line in span) or not self._fits(code, mutant)
        if not whole:
            tests = sorted(
                {test for line in span for test in self._lines.tests.get(line, [])},
                key=lambda test: (self._lines.cost_s[test], test),
            )
            tests = self._afforded(tests)
            found = self._told(in_child(lambda: self._run(tests, lambda: self._patch(code, mutant))), tests)
        modules = sorted({name for line in span for name in self._lines.importing.get(line, [])})
        if whole:
            modules = self._lines.reached.get(mutant.module, [])
        if found.outcome == SURVIVED and modules:
            tests = self._afforded(
                sorted(
                    (test for test in self._lines.cost_s if test.module in modules),
                    key=lambda test: (_stem(test.module) != _stem(mutant.module), self._lines.cost_s[test], test),
                )
            )
            found = self._told(in_child(lambda: self._run(tests, lambda: self._import(code, mutant))), tests)
        return found

    def _afforded(self, tests: list[Test]) -> list[Test]:
        """Return the first of *tests* that together cost no more than a mutant may."""
        ends = itertools.accumulate(self._lines.cost_s[test] for test in tests)
        return [test for test, end in zip(tests, ends, strict=True) if end <= PLAIN_COST_S]

    def _fits(self, code: CodeType, mutant: Mutant) -> bool:
        """Say whether the running functions can take the changed code."""
        fits = False
        for changed_code in functions_of(code, mutant.scope):
            for live in self._functions(changed_code):
                fits = True
                if len(live.__code__.co_freevars) != len(changed_code.co_freevars):
                    return False
        return fits

    def _functions(self, code: CodeType) -> list[FunctionType]:
        return self._live.get((code.co_filename, code.co_qualname, code.co_firstlineno), [])

    def _patch(self, code: CodeType, mutant: Mutant) -> None:
        for changed_code in functions_of(code, mutant.scope):
            for live in self._functions(changed_code):
                live.__code__ = changed_code

    def _import(self, code: CodeType, mutant: Mutant) -> None:
        """Forget every module of the ground, so that it is imported anew with the change."""
        packages = self._ground.packages()
        for name in [name for name in sys.modules if name.split(".")[0] in packages]:
            del sys.modules[name]
        sys.meta_path.insert(0, _Changed(mutant.module, code))

    def _run(self, tests: Iterable[Test], prepare: Callable[[], None]) -> str:
        """In the child: tell how many tests passed, and `-` where the next one failed; a limit kills the child."""
        gc.disable()
        count = 0
        limit = 10.0
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                signal.setitimer(signal.ITIMER_PROF, limit)
                prepare()
                for test in tests:
                    signal.setitimer(signal.ITIMER_PROF, limit)
                    module = importlib.import_module(test.module)
                    signal.setitimer(signal.ITIMER_PROF, self._patience_s + self._lines.cost_s[test])
                    getattr(module, test.name)()
                    count += 1
        except BaseException:  # noqa: BLE001 - however a test fails, the mutant is noticed
            return "%d-" % count
        return str(count)

    def _told(self, outcome: Outcome, tests: list[Test]) -> Verdict:
        if outcome.stopped:
            return Verdict(TIMED_OUT)
        if outcome.told.endswith("-"):
            test = tests[int(outcome.told[:-1])]
            return Verdict(KILLED, "%s.%s" % test)
        return Verdict(SURVIVED)

    def others(self, mutant: Mutant) -> Verdict:
        """Try *mutant* by the tests of pytest that import its module."""
        code = self._code(mutant)
        for place in self._ground.other_files():
            if mutant.module not in self._imports[place]:
                continue
            cost = self._cost_of(place)
            if cost is None:
                continue
            limit = OTHER_PATIENCE_S + 3 * cost
            outcome = in_child(lambda place=place, limit=limit: self._pytest(place, limit, mutant, code))  # type: ignore[misc]
            if outcome.stopped:
                return Verdict(TIMED_OUT, place)
            if outcome.told != "0":
                return Verdict(KILLED, place)
        return Verdict(SURVIVED)

    def _cost_of(self, place: str) -> float | None:
        """Return the processor time of the tests at *place* without a mutant, None where there are none for us."""
        if place not in self._other_cost:

            def control() -> str:
                begun = time.process_time()
                told = self._pytest(place, OTHER_COST_S, None, None)
                return "%f" % (time.process_time() - begun) if told == "0" else ""

            told = in_child(control).told
            self._other_cost[place] = float(told) if told else None
        return self._other_cost[place]

    def _pytest(self, place: str, limit: float, mutant: Mutant | None, code: CodeType | None) -> str:
        """In the child: tell pytest's exit code; the examples of hypothesis are the same every time."""
        if mutant is not None and code is not None:
            self._import(code, mutant)
        hypothesis.settings.register_profile("mutants", derandomize=True, database=None)
        hypothesis.settings.load_profile("mutants")
        signal.setitimer(signal.ITIMER_PROF, limit)
        options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--rootdir", str(self._ground.root)]
        return str(int(pytest.main([*options, str(self._ground.root / place)])))


def _stem(module: str) -> str:
    return module.rpartition(".")[2].removeprefix("test_")
