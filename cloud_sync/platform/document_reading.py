"""Reads documents that people write, in TOML or CSV, and says everything that is wrong with them at once."""

import csv
import io
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud_sync.platform.documents import Document
from cloud_sync.platform.stretch import MONTH, Stretch, stretch
from gateway.core.account.carrier import CHILLER, SUPPLIER, CarrierTable
from gateway.core.account.factor import validity
from gateway.core.account.yearly import USES
from gateway.core.fields import Fields, shown
from gateway.core.notation import decimal_ratio, is_digits
from gateway.core.problem import Problem, ProblemError, problem
from gateway.text_file import parse_toml, read_text

ACTIVITY, PROCESS, BIOGENIC, CERTIFICATE = "activity", "process", "biogenic", "certificate"
CURTAILED, OFFSET, OUTPUT = "curtailed", "offset", "output"
ISSUED, BOUGHT, CANCELLED, SOLD = "issued", "bought", "cancelled", "sold"
YES, NO = "yes", "no"
_COMMON = ("kind", "park", "period", "paper", "note")
# The keys of each kind, beside those that all have; `paper` names the invoice, statement or report that proves it.
KEYS = {
    ACTIVITY: ("carrier", "quantity", "unit", "use", "by", "co2", "cop", "source"),
    PROCESS: ("product", "quantity", "co2", "source"),
    BIOGENIC: ("what", "co2", "source"),
    CERTIFICATE: ("operation", "count", "number", "plant", "tradable", "of"),
    CURTAILED: ("plant", "kwh"),
    OFFSET: ("number", "co2"),
    OUTPUT: ("product", "quantity", "unit"),
}
_NUMBERS = ("quantity", "co2", "kwh", "cop")
_BY_DOCUMENT = ("by", "co2", "cop", "source")  # of an activity whose carrier has no published factor
_OPTIONAL = {ACTIVITY: _BY_DOCUMENT, CERTIFICATE: ("plant", "tradable", "of")}
CHOICES = {
    "use": USES,
    "operation": (ISSUED, BOUGHT, CANCELLED, SOLD),
    "tradable": (YES, NO),
    "by": (SUPPLIER, CHILLER),
}
Row = tuple[str, dict[str, str]]


def read_rows(path: Path) -> list[tuple[str, dict[str, object]]]:
    """Return the documents written in *path* as plain maps, each with its place in the file."""
    text = read_text(path)
    if path.suffix.lower() == ".csv":
        return _csv_rows(path, text)
    if path.suffix.lower() == ".toml":
        problems: list[Problem] = []
        top = Fields(parse_toml(text, str(path)), str(path), problems)
        top.only(("document",))
        found = [(one.where, one.plain) for one in top.tables("document", some=True)]
        if problems:
            raise ProblemError(*problems)
        return found
    raise ProblemError(
        problem(
            "WP-PLT-083", str(path), "documents are read from a file that ends in .toml or .csv",
            "write [[document]] tables in TOML, or a CSV with a line of column names above",
        )
    )  # fmt: skip


def _csv_rows(path: Path, text: str) -> list[tuple[str, dict[str, object]]]:
    reader = csv.reader(io.StringIO(text))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader]
    except csv.Error:
        lines = []
    lines = [(number, line) for number, line in lines if any(line)]
    wrong = [number for number, line in lines if len(line) != len(lines[0][1])]
    if len(lines) < 2 or wrong:
        place = "%s:%d" % (path, wrong[0] if wrong else 1)
        raise ProblemError(
            problem(
                "WP-PLT-084", place, "this is no table with one line of column names and rows as long as it",
                "save the sheet as CSV in UTF-8 with commas; put cells that have commas in quotes",
            )
        )  # fmt: skip
    heads = lines[0][1]
    return [
        ("%s:%d" % (path, number), {head: cell for head, cell in zip(heads, line, strict=True) if head and cell})
        for number, line in lines[1:]
    ]


def checked(
    rows: list[tuple[str, dict[str, object]]], carriers: CarrierTable, zone: ZoneInfo, standing: list[Document]
) -> list[Row]:
    """Return *rows* as (kind, fields); raises ProblemError with all that is wrong with any of them."""
    problems: list[Problem] = []
    found: list[Row] = []
    seen = {_identity(one.kind, one.fields): one.number for one in standing}
    for where, plain in rows:
        fields = Fields(plain, where, problems)
        before = len(problems)
        kind = fields.choice("kind", tuple(KEYS))
        if len(problems) > before:  # without its kind nothing more can be said of it
            continue
        texts = _texts(fields, kind)
        _check(fields, kind, texts, carriers, zone)
        identity = _identity(kind, texts)
        if identity in seen:
            problems.append(
                problem(
                    "WP-PLT-081", where, "this stands already as document {number}",
                    "void that one if it is wrong; two things on one paper differ in their note", number=seen[identity],
                )
            )  # fmt: skip
        seen.setdefault(identity, (standing[-1].number if standing else 0) + len(found) + 1)
        found.append((kind, texts))
    if problems:
        raise ProblemError(*problems)
    return found


def _identity(kind: str, texts: dict[str, str]) -> tuple[str, ...]:
    """Return what two documents of the same thing have in common: a certificate's number, else all they say."""
    if kind == CERTIFICATE:
        operation = texts.get("operation", "")
        return (kind, "held" if operation in (ISSUED, BOUGHT) else operation, texts.get("number", ""))
    return (kind, *(key + "=" + texts[key] for key in sorted(texts)))


