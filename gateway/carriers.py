"""Finds the table of energy carriers: the one in the home folder, else the one that comes with the product."""

from importlib import resources
from pathlib import Path

from gateway.core.account.carrier import CarrierTable, read_carriers
from gateway.core.problem import ProblemError
from gateway.text_file import parse_toml, read_text

FILE_NAME = "carriers.toml"


def carriers_text(home: str | Path | None = None) -> str:
    """Return the text of the table in force."""
    own = Path(home) / FILE_NAME if home is not None else None
    if own is None or not own.exists():
        return resources.files("gateway").joinpath(FILE_NAME).read_text(encoding="utf-8")
    return read_text(own)


def load_carriers(home: str | Path | None = None) -> CarrierTable:
    """Return the table in force for *home*; raises ProblemError with everything that is wrong with it."""
    table, problems = read_carriers(parse_toml(carriers_text(home), FILE_NAME), FILE_NAME)
    if table is None:
        raise ProblemError(*problems)
    return table
