"""Keeps what a sweep of each shipped meter model costs in device_profiles/plans.json, so that none grows unseen.

`python -m tools.plan_figures` writes the file anew after a profile was added or a plan became cheaper.
"""

import json
from pathlib import Path

import device_profiles
from gateway.profile_plan import plan_figures
from gateway.profiles import load_profile

FILE = Path(device_profiles.__file__).parent / "plans.json"


def figures() -> dict[str, dict[str, int]]:
    """Return what the sweeps of all shipped models cost now, by id."""
    return {name: plan_figures(load_profile(name, FILE.parent))._asdict() for name in device_profiles.names()}


def main() -> None:
    """Write the file."""
    lines = ['  "%s": %s' % (name, json.dumps(one)) for name, one in figures().items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
