"""wattproof status, readings, tally, export and verify: what a gateway knows, and what it proves."""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cloud_sync.core.uplink import BACKING_OFF, IDLE, IN_FLIGHT, REWINDING
from gateway.cli.finding_words import finding_lines
from gateway.cli.meter_words import advice, state_words
from gateway.cli.tables import drawn, lines_text, table_text
from gateway.config import load
from gateway.control import ask, is_running
from gateway.core.problem import ProblemError, problem
from gateway.explanation_text import kwh as kwh
from gateway.export import check_day
from gateway.export_as import export_from
from gateway.exports.writing import FORMATS, WPX
from gateway.figures import PARK_TIME
from gateway.frame import emit, fails_clearly, json_option
from gateway.offline import journal_at_home
from gateway.questions import answer_from_journal
from gateway.verification import read_checkpoint, verify_export
from gateway.witness import size_of
from gateway.words import translate as _


def clock_text(clock: dict[str, Any]) -> str:
    """Return in words how far the clock can be trusted, and by whose word."""
    status = clock["status"]
    known = {
        "U": _("not known to be right"),
        "I": _("informative"),
        "S": _("synchronised"),
        "R": _("running on from the last synchronisation"),
    }
    text: str = known.get(status, status)
    sources = {"kernel": _("by the system's clock"), "receipt": _("by the platform's receipts")}
    if clock["source"] not in sources:
        return text
    return _("{status}, to {bound} ms").format(status=text, bound=clock["bound_ms"]) + ", " + sources[clock["source"]]


def refusal_text(reason: str) -> str:
    """Return in words why the platform takes nothing, and what to do."""
    known = {
        "unknown-key": _("the platform does not know this gateway's key: enrol it with `wattproof enrol`"),
        "revoked-key": _(
            "the platform has revoked this gateway's key: `wattproof keys new --replace`, then `wattproof enrol`"
        ),
        "fork": _("the platform has other entries of these numbers: someone else wrote them with this key"),
    }
    return known.get(reason, reason)


