"""Finds the table of emission factors: the one in the home folder, else the one that comes with the product."""

from importlib import resources
from pathlib import Path

from gateway.core.account.factor import FactorTable, read_factors
from gateway.core.problem import ProblemError
from gateway.text_file import parse_toml, read_text

FILE_NAME = "factors.toml"


def factors_text(home: str | Path | None = None) -> str:
    """Return the text of the factor table in force, as it goes into the record of the configuration."""
    own = Path(home) / FILE_NAME if home is not None else None
    if own is None or not own.exists():
        return resources.files("gateway").joinpath(FILE_NAME).read_text(encoding="utf-8")
    return read_text(own)


def factors_of_text(text: str, where: str = FILE_NAME) -> FactorTable:
    """Return the table written in *text*; raises ProblemError with everything that is wrong with it."""
    table, problems = read_factors(parse_toml(text, where), where)
    if table is None:
        raise ProblemError(*problems)
    return table


def load_factors(home: str | Path | None = None) -> FactorTable:
    """Return the factor table in force for *home*."""
    return factors_of_text(factors_text(home), str(Path(home) / FILE_NAME) if home is not None else FILE_NAME)
