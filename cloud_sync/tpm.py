"""P-256 keys that never leave a TPM 2.0, by the programs of tpm2-tools: made there, known by handle, signing there.

Which TPM is asked is the environment's to say (TPM2TOOLS_TCTI), as for every program of tpm2-tools.
"""

import subprocess
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import utils

from gateway.core.problem import Problem, ProblemError, problem

_TIMEOUT_S = 30.0  # A discrete TPM makes a key in some seconds, and signs in a tenth of one.
_SHOWN = 200  # characters of what a program complains of
_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"


class SigningError(ProblemError):
    """The key is there and cannot sign now: what should be signed has to wait."""


def _run(*command: str, given: bytes = b"") -> bytes:
    """Return what a program of tpm2-tools writes; raises ProblemError where it fails. No argument is a secret."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise ProblemError(
            problem(
                "WP-KEY-012", command[0], "The programs that speak to a TPM are not installed.",
                "Install tpm2-tools, or take a key of another suite.",
            )
        ) from error  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ProblemError(_refused(command[0], "no answer")) from error
    if done.returncode != 0:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR")]
        raise ProblemError(_refused(command[0], " ".join(said[:2])[:_SHOWN] or str(done.returncode)))
    return done.stdout


def _refused(program: str, reason: str) -> Problem:
    return problem(
        "WP-KEY-013", program, "The TPM does not do it: {reason}.",
        "Check that this user may use /dev/tpmrm0 (group tss), and that the key of this handle is still there.",
        reason=reason,
    )  # fmt: skip


def _forget_transient() -> None:
    """Free what the programs left loaded; a TPM without a resource manager holds three objects only."""
    _run("tpm2_flushcontext", "-t")


def new_tpm_key() -> str:
    """Make a P-256 key in the TPM, kept there for good; return its handle."""
    with tempfile.TemporaryDirectory(prefix="wattproof-tpm-") as folder:
        primary, public, wrapped, loaded = (str(Path(folder) / name) for name in ("primary", "pub", "priv", "key"))
        _forget_transient()
        _run("tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc256", "-c", primary)
        _run(
            "tpm2_create", "-Q", "-C", primary, "-G", "ecc256:ecdsa-sha256", "-a", _ATTRIBUTES, "-u", public,
            "-r", wrapped,
        )  # fmt: skip
        _forget_transient()
        _run("tpm2_load", "-Q", "-C", primary, "-u", public, "-r", wrapped, "-c", loaded)
        said = _run("tpm2_evictcontrol", "-C", "o", "-c", loaded).decode("ascii", "replace")
        _forget_transient()
    handle = said.partition("persistent-handle:")[2].split()[:1]
    if not handle:
        raise ProblemError(_refused("tpm2_evictcontrol", said.strip()[:_SHOWN]))
    return handle[0]


def public_pem(handle: str) -> bytes:
    """Return the public half of the key at *handle* (PEM)."""
    with tempfile.TemporaryDirectory(prefix="wattproof-tpm-") as folder:
        path = Path(folder) / "public.pem"
        _run("tpm2_readpublic", "-Q", "-c", handle, "-f", "pem", "-o", str(path))
        return path.read_bytes()


def forget(handle: str) -> None:
    """Take the key at *handle* out of the TPM; nothing signs with it again."""
    _run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", handle)


def signing(handle: str) -> Callable[[bytes], bytes]:
    """Return what signs with the key at *handle*: ES256, as r and s."""

    def sign(message: bytes) -> bytes:
        command = ("tpm2_sign", "-Q", "-c", handle, "-g", "sha256", "-s", "ecdsa", "-f", "plain", "-d")
        try:
            signature = _run(*command, "-o", "/dev/stdout", given=sha256(message).digest())
            r, s = utils.decode_dss_signature(signature)
        except ProblemError as error:
            raise SigningError(*error.problems) from error
        except ValueError as error:
            raise SigningError(_refused("tpm2_sign", "no signature")) from error
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign
