"""The list of targets, and the inputs that are kept for each."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
NAMES = tuple(sorted(path.stem for path in (FOLDER / "targets").glob("*.py") if path.stem != "__init__"))


class Target(NamedTuple):
    """One target: what is called, inputs that are understood, and the words of the language."""

    name: str
    call: Callable[[bytes], None]
    seeds: list[bytes]
    tokens: tuple[bytes, ...]


def target_named(name: str) -> Target:
    """Return the target *name*."""
    module = importlib.import_module("tools.fuzz.targets." + name)
    return Target(name, module.target, list(module.seeds()), tuple(getattr(module, "TOKENS", ())))


def corpus_of(name: str) -> list[Path]:
    """Return the files of the inputs that are kept for the target *name*."""
    return sorted((CORPUS / name).glob("*"))
