"""Exports of a day in the formats of others, from a gateway's journal or from its signed export."""

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cloud_sync.core.batch import ES256
from cloud_sync.keys import load_signer
from gateway import VERSION
from gateway.core.park_day import HOUR_S
from gateway.core.problem import ProblemError, problem
from gateway.evidence import Evidence, ExportEvidence
from gateway.exports.stretch import Stretch
from gateway.exports.writing import OCMF, WPX, Sign, export_parts, exported, write_parts
from gateway.figures import day_bounds

_SIGNATURE_BYTES = 64


def readings_key_path(home: Path) -> Path:
    """Return where a gateway keeps the key for OCMF; apart from the keys that batches and receipts are trusted by."""
    return home / "keys" / "ocmf" / "readings.key"


def readings_signer(home: Path) -> Sign:
    """Return what signs readings for OCMF; raises ProblemError where there is no such key."""
    path = readings_key_path(home)
    if not path.exists():
        raise ProblemError(
            problem(
                "WP-EXP-043", str(path), "there is no key to sign readings with",
                "make one with wattproof keys new --ocmf, and give its public half to whoever checks them",
            )
        )  # fmt: skip
    signer = load_signer(path)
    if signer.algorithm != ES256:
        raise ProblemError(
            problem(
                "WP-EXP-044", str(path), "OCMF knows no signatures of this kind of key",
                "move it away and make one with wattproof keys new --ocmf",
            )
        )  # fmt: skip

    def sign(text: bytes) -> bytes:
        raw = signer.sign(text)
        assert len(raw) == _SIGNATURE_BYTES
        half = _SIGNATURE_BYTES // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    return sign


def export_as(form: str, evidence: Evidence, day: str, path: str, home: Path, step_s: int = HOUR_S) -> dict[str, Any]:
    """Write *day* of *evidence* to *path* in the format *form*; return what was written."""
    sign = readings_signer(home) if form == OCMF else None
    stretch = Stretch(evidence, day, *day_bounds(day), step_s)
    return exported(stretch, form, write_parts(path, export_parts(stretch, form, VERSION, sign)))


def export_from(file: str, day: str | None, form: str, path: str, home: Path) -> dict[str, Any]:
    """Write the day of the signed export *file* to *path* in the format *form*; return what was written."""
    if form == WPX:
        raise ProblemError(
            problem(
                "WP-EXP-045", file, "this is a signed export already",
                "choose the format to make of it: --format csv, espi, parquet, gc or ocmf",
            )
        )  # fmt: skip
    evidence = ExportEvidence(Path(file))
    if day not in (None, evidence.day):
        raise ProblemError(
            problem(
                "WP-EXP-046", file, "this export is of the day {day}",
                "leave the day out, or give the file of that day", day=evidence.day,
            )
        )  # fmt: skip
    start_s, end_s = day_bounds(evidence.day)
    return export_as(form, evidence, evidence.day, path, home, end_s - start_s)
