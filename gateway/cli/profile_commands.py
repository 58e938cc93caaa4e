"""wattproof profile: the meter models this gateway knows, what is in them, and whether they are sound."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gateway.cli.profile_new import new_command
from gateway.cli.tables import drawn
from gateway.core.meter.exchange import decimal_text
from gateway.core.meter.plan import DI_FUNCTIONS, di_shown, function_shown
from gateway.core.meter.profile import DeviceProfile, Identity, Point
from gateway.core.meter.profile_lint import lint, lint_together
from gateway.core.problem import Problem, ProblemError
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, show
from gateway.profile_plan import plan_figures, plan_text
from gateway.profiles import (
    load_profile,
    misnamed,
    profile_names,
    profile_of_text,
    profile_place,
    profile_text,
    replaces_shipped,
)
from gateway.text_file import read_text
from gateway.words import say
from gateway.words import translate as _


@click.group("profile")
def profile_group() -> None:
    """Meter models: list, show, check, write a new one."""


profile_group.add_command(new_command)


@profile_group.command("list")
@json_option
@click.pass_obj
@fails_clearly
def list_command(home: str, as_json: bool) -> None:
    """List the meter models that are known here."""
    rows: list[dict[str, Any]] = []
    table = Table(_("id"), _("maker"), _("model"), _("kind"), _("status"), box=None, pad_edge=False)
    replacing: list[str] = []
    for name in profile_names(home):
        profile, problems = _read(name, home)
        row: dict[str, Any] = {"id": name, "source": profile_place(name, home), "problems": len(problems)}
        row["replaces_shipped"] = replaces_shipped(name, home)
        if row["replaces_shipped"]:
            replacing.append(name)
        if profile is None:
            table.add_row(name, "", _("cannot be read: wattproof profile lint {name}").format(name=name), "", "")
        else:
            row |= {
                "maker": profile.maker,
                "model": profile.model,
                "kind": profile.kind,
                "status": profile.status,
                "transport": list(profile.transport),
            }
            table.add_row(name, profile.maker, profile.model, profile.kind, profile.status)
        rows.append(row)
    show(*misnamed(home))
    notes = [_("{id}: the file of this site is used in place of the shipped one").format(id=name) for name in replacing]
    emit(rows, "\n".join([drawn(table), *notes]), as_json)


def point_map(point: Point) -> dict[str, Any]:
    """Return *point* as JSON; addresses are those on the wire."""
    numerator, denominator = point.factor
    return {
        "name": point.name,
        "quantity": point.quantity,
        "function": function_shown(point.function),
        "at": point.address & 0xFF if point.function in DI_FUNCTIONS else point.address,
        "di": di_shown(point.function, point.address),
        "count": point.count,
        "type": point.type,
        "words": point.words,
        "factor": decimal_text(numerator, 1 - len(str(denominator))),
        "unit": point.unit,
        "side": point.side,
        "times": list(point.times),
        "sign": point.sign or None,
        "counter": point.counter,
        "wrap": point.wrap,
        "sentinels": list(point.sentinels),
        "exponent_at": point.exponent_at,
        "poll": point.poll or "never",
    }


def _identity_map(identity: Identity) -> dict[str, Any]:
    return {
        "function": identity.function,
        "at": identity.address,
        "count": identity.count,
        "type": identity.type,
        "words": identity.words,
        "expect": list(identity.expect),
    }


def profile_map(profile: DeviceProfile, source: str) -> dict[str, Any]:
    """Return *profile* as the JSON of `wattproof profile show`."""
    return {
        "id": profile.id,
        "source": source,
        "maker": profile.maker,
        "model": profile.model,
        "kind": profile.kind,
        "status": profile.status,
        "evidence": [{"source": source, "page": page} for source, page in profile.evidence],
        "transport": list(profile.transport),
        "serial": {"default": profile.serial_default, "allowed": list(profile.serial_allowed)}
        if profile.serial_default
        else None,
        "units": list(profile.units),
        "max_registers": profile.max_registers,
        "align": profile.align,
        "windows": [{"function": function, "first": first, "last": last} for function, first, last in profile.windows],
        "timeout_ms": profile.timeout_ms,
        "gap_ms": profile.gap_ms,
        "points": [point_map(point) for point in profile.points],
        "constants": [point_map(point) for point in profile.constants],
        "identify": [_identity_map(identity) for identity in profile.identify],
        "tests": len(profile.tests),
        "sunspec": None
        if profile.sunspec is None
        else {
            "model": profile.sunspec.main,
            "bases": list(profile.sunspec.bases),
            "chain": [{"model": model, "at": at, "length": length} for model, at, length in profile.sunspec.chain],
        },
    }


@profile_group.command("show")
@click.argument("profile_id")
@json_option
@click.pass_obj
@fails_clearly
def show_command(home: str, profile_id: str, as_json: bool) -> None:
    """Show one meter model: its line settings and its registers."""
    profile = load_profile(profile_id, home)
    source = profile_place(profile_id, home)
    head = [
        "%s  %s %s, %s (%s)" % (profile.id, profile.maker, profile.model, profile.kind, profile.status),
        _("line: {line}; also: {others}").format(
            line=profile.serial_default or "TCP",
            others=", ".join(one for one in profile.serial_allowed if one != profile.serial_default) or "-",
        ),
        _("at most {count} registers a read, aligned to {align}; found: {source}").format(
            count=profile.max_registers, align=profile.align, source=source
        ),
    ]
    table = Table(_("at"), _("fn"), _("type"), _("quantity"), _("factor"), _("unit"), _("side"), box=None)
    for point in sorted(profile.points, key=lambda one: (one.function, one.address)):
        shown = point_map(point)
        times = "".join(" x" + name for name in point.times)
        note = "" if point.poll and point.quantity else " *"
        cells = [shown["di"] or "0x%04X" % point.address, "%02d" % shown["function"], point.type, point.name + note]
        table.add_row(*cells, shown["factor"], point.unit, point.side + times)
    foot = _("* decoded where an answer holds it, not read in every sweep")
    value = profile_map(profile, source) | {"replaces_shipped": replaces_shipped(profile_id, home)}
    if profile.sunspec is not None:
        head.append(_("addresses are those of the usual chain of models; a device is asked for its own"))
    if value["replaces_shipped"]:
        head.append(_("{id}: the file of this site is used in place of the shipped one").format(id=profile_id))
    emit(value, "\n".join([*[drawn(line) for line in head], drawn(table), foot]), as_json)


@profile_group.command("lint")
@click.argument("names", nargs=-1, metavar="[ID|FILE]...")
@json_option
@click.pass_obj
@fails_clearly
def lint_command(home: str, names: tuple[str, ...], as_json: bool) -> None:
    """Check meter models: all of them, or those named by id or file."""
    results: list[tuple[str, list[Problem]]] = []
    read: list[DeviceProfile] = []
    for name in names or profile_names(home):
        profile, problems = _read(name, home)
        if profile is not None:
            read.append(profile)
            problems = [one.moved(profile.id + ".toml") for one in lint(profile)]
        results.append((name, problems))
    results.append(("", lint_together(read) + ([] if names else misnamed(home))))
    found = [one for _name, problems in results for one in problems]
    plans = {one.id: plan_figures(one)._asdict() for one in read}
    value = {
        "profiles": [
            {"id": name or None, "problems": [problem_map(one) for one in problems], "plan": plans.get(_id_of(name))}
            for name, problems in results
            if name or problems
        ],
        "problems": len(found),
    }
    text = [say(one) for one in found] or [_("{count} profiles, nothing to complain about").format(count=len(read))]
    if names:
        text += [plan_text(one.id, plan_figures(one)) for one in read]
    emit(value, "\n".join(text), as_json)
    if found:
        sys.exit(PROBLEM)


def _id_of(name: str) -> str:
    """Return the id that a command line names, by itself or by a file."""
    return Path(name).stem if name.endswith(".toml") else name


def _read(name: str, home: str) -> tuple[DeviceProfile | None, list[Problem]]:
    """Return the profile with this id or in this file, or None, and what is wrong with it."""
    try:
        if name.endswith(".toml"):
            return profile_of_text(read_text(Path(name)), _id_of(name))
        return profile_of_text(profile_text(name, home)[0], name)
    except ProblemError as error:
        return None, list(error.problems)


def problem_map(one: Problem) -> dict[str, str]:
    """Return a problem as JSON, in the user's language."""
    values = {name: str(value) for name, value in one.values.items()}
    return {
        "code": one.code,
        "where": one.where,
        "what": _(one.what).format(**values),
        "hint": _(one.hint).format(**values),
    }
