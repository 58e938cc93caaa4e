"""Every parser of what comes from outside has a target: the table of docs/fuzzing.md against the code."""

from tools.fuzz.parsers import code_of, listed, modules_that_read, named_modules
from tools.fuzz.registry import NAMES


def test_every_parser_in_the_table_has_a_target() -> None:
    """Each row names functions and a target that there are, and every target has a row."""
    assert {target for _, target in listed()} == set(NAMES)
    assert all(code_of(parser) for parser, _ in listed())


def test_every_module_that_reads_stands_in_the_table_or_beside_it() -> None:
    """No module reads JSON, TOML, CSV, PEM, CBOR, hexadecimal digits or signed messages without being named there."""
    named = named_modules()
    found = modules_that_read()
    assert {one for one in found if not any((other + ".").startswith(one + ".") for other in named)} == set()
    assert len(found) > 50
