"""Finds the messages in the source by its syntax tree: problems with codes, translated texts, help of commands."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "cloud_sync", "device_profiles", "hil_tests")
CODE = re.compile(r"WP-[A-Z]{3}-[0-9]{3}")
TRANSLATORS = ("_", "translate")
_COMMAND_DECORATORS = ("command", "group")


class Told(NamedTuple):
    """One call of problem(): its texts are None where they are no literals."""

    code: str | None
    what: str | None
    hint: str | None
    names: frozenset[str] | None
    line: int


class Text(NamedTuple):
    """One text for the catalogue and the line it stands in."""

    msgid: str
    line: int


def sources(root: Path = ROOT, packages: tuple[str, ...] = PACKAGES) -> Iterator[Path]:
    """Give every module of the product, without its tests."""
    for package in packages:
        for file in sorted((root / package).rglob("*.py")):
            if "tests" not in file.parts and not file.name.startswith("test_"):
                yield file


def fields_of(template: str) -> frozenset[str]:
    """Return the names in braces of *template*; doubled braces are literal ones."""
    return frozenset(re.findall(r"\{(\w+)[^{}]*\}", template.replace("{{", "").replace("}}", "")))


def called(node: ast.Call) -> str:
    """Return the last name of what *node* calls."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def literal(node: ast.expr | None) -> str | None:
    """Return the text that *node* is, or None where it is no literal text."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that the module gives a name at its top level."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = literal(node.value)
            if text is not None:
                found[node.targets[0].id] = text
    return found


def problems_told(tree: ast.Module) -> list[Told]:
    """Return every call of problem() in *tree*."""
    constants = _constants(tree)
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and called(node) == "problem"):
            continue
        first = node.args[0] if node.args else None
        code = constants.get(first.id) if isinstance(first, ast.Name) else literal(first)
        what, hint = (literal(node.args[n]) if len(node.args) > n else None for n in (2, 3))
        open_ended = any(word.arg is None for word in node.keywords)
        names = None if open_ended else frozenset(word.arg for word in node.keywords if word.arg)
        found.append(Told(code, what, hint, names, node.lineno))
    return found


def _is_command(node: ast.FunctionDef) -> bool:
    calls = (one for one in node.decorator_list if isinstance(one, ast.Call))
    return any(called(one) in _COMMAND_DECORATORS for one in calls)


def texts(tree: ast.Module) -> list[Text]:
    """Return every text of *tree* that a user may read in another language."""
    found = [Text(text, told.line) for told in problems_told(tree) for text in (told.what, told.hint) if text]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first = literal(node.args[0]) if node.args else None
            if called(node) in TRANSLATORS and first:
                found.append(Text(first, node.lineno))
            helped = [literal(word.value) for word in node.keywords if word.arg in ("help", "short_help")]
            found.extend(Text(text, node.lineno) for text in helped if text)
        elif isinstance(node, ast.FunctionDef) and _is_command(node):
            docstring = ast.get_docstring(node, clean=False)
            if docstring:
                found.append(Text(inspect.cleandoc(docstring), node.lineno))
    return found
