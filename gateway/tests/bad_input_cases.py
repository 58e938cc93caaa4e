"""What can be wrong with what wattproof is given: a table of spoiled files and calls, each with what must be said."""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud_sync.core.canonical import encode
from gateway.export import END
from gateway.tests.small_park import DAY, SITE

Spoil = Callable[[Path], None]


def site(old: str, new: str) -> Spoil:
    """Change one text of gateway.toml."""
    assert old in SITE
    return writes("gateway.toml", SITE.replace(old, new, 1))


def writes(name: str, content: str | bytes) -> Spoil:
    """Put *content* in place of a file."""

    def spoil(home: Path) -> None:
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (home / name).chmod(0o600)

    return spoil


def removes(name: str) -> Spoil:
    """Take a file away."""
    return lambda home: (home / name).unlink()


def folder_at(name: str) -> Spoil:
    """Put a folder where a file should be."""

    def spoil(home: Path) -> None:
        (home / name).unlink(missing_ok=True)
        (home / name).mkdir(parents=True)

    return spoil


def mode(name: str, bits: int) -> Spoil:
    """Change the rights of a file."""
    return lambda home: (home / name).chmod(bits)


def cuts(name: str, keep: int) -> Spoil:
    """Keep only the first bytes of a file."""

    def spoil(home: Path) -> None:
        (home / name).write_bytes((home / name).read_bytes()[:keep])

    return spoil


def sql(statement: str, name: str = "journal.sqlite") -> Spoil:
    """Change a database from outside."""

    def spoil(home: Path) -> None:
        database = sqlite3.connect(home / name)
        database.execute(statement)
        database.commit()
        database.close()

    return spoil


def damages(name: str) -> Spoil:
    """Write over a stretch in the middle of a file."""

    def spoil(home: Path) -> None:
        raw = (home / name).read_bytes()
        (home / name).write_bytes(raw[:9000] + b"\xa5" * (len(raw) - 18000) + raw[-9000:])

    return spoil


def another_database(home: Path) -> None:
    """Put a database of another program in place of the journal."""
    (home / "journal.sqlite").unlink()
    sql("CREATE TABLE foreign_thing (a)")(home)


def empty_export(home: Path) -> None:
    """Keep of the export its header, and an end that says nothing is in it."""
    raw = (home / "day.wpx").read_bytes()
    header = raw[: 4 + int.from_bytes(raw[:4], "big")]
    end = encode([END, 0, 0, 1, hashlib.sha256(header).digest()])
    (home / "day.wpx").write_bytes(header + len(end).to_bytes(4, "big") + end)


def huge_export(home: Path) -> None:
    """Let the export go on with three gigabytes of nothing."""
    with (home / "day.wpx").open("ab") as file:
        file.truncate(3_000_000_000)


