"""Enrolling: the one-time code, the request of a gateway and the platform's answer, as both ends write and read them.

The code never travels. It is the key of a digest over request and answer, so that each end knows the other, whatever
carries them; and it names the platform's certificate authority, so that the gateway takes no other.
"""

import base64
import binascii
import hmac
import json
import os
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud_sync.core.canonical import encode
from cloud_sync.core.topic import is_name
from cloud_sync.keys import PublicKey, Signer, parse_public
from gateway.core.problem import Problem, ProblemError, problem

REQUEST, ANSWER = "wattproof enrolment request 1", "wattproof enrolment answer 1"
TEXT_BYTES_MAX = 64 * 1024  # A request and an answer hold two certificates or keys each.
PATH = "/api/v1/enrol"
_SECRET_BYTES, _CHECK_BYTES = 10, 2
FINGERPRINT_BYTES = 16
_GROUP = 5


# What the library raises over certificates and requests that it cannot take apart.
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion)


class Code(NamedTuple):
    """A one-time code: what proves who was given it, and the fingerprint of the platform's authority."""

    secret: bytes
    fingerprint: bytes

    def text(self) -> str:
        """Return the code as people type it."""
        raw = self.secret + self.fingerprint
        letters = base64.b32encode(raw + sha256(raw).digest()[:_CHECK_BYTES]).decode("ascii").rstrip("=")
        return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))

    def key(self) -> bytes:
        """Return the key of the digests; all that the platform keeps of the code."""
        return sha256(b"wattproof enrolment" + self.secret).digest()


class Request(NamedTuple):
    """What a gateway asks for: to be known by its signing key, and a certificate for its connections."""

    gateway: str
    public_key: str
    csr: str
    code: str  # names the one-time code; "" where the signing key is enrolled already
    proof: str  # the signing key's signature over the above
    digest: str


class Answer(NamedTuple):
    """What the platform gives: the certificate, its authority, and the key that signs receipts."""

    gateway: str
    certificate: str
    ca: str
    platform_key: str
    bucket: str
    digest: str


def new_code(fingerprint: bytes) -> Code:
    """Return a new code of the authority with *fingerprint*."""
    return Code(os.getrandom(_SECRET_BYTES), fingerprint)


def read_code(text: str) -> Code:
    """Return the code that a person typed; raises ProblemError where a letter is wrong. It is repeated nowhere."""
    letters = "".join(text.split()).replace("-", "").upper()
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raw = b""
    body = raw[:-_CHECK_BYTES]
    found = Code(body[:_SECRET_BYTES], body[_SECRET_BYTES:])
    if len(body) != _SECRET_BYTES + FINGERPRINT_BYTES or found.text().replace("-", "") != letters:
        raise ProblemError(
            problem(
                "WP-KEY-014", "code", "This is no enrolment code: a letter is wrong or missing.",
                "Type it as `wattproof-platform enrol new` printed it: nine groups of five letters and digits.",
            )
        )  # fmt: skip
    return found


def code_name(key: bytes) -> str:
    """Return the name under which the platform finds a code again."""
    return sha256(key).hexdigest()[:16]


def _signed(gateway: str, public_key: str, csr: str, code: str) -> bytes:
    return encode([REQUEST, gateway, public_key, csr, code])


def request_digest(request: Request, key: bytes) -> str:
    """Return the digest that only who knows the code can make."""
    signed = _signed(request.gateway, request.public_key, request.csr, request.code)
    return hmac.new(key, signed + request.proof.encode(), sha256).hexdigest()


def answer_digest(answer: Answer, key: bytes) -> str:
    """Return the digest that only the platform which gave the code can make."""
    return hmac.new(key, encode([ANSWER, *answer[:5]]), sha256).hexdigest()


def make_request(gateway: str, signer: Signer, public: PublicKey, csr: str, code: Code | None) -> Request:
    """Return the request of *gateway*, proven by its signing key and by *code*, where it has one."""
    name = code_name(code.key()) if code is not None else ""
    proof = signer.sign(_signed(gateway, public.pem(), csr, name)).hex()
    request = Request(gateway, public.pem(), csr, name, proof, "")
    return request if code is None else request._replace(digest=request_digest(request, code.key()))


def proven(request: Request, public: PublicKey) -> bool:
    """Tell whether the holder of *public* signed the request."""
    signed = _signed(request.gateway, request.public_key, request.csr, request.code)
    try:
        proof = bytes.fromhex(request.proof)
    except ValueError:
        return False
    return proof.hex() == request.proof and public.verify(proof, signed)


def text_of(message: Request | Answer) -> str:
    """Return a request or an answer as the text that travels."""
    kind = REQUEST if isinstance(message, Request) else ANSWER
    return json.dumps({"kind": kind, **message._asdict()}, indent=1) + "\n"


def read_request(text: str | bytes) -> Request:
    """Return the request in *text*; raises ProblemError where it is none."""
    fields = _fields(text, REQUEST, Request._fields)
    if fields is None or not is_name(fields[0]):
        raise ProblemError(_not_one(REQUEST))
    return Request(*fields)


def read_answer(text: str | bytes) -> Answer:
    """Return the answer in *text*; raises ProblemError where it is none."""
    fields = _fields(text, ANSWER, Answer._fields)
    if fields is None:
        raise ProblemError(_not_one(ANSWER))
    return Answer(*fields)


def _fields(text: str | bytes, kind: str, names: tuple[str, ...]) -> list[str] | None:
    try:
        plain = json.loads(text, object_pairs_hook=_each_once) if len(text) <= TEXT_BYTES_MAX else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(plain, dict) or plain.get("kind") != kind or set(plain) != {"kind", *names}:
        return None
    fields = [plain[name] for name in names]
    return fields if all(isinstance(one, str) and one.isascii() for one in fields[1:]) and _text(fields[0]) else None


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return *pairs* as a map; raises ValueError where one name stands twice, and readers could differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that stands twice")
    return found


def _text(value: object) -> bool:
    return isinstance(value, str) and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in value)


def _not_one(kind: str) -> Problem:
    return problem(
        "WP-KEY-015", kind, "This is no such message, or it is damaged.",
        "Let `wattproof enrol --out` write the request again, and take the answer as the platform wrote it.",
    )  # fmt: skip


def names_of(gateway: str) -> tuple[x509.Name, x509.SubjectAlternativeName]:
    """Return subject and alternative name of the certificates of *gateway*."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)])
    return subject, x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier("urn:wattproof:gateway:" + quote(gateway, safe=""))]
    )


def make_csr(gateway: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Return the certificate signing request (PKCS #10, PEM) of *gateway* for the key of its connections."""
    subject, alternative = names_of(gateway)
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(alternative, critical=False)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")


def read_csr(request: Request) -> ec.EllipticCurvePublicKey | None:
    """Return the key that the signing request of *request* is for; None where it is not this gateway's own."""
    try:
        csr = x509.load_pem_x509_csr(request.csr.encode("ascii"))
        key = csr.public_key()
        good = csr.is_signature_valid and csr.subject == names_of(request.gateway)[0]
    except UNREADABLE:
        return None
    if not good or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    return key


def public_of(request: Request) -> PublicKey:
    """Return the signing key of *request*; raises ProblemError where it is none."""
    return parse_public(request.public_key.encode("ascii"), request.gateway)


def fingerprint_of(ca: x509.Certificate) -> bytes:
    """Return the fingerprint of an authority as codes carry it."""
    return ca.fingerprint(hashes.SHA256())[:FINGERPRINT_BYTES]
