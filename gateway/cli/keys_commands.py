"""wattproof keys: the identity of a gateway."""

from pathlib import Path

import click

from cloud_sync.keys import load_signer, new_key
from gateway.frame import emit, fails_clearly, json_option
from gateway.recorder import key_path
from gateway.words import translate as _


@click.group("keys")
def keys() -> None:
    """Make or show the key this gateway signs with."""


def _answer(home: str, as_json: bool) -> None:
    path = key_path(Path(home))
    signer = load_signer(path)
    answer = {"file": str(path), "kid": signer.kid.hex(), "public_key": signer.public_bytes.hex()}
    emit(answer, _("key id      {kid}\npublic key  {public_key}\nfile        {file}").format(**answer), as_json)


@keys.command("new")
@json_option
@click.pass_obj
@fails_clearly
def new(home: str, as_json: bool) -> None:
    """Make a new signing key; an existing one is never overwritten."""
    new_key(key_path(Path(home)))
    _answer(home, as_json)


@keys.command("show")
@json_option
@click.pass_obj
@fails_clearly
def show(home: str, as_json: bool) -> None:
    """Show key id and public key."""
    _answer(home, as_json)
