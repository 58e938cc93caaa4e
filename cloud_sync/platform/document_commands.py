"""The commands of `wattproof-platform document`: enter, list and void what no meter knows."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from cloud_sync.keys import load_signer
from cloud_sync.platform.document_reading import checked, read_rows
from cloud_sync.platform.documents import Document, Documents
from cloud_sync.platform.home import KEY_FILE, read_settings
from gateway.carriers import load_carriers
from gateway.frame import emit, fails_clearly, json_option
from gateway.words import translate as _


@click.group("document")
def document_group() -> None:
    """Documents: fuel, heat, certificates and whatever else no meter knows, as dated and signed rows."""


@document_group.command("add")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--with", "pairs", multiple=True, metavar="KEY=VALUE", help="One field of a single document; repeat it.")
@json_option
@click.pass_obj
@fails_clearly
def add_command(home: Path, file: Path | None, pairs: tuple[str, ...], as_json: bool) -> None:
    """Enter the documents in FILE (.toml or .csv), or one given by --with; all of them or none."""
    if (file is None) == (not pairs) or any("=" not in pair for pair in pairs):
        raise click.UsageError(_("Give a file of documents, or one document as --with KEY=VALUE."))
    documents = Documents(home)
    single: dict[str, object] = {key: text for key, _eq, text in (pair.partition("=") for pair in pairs)}
    rows = read_rows(file) if file is not None else [("--with", single)]
    zone = ZoneInfo(read_settings(home).zone)
    found = checked(rows, load_carriers(home), zone, documents.standing())
    numbers = documents.add(load_signer(home / KEY_FILE), found, time.time_ns() // 1_000_000)
    lines = [
        _("document {number}: {text}").format(number=number, text=_said(kind, fields))
        for number, (kind, fields) in zip(numbers, found, strict=True)
    ]
    emit({"numbers": numbers}, "\n".join(lines), as_json)


@document_group.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that were voided, and the rows that void them.")
@json_option
@click.pass_obj
@fails_clearly
def list_command(home: Path, every: bool, as_json: bool) -> None:
    """Show the documents that stand."""
    documents = Documents(home)
    found = documents.all() if every else documents.standing()
    zone = ZoneInfo(read_settings(home).zone)
    lines = [_line(one, zone) for one in found] or [_("There is no document.")]
    emit({"documents": [plain(one) for one in found]}, "\n".join(lines), as_json)


@document_group.command("void")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why it does not count; it is kept with the row.")
@json_option
@click.pass_obj
@fails_clearly
def void_command(home: Path, number: int, reason: str, as_json: bool) -> None:
    """Void document NUMBER by a further row that says why; nothing is removed."""
    row = Documents(home).void(load_signer(home / KEY_FILE), number, reason, time.time_ns() // 1_000_000)
    text = _("Document {number} is voided by row {row}.")
    emit({"voided": number, "number": row}, text.format(number=number, row=row), as_json)


def plain(one: Document) -> dict[str, Any]:
    """Return a document as it stands in JSON answers."""
    return {
        "number": one.number, "entered_ms": one.entered_ms, "kind": one.kind, "fields": one.fields,
        "voided_by": one.voided,
    }  # fmt: skip


def _said(kind: str, fields: dict[str, str]) -> str:
    return " ".join([kind, *("%s=%s" % (key, fields[key]) for key in sorted(fields))])


def _line(one: Document, zone: ZoneInfo) -> str:
    day = datetime.fromtimestamp(one.entered_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
    line = "%d  %s  %s" % (one.number, day, _said(one.kind, one.fields))
    if one.voided is not None:
        line += "  " + _("(voided by row {row})").format(row=one.voided)
    return line
