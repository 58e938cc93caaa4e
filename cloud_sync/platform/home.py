"""The platform's home folder: platform.toml, the platform's key, the public keys of the enrolled gateways."""

import secrets
from pathlib import Path
from typing import NamedTuple

from cloud_sync import mqtt
from cloud_sync.core.topic import is_name
from gateway.core.fields import Fields
from gateway.core.problem import Problem, ProblemError, problem
from gateway.text_file import read_toml

DEFAULT_HOME = "/etc/wattproof-platform"
SETTINGS_FILE = "platform.toml"
KEY_FILE = Path("keys") / "platform.key"
GATEWAYS = Path("keys") / "gateways"
_KNOWN = ("broker", "bucket", "listen", "ledger", "zone", "ca", "certificate", "key", "clock_bound")
_CLOCK_UNITS = {"ms": 1, "s": 1000}
_CLOCK_BOUND_MAX_MS = 60_000


class Settings(NamedTuple):
    """What platform.toml says."""

    broker: mqtt.Settings
    bucket: str
    host: str
    port: int
    ledger: Path
    zone: str
    clock_bound_ms: int  # what the operator vouches for where the kernel does not know; 0: for nothing


def read_settings(home: Path) -> Settings:
    """Return the settings in *home*, or raise all that is wrong with them."""
    client_id = "platform-" + secrets.token_hex(4)  # a second platform must not push this one off the broker
    path = home / SETTINGS_FILE
    problems: list[Problem] = []
    document = read_toml(path)
    if set(document) - {"platform"}:
        problems.append(
            problem(
                "WP-PLT-006",
                str(path),
                "The platform's settings have more in them than the one table [platform].",
                "Move all settings under [platform] and remove the rest.",
            )
        )
    table = Fields(document.get("platform", {}), f"{path}: platform", problems)
    table.only(_KNOWN)
    files = [home / table.text(name) if name in table.plain else None for name in ("ca", "certificate", "key")]
    broker = None
    try:
        broker = mqtt.broker_settings(table.text("broker", "mqtt://127.0.0.1:1883"), client_id, *files)
    except ProblemError as error:
        problems += [one.moved(f"{path}: platform") for one in error.problems]
    listen = table.text("listen", "127.0.0.1:8688")
    host, port = _listen(listen, f"{path}: platform.listen", problems)
    bucket = table.text("bucket", "b0")
    if not is_name(bucket):
        problems.append(
            problem(
                "WP-PLT-005",
                f"{path}: platform.bucket",
                "{bucket} cannot be a bucket: it is one level of an MQTT topic, without blanks and / + # $.",
                "Use letters and digits, as in b0; the gateways' [uplink] bucket must be the same.",
                bucket=bucket,
            )
        )
    ledger = home / table.text("ledger", "ledger.sqlite")
    zone = table.text("zone", "Asia/Shanghai")
    clock_bound_ms = table.measure("clock_bound", _CLOCK_UNITS, "0 ms", 0, _CLOCK_BOUND_MAX_MS)
    if problems or broker is None:
        raise ProblemError(*problems)
    return Settings(broker, bucket, host, port, ledger, zone, clock_bound_ms)


def _listen(listen: str, where: str, problems: list[Problem]) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        problems.append(
            problem(
                "WP-PLT-008",
                where,
                "{listen} is no address to listen at.",
                "Write host:port, as in 127.0.0.1:8688; 0.0.0.0:8688 opens the page to the network.",
                listen=listen,
            )
        )
        return "127.0.0.1", 0
    return host.strip("[]"), int(port)