def _texts(fields: Fields, kind: str) -> dict[str, str]:
    fields.only(_COMMON + KEYS[kind])
    texts = {}
    optional = ("note", *_OPTIONAL.get(kind, ()))
    for key in _COMMON[1:] + KEYS[kind]:
        if key in CHOICES:
            if key in fields.plain or key not in optional:
                texts[key] = fields.choice(key, CHOICES[key])
        elif key in fields.plain or key not in optional:
            texts[key] = fields.text(key)
    return texts


def _check(fields: Fields, kind: str, texts: dict[str, str], carriers: CarrierTable, zone: ZoneInfo) -> None:
    problems = fields.problems
    for key in _NUMBERS:
        number = decimal_ratio(texts[key]) if texts.get(key) else (0, 1)
        if number is None or number[0] < 0:
            problems.append(
                problem(
                    "WP-PLT-078", fields.place(key), "{value} is no amount",
                    'write a decimal as a text, such as "1250.5"', value=shown(texts[key]),
                )
            )  # fmt: skip
    when: Stretch | None = None
    if texts.get("period"):
        try:
            when = stretch(texts["period"], zone, fields.place("period"))
        except ProblemError as error:
            problems.extend(error.problems)
    if kind == ACTIVITY and when is not None and texts["carrier"] and texts["unit"]:
        _check_carrier(fields, texts, carriers, when)
    if kind == CERTIFICATE:
        _check_certificate(fields, texts, when)


def _check_carrier(fields: Fields, texts: dict[str, str], carriers: CarrierTable, when: Stretch) -> None:
    carrier = carriers.lookup(texts["carrier"], when.start_s)
    if carrier is None:
        fields.problems.append(carrier_absent(fields.place("carrier"), texts["carrier"], when.text, carriers))
    elif carrier.unit != texts["unit"]:
        fields.problems.append(
            problem(
                "WP-PLT-079", fields.place("unit"), "{carrier} is counted in {unit} here, not in {value}",
                "convert the quantity; a carrier in another unit is a row of its own in carriers.toml",
                carrier=texts["carrier"], unit=carrier.unit, value=shown(texts["unit"]),
            )
        )  # fmt: skip
    if carrier is not None and carrier.co2 is None:
        _check_own_factor(fields, texts)
    elif carrier is not None and any(key in texts for key in _BY_DOCUMENT):
        fields.problems.append(
            problem(
                "WP-ACC-121", fields.where, "{carrier} has its factor in carriers.toml: its document gives no other",
                "leave out by, co2, cop and source; what has another factor is a carrier of its own in carriers.toml",
                carrier=texts["carrier"],
            )
        )  # fmt: skip


def _check_own_factor(fields: Fields, texts: dict[str, str]) -> None:
    """Check that a document of a carrier without a published factor gives one, and write down by whose word."""
    texts.setdefault("by", SUPPLIER)
    given, other = ("cop", "co2") if texts["by"] == CHILLER else ("co2", "cop")
    fields.needs(given, "source")
    number = decimal_ratio(texts.get(given, "1"))
    if other in texts or (number is not None and number[0] == 0 and given == "cop"):
        fields.problems.append(
            problem(
                "WP-ACC-122", fields.where, "the CO2 of {carrier} is said in two ways, or by a COP of nought",
                "by the supplier: co2 (t CO2 for one unit) and source; by the chiller: by = chiller, cop and source",
                carrier=texts["carrier"],
            )
        )  # fmt: skip


def carrier_absent(where: str, name: str, period: str, carriers: CarrierTable) -> Problem:
    """Return the problem that no row of the carriers' table holds for *name* on the first day of *period*."""
    held = carriers.held(name)
    if held:
        return problem(
            "WP-ACC-120", where, "no factor of {carrier} holds on the first day of {period}: there is {rows}",
            "add a [[carrier]] with standard, source, valid_from and valid_to of that time to carriers.toml",
            carrier=shown(name), period=period, rows=", ".join(validity(row) for row in held),
        )  # fmt: skip
    return problem(
        "WP-ACC-066", where, "there is no factor for {carrier} in {period}",
        "add a [[carrier]] with its standard, source and validity to carriers.toml; known: {known}",
        carrier=shown(name), period=period, known=", ".join(carriers.names()),
    )  # fmt: skip


def _check_certificate(fields: Fields, texts: dict[str, str], when: Stretch | None) -> None:
    count = texts.get("count", "")
    if count and not (is_digits(count) and int(count)):
        fields.problems.append(
            problem(
                "WP-PLT-080", fields.place("count"), "{value} is no number of certificates",
                "certificates are whole: each stands for 1000 kWh", value=shown(count),
            )
        )  # fmt: skip
    if when is not None and when.kind != MONTH:
        fields.problems.append(
            problem(
                "WP-PLT-087", fields.place("period"), "certificates belong to a month, not to {text}",
                'write the month of production (issued, bought) or of use (cancelled, sold), such as "2026-03"',
                text=when.text,
            )
        )  # fmt: skip
    operation = texts.get("operation")
    needed = {ISSUED: ("plant", "tradable"), CANCELLED: ("of",), SOLD: ("of",)}.get(operation or "", ())
    fields.needs(*needed)
