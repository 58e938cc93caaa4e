"""Serial ports of this machine: which there are, which names mean the same one, and why one cannot be opened."""

import errno
import stat
from ipaddress import ip_address
from pathlib import Path

from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.tcp_address import is_network, tcp_address
from gateway.port_holder import holder_of

_BY_ID = Path("/dev/serial/by-id")
_BY_PATH = Path("/dev/serial/by-path")
# Names that the system gives out anew, in the order in which adapters are found.
_PASSING = ("/dev/ttyUSB", "/dev/ttyACM")


def same_port(one: str, other: str) -> bool:
    """Tell whether two names mean one port."""
    if is_network(one) or is_network(other):
        return _network_place(one) == _network_place(other)
    try:
        if Path(one).resolve() == Path(other).resolve():
            return True
        first, second = Path(one).stat(), Path(other).stat()
    except (OSError, ValueError):  # one is not there, or can be the name of no file
        return one == other
    return stat.S_ISCHR(first.st_mode) and stat.S_ISCHR(second.st_mode) and first.st_rdev == second.st_rdev


def _network_place(port: str) -> tuple[str, int] | str:
    """Return host and port that an address means, however it is written; anything else as it is."""
    address = tcp_address(port)
    if address is None:
        return port
    host = address[0].lower().rstrip(".")
    try:
        host = str(ip_address(host))
    except ValueError:  # a name
        host = "127.0.0.1" if host == "localhost" else host
    return host, address[1]


def stable_name(port: str) -> str | None:
    """Return a name of *port* that stays when adapters are plugged again; None where it has such a name, or none.

    Adapters without a serial number, two of which share one name by id, are told apart by the socket they are in.
    """
    if not port.startswith(_PASSING):
        return None
    named = {path.resolve() for path in _BY_ID.glob("*")}
    shared = any(path.resolve() not in named for start in _PASSING for path in Path("/").glob(start[1:] + "*"))
    for folder in (_BY_PATH, _BY_ID) if shared else (_BY_ID, _BY_PATH):
        for name in sorted(folder.glob("*")):
            if same_port(str(name), port):
                return str(name)
    return None


def advise(where: str, port: str) -> Problem | None:
    """Return the advice to call *port* by a stable name, where it is called by a passing one and has another."""
    stable = stable_name(port)
    if stable is None:
        return None
    return problem(
        "WP-BUS-070",
        where,
        "{port} may be another adapter after the next start or the next plug.",
        'Write port = "{stable}", which always means this one.',
        port=port,
        stable=stable,
    )


def ports() -> list[str]:
    """Return the names of the serial ports here, stable ones first."""
    stable = sorted(str(path) for path in _BY_ID.glob("*")) if _BY_ID.is_dir() else []
    known = {Path(name).resolve() for name in stable}
    plain = sorted(path for pattern in ("ttyUSB*", "ttyACM*", "ttyAMA*") for path in Path("/dev").glob(pattern))
    return stable + [str(path) for path in plain if path.resolve() not in known]


def look_at(where: str, path: str) -> None:
    """Raise a ProblemError where *path* is no serial port of ours to open."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        raise ProblemError(_missing(where, path)) from None
    except OSError as error:
        raise ProblemError(why_not(where, path, error)) from error
    if not stat.S_ISCHR(mode):
        raise ProblemError(_no_port(where, path))


def _missing(where: str, path: str) -> Problem:
    found = ports()
    if found:
        return problem(
            "WP-BUS-002",
            where,
            "There is no port {port}.",
            "Ports here: {found}. Names under /dev/serial/by-id stay the same when adapters are plugged again.",
            port=path,
            found=", ".join(found),
        )
    return problem(
        "WP-BUS-003",
        where,
        "There is no port {port}, and no serial adapter at all.",
        "Plug in the RS-485 adapter; `dmesg | tail` shows whether the system sees it.",
        port=path,
    )


def _no_port(where: str, path: str) -> Problem:
    return problem(
        "WP-BUS-004",
        where,
        "{port} is not a serial port.",
        "Give the path of the RS-485 adapter, such as /dev/serial/by-id/usb-..., or an address such as tcp://host:502.",
        port=path,
    )


def _busy(where: str, path: str) -> Problem:
    holder = holder_of(path)
    if holder is None:
        return problem(
            "WP-BUS-071",
            where,
            "Another program has {port} open.",
            "Where the gateway's daemon runs, it owns the port: ask it with `wattproof readings`, or stop it for this "
            "work with `sudo systemctl stop wattproof`. `sudo fuser -v {port}` shows which program it is.",
            port=path,
        )
    return problem(
        "WP-BUS-006",
        where,
        "{program} (process {pid}) has {port} open.",
        "Where this is the gateway's daemon, ask it with `wattproof readings`, or stop it for this work with "
        "`sudo systemctl stop wattproof`; end any other program that speaks on these wires.",
        program=holder.program,
        pid=holder.pid,
        port=path,
    )


def why_not(where: str, path: str, error: Exception) -> Problem:
    """Return in our words why the port cannot be opened."""
    number = getattr(error, "errno", None)
    if number is None and isinstance(error.args[0], int):
        number = error.args[0]
    if number == errno.ENOENT:
        return _missing(where, path)
    if number in (errno.EACCES, errno.EPERM):
        return problem(
            "WP-BUS-005",
            where,
            "No permission to open {port}.",
            "Add the user to the group that owns the port: `sudo usermod -aG dialout $USER`, then log in again.",
            port=path,
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
        return _busy(where, path)
    if number == errno.ENOTTY or "Inappropriate ioctl" in str(error):
        return _no_port(where, path)
    return problem(
        "WP-BUS-007",
        where,
        "{port} cannot be opened with these line settings: {why}.",
        "Check speed, parity and stop bits.",
        port=path,
        why=str(error),
    )
