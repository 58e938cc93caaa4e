"""Puts what a scan found into the configuration, as [[bus]] and [[meter]] tables for a person to review.

They are written behind what stands there, of which no sign is changed; what is configured already is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from gateway.commissioning.scan import Found, LineReport
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.tcp_address import is_network
from gateway.ports import same_port, stable_name
from gateway.text_file import parse_toml
from gateway.words import translate as _

_DEFAULT_LINE = "9600 8N1"
_MAX_POWER = "1 MW"  # generous, so that no reading is refused before a person has looked at it


@dataclass(frozen=True)
class Addition:
    """The new text of the configuration; which meters are new, and how many found ones it had already."""

    text: str
    names: tuple[str, ...]
    present: int


def addition(text: str, where: str, port: str, report: LineReport, profiles: Mapping[str, DeviceProfile]) -> Addition:
    """Return *text* with the meters of *report* that it lacks; raises ProblemError where their bus is set otherwise."""
    plain = parse_toml(text, where)
    buses, meters = _tables(plain, "bus"), _tables(plain, "meter")
    own = next((one for one in buses if same_port(str(one.get("port", "")), port)), None)
    if own is not None and not is_network(port) and own.get("line", _DEFAULT_LINE) != report.line:
        raise ProblemError(
            problem(
                "WP-BUS-059",
                where,
                "Meters answer at {found}, but the bus {bus} is configured for {line}.",
                "A bus has one line setting: change it in the configuration, or set the meters to it.",
                found=report.line,
                bus=own.get("name"),
                line=own.get("line", _DEFAULT_LINE),
            )
        )
    bus = _free("bus", {str(one.get("name")) for one in buses}) if own is None else str(own.get("name"))
    taken = {str(one.get("name")) for one in meters}
    known = {one.get("unit") or one.get("address") for one in meters if own is not None and one.get("bus") == bus}
    found = report.found[:1] if report.any_unit else report.found
    fresh = [one for one in found if (one.unit or one.address) not in known]
    document = tomlkit.document()
    if own is None and fresh:
        document.append("bus", _array([_bus_table(bus, stable_name(port) or port, report.line)]))
    names = []
    tables = []
    hints: list[str] = []
    for one in fresh:
        candidates = one.models or one.likely
        if not candidates:
            hints.append(_("unit {unit} answers, but no profile fits it: wattproof profile new").format(unit=one.unit))
            continue
        name = _free("%s-%s" % (bus, one.address or one.unit), taken)
        taken.add(name)
        names.append(name)
        tables.append(_meter_table(name, bus, one, candidates, profiles))
    if tables:
        document.append("meter", _array(tables))
    if not names:
        return Addition(text, (), len(found) - len(fresh))
    behind = tomlkit.dumps(document).replace("\n\n\n", "\n\n") + "".join("\n# %s\n" % hint for hint in hints)
    head = text.rstrip("\n") + "\n\n" if text.strip() else ""
    whole = head + behind.lstrip("\n")
    try:
        parse_toml(whole, where)
    except ProblemError as error:
        raise ProblemError(
            problem(
                "WP-BUS-060",
                where,
                "Meters cannot be added: buses or meters stand in brackets on one line there.",
                "Write each as a table of its own, under [[bus]] or [[meter]]; nothing was changed.",
            )
        ) from error
    return Addition(whole, tuple(names), len(found) - len(fresh))


def _tables(plain: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = plain.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _free(wanted: str, taken: Iterable[str]) -> str:
    """Return *wanted*, with a number behind it where the name is taken."""
    taken = set(taken)
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = "%s-%d" % (wanted, number)
    return name


def _array(tables: list[Table]) -> AoT:
    array = tomlkit.aot()
    for table in tables:
        array.append(table)
    return array


def _bus_table(name: str, port: str, line: str) -> Table:
    table = tomlkit.table()
    table.add("name", name)
    table.add("port", port)
    if not is_network(port):
        table.add("line", line)
    table.add(tomlkit.nl())
    return table


def _meter_table(
    name: str, bus: str, one: Found, candidates: tuple[str, ...], profiles: Mapping[str, DeviceProfile]
) -> Table:
    table = tomlkit.table()
    table.add("name", name)
    table.add("bus", bus)
    if one.address:
        table.add("address", one.address)
    else:
        table.add("unit", one.unit)
    table.add("profile", candidates[0])
    if len(candidates) > 1 or not one.models:
        guess = _("by its values; look at the plate. Fitting: {models}").format(models=", ".join(candidates))
        table["profile"].comment(guess)
    takes = {ratio for point in profiles[candidates[0]].points for ratio in point.times}
    if "ct" in takes:
        table.add(tomlkit.comment('ct_ratio = "400/5"  # ' + _("as on the plate of its current transformers")))
    if "vt" in takes:
        table.add(tomlkit.comment('vt_ratio = "10000/100"  # ' + _("as on the plate of its voltage transformers")))
    table.add("max_power", _MAX_POWER)
    table["max_power"].comment(_("the most its connection can carry: review"))
    for hint in (
        "[[meter_point]]",
        'name = "..."',
        'role = "load"  # intake, generation, storage, load, own_use, tie',
        'meter = "%s"' % name,
        'busbar = "..."',
    ):
        table.add(tomlkit.comment(hint))
    table.add(tomlkit.nl())
    return table
