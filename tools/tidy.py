"""Holds the repository to its own rules: docstrings, lengths, names, the dialect of the cores, codes of problems."""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.messages import CODE, ROOT, fields_of, problems_told

LINES_MAX = 500  # A module is an evening's reading; past this it is two modules.
LINES_WARN = 300
BANNED = frozenset(
    ["slave", "manager", "helper", "helpers", "util", "utils", "handler", "service", "data", "info", "tag", "datapoint"]
)
# The folder of measured curves keeps the name that its readers look for.
ALLOWED_FOLDERS = frozenset(["hil_tests/data"])
CORES = ("gateway/core", "cloud_sync/core")
CORE_IMPORTS = frozenset(["collections", "hashlib"])
MARKERS = ("TO" + "DO", "FIX" + "ME", "XX" + "X")


class Finding(NamedTuple):
    """One breach of a rule; a warning does not fail the run."""

    place: str
    line: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        """Show it as editors like it."""
        return "%s:%d: %s%s" % (self.place, self.line, "warning: " if self.warning else "", self.text)


def words_of(name: str) -> set[str]:
    """Return the whole words of an identifier, of snake_case and of CamelCase."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", part)}


def check_docstring(place: str, tree: ast.Module) -> Iterator[Finding]:
    """Each module opens with a docstring whose first line is a sentence."""
    docstring = ast.get_docstring(tree)
    if not docstring:
        yield Finding(place, 1, "opens without a docstring that says what it is")
        return
    first = docstring.split("\n\n")[0].strip()
    if not first.endswith((".", "?", "!", ":")):
        yield Finding(place, 1, "its docstring does not open with a whole sentence")


def check_length(place: str, source: str) -> Iterator[Finding]:
    """No module is longer than an evening."""
    count = source.count("\n")
    if count > LINES_MAX:
        yield Finding(place, count, "%d lines; at most %d" % (count, LINES_MAX))
    elif count > LINES_WARN:
        yield Finding(place, count, "%d lines; more than %d is hard to hold" % (count, LINES_WARN), warning=True)


def check_names(place: str, tree: ast.Module) -> Iterator[Finding]:
    """Modules, classes and functions are called by nouns and verbs of the field, not by words that fit anything."""
    path = Path(place)
    named = [(1, part) for part in [*path.parts[:-1], path.stem] if str(path.parent) not in ALLOWED_FOLDERS]
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            named.append((node.lineno, node.name))
    for line, name in named:
        for word in sorted(words_of(name) & BANNED):
            yield Finding(place, line, "%s says %r, which says nothing" % (name, word))


def check_excuses(place: str, source: str, tree: ast.Module) -> Iterator[Finding]:
    """No bare except, and no note of work left undone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield Finding(place, node.lineno, "a bare except hides every error")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            for marker in MARKERS:
                if re.search(r"\b%s\b" % marker, token.string):
                    yield Finding(place, token.start[0], "%s: do it now or say it in an issue" % marker)


def _imports(place: str, node: ast.AST) -> Iterator[Finding]:
    core = next(folder for folder in CORES if place.startswith(folder + "/")).replace("/", ".")
    if isinstance(node, ast.Import):
        modules = [name.name for name in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = ["." if node.level else node.module or ""]
    else:
        return
    for module in modules:
        if module not in CORE_IMPORTS and module != core and not module.startswith(core + "."):
            yield Finding(place, node.lineno, "the core imports %s" % module)


def _dialect(node: ast.AST) -> str:
    """Return what is wrong with *node* in a core, or nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
        return "a float in the core"
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
        return "true division in the core makes floats"
    if isinstance(node, ast.Match):
        return "match is not in the dialect of the cores"
    if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list):
        return "dataclass is not in the dialect of the cores"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("float", "round", "open"):
        return "%s() is not in the dialect of the cores" % node.func.id
    if isinstance(node, ast.Raise) and node.cause is not None:
        return "raise ... from is not in the dialect of the cores"
    if isinstance(node, ast.arguments) and node.posonlyargs:
        return "parameters by position only are not in the dialect of the cores"
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and any(isinstance(one, ast.Starred) for one in node.elts):
        return "unpacking into a display is not in the dialect of the cores"
    if isinstance(node, ast.Dict) and None in node.keys:
        return "unpacking into a display is not in the dialect of the cores"
    return ""


def check_core(place: str, source: str, tree: ast.Module) -> Iterator[Finding]:
    """A core takes nothing from outside and keeps to what CPython and MicroPython both do alike."""
    if not place.startswith(tuple(folder + "/" for folder in CORES)):
        return
    for node in ast.walk(tree):
        yield from _imports(place, node)
        wrong = _dialect(node)
        if wrong:
            yield Finding(place, getattr(node, "lineno", 1), wrong)
        if isinstance(node, ast.JoinedStr) and re.search(r"\{[^{}]*[\w\])]\s*=\s*[!:}]", _segment(source, node)):
            yield Finding(place, node.lineno, "an f-string with = is not in the dialect of the cores")


def _segment(source: str, node: ast.JoinedStr) -> str:
    return ast.get_source_segment(source, node) or ""


def check_codes(trees: dict[str, ast.Module]) -> Iterator[Finding]:
    """Each code stands for one message over the whole code base, told in literals whose places are all filled."""
    said: dict[str, tuple[str, str, str]] = {}
    for place, tree in sorted(trees.items()):
        for told in problems_told(tree):
            if told.code is None or told.what is None or told.hint is None:
                yield Finding(place, told.line, "problem() takes code, what and hint as literals")
                continue
            if not CODE.fullmatch(told.code):
                yield Finding(place, told.line, "%s is no code of the form WP-XXX-NNN" % told.code)
            before = said.setdefault(told.code, (told.what, told.hint, place))
            if before[:2] != (told.what, told.hint):
                yield Finding(place, told.line, "%s says something else in %s" % (told.code, before[2]))
            missing = fields_of(told.what) | fields_of(told.hint)
            if told.names is not None and not missing <= told.names:
                unfilled = ", ".join(sorted(missing - told.names))
                yield Finding(place, told.line, "%s leaves %s without a value" % (told.code, unfilled))


def examine(files: dict[str, str]) -> list[Finding]:
    """Return every finding in *files*, a map of place to source."""
    found: list[Finding] = []
    trees = {}
    for place, source in sorted(files.items()):
        tree = ast.parse(source, place)
        found.extend(check_docstring(place, tree))
        found.extend(check_length(place, source))
        found.extend(check_names(place, tree))
        found.extend(check_excuses(place, source, tree))
        found.extend(check_core(place, source, tree))
        if "tests" not in Path(place).parts:
            trees[place] = tree
    found.extend(check_codes(trees))
    return found


def tracked(root: Path = ROOT) -> dict[str, str]:
    """Return the Python files of the repository that are under version control or about to be."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    return {name: (root / name).read_text(encoding="utf-8") for name in names if name and (root / name).exists()}


def main() -> int:
    """Print the findings and return the exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    files = tracked()
    findings = examine(files)
    for finding in findings:
        print(finding)
    broken = sum(not finding.warning for finding in findings)
    print("%d files, %d findings" % (len(files), broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
