"""Finds device profiles: those of the site first, in the folder profiles of its home, then the shipped ones."""

import re
from pathlib import Path

import device_profiles
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.profile_reading import read_profile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.text_file import parse_toml, read_text

FOLDER = "profiles"
SHIPPED = "shipped"
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")


def profile_names(home: str | Path) -> list[str]:
    """Return the ids of all profiles, of the site and shipped, sorted."""
    own = [path.stem for path in (Path(home) / FOLDER).glob("*.toml") if _ID.fullmatch(path.stem)]
    return sorted({*own, *device_profiles.names()})


def misnamed(home: str | Path) -> list[Problem]:
    """Return a problem for every file of the site's profiles whose name cannot be that of a profile."""
    return [
        problem(
            "WP-PRF-011",
            str(path),
            "This file is not used: its name cannot be the id of a profile.",
            "Name it after the id in it: small letters, digits and -, then .toml.",
        )
        for path in sorted((Path(home) / FOLDER).glob("*.toml"))
        if not _ID.fullmatch(path.stem)
    ]


def profile_place(profile_id: str, home: str | Path) -> str:
    """Return where a profile is: the path of its file, or "shipped"; raises ProblemError where it is nowhere."""
    if _ID.fullmatch(profile_id):
        path = Path(home) / FOLDER / (profile_id + ".toml")
        if path.exists():
            return str(path)
        if profile_id in device_profiles.names():
            return SHIPPED
    raise ProblemError(
        problem(
            "WP-PRF-001",
            profile_id,
            "There is no device profile of this name.",
            "wattproof profile list shows all; own ones belong into {folder}.",
            folder=Path(home) / FOLDER,
        )
    )


def replaces_shipped(profile_id: str, home: str | Path) -> bool:
    """Tell whether a profile of the site stands in place of a shipped one."""
    return profile_id in device_profiles.names() and profile_place(profile_id, home) != SHIPPED


def profile_text(profile_id: str, home: str | Path) -> tuple[str, str]:
    """Return the TOML text of a profile, and where it is."""
    place = profile_place(profile_id, home)
    return device_profiles.text(profile_id) if place == SHIPPED else read_text(Path(place)), place


def profile_of_text(text: str, profile_id: str) -> tuple[DeviceProfile | None, list[Problem]]:
    """Return the profile in a TOML *text*, or None, and all problems; *profile_id* is the name of its file."""
    where = profile_id + ".toml"
    try:
        plain = parse_toml(text, where)
    except ProblemError as error:
        return None, list(error.problems)
    profile, problems = read_profile(plain, where)
    if profile is not None and profile.id != profile_id:
        problems.append(
            problem(
                "WP-PRF-008",
                where + ".id",
                "The id is {id}, but the file is named {name}.",
                "Name the file after the id.",
                id=profile.id,
                name=where,
            )
        )
        profile = None
    return profile, problems


def load_profile(profile_id: str, home: str | Path) -> DeviceProfile:
    """Return the profile *profile_id*; raises ProblemError with everything that is wrong."""
    profile, problems = profile_of_text(profile_text(profile_id, home)[0], profile_id)
    if profile is None:
        raise ProblemError(*problems)
    return profile


def all_profiles(home: str | Path) -> tuple[list[DeviceProfile], list[Problem]]:
    """Return all profiles that can be read, by id, and what is wrong with the others."""
    profiles: list[DeviceProfile] = []
    problems: list[Problem] = []
    for name in profile_names(home):
        try:
            profiles.append(load_profile(name, home))
        except ProblemError as error:
            problems += error.problems
    return profiles, problems
