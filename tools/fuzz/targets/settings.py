"""The platform's settings in platform.toml, and key files in PEM form."""

from collections.abc import Iterator

from cloud_sync.keys import load_signer, parse_public
from cloud_sync.platform.home import SETTINGS_FILE, read_settings
from gateway.core.problem import ProblemError
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS

TOKENS = (
    *TOML_TOKENS, b"[platform]", b'listen = "127.0.0.1:1"', b"mqtts://", b"mqtt://[::1]:", b"zone", b"ca = ",
    b"-----BEGIN PUBLIC KEY-----\n", b"-----END PUBLIC KEY-----\n", b"-----BEGIN EC PRIVATE KEY-----\n",
)  # fmt: skip
_SETTINGS = b"""[platform]
broker = "mqtt://127.0.0.1:1883"
listen = "127.0.0.1:8688"
bucket = "b0"
ledger = "ledger.sqlite"
zone = "Asia/Shanghai"
"""


def seeds() -> Iterator[bytes]:
    """Yield settings and public keys of both kinds."""
    yield b"\x00" + _SETTINGS
    yield b"\x01" + identity(1)[1].pem().encode()
    yield b"\x01" + identity(2, -7)[1].pem().encode()
    yield b"\x02" + identity(1)[1].pem().encode().replace(b"PUBLIC", b"PRIVATE")


def target(data: bytes) -> None:
    """Settings and keys are read, or refused with problems that can be said."""
    source = Source(data)
    kind = source.octet() % 3
    home = room_of("settings")
    name = home / (SETTINGS_FILE if kind == 0 else "gateway.key")
    name.write_bytes(source.rest())
    name.chmod(0o600)
    try:
        if kind == 0:
            read_settings(home)
        elif kind == 1:
            key = parse_public(name.read_bytes(), "key")
            assert parse_public(key.pem().encode(), "key").kid == key.kid
        else:
            load_signer(name)
    except ProblemError as error:
        check_said(error.problems)
