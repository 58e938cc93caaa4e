"""Runs the test functions and the vectors of core test modules in whichever interpreter reads this file.

Written in the dialect of the cores: CPython and MicroPython run it alike.
Usage: core_run.py ROOT MODULE...
It prints `ok MODULE COUNT`, `FAIL MODULE.FUNCTION` with its trace, and `vectors MODULE SHA256`.
"""

import hashlib
import sys

HEX = "0123456789abcdef"


def trace_of(error: BaseException) -> None:
    """Print where *error* came from, in the manner of the interpreter."""
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error)


def digest_of(pieces: "list[bytes]") -> str:
    """Return the SHA-256 of *pieces*, each framed by its length, as hex digits."""
    total = hashlib.sha256()
    for piece in pieces:
        assert isinstance(piece, bytes), "vectors() must give bytes"
        total.update(len(piece).to_bytes(8, "big"))
        total.update(piece)
    return "".join(HEX[byte >> 4] + HEX[byte & 15] for byte in total.digest())


def run_module(name: str) -> int:
    """Run every test of the module called *name*; return how many failed."""
    module = __import__(name, None, None, ("",))
    passed = failed = 0
    for key in sorted(dir(module)):
        if not key.startswith("test_"):
            continue
        try:
            getattr(module, key)()
            passed += 1
        except Exception as error:  # noqa: BLE001 - a test may fail in any way, and each is told
            failed += 1
            print("FAIL %s.%s" % (name, key))
            trace_of(error)
    print("ok %s %d" % (name, passed))
    if hasattr(module, "vectors"):
        print("vectors %s %s" % (name, digest_of(module.vectors())))
    return failed


def main() -> None:
    """Run the modules named on the command line."""
    sys.path.insert(0, sys.argv[1])
    failed = 0
    for name in sys.argv[2:]:
        failed += run_module(name)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
