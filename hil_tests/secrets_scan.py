"""Secrets scan: every form in which a secret might leave its file, looked for in whatever a gateway lets out."""

import base64
import os
import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

_LEAST = 12  # bytes of a form; shorter ones are found by chance


def forms_of(secret: bytes) -> set[bytes]:
    """Return *secret* as it is, in hexadecimal, and in base64 at each of its three alignments."""
    forms = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for lead in range(3):
        text = base64.b64encode(bytes(lead) + secret)
        forms.add(text[-(-lead * 8 // 6) : len(text) // 4 * 4 - 4])
    return {form for form in forms if len(form) >= _LEAST}


def key_secrets(folder: Path) -> dict[str, set[bytes]]:
    """Return the secrets of every private key under *folder*, by file: its number, and the lines it is written in."""
    found = {}
    for path in folder.rglob("*.key"):
        raw = path.read_bytes()
        if b"PRIVATE KEY" not in raw:
            continue
        key = serialization.load_pem_private_key(raw, None)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            number = key.private_bytes_raw()
        else:
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            number = key.private_numbers().private_value.to_bytes(32, "big")
        found[str(path)] = forms_of(number) | {raw.splitlines()[1]}
    return found


def hits(secrets: dict[str, set[bytes]], places: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Return (secret, place) for every secret that stands in a place, zip files opened."""
    found = []
    for place, content in places:
        parts = [content]
        if content.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(BytesIO(content)) as bundle:
                parts += [bundle.read(name) for name in bundle.namelist()]
        for name, forms in secrets.items():
            if any(form in part for part in parts for form in forms):
                found.append((name, place))
    return found


def files_of(*folders: Path) -> list[tuple[str, bytes]]:
    """Return every file under *folders* with its content, but for those that hold a private key by right."""
    return [
        (str(path), path.read_bytes())
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".key"
    ]


def arguments_of_all() -> list[tuple[str, bytes]]:
    """Return the arguments and the environment of every process that may be looked at."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            try:
                found.append((str(process / name), (process / name).read_bytes()))
            except OSError:  # it ended meanwhile, or is another user's
                continue
    return found
