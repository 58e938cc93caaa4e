"""The list of targets, and the inputs that are kept for each."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
EXAMPLES = 200
CORPUS = FOLDER / "corpus"
NAMES = tuple(sorted(path.stem for path in (FOLDER / "targets").glob("*.py") if path.stem != "__init__"))


class Target(NamedTuple):
    """One target: what is called, inputs that are understood, and the words of the language."""

    name: str
    call: Callable[[bytes], None]
    seeds: list[bytes]
    tokens: tuple[bytes, ...]
    examples: int  # in each `make test`; hours of edits are what `make fuzz` is for


def target_named(name: str) -> Target:
    """Return the target *name*."""
    module = importlib.import_module("tools.fuzz.targets." + name)
    return Target(
        name,
        module.target,
        list(module.seeds()),
        tuple(getattr(module, "TOKENS", ())),
        getattr(module, "EXAMPLES", EXAMPLES),
    )


def corpus_of(name: str) -> list[Path]:
    """Return the files of the inputs that are kept for the target *name*."""
    return sorted((CORPUS / name).glob("*"))
