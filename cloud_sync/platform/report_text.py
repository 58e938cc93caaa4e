"""A report as text of 80 columns, in the chosen language."""

import re
import unicodedata

from cloud_sync.platform.report_parts import MET, MISSED, Figure, Section, Table, Text, _, shown
from cloud_sync.platform.yearly_report import Report
from gateway.words import translate

COLUMNS = 80
LABEL, VALUE = 46, 24
_VERDICTS = {MET: _("met"), MISSED: _("missed")}
TITLE = _("Report on {park}, {period}")
MADE = _("Gateways: {gateways}. Province: {province}. Made: {made}.")


def said(text: "Text | str", language: str | None = None) -> str:
    """Return *text* in *language*, the chosen one without it."""
    if isinstance(text, str):
        return text
    return translate(text.msgid, language).format(**text.values)


def verdict_of(figure: Figure, language: str | None = None) -> str:
    """Return whether the bound of *figure* is kept, in words; nothing where it has none."""
    return said(_VERDICTS[figure.verdict], language) if figure.verdict else ""


def basis_of(figure: Figure, language: str | None = None) -> list[str]:
    """Return what a figure rests on, one line each: rule, factors, documents, notes."""
    lines = [figure.rule] if figure.rule else []
    if figure.factors:
        lines.append(said(_("factors: {ids}", ids=", ".join(figure.factors)), language))
    if figure.documents:
        numbers = ", ".join(str(number) for number in figure.documents)
        lines.append(said(_("documents: {numbers}", numbers=numbers), language))
    return lines + [said(one, language) for one in figure.notes]


def text_of(report: Report) -> str:
    """Return the whole report."""
    lines = wrapped(said(TITLE._replace(values={"park": report.park, "period": report.period})))
    values = {"gateways": ", ".join(report.gateways), "province": report.province or "-", "made": report.made()}
    lines += wrapped(said(MADE._replace(values=values)))
    for section in report.sections:
        lines += ["", *_section(section)]
    return "\n".join(line.rstrip() for line in lines)


def _section(section: Section) -> list[str]:
    title = said(section.title)
    lines = [title, "=" * width(title)]
    last = ""
    for figure in section.figures:
        *above, label = wrapped(said(figure.label), "", "  ", LABEL)
        lines += [*above, padded(label, LABEL) + " " + shown(figure).rjust(VALUE) + " " + verdict_of(figure)]
        basis = basis_of(figure._replace(rule="") if figure.rule == last else figure)
        for one in basis:
            lines += wrapped(one, "    ")
        last = figure.rule  # said once for figures that follow one another
    for table in section.tables:
        lines += ["", *_table(table)]
    for note in section.notes:
        lines += wrapped(said(note), "* ", "  ")
    return lines


def _table(table: Table) -> list[str]:
    """Return a table: as many of its columns as fit beside one another, the others of each row below them."""
    rows = [[said(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(width(row[n]) for row in rows) for n in range(len(rows[0]))]
    beside = 1
    while beside < len(widths) and sum(widths[: beside + 1]) + 2 * beside <= COLUMNS:
        beside += 1
    lines = []
    for row in rows:
        lines.append("  ".join(padded(row[n], widths[n]) for n in range(beside)))
        if beside < len(row):
            lines += wrapped("; ".join(row[beside:]), "    ")
    return lines


def width(text: str) -> int:
    """Return how many columns of a terminal *text* takes: Chinese signs take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def padded(text: str, columns: int) -> str:
    """Return *text* filled with blanks to *columns*."""
    return text + " " * (columns - width(text))


def wrapped(text: str, first: str = "", rest: str | None = None, columns: int = COLUMNS) -> list[str]:
    """Return *text* in lines of at most so many *columns*, the first and the other ones indented."""
    rest = first if rest is None else rest
    lines, line = [], first
    for word in _words(text):
        if width(line + word.rstrip()) > columns and line.strip() and line not in (first, rest):
            lines.append(line)
            line = rest + word.lstrip()
        else:
            line += word
    return [*lines, line]


def _words(text: str) -> list[str]:
    """Return the pieces that a line may end after: words, single Chinese signs, and parts of what has no blanks."""
    pieces: list[str] = []
    for word in re.findall(r"[^ ]+ *| +", text):
        part = ""
        for sign in word:
            part += sign
            if width(sign) == 2 or len(part) >= COLUMNS // 2:
                pieces.append(part)
                part = ""
        if part:
            pieces.append(part)
    return pieces
