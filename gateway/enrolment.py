"""Enrolment of this gateway: its keys, its request, and what it takes over from the platform's answer."""

import ipaddress
import json
import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cloud_sync.core.topic import is_name
from cloud_sync.enrolling import (
    PATH,
    TEXT_BYTES_MAX,
    UNREADABLE,
    Answer,
    Code,
    Request,
    answer_digest,
    fingerprint_of,
    make_csr,
    make_request,
    read_answer,
    text_of,
)
from cloud_sync.keys import load_public, load_signer, new_key, parse_public, write_whole
from gateway.config import SITE_FILE, key_path
from gateway.core.problem import Problem, ProblemError, problem
from gateway.frame import UnreachableError
from gateway.text_file import read_toml

KEYS = Path("keys")
TLS_KEY = "tls.key"
CERTIFICATE = "tls.crt"
CA = "ca.crt"
PLATFORM_KEY = "platform.pub"
_TIMEOUT_S = 30.0


def gateway_id(home: Path) -> str:
    """Return the id in gateway.toml, whatever else is not written yet; raises ProblemError where there is none."""
    table = read_toml(home / SITE_FILE).get("gateway")
    name = table.get("id") if isinstance(table, dict) else None
    if not isinstance(name, str) or not is_name(name):
        raise ProblemError(
            problem(
                "WP-KEY-016", str(home / SITE_FILE), "There is no id of a gateway in it.",
                'Write [gateway] and id = "..." there, as the platform shall know this gateway.',
            )
        )  # fmt: skip
    return name


def folder_of(platform: str) -> Path:
    """Return where in a home the files of *platform* are; of the only one, "", in keys/ itself."""
    if platform and (not is_name(platform) or platform.startswith(".") or platform == "former"):
        raise ProblemError(
            problem(
                "WP-KEY-027", platform, "This cannot be the name of a platform.",
                "Take the name of its [[uplink]]: up to 64 bytes, without blanks and / + # $.",
            )
        )  # fmt: skip
    return KEYS / platform if platform else KEYS


def certificate_end_ms(path: Path) -> int | None:
    """Return until when the certificate in *path* holds; None where there is none that can be read."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, *UNREADABLE):
        return None
    return int(found.not_valid_after_utc.timestamp()) * 1000


def _connection_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key of the encrypted connections, made the first time."""
    path = folder / TLS_KEY
    if not path.exists():
        new = ec.generate_private_key(ec.SECP256R1())
        form = serialization.PrivateFormat.PKCS8
        pem = new.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        write_whole(path, pem, 0o600)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("it is no P-256 key")
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ProblemError(
            problem(
                "WP-KEY-017", str(path), "The key of the encrypted connections cannot be read: {reason}.",
                "Move it away; another is made by the next `wattproof enrol`.", reason=error,
            )
        ) from error  # fmt: skip
    return key


def request_of(home: Path, code: Code | None, platform: str = "") -> Request:
    """Return the request of this gateway to *platform*; its keys are made where there are none."""
    gateway, folder = gateway_id(home), home / folder_of(platform)
    known = _known_ca(folder)
    if code is not None and known is not None and fingerprint_of(known) != code.fingerprint:
        raise ProblemError(_other_platform(folder))
    path = key_path(home)
    if not path.exists():
        new_key(path)
    signer = load_signer(path)
    return make_request(
        gateway, signer, load_public(path.with_suffix(".pub")), make_csr(gateway, _connection_key(folder)), code
    )


def take(home: Path, text: str | bytes, code: Code | None, platform: str = "") -> Answer:
    """Believe the platform's answer and keep what it holds; raises ProblemError where it is not the platform's."""
    answer, folder = read_answer(text), home / folder_of(platform)
    if answer.gateway != gateway_id(home) or (code is not None and answer_digest(answer, code.key()) != answer.digest):
        raise ProblemError(_not_believed("it was not made for this gateway with this code"))
    own = _connection_key(folder).public_key()
    try:
        ca = x509.load_pem_x509_certificate(answer.ca.encode("ascii"))
        certificate = x509.load_pem_x509_certificate(answer.certificate.encode("ascii"))
        certificate.verify_directly_issued_by(ca)
        fits = certificate.public_key() == own
    except UNREADABLE as error:
        raise ProblemError(_not_believed("its certificate is not by its own authority")) from error
    if not fits:
        raise ProblemError(_not_believed("its certificate is for another key"))
    if code is not None and fingerprint_of(ca) != code.fingerprint:
        raise ProblemError(_not_believed("its authority is not the one that the code names"))
    known = _known_ca(folder)
    if code is None and ca != known:
        raise ProblemError(_not_believed("its authority is not the one in ca.crt"))
    if known is not None and ca != known:
        raise ProblemError(_other_platform(folder))
    parse_public(answer.platform_key.encode("ascii"), "platform_key")
    if code is not None:
        write_whole(folder / CA, answer.ca.encode("ascii"), 0o644)
        write_whole(folder / PLATFORM_KEY, answer.platform_key.encode("ascii"), 0o644)
    write_whole(folder / CERTIFICATE, answer.certificate.encode("ascii"), 0o644)
    return answer


def _other_platform(folder: Path) -> Problem:
    return problem(
        "WP-KEY-026", str(folder / CA), "This gateway is enrolled at a platform with another authority already.",
        "Give the second platform files of its own: `wattproof enrol --as NAME`. If the first one is gone for good,"
        " move its ca.crt away.",
    )  # fmt: skip


def _known_ca(folder: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate((folder / CA).read_bytes())
    except (OSError, *UNREADABLE):
        return None


def _not_believed(reason: str) -> Problem:
    return problem(
        "WP-KEY-018", "answer", "The platform's answer is not believed: {reason}.",
        "Nothing was taken over. Check that it is the answer to the last request of this gateway; someone may sit"
        " between it and the platform.", reason=reason,
    )  # fmt: skip


def check_route(url: str, plain_http: bool) -> None:
    """Raise ProblemError where *url* is not encrypted, but for this machine itself where that is allowed."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and here and plain_http)):
        raise ProblemError(
            problem(
                "WP-KEY-019", url, "A request is sent over https:// only.",
                "Write https://platform.example; http:// is taken with --plain-http, and for this machine alone.",
            )
        )  # fmt: skip


def ask(url: str, request: Request, ca: Path | None) -> bytes:
    """Send *request* to the platform at *url*; return its answer. *ca* signed its certificate, if no public one did."""
    where = url.rstrip("/") + PATH
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        asked = urllib.request.Request(where, text_of(request).encode("utf-8"), {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Straight())
        with opener.open(asked, timeout=_TIMEOUT_S) as answer:
            return bytes(answer.read(TEXT_BYTES_MAX + 1))
    except urllib.error.HTTPError as error:
        raise ProblemError(_refusal(where, error)) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UnreachableError(
            problem(
                "WP-KEY-020", where, "The platform cannot be reached: {reason}.",
                "Check address, network and certificate; or carry the request in a file: --out and --in.",
                reason=reason,
            )
        ) from error  # fmt: skip


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere."""

    def redirect_request(self, *_: object) -> None:
        """Take a redirection for a refusal."""


def _refusal(where: str, error: urllib.error.HTTPError) -> Problem:
    try:
        said = json.loads(error.read(TEXT_BYTES_MAX))["problem"]
        reason = "%s %s" % (said["code"], said["what"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError, HTTPException):
        reason = str(error)
    return problem(
        "WP-KEY-021", where, "The platform refuses: {reason}",
        "Ask whoever runs the platform; `wattproof-platform enrol new` prints another code.", reason=reason,
    )  # fmt: skip