def rsa_key(home: Path) -> None:
    """Make a good key of a kind that is not used here."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    writes("keys/gateway.key", pem)(home)


def tls(lines: str) -> Spoil:
    """Name TLS files in the uplink."""
    return site('broker = "mqtt://127.0.0.1:1883"', 'broker = "mqtts://127.0.0.1:8883"\n' + lines)


def nothing(home: Path) -> None:
    """Leave the home as it is."""


class Case(NamedTuple):
    """What is wrong, what is called, and what must be said: code and place."""

    spoil: Spoil
    call: str
    code: str
    place: str
    exit: int = 1


EXPORT = "{home}/day.wpx"
CASES = {
    # gateway.toml
    "no TOML": Case(writes("gateway.toml", SITE + "\n[[["), "check", "WP-CFG-030", "gateway.toml"),
    "endless brackets": Case(writes("gateway.toml", "a=" + "[" * 5000), "check", "WP-CFG-030", "gateway.toml"),
    "no UTF-8": Case(writes("gateway.toml", SITE.encode() + b"# \xe9"), "check", "WP-CFG-043", "gateway.toml"),
    "no file": Case(removes("gateway.toml"), "check", "WP-CFG-031", "gateway.toml"),
    "a folder": Case(folder_at("gateway.toml"), "check", "WP-CFG-032", "gateway.toml"),
    "too large": Case(writes("gateway.toml", "#" * 1024 * 1025), "check", "WP-CFG-039", "gateway.toml"),
    "empty": Case(writes("gateway.toml", ""), "check", "WP-CFG-020", "bus"),
    "unknown key": Case(site("park =", "parc ="), "check", "WP-CFG-002", "gateway.parc"),
    "number for text": Case(site('id = "gw-test"', "id = 5"), "check", "WP-CFG-004", "gateway.id"),
    "list for text": Case(site('name = "a"', 'name = ["a"]'), "check", "WP-CFG-004", "bus[0].name"),
    "numbers for texts": Case(site('["NDRC910-trial", "grid-2023"]', "[1, 2]"), "check", "WP-CFG-017", "factor_sets"),
    "not a number": Case(site("unit = 1\n", "unit = nan\n"), "check", "WP-CFG-005", "meter[0].unit"),
    "huge number": Case(site("unit = 1\n", "unit = %s\n" % ("9" * 30)), "check", "WP-CFG-005", "meter[0].unit"),
    "negative number": Case(site("unit = 1\n", "unit = -1\n"), "check", "WP-CFG-005", "meter[0].unit"),
    "huge power": Case(site("400 kW", "9" * 5000 + " kW"), "check", "WP-CFG-006", "meter[0].max_power"),
    "power of nobody": Case(site("400 kW", "9" * 17 + " kW"), "check", "WP-CFG-006", "meter[0].max_power"),
    "negative power": Case(site("400 kW", "-4 kW"), "check", "WP-CFG-006", "meter[0].max_power"),
    "cycle of a year": Case(site("15 s", "31536000 s"), "check", "WP-CFG-006", "gateway.cycle"),
    "raised figure": Case(site("200/5", "²/1"), "check", "WP-CFG-007", "meter[2].ct_ratio"),
    "endless ratio": Case(site("200/5", "9" * 5000 + "/1"), "check", "WP-CFG-007", "meter[2].ct_ratio"),
    "raised baud": Case(site("9600 8N1", "²600 8N1"), "check", "WP-CFG-009", "bus[0].line"),
    "control character": Case(site("gw-test", "gw\\u001b[31m"), "check", "WP-CFG-025", "gateway.id"),
    "long id": Case(site("gw-test", "g" * 65), "check", "WP-CFG-023", "gateway.id"),
    "bad bucket": Case(site("platform_key", 'bucket = "a/b"\nplatform_key'), "check", "WP-CFG-024", "uplink.bucket"),
    "unknown profile": Case(site("eastron-sdm630", "sdm999"), "check", "WP-CFG-008", "meter[0].profile"),
    "profile elsewhere": Case(site("eastron-sdm630", "../x"), "check", "WP-CFG-008", "meter[0].profile"),
    "name twice": Case(site('name = "m-roof"', 'name = "m-intake"'), "check", "WP-CFG-016", "meter[1].name"),
    "meter twice": Case(site('meter = "m-roof"', 'meter = "m-intake"'), "check", "WP-CFG-028", "meter_point[1].meter"),
    "network address": Case(site("/dev/ttyUSB0", "tcp://x:y"), "check", "WP-CFG-029", "bus[0].port"),
    "broker": Case(site("mqtt://127.0.0.1:1883", "http://x"), "check", "WP-NET-001", "broker"),
    "broker number": Case(site('"mqtt://127.0.0.1:1883"', "5"), "check", "WP-CFG-004", "uplink.broker"),
    "no CA": Case(tls('ca = "none.pem"'), "check", "WP-NET-003", "none.pem"),
    "broken CA": Case(tls('ca = "gateway.toml"'), "check", "WP-NET-003", "gateway.toml"),
    "half a pair": Case(tls('certificate = "keys/platform.pub"'), "check", "WP-NET-004", "broker"),
    "foreign pair": Case(
        tls('certificate = "keys/platform.pub"\nkey = "keys/gateway.key"'), "check", "WP-NET-005", "platform.pub"
    ),
    "certificate without TLS": Case(
        site("platform_key", 'ca = "x.pem"\nplatform_key'), "check", "WP-NET-003", "x.pem"
    ),
    # other files of the home
    "factors no TOML": Case(writes("factors.toml", "[["), "check", "WP-CFG-030", "factors.toml"),
    "factors a folder": Case(folder_at("factors.toml"), "check", "WP-CFG-032", "factors.toml"),
    "profile no TOML": Case(
        writes("profiles/eastron-sdm630.toml", "[["), "check", "WP-CFG-030", "eastron-sdm630.toml:1:3"
    ),
    "profile no UTF-8": Case(writes("profiles/eastron-sdm630.toml", b"\xff"), "check", "WP-CFG-043", "sdm630.toml"),
    "profile a folder": Case(folder_at("profiles/eastron-sdm630.toml"), "check", "WP-CFG-032", "sdm630.toml"),
    "profile wrong": Case(writes("profiles/eastron-sdm630.toml", "id = 5"), "check", "WP-CFG-004", "sdm630.toml.id"),
    "profile misnamed": Case(writes("profiles/My Meter.toml", ""), "profile lint", "WP-PRF-011", "My Meter.toml"),
    "profile nowhere": Case(nothing, "profile show none", "WP-PRF-001", "none"),
    # keys
    "key for all": Case(mode("keys/gateway.key", 0o644), "keys show", "WP-KEY-002", "gateway.key"),
    "no key": Case(removes("keys/gateway.key"), "run", "WP-KEY-006", "gateway.key"),
    "broken key": Case(writes("keys/gateway.key", "x"), "check", "WP-KEY-003", "gateway.key"),
    "key a folder": Case(folder_at("keys/gateway.key"), "keys show", "WP-KEY-007", "gateway.key"),
    "key there": Case(nothing, "keys new", "WP-KEY-001", "gateway.key"),
    "RSA key": Case(rsa_key, "keys show", "WP-KEY-005", "gateway.key"),
    "no platform key": Case(removes("keys/platform.pub"), "run", "WP-KEY-009", "platform.pub"),
    "broken platform key": Case(writes("keys/platform.pub", "x"), "check", "WP-KEY-004", "platform.pub"),
    "keys nowhere to write": Case(nothing, "--home /proc/none keys new", "WP-KEY-008", "/proc/none"),
    # journal
    "no journal": Case(removes("journal.sqlite"), "tally " + DAY, "WP-CLI-001", "control.sock", 3),
    "no database": Case(writes("journal.sqlite", b"no database" * 500), "tally " + DAY, "WP-JRN-003", "journal.sqlite"),
    "half a journal": Case(cuts("journal.sqlite", 20000), "export -o x " + DAY, "WP-JRN-003", "journal.sqlite"),
    "damaged journal": Case(damages("journal.sqlite"), "tally " + DAY, "WP-JRN-003", "journal.sqlite"),
    "other database": Case(another_database, "tally " + DAY, "WP-JRN-003", "journal.sqlite"),
    "newer journal": Case(sql("PRAGMA user_version = 99"), "tally " + DAY, "WP-JRN-008", "journal.sqlite"),
    "journal a folder": Case(folder_at("journal.sqlite"), "tally " + DAY, "WP-JRN-002", "journal.sqlite"),
    "edited entries": Case(sql("UPDATE entry SET body = x'ff'"), "tally " + DAY, "WP-JRN-011", "journal.sqlite"),
    # the daemon is not there
    "status": Case(nothing, "status", "WP-CLI-001", "control.sock", 3),
    "readings": Case(nothing, "readings", "WP-CLI-001", "control.sock", 3),
    # days and times
    "wrong day": Case(nothing, "tally 2026-02-30", "WP-EXP-001", "2026-02-30"),
    "last day of all": Case(nothing, "tally 9999-12-31", "WP-EXP-001", "9999-12-31"),
    "no day": Case(nothing, "export yesterday -o x", "WP-EXP-001", "yesterday"),
    "day without figures": Case(nothing, "export 2026-01-01 -o x", "WP-EXP-002", "2026-01-01"),
    "time without figures": Case(nothing, "trace 2026-01-01T10:00", "WP-CLI-003", "2026-01-01T10:00"),
    "no time": Case(nothing, "trace noon", "WP-CFG-031", "noon"),
    # outputs
    "folder of none": Case(nothing, "export %s -o {home}/none/x" % DAY, "WP-EXP-004", "/none/x"),
    "a device": Case(nothing, "export %s -o /dev/null" % DAY, "WP-EXP-005", "/dev/null"),
    # exports
    "no export": Case(nothing, "verify {home}/none", "WP-EXP-011", "none"),
    "empty export": Case(writes("day.wpx", b""), "verify " + EXPORT, "WP-EXP-010", "byte 0"),
    "export of nothing": Case(empty_export, "verify " + EXPORT, "WP-EXP-010", "day.wpx"),
    "half an export": Case(cuts("day.wpx", 3000), "verify " + EXPORT, "WP-EXP-010", "byte"),
    "rubbish": Case(writes("day.wpx", b"hello world" * 500), "verify " + EXPORT, "WP-EXP-010", "byte 0"),
    "huge export": Case(huge_export, "verify " + EXPORT, "WP-EXP-010", "byte"),
    "no keys": Case(nothing, "verify %s --keys {home}/profiles" % EXPORT, "WP-EXP-013", "profiles"),
    # ports
    "no port": Case(nothing, "scan /none", "WP-BUS-003", "/none"),
    "no terminal": Case(nothing, "scan /dev/null", "WP-BUS-004", "/dev/null"),
    "a folder for a port": Case(nothing, "scan /tmp", "WP-BUS-004", "/tmp"),
    "no network address": Case(nothing, "scan tcp://127.0.0.1:abc", "WP-BUS-014", "tcp://127.0.0.1:abc"),
    "no network name": Case(nothing, "scan tcp://a..b:5", "WP-BUS-014", "tcp://a..b:5"),
    "nobody listens": Case(nothing, "scan tcp://127.0.0.1:1", "WP-BUS-008", "tcp://127.0.0.1:1"),
    "no meter": Case(nothing, "read none", "WP-BUS-012", "none"),
    "live": Case(site("/dev/ttyUSB0", "/dev/null"), "check --live", "WP-BUS-004", "/dev/null"),
    # files to trace
    "trace NaN": Case(
        writes("f.json", '{"busbars":["A"],"sources":[{"id":"a","busbar":"A","wh":NaN}],"sinks":[],"feeders":[]}'),
        "trace {home}/f.json", "WP-ACC-", "sources[0].wh",
    ),
    "trace no UTF-8": Case(writes("f.json", b"\xff"), "trace {home}/f.json", "WP-CFG-043", "f.json"),
    "trace a folder": Case(nothing, "trace {home}", "WP-CFG-032", ""),
}  # fmt: skip
