"""wattproof keys: the identity of a gateway."""

from pathlib import Path
from typing import Any

import click

from cloud_sync.core.batch import ES256
from cloud_sync.keys import ALGORITHM_NAMES, SUITES, forget_key, load_signer, new_key
from gateway.cli.enrol_command import check_way, exchange, route_options
from gateway.clock import Clock
from gateway.config import load
from gateway.control import ask, is_running
from gateway.core.problem import ProblemError, problem
from gateway.export_as import readings_key_path
from gateway.frame import emit, fails_clearly, json_option
from gateway.key_files import next_path, replace
from gateway.recorder import key_path
from gateway.rotation import rotate, settle
from gateway.words import translate as _

_ocmf = click.option("--ocmf", is_flag=True, help="The key for readings in OCMF, instead of the gateway's own.")

_suite = click.option(
    "--suite", type=click.Choice(list(SUITES)), default="eddsa", show_default=True,
    help="Ed25519 in a file, P-256 in a TPM (needs tpm2-tools), or SM2 with SM3 in a file (needs OpenSSL 3).",
)  # fmt: skip


@click.group("keys")
def keys() -> None:
    """Make or show the key this gateway signs with."""


def _path(home: str, ocmf: bool) -> Path:
    return readings_key_path(Path(home)) if ocmf else key_path(Path(home))


def _answer(path: Path, as_json: bool) -> None:
    signer = load_signer(path)
    answer = {
        "file": str(path),
        "kid": signer.kid.hex(),
        "algorithm": ALGORITHM_NAMES[signer.algorithm],
        "public_key": signer.public_bytes.hex(),
    }
    text = _("key id      {kid}\nalgorithm   {algorithm}\npublic key  {public_key}\nfile        {file}")
    emit(answer, text.format(**answer), as_json)


@keys.command("new")
@_ocmf
@_suite
@click.option("--replace", "again", is_flag=True, help="In place of a key that is lost or revoked; then enrol it.")
@json_option
@click.pass_obj
@fails_clearly
def new(home: str, ocmf: bool, suite: str, again: bool, as_json: bool) -> None:
    """Make a new signing key; an existing one is not overwritten without --replace.

    What the old key signed and the platform has not receipted is signed again by the new one.
    """
    path = _path(home, ocmf)
    algorithm, in_tpm = (ES256, False) if ocmf else SUITES[suite]
    if again and not ocmf:
        if is_running(Path(home)):
            raise ProblemError(
                problem(
                    "WP-KEY-024", home, "The daemon is running with the old key.",
                    "Stop it first. To change a key that is in order, use `wattproof keys rotate`.",
                )
            )  # fmt: skip
        forget_key(next_path(Path(home)))
        new_key(next_path(Path(home)), algorithm, in_tpm)
        replace(Path(home))
    else:
        new_key(path, algorithm, in_tpm)
    _answer(path, as_json)


@keys.command("rotate")
@_suite
@json_option
@click.pass_obj
@fails_clearly
def rotate_command(home: str, suite: str, as_json: bool) -> None:
    """Hand over to a new signing key; the platform and auditors follow by the chain itself.

    The old key announces the new one in an entry, and signs nothing after it.
    """
    place = Path(home)
    running = is_running(place)
    configuration = load(place)
    if not running:
        settle(configuration)
    forget_key(next_path(place))
    next_path(place).with_suffix(".pub").unlink(missing_ok=True)
    new_key(next_path(place), *SUITES[suite])
    answer = ask(place, {"ask": "rotate"}) if running else rotate(configuration, Clock())
    text = _("Key {old_kid} has handed over to {kid} in entry {entry}.")
    emit(answer, text.format(**answer), as_json)


@keys.command("show")
@_ocmf
@json_option
@click.pass_obj
@fails_clearly
def show(home: str, ocmf: bool, as_json: bool) -> None:
    """Show key id and public key."""
    _answer(_path(home, ocmf), as_json)


@keys.command("renew")
@route_options
@json_option
@click.pass_obj
@fails_clearly
def renew(home: str, /, as_json: bool, **route: Any) -> None:
    """Get another certificate for the broker before this one ends; the enrolled signing key vouches for it."""
    check_way(route)
    exchange(Path(home), None, route, as_json)
