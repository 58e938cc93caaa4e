"""Enrolment: codes as people type them, requests at the platform, and the platform's answers at the gateway."""

import asyncio
import json
import shutil
from base64 import encodebytes
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette

from cloud_sync.enrolling import (
    PATH,
    Answer,
    Code,
    Request,
    answer_digest,
    make_csr,
    make_request,
    read_answer,
    read_code,
    read_request,
    text_of,
)
from cloud_sync.keys import new_key
from cloud_sync.platform.answering import answer
from cloud_sync.platform.authority import PKI, Authority
from cloud_sync.platform.codes import make_code
from cloud_sync.platform.enrol_route import enrol_route
from cloud_sync.platform.home import GATEWAYS, KEY_FILE
from gateway.core.problem import ProblemError
from gateway.enrolment import CA, KEYS, PLATFORM_KEY, TLS_KEY, take
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said

CODE, POST, FIELDS, CSR, ANSWER, CERTIFICATES = range(6)
NOW_MS = 1_700_000_000_000
_UNTIL_MS = 1 << 60
TOKENS = (
    b'"kind": "wattproof enrolment request 1"', b'"gateway": ', b'"csr": ', b'"digest": ', b"\\ud800", b"[" * 20,
    b"-----BEGIN CERTIFICATE REQUEST-----\\n", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x30\x82", b"\xa0\x82",
    b"\x06\x03\x55\x04\x03", b"\x0c\x04gw-1", b"2001-01-01",
)  # fmt: skip


@cache
def _ends() -> tuple[Path, Path, Code, str]:
    """Return the platform's home, the gateway's, a code that the platform gave, and the gateway's signing request."""
    platform, gateway = room_of("enrolment") / "platform", room_of("enrolment") / "gateway"
    (platform / GATEWAYS).mkdir(parents=True)
    new_key(platform / KEY_FILE)
    authority = Authority(platform)
    code = make_code(platform, "gw-1", authority.fingerprint, _UNTIL_MS)
    (gateway / KEYS).mkdir(parents=True)
    (gateway / "gateway.toml").write_text('[gateway]\nid = "gw-1"\n')
    own = ec.derive_private_key(7, ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    pem = own.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (gateway / KEYS / TLS_KEY).write_bytes(pem)
    return platform, gateway, code, make_csr("gw-1", own)


def request(csr: str | None = None) -> Request:
    """Return the request of a gateway that was given a code, with the signing request *csr* in place of its own."""
    _, _, code, own = _ends()
    return make_request("gw-1", *identity(1), own if csr is None else csr, code)


@cache
def _answered() -> Answer:
    platform = _ends()[0]
    return read_answer(answer(platform, request(), "b0", NOW_MS))


def _der(pem: str) -> bytes:
    if "REQUEST" in pem:
        return x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER)
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


def _authority(one: Answer) -> x509.Certificate:
    return x509.load_pem_x509_certificate(one.ca.encode())


def _pem(kind: str, der: bytes) -> str:
    return "-----BEGIN %s-----\n%s-----END %s-----\n" % (kind, encodebytes(der).decode(), kind)


def seeds() -> Iterator[bytes]:
    """Yield a code, a request and an answer as they travel, and their parts to be signed here."""
    own, answered = request(), _answered()
    yield bytes((CODE,)) + _ends()[2].text().encode()
    yield bytes((POST,)) + text_of(own).encode()
    yield bytes((FIELDS, 0)) + b"gw-1"
    yield bytes((FIELDS, 1)) + own.public_key.encode()
    yield bytes((CSR,)) + _der(own.csr)
    yield bytes((ANSWER,)) + text_of(answered).encode()
    yield bytes((CERTIFICATES, 0)) + _der(answered.certificate)
    yield bytes((CERTIFICATES, 1)) + _der(answered.ca)


def target(data: bytes) -> None:
    """Nobody is enrolled but with a code and the keys that the request names; no answer is taken but the platform's."""
    source = Source(data)
    kind = source.octet() % 6
    _answered()
    try:
        if kind == CODE:
            _code(source.rest())
        elif kind == POST:
            _posted(source.rest())
        elif kind in (FIELDS, CSR):
            _asked(kind, source)
        else:
            _taken(kind, source)
    except ProblemError as error:
        check_said(error.problems)


def _code(raw: bytes) -> None:
    code = read_code(raw.decode("utf-8", "surrogateescape"))
    assert read_code(code.text()) == code


def _clear() -> None:
    shutil.rmtree(_ends()[0] / PKI / "issued" / "gw-1", ignore_errors=True)


async def _reply(raw: bytes) -> tuple[int, bytes]:
    told: list[Any] = []
    pieces = [raw[: len(raw) // 2], raw[len(raw) // 2 :]]

    async def receive() -> Any:
        body = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": body, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "https", "root_path": "",
        "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 443), "app": _app()[0],
    }  # fmt: skip
    await _app()[0](scope, receive, send)
    return told[0]["status"], b"".join(one.get("body", b"") for one in told[1:])


@cache
def _app() -> tuple[Starlette, "asyncio.Runner"]:
    app = Starlette(routes=[enrol_route(_ends()[0], "b0", lambda: NOW_MS / 1000)])
    return app, asyncio.Runner()


def _posted(raw: bytes) -> None:
    """Post a request to the platform."""
    status, body = _app()[1].run(_reply(raw))
    if status == 200:
        assert read_request(raw).gateway == "gw-1" == read_answer(body).gateway
        _clear()
        return
    assert status == 403 and json.loads(body)["problem"]["code"]


def _asked(kind: int, source: Source) -> None:
    """Ask by a request whose parts are strange but whose proof and digest are made with the right keys."""
    platform, _, code, _ = _ends()
    if kind == CSR:
        asked = request(_pem("CERTIFICATE REQUEST", source.rest()))
    else:
        part = source.octet() % 4
        text = source.rest().decode("utf-8", "replace")
        plain = request()
        if part == 0:
            asked = make_request(text, *identity(1), plain.csr, code)
        elif part == 1:
            asked = plain._replace(public_key=text)
        elif part == 2:
            asked = plain._replace(proof=text)
        else:
            asked = plain._replace(code=text)
    asked = read_request(text_of(asked))
    said = answer(platform, asked, "b0", NOW_MS)
    assert asked.gateway == "gw-1" == read_answer(said).gateway
    _clear()


def _taken(kind: int, source: Source) -> None:
    """Take an answer at the gateway: as it came, or made with the right code around strange certificates."""
    _, gateway, code, _ = _ends()
    good = _answered()
    if kind == ANSWER:
        text = source.rest()
    else:
        named = "certificate" if source.octet() & 1 == 0 else "ca"
        strange = good._replace(**{named: _pem("CERTIFICATE", source.rest())})
        text = text_of(strange._replace(digest=answer_digest(strange, code.key()))).encode()
    (gateway / KEYS / CA).unlink(missing_ok=True)
    try:
        for by in (code, None):
            found = take(gateway, text, by)
            if by is not None:
                assert _authority(found) == _authority(good)
                assert (gateway / KEYS / PLATFORM_KEY).read_text() == good.platform_key
    finally:
        (gateway / KEYS / CA).unlink(missing_ok=True)
