"""A report as a page that can be printed, at /report, and as JSON at /api/v1/report."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cloud_sync.platform.api import language_of, refused
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.park_energy import parks
from cloud_sync.platform.report_parts import Figure, Section, Table, Text, _, shown
from cloud_sync.platform.report_text import MADE, TITLE, basis_of, said, verdict_of
from cloud_sync.platform.reports import Reads
from cloud_sync.platform.yearly_report import Report, make_report
from gateway.core.problem import Problem, ProblemError
from gateway.words import translate

HTML_LANGUAGES = {"zh": "zh-CN", "en": "en"}
NO_STORE = {"Cache-Control": "no-store"}
_PERIOD, _PARK, _SHOW, _ABSENT = _("Year, month or day"), _("Park"), _("Show"), _("What is absent")


def report_routes(ledger: Reads, home: Path | None, zone: ZoneInfo, now: Callable[[], float]) -> list[Route]:
    """Return the routes of the report: ?period= (this year by default), ?park= and ?lang=."""

    def asked(request: Request) -> tuple[str, str | None]:
        this_year = str(datetime.fromtimestamp(now(), zone).year)
        return request.query_params.get("period") or this_year, request.query_params.get("park") or None

    def report_of(request: Request) -> Report:
        if not isinstance(ledger, Ledger):
            return make_report(ledger, home, zone, *asked(request), int(now()))
        with closing(Ledger(ledger.path, read_only=True)) as own:  # a year takes seconds; the page must not wait for it
            return make_report(own, home, zone, *asked(request), int(now()))

    def page(request: Request) -> Response:  # not async: on a thread, as the routes of the API
        language = language_of(request)
        period, park = asked(request)
        form = _form(period, park, sorted(parks(ledger)), language)
        try:
            report = report_of(request)
        except ProblemError as error:
            body = form + _problems(error.problems, language)
            return HTMLResponse(_html(period, body, language), status_code=400, headers=NO_STORE)
        return HTMLResponse(_html(report.period, form + _body(report, language), language), headers=NO_STORE)

    def figures(request: Request) -> Response:
        period, park = asked(request)
        if park is None and not parks(ledger):  # before the first configuration
            return JSONResponse({"now_s": int(now()), "park": None, "period": period}, headers=NO_STORE)
        try:
            return JSONResponse({"now_s": int(now()), **report_of(request).plain()}, headers=NO_STORE)
        except ProblemError as error:
            return refused(request, 400, error.problems[0])

    return [Route("/report", page), Route("/api/v1/report", figures, name="api-report")]


def _html(title: str, body: str, language: str) -> str:
    return (
        '<!doctype html>\n<html lang="%s">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<title>Wattproof %s</title>\n<link rel="icon" href="/static/wattproof.svg" type="image/svg+xml">\n'
        '<link rel="stylesheet" href="/static/report.css">\n</head>\n<body>\n<main>\n%s</main>\n</body>\n</html>\n'
    ) % (HTML_LANGUAGES[language], escape(title), body)


def _form(period: str, park: str | None, names: list[str], language: str) -> str:
    options = "".join(
        '<option value="%s"%s>%s</option>' % (escape(name), " selected" if name == park else "", escape(name))
        for name in names
    )
    return (
        '<form action="/report"><label>%s <input name="period" value="%s" size="10"></label>'
        ' <label>%s <select name="park">%s</select></label> <button name="lang" value="%s">%s</button></form>\n'
    ) % (
        escape(said(_PERIOD, language)), escape(period), escape(said(_PARK, language)), options, language,
        escape(said(_SHOW, language)),
    )  # fmt: skip


def _body(report: Report, language: str) -> str:
    title = TITLE._replace(values={"park": report.park, "period": report.period})
    values = {"gateways": ", ".join(report.gateways), "province": report.province or "-", "made": report.made()}
    head = "<h1>%s</h1>\n<p>%s</p>\n" % (_text(title, language), _text(MADE._replace(values=values), language))
    parts = "".join(_section(one, language) for one in report.sections)
    return head + _problems(report.problems, language) + parts


def _problems(problems: tuple[Problem, ...], language: str) -> str:
    if not problems:
        return ""
    lines = []
    for one in problems:
        values = {name: str(value) for name, value in one.values.items()}
        what, hint = (translate(text, language).format(**values) for text in (one.what, one.hint))
        lines.append("<li>%s %s: %s. %s.</li>" % tuple(escape(part) for part in (one.code, one.where, what, hint)))
    return '<section class="problems"><h2>%s</h2><ul>%s</ul></section>\n' % (_text(_ABSENT, language), "".join(lines))


def _text(text: "Text | str", language: str) -> str:
    return escape(said(text, language))


def _section(section: Section, language: str) -> str:
    figures = "".join(_figure(one, language) for one in section.figures)
    tables = "".join(_table(one, language) for one in section.tables)
    notes = "".join("<li>%s</li>" % _text(one, language) for one in section.notes)
    return '<section id="%s"><h2>%s</h2>\n<table class="figures">%s</table>\n%s%s</section>\n' % (
        escape(section.id), _text(section.title, language), figures, tables,
        '<ul class="notes">%s</ul>' % notes if notes else "",
    )  # fmt: skip


def _figure(figure: Figure, language: str) -> str:
    basis = "".join("<small>%s</small>" % escape(line) for line in basis_of(figure, language))
    return '<tr id="%s"><th scope="row">%s%s</th><td class="value">%s</td><td class="%s">%s</td></tr>\n' % (
        escape(figure.id), _text(figure.label, language), basis, escape(shown(figure)), figure.verdict or "none",
        escape(verdict_of(figure, language)),
    )  # fmt: skip


def _table(table: Table, language: str) -> str:
    heads = "".join('<th scope="col">%s</th>' % _text(one, language) for one in table.columns)
    lines = "".join(
        "<tr>%s</tr>" % "".join("<td>%s</td>" % _text(cell, language) for cell in row) for row in table.rows
    )
    return '<div class="rows"><table id="table-%s"><tr>%s</tr>%s</table></div>\n' % (escape(table.id), heads, lines)
