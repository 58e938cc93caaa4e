"""Answering: what the platform says to a request for enrolment or for another certificate."""

import threading
from pathlib import Path

from cloud_sync.enrolling import Answer, Request, answer_digest, proven, public_of, read_csr, text_of
from cloud_sync.keys import KeyRing, load_public
from cloud_sync.platform.authority import Authority
from cloud_sync.platform.codes import key_of, use
from cloud_sync.platform.enrolment import check_name, enrol_key, enrolled
from cloud_sync.platform.home import GATEWAYS, KEY_FILE
from cloud_sync.platform.revocations import REVOKED, Revocations
from gateway.core.problem import ProblemError, problem

_ONE = threading.Lock()  # Two requests with one code must not both find it unused.


def answer(home: Path, request: Request, bucket: str, now_ms: int) -> str:
    """Return the answer to *request*, and do what it says; raises ProblemError with why not."""
    with _ONE:
        return _answer(home, request, bucket, now_ms)


def _answer(home: Path, request: Request, bucket: str, now_ms: int) -> str:
    check_name(request.gateway)
    public = public_of(request)
    key = key_of(home, request, now_ms) if request.code else b""
    connection_key = read_csr(request)
    if connection_key is None or not proven(request, public):
        raise ProblemError(
            problem(
                "WP-PLT-225", request.gateway, "The request is not signed by the keys that it names.",
                "Make it again on the gateway itself, with `wattproof enrol`.",
            )
        )  # fmt: skip
    if Revocations(home / REVOKED).of(public.kid) is not None:
        raise ProblemError(
            problem(
                "WP-PLT-226", request.gateway, "The key {kid} is revoked and cannot be enrolled again.",
                "Make another on the gateway: `wattproof keys new --replace`.", kid=public.kid.hex(),
            )
        )  # fmt: skip
    if not key and KeyRing(enrolled(home / GATEWAYS).get(request.gateway, ())).find(public.kid) is None:
        raise ProblemError(
            problem(
                "WP-PLT-227", request.gateway, "The key {kid} is not enrolled for this gateway.",
                "Enrol it first, with a code: `wattproof enrol`.", kid=public.kid.hex(),
            )
        )  # fmt: skip
    authority = Authority(home)
    platform = load_public((home / KEY_FILE).with_suffix(".pub"))
    if key:
        use(home, request)
        enrol_key(home / GATEWAYS, request.gateway, public, request.gateway)
    certificate = authority.issue(request.gateway, connection_key)
    made = Answer(request.gateway, certificate, authority.ca_pem(), platform.pem(), bucket, "")
    return text_of(made._replace(digest=answer_digest(made, key)) if key else made)
