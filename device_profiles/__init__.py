"""The shipped meter models, one TOML file each."""

from importlib import resources


def names() -> list[str]:
    """Return the ids of all shipped profiles, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name[: -len(".toml")] for f in files if f.name.endswith(".toml"))


def text(name: str) -> str:
    """Return the TOML text of the profile *name*; raises FileNotFoundError where there is none."""
    return resources.files(__name__).joinpath(name + ".toml").read_text(encoding="utf-8")
