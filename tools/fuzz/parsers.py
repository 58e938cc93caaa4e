"""The table of parsers in docs/fuzzing.md, read against the code: which functions take what comes from outside."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parent.parent.parent
SECTION = "## The parsers"
# Calls by which bytes or texts are read; `decode` counts where it is that of canonical CBOR.
READING = (
    "loads", "reader", "b32decode", "b64decode", "a2b_base64", "decompress", "decompressobj", "parse_toml", "read_toml",
    "from_map", "fromhex", "fromisoformat", "strptime", "load_pem_x509_certificate", "load_pem_x509_csr",
    "load_pem_private_key", "load_pem_public_key", "read_envelope", "read_note", "from_encoded_point",
    "from_public_bytes",
)  # fmt: skip


@cache
def _section() -> str:
    text = (ROOT / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    return text.partition(SECTION)[2].partition("\n## ")[0]


@cache
def listed() -> tuple[tuple[str, str], ...]:
    """Return (parser, target) of every row of the table."""
    found = []
    for line in _section().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and "`" in cells[2]:
            found += [(parser, cells[2].strip("`")) for parser in re.findall(r"`([\w.]+)`", cells[1])]
    return tuple(found)


def named_modules() -> set[str]:
    """Return all that the section names of the product: parsers, and modules that need no target."""
    return set(re.findall(r"`((?:gateway|cloud_sync)\.[\w.]+)`", _section()))


def code_of(parser: str) -> CodeType:
    """Return the code of the function or method that *parser* names."""
    parts = parser.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        code = found.__code__
        assert isinstance(code, CodeType)
        return code
    raise AssertionError("no module of %s" % parser)


def modules_that_read() -> set[str]:
    """Return the modules of the product in which something is read by one of the calls above."""
    found = set()
    for path in [*(ROOT / "gateway").rglob("*.py"), *(ROOT / "cloud_sync").rglob("*.py")]:
        name, text = ".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text(encoding="utf-8")
        hints = any(call + "(" in text for call in (*READING, " decode", "(decode", "=decode"))
        if ".tests." not in name and hints and _reads(ast.parse(text)):
            found.add(name)
    return found


def _reads(tree: ast.Module) -> bool:
    canonical = any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").endswith("canonical")
        and "decode" in [one.name for one in node.names]
        for node in ast.walk(tree)
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in READING or (called == "decode" and canonical and isinstance(node.func, ast.Name)):
                return True
    return False
