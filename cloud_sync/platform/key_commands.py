"""wattproof-platform keys, enrol and broker-config: who speaks for which gateway, and who may connect."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from cloud_sync.core.batch import KID_BYTES
from cloud_sync.enrolling import TEXT_BYTES_MAX, read_request
from cloud_sync.keys import ALGORITHM_NAMES, PublicKey, load_public, new_key, write_whole
from cloud_sync.platform.answering import answer
from cloud_sync.platform.authority import Authority
from cloud_sync.platform.broker_config import revoke, write_broker_config
from cloud_sync.platform.codes import make_code
from cloud_sync.platform.enrolment import check_name, enrol, enrolled
from cloud_sync.platform.home import GATEWAYS, KEY_FILE, read_settings
from cloud_sync.platform.revocations import REVOKED, Revocation, Revocations
from gateway.core.problem import ProblemError, problem
from gateway.frame import emit, fails_clearly, json_option
from gateway.text_file import read_text
from gateway.words import translate as _

_DAY_MS = 86_400_000


@click.group("keys")
def keys_group() -> None:
    """The key that receipts are signed with, and those of the gateways."""


@keys_group.command("new")
@json_option
@click.pass_obj
@fails_clearly
def keys_new_command(home: Path, as_json: bool) -> None:
    """Make the platform's key; its public half is what gateways trust."""
    key = new_key(home / KEY_FILE)
    path = (home / KEY_FILE).with_suffix(".pub")
    text = _("Made the key {kid}. Give {path} to every gateway as its [uplink] platform_key.")
    emit(_key(key, path), text.format(kid=key.kid.hex(), path=path), as_json)


@keys_group.command("show")
@json_option
@click.pass_obj
@fails_clearly
def keys_show_command(home: Path, as_json: bool) -> None:
    """Show the platform's public key and those of the enrolled gateways."""
    path = (home / KEY_FILE).with_suffix(".pub")
    own = load_public(path)
    gateways = enrolled(home / GATEWAYS)
    revoked = [_revoked(one) for one in Revocations(home / REVOKED).all()]
    value = {
        "platform": _key(own, path),
        "gateways": {name: [_key(key, None) for key in keys] for name, keys in sorted(gateways.items())},
        "revoked": revoked,
    }
    lines = [_("platform {kid} {path}").format(kid=own.kid.hex(), path=path), own.pem().strip()]
    for name, keys in sorted(gateways.items()):
        lines += [_("gateway {name} {kid}").format(name=name, kid=key.kid.hex()) for key in keys]
    for one in revoked:
        lines.append(_("revoked {kid} of {gateway} since {since}: {reason}").format(**one))
    emit(value, "\n".join(lines), as_json)


@keys_group.command("revoke")
@click.argument("kid")
@click.option("--reason", required=True, help="Why, for the reports.")
@json_option
@click.pass_obj
@fails_clearly
def keys_revoke_command(home: Path, kid: str, reason: str, as_json: bool) -> None:
    """Refuse all that the key KID signs from now on, and the certificates of its gateway.

    What was accepted before stays. Give the broker the new list: `wattproof-platform broker-config`.
    """
    owners = {key.kid.hex(): name for name, keys in enrolled(home / GATEWAYS).items() for key in keys}
    if kid not in owners:
        raise ProblemError(
            problem(
                "WP-PLT-229", kid, "No gateway is enrolled with a key of this id.",
                "`wattproof-platform keys show` lists them; a key id has {digits} hexadecimal digits.",
                digits=2 * KID_BYTES,
            )
        )  # fmt: skip
    found = revoke(home, bytes.fromhex(kid), owners[kid], time.time_ns() // 1_000_000, reason)
    value = _revoked(found)
    text = _("The key {kid} of {gateway} is revoked, and {certificates} certificates with it.")
    emit(value, text.format(**value), as_json)


def _revoked(one: Revocation) -> dict[str, str | int]:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.at_ms // 1000))
    return {
        "kid": one.kid.hex(), "gateway": one.gateway, "since": since, "reason": one.reason,
        "certificates": len(one.serials),
    }  # fmt: skip


def _key(key: PublicKey, path: Path | None) -> dict[str, str]:
    named = {"kid": key.kid.hex(), "algorithm": ALGORITHM_NAMES[key.algorithm], "public": key.pem()}
    return named | ({"path": str(path)} if path else {})


@click.group("enrol")
def enrol_group() -> None:
    """Let a gateway in: by a one-time code, by its request in a file, or by its public key."""


@enrol_group.command("new")
@click.argument("gateway")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How long the code holds.")
@json_option
@click.pass_obj
@fails_clearly
def enrol_new_command(home: Path, gateway: str, days: int, as_json: bool) -> None:
    """Print a one-time code for GATEWAY, which types it into `wattproof enrol`; it is kept nowhere."""
    check_name(gateway)
    until_ms = time.time_ns() // 1_000_000 + days * _DAY_MS
    code = make_code(home, gateway, Authority(home).fingerprint, until_ms).text()
    emit({"gateway": gateway, "code": code, "until_ms": until_ms}, code, as_json)


@enrol_group.command("key")
@click.argument("gateway")
@click.argument("pubkey", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
@fails_clearly
def enrol_key_command(home: Path, gateway: str, pubkey: Path, as_json: bool) -> None:
    """Trust the key in the file PUBKEY to speak for GATEWAY, from now on."""
    path, key = enrol(home / GATEWAYS, gateway, pubkey)
    text = _("Gateway {gateway} is enrolled with key {kid} ({path}).")
    value = {"gateway": gateway} | _key(key, path)
    emit(value, text.format(gateway=gateway, kid=key.kid.hex(), path=path), as_json)


@enrol_group.command("answer")
@click.argument("request", type=click.Path(path_type=Path))
@click.argument("answer_file", metavar="ANSWER", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
@fails_clearly
def enrol_answer_command(home: Path, request: Path, answer_file: Path, as_json: bool) -> None:
    """Answer a gateway without a route to the platform: its request in the file REQUEST, the answer to ANSWER."""
    asked = read_request(read_text(request, TEXT_BYTES_MAX))
    said = answer(home, asked, read_settings(home).bucket, time.time_ns() // 1_000_000)
    write_whole(answer_file, said.encode("utf-8"), 0o644)
    text = _("Gateway {gateway} is enrolled. Take {file} to it: `wattproof enrol --in`.")
    value = {"gateway": asked.gateway, "file": str(answer_file)}
    emit(value, text.format(**value), as_json)


@click.command("broker-config")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", "hosts", multiple=True, required=True, help="Name or address by which gateways reach it.")
@click.option("--port", type=click.IntRange(1, 65535), default=8883, show_default=True, help="The port of the broker.")
@click.option("--bind", default="0.0.0.0", show_default=True, help="The address it listens at.")
@json_option
@click.pass_obj
@fails_clearly
def broker_config_command(home: Path, folder: Path, hosts: Sequence[str], port: int, bind: str, as_json: bool) -> None:
    """Write the configuration, access rules and certificates of a mosquitto broker into FOLDER.

    After a revocation run it again, and restart the broker.
    """
    files = write_broker_config(home, folder, hosts, port, bind)
    emit({"files": [str(path) for path in files]}, "\n".join(str(path) for path in files), as_json)
