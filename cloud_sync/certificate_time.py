"""Certificate time: whether the broker's certificate is valid now, where "now" is what our own clock keeps.

OpenSSL judges by the clock of the system. A gateway that woke up in 1970 would refuse every certificate, and never
be told the time. So where the time is not known, validity is not judged, and that is told: the authority, the chain
and the host are checked as always. Where it is known, and the system's clock says something else, we judge.
"""

import ssl
import time
from typing import Any

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which ssl has no name for
_AGREES_S = 60


def judged_by_system(context: ssl.SSLContext, known_ms: int | None) -> bool:
    """Prepare *context* for a connection at *known_ms* of our clock; tell whether OpenSSL judges validity itself."""
    agrees = known_ms is not None and abs(known_ms / 1000 - time.time()) <= _AGREES_S
    flags = context.verify_flags
    context.verify_flags = ssl.VerifyFlags(flags & ~_NO_CHECK_TIME if agrees else flags | _NO_CHECK_TIME)
    return agrees


def judge_time(connected: Any, known_ms: int) -> None:
    """Close an encrypted connection and raise SSLError where the broker's certificate is not valid at *known_ms*."""
    assert isinstance(connected, ssl.SSLSocket)
    certificate = connected.getpeercert() or {}
    begins, ends = (ssl.cert_time_to_seconds(str(certificate[name])) for name in ("notBefore", "notAfter"))
    if not begins * 1000 <= known_ms <= ends * 1000:
        connected.close()
        error = ssl.SSLCertVerificationError("the dates of the certificate")
        error.verify_message = "certificate is not yet valid" if known_ms < begins * 1000 else "certificate has expired"
        raise error
