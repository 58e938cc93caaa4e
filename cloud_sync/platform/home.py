"""The platform's home folder: platform.toml, the platform's key, the public keys of the enrolled gateways."""

import secrets
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync import mqtt
from cloud_sync.core.topic import is_name
from gateway.core.problem import Problem, ProblemError, problem

DEFAULT_HOME = "/etc/wattproof-platform"
SETTINGS_FILE = "platform.toml"
KEY_FILE = Path("keys") / "platform.key"
GATEWAYS = Path("keys") / "gateways"
_KNOWN = {"broker", "bucket", "listen", "ledger", "zone", "ca", "certificate", "key"}


class Settings(NamedTuple):
    """What platform.toml says."""

    broker: mqtt.Settings
    bucket: str
    host: str
    port: int
    ledger: Path
    zone: str


def read_settings(home: Path) -> Settings:
    """Return the settings in *home*, or raise all that is wrong with them."""
    client_id = "platform-" + secrets.token_hex(4)  # a second platform must not push this one off the broker
    path = home / SETTINGS_FILE
    table = _table(path)
    problems: list[Problem] = []

    def text(name: str, default: str) -> str:
        value = table.get(name, default)
        if isinstance(value, str) and value and value.isprintable():
            return value
        problems.append(
            problem(
                "WP-PLT-003",
                f"{path}: platform.{name}",
                "This must be a text on one line that is not empty.",
                'Write it in quotes, for example {name} = "{example}".',
                name=name,
                example=default or "...",
            )
        )
        return default

    for name in sorted(set(table) - _KNOWN):
        problems.append(
            problem(
                "WP-PLT-004",
                f"{path}: platform.{name}",
                "This setting is not known.",
                "Known are: {known}.",
                known=", ".join(sorted(_KNOWN)),
            )
        )
    files = [home / text(name, "") if name in table else None for name in ("ca", "certificate", "key")]
    broker = None
    try:
        broker = mqtt.broker_settings(text("broker", "mqtt://127.0.0.1:1883"), client_id, *files)
    except ProblemError as error:
        problems += [one.moved(f"{path}: platform") for one in error.problems]
    listen = text("listen", "127.0.0.1:8688")
    host, port = _listen(listen, f"{path}: platform.listen", problems)
    bucket = text("bucket", "b0")
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
    ledger = home / text("ledger", "ledger.sqlite")
    zone = text("zone", "Asia/Shanghai")
    if problems or broker is None:
        raise ProblemError(*problems)
    return Settings(broker, bucket, host, port, ledger, zone)


def _table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise ProblemError(
            problem(
                "WP-PLT-001",
                str(path),
                "The platform's settings are not there.",
                "Point --home to the folder that has platform.toml, or write one with a [platform] table.",
            )
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ProblemError(
            problem(
                "WP-PLT-002",
                str(path),
                "The platform's settings cannot be read: {reason}.",
                "Correct the file; it is TOML with one table, [platform].",
                reason=getattr(error, "strerror", None) or error,
            )
        ) from error
    table = document.get("platform", {})
    if not isinstance(table, dict) or set(document) - {"platform"}:
        raise ProblemError(
            problem(
                "WP-PLT-006",
                str(path),
                "The platform's settings have more in them than the one table [platform].",
                "Move all settings under [platform] and remove the rest.",
            )
        )
    return table


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