def question(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of the daemon, or of the journal where no daemon runs."""
    if is_running(home):
        return ask(home, asked)
    configuration = load(home)
    with closing(journal_at_home(configuration)) as journal:
        return answer_from_journal(configuration, journal, asked)


def today() -> str:
    """Return the park's local day."""
    return datetime.now(PARK_TIME).date().isoformat()


def _road_words(state: str) -> str:
    """Return in words what the road does now."""
    words = {
        IDLE: _("nothing is on its way"),
        IN_FLIGHT: _("sending"),
        BACKING_OFF: _("waiting before it offers again"),
        REWINDING: _("offering again from where the platform stands"),
    }
    return words.get(state, _("no platform is configured"))


def _road_rows(road: dict[str, Any]) -> list[list[str]]:
    """Return the rows of one platform: whether it is reached, how far its receipts go, and what it refused."""
    told = "%s, %s" % (_("connected") if road["connected"] else _("not connected"), _road_words(road["state"]))
    if "platform" not in road:
        return [[_("uplink"), told]]
    through = _("receipted through {sequence}").format(sequence="-" if road["receipted"] is None else road["receipted"])
    rows = [[_("uplink to {platform}").format(platform=road["platform"]), "%s, %s" % (told, through)]]
    if road["refusal"]:
        rows.append([_("refused"), refusal_text(road["refusal"])])
    if road["certificate_due"]:
        text = _("ends on {day}; renew it: `wattproof keys renew`")
        rows.append([_("certificate"), text.format(day=road["certificate_until"][:10])])
    if road["trouble"]:
        rows.append([_("broker"), road["trouble"]["text"]])
    return rows


def _megabytes(count: int) -> str:
    return "%.1f MB" % (count / 1e6)


def storage_rows(storage: dict[str, Any]) -> list[list[str]]:
    """Return the rows of the disk: how long there is room, and what is wrong with it."""
    told = _("{used}, of it {percent} % without a receipt; {free} left").format(
        used=_megabytes(storage["journal_bytes"]),
        percent=storage["unreceipted_percent"],
        free=_megabytes(storage["free_bytes"]),
    )
    rows = [[_("journal"), told]]
    if storage["days_left"] is None:
        rows.append([_("disk full"), _("not known before a day has passed")])
    else:
        days = _("in {days} days at {daily} a day, if nothing is freed").format(
            days=storage["days_left"], daily=_megabytes(storage["bytes_a_day"])
        )
        rows.append([_("disk full"), ("⚠ " if storage["warning"] else "") + days])
    if storage["tight"]:
        rows.append([_("⚠ disk"), _("nearly full: readings between boundaries are not recorded, accounts are")])
    if storage["waiting_ms"]:
        waiting = _("has been writing for {seconds} s; what is shown is from before")
        rows.append([_("⚠ disk"), waiting.format(seconds=storage["waiting_ms"] // 1000)])
    if storage["slow_commits"]:
        slow = _("slow: {count} commits took a second or more, the longest {seconds} s; meters are read on time")
        longest_s = "%.1f" % (storage["longest_ms"] / 1000)
        rows.append([_("⚠ disk"), slow.format(count=storage["slow_commits"], seconds=longest_s)])
    if storage["held"]:
        held = _("cannot be written since {since}; {boundaries} boundaries are held in memory").format(
            **storage["held"]
        )
        rows += [[_("⚠ journal"), held], ["", storage["held"]["problem"]["text"]]]
    return rows


@click.command("status")
@json_option
@click.pass_obj
@fails_clearly
def status(home: str, as_json: bool) -> None:
    """Show buses, meters, clock, journal and uplink of the running gateway."""
    answer = ask(Path(home), {"ask": "status"})
    rows = [
        [_("gateway"), "%s (%s)" % (answer["gateway"], answer["park"])],
        [_("clock"), clock_text(answer["clock"])],
        [_("entries"), str(answer["entries"])],
        [_("receipted through"), "-" if answer["receipted"] is None else str(answer["receipted"])],
        [_("chain head"), answer["head"][:16]],
        [_("intervals closed"), str(answer["intervals"])],
        *storage_rows(answer["storage"]),
    ]
    for road in answer["uplinks"] or [answer["uplink"]]:
        rows += _road_rows(road)
    for held in answer["held"]:
        rows.append([_("waits for a reason"), "{what}: {before} -> {after}".format(**held)])
    for aside in answer["set_aside"]:
        refused_by = "" if aside["platform"] is None else " (%s)" % aside["platform"]
        rows.append([_("set aside"), _("entries {first} to {last}: {refusal}").format(**aside) + refused_by])
    meters = [
        [m["bus"], m["meter"], state_words(m), str(m["failures"]), m["last_good"] or "-"] for m in answer["meters"]
    ]
    text = table_text(["", ""], rows, set()) + "\n\n"
    text += table_text([_("bus"), _("meter"), _("state"), _("faults in a row"), _("last good answer")], meters, {3})
    for meter in answer["meters"]:
        text += "".join("\n" + drawn("%s: %s" % (meter["meter"], line)) for line in advice(meter))
    text += "".join("\n" + drawn(line) for one in answer["findings"] for line in finding_lines(one))
    emit(answer, text.lstrip("\n"), as_json)


@click.command("readings")
@click.option("--meter", help="Only this meter.")
@json_option
@click.pass_obj
@fails_clearly
def readings(home: str, meter: str | None, as_json: bool) -> None:
    """Show the latest reading of every channel, raw and meant."""
    answer = ask(Path(home), {"ask": "readings"})
    if meter:
        answer["readings"] = [one for one in answer["readings"] if one["meter"] == meter]
        if not answer["readings"]:
            raise ProblemError(
                problem(
                    "WP-CLI-006", meter, "nothing was read from a meter of this name", "wattproof status names them all"
                )
            )
    parts = []
    for name in sorted({one["meter"] for one in answer["readings"]}):
        rows = [
            [one["quantity"], one["value"] or "-", one["unit"], " ".join(one["words"]), one["at"][11:19]]
            for one in answer["readings"]
            if one["meter"] == name
        ]
        parts.append(name + "\n" + table_text([_("quantity"), _("value"), _("unit"), _("registers"), "UTC"], rows, {1}))
    emit(answer, "\n\n".join(parts) or _("nothing was read yet"), as_json)


@click.command("tally")
@click.argument("day", required=False)
@json_option
@click.pass_obj
@fails_clearly
def tally(home: str, day: str | None, as_json: bool) -> None:
    """Show energy by origin and carbon of every meter point on DAY (default: today)."""
    answer = question(Path(home), {"ask": "tally", "day": check_day(day or today())})
    rows = [
        [
            one["meter_point"],
            one["method"],
            one["factor_set"],
            kwh(one["wh"]),
            "%d.%d %%" % divmod(one["green_wh"] * 1000 // max(1, one["wh"]), 10),
            "%d.%03d" % divmod(one["carbon_ug"] // 1_000_000, 1000),
        ]
        for one in answer["tallies"]
    ]
    headings = [_("meter point"), _("method"), _("factors"), "kWh", _("green"), "kg CO2"]
    text = _("{day}: {count} intervals").format(day=answer["day"], count=answer["intervals"])
    rests = {line: None for one in answer["tallies"] for base in one["basis"] for line in _rests(one, base)}
    emit(answer, "\n".join([text, table_text(headings, rows, {3, 4, 5}), *rests]), as_json)


def _rests(one: dict[str, Any], base: dict[str, Any]) -> list[str]:
    """Return what the sum *one* rests on, as lines."""
    ends = base["entries"]
    said = _("{method} rests on entries {first} to {last} ({count}), configuration {configuration}: {switches}").format(
        method=one["method"], first=ends["first"], last=ends["last"], count=ends["count"],
        configuration=base["configuration"], switches=", ".join(base["switches"]),
    )  # fmt: skip
    return lines_text(said, 0).split("\n")


def time_of(text: str) -> datetime | None:
    """Return the moment that *text* names, in the park's time where it names no other, or None where it names none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=PARK_TIME)


def show_trace(home: str, time: str, method: str, as_json: bool) -> None:
    """Print who fed whom in the interval that holds *time*, from the gateway's journal."""
    at = time_of(time)
    if at is None:
        raise ProblemError(
            problem("WP-CLI-002", time, "this is neither a file nor a time", "write a time such as 2026-11-21T10:15")
        )
    answer = question(Path(home), {"ask": "trace", "at_s": int(at.timestamp()), "method": method})
    if not answer["found"]:
        raise ProblemError(
            problem("WP-CLI-003", time, "no interval was closed for this time", "wattproof tally shows what there is")
        )
    rows = [[a["source"], a["sink"], kwh(a["wh"])] for a in answer["allocations"] if a["wh"]]
    rows += [
        [r["source"], _("residual of {busbar}").format(busbar=r["busbar"]), kwh(r["wh"])]
        for r in answer["residuals"]
        if r["wh"]
    ]
    text = "%s - %s  %s\n" % (answer["start"], answer["end"], answer["method"])
    emit(answer, text + table_text([_("source"), _("sink"), "kWh"], rows, {2}), as_json)


def _exported(home: Path, day: str, form: str, path: str, checkpoint: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"ask": "export", "day": day, "path": path, "format": form}
    if checkpoint is not None:
        asked["checkpoint"] = size_of(read_checkpoint(Path(checkpoint)), checkpoint)
    if form == WPX or not is_running(home):
        return question(home, asked)
    # A daemon has meters to read: it gives its signed entries, and what is made of them is made here.
    signed = path + ".wpx.partial"
    try:
        question(home, asked | {"path": signed, "format": WPX})
        return export_from(signed, day, form, path, home)
    finally:
        Path(signed).unlink(missing_ok=True)


@click.command("export")
@click.argument("day", required=False)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="File to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=WPX,
    show_default=True,
    help="wpx: signed entries for an auditor; else the figures, in a format of others.",
)
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False),
    help="With a proof that the entries belong to this cosigned checkpoint.",
)
@click.option("--from", "source", type=click.Path(dir_okay=False), help="Take the day of this .wpx file instead.")
@json_option
@click.pass_obj
@fails_clearly
def export(
    home: str, day: str | None, output: str, form: str, checkpoint: str | None, source: str | None, as_json: bool
) -> None:
    """Write DAY (default: today) to a file: the signed entries, or their figures in a format of others."""
    path = str(Path(output).absolute())
    if source is not None:
        answer = export_from(source, day and check_day(day), form, path, Path(home))
    else:
        answer = _exported(Path(home), check_day(day or today()), form, path, checkpoint)
    if form == WPX:
        text = _("{file}\n{intervals} intervals, {entries} entries in {batches} signed batches").format(**answer)
    else:
        text = "\n".join(answer["files"]) + "\n" + _("{intervals} intervals").format(**answer)
    emit(answer, text, as_json)


@click.command("verify")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--keys", type=click.Path(file_okay=False), help="Folder with the public keys (*.pub).")
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False),
    help="A cosigned checkpoint that you got elsewhere, to be told of a history that was written again.",
)
@json_option
@click.pass_obj
@fails_clearly
def verify(home: str, file: str, keys: str | None, checkpoint: str | None, as_json: bool) -> None:
    """Recompute every link, signature, interval, trace and tally of an export from its raw registers."""
    theirs = Path(checkpoint) if checkpoint else None
    answer = verify_export(Path(file), Path(keys) if keys else Path(home) / "keys", theirs)
    text = _(
        "{file} holds.\nEntries {first} to {last} of {gateway}: {batches} signatures, {intervals} intervals,"
        " {registers} register pairs.\nEvery figure follows from them."
    ).format(file=file, **answer)
    if answer["cosigned_through"] is None:
        text += "\n" + _("No cosigned checkpoint covers it: history may have been written again.")
    else:
        text += "\n" + _("The platform cosigned its history through entry {cosigned_through}.").format(**answer)
    if answer["unplaced"]:
        text += "\n" + _(
            "The time of {unplaced} intervals is not known to 9 s: their energy counts, but by no hour."
        ).format(**answer)
    rows = [[e["meter_point"], kwh(e["import_wh"]), kwh(e["export_wh"])] for e in answer["energies"]]
    table = table_text([_("meter point"), _("import kWh"), _("export kWh")], rows, {1, 2})
    emit(answer, text + "\n\n" + table, as_json)
