"""Runs one target under atheris, which instruments what it imports: `python -m tools.fuzz.one TARGET [OPTION ...]`.

Atheris comes with `make fuzz`; without it the same targets run under hypothesis, in tools/tests/test_fuzz.py.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]

INSTRUMENTED = ["gateway", "cloud_sync", "hil_tests", "tomllib"]


def main() -> None:
    """Set the target up, write its seeds into the first folder of inputs, and run until libFuzzer ends."""
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tools.fuzz.registry import target_named

        target = target_named(name)
    folders = [Path(option) for option in options if not option.startswith("-")]
    for number, seed in enumerate(target.seeds if folders else ()):
        (folders[0] / ("seed-%02d" % number)).write_bytes(seed)
    # A merge calls itself by the first word.
    atheris.Setup(["%s -m tools.fuzz.one %s" % (sys.executable, name), *options], target.call)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
