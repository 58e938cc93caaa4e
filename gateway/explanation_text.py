"""An explanation as text: what a figure rests on, down to the register words, and what rests on a meter."""

from datetime import datetime
from typing import Any

from gateway.park_time import PARK_TIME
from gateway.text_table import lines_text, table_text
from gateway.words import translate as _

_RATIOS = (("CT", "ct_ratio"), ("VT", "vt_ratio"))


def kwh(wh: int) -> str:
    """Return watt-hours as kilowatt-hours with three decimals."""
    return "%s%d.%03d" % ("-" if wh < 0 else "", abs(wh) // 1000, abs(wh) % 1000)


def moment(at_s: int, at_ms: int = 0) -> str:
    """Return a time in the park, to the millisecond where it is given so."""
    at = datetime.fromtimestamp(at_s or at_ms // 1000, PARK_TIME)
    return at.strftime("%Y-%m-%d %H:%M:%S") + (".%03d" % (at_ms % 1000) if at_ms else "")


def kilograms(carbon_ug: int) -> str:
    """Return micrograms as kilograms, to the milligram."""
    return "%d.%06d" % divmod(carbon_ug // 1000, 1_000_000)


def explanation_text(answer: dict[str, Any]) -> str:
    """Return an answer of `explain` as text of 80 columns."""
    if "parts" in answer:
        return _day_text(answer)
    return _meter_text(answer) if "meter" in answer else _figure_text(answer)


def _day_text(answer: dict[str, Any]) -> str:
    head = _("{name} on {day} by {method} with {set}: {kwh} kWh, {green} kWh of it green, {kg} kg CO2").format(
        name=answer["meter_point"], day=answer["day"], method=answer["method"], set=answer["factor_set"],
        kwh=kwh(answer["wh"]), green=kwh(answer["green_wh"]), kg=kilograms(answer["carbon_ug"]),
    )  # fmt: skip
    rows = [
        [moment(one["start_s"]), kwh(one["wh"]), kwh(one["green_wh"]), kilograms(one["carbon_ug"]), str(one["entry"])]
        for one in answer["parts"]
    ]
    table = table_text([_("start"), "kWh", _("green kWh"), "kg CO2", _("entry")], rows, {1, 2, 3, 4})
    return "\n".join([*_lines(0, head), table])


def _lines(depth: int, text: str) -> list[str]:
    """Return *text* as lines that fit the terminal, indented to *depth*."""
    return lines_text(text, 2 * depth).split("\n")


def _place(answer: dict[str, Any]) -> list[str]:
    batch = answer["batch"]
    sent = _("in the signed batch of entries {first} to {last}").format(first=batch[0], last=batch[1]) if batch else ""
    state = _("receipted") if answer["receipted"] else _("without a receipt yet")
    return [
        *_lines(1, _("entry {entry}, link {link}").format(entry=answer["entry"], link=answer["link"][:32])),
        *_lines(1, ", ".join(part for part in (sent, state) if part)),
        *_lines(
            1,
            _("configuration: entry {entry}, SHA-256 {sha256}").format(
                entry=answer["configuration"]["entry"], sha256=answer["configuration"]["sha256"][:32]
            ),
        ),
    ]


def basis_lines(entries: str, basis: dict[str, Any]) -> list[str]:
    """Return what tallies rest on: the *entries* of their registers, configuration and rule switches."""
    return [
        *_lines(1, _("registers from entries {entries}").format(entries=entries)),
        *_lines(1, _("by configuration {digest}").format(digest=basis["configuration"])),
        *_lines(1, _("rule switches: {switches}").format(switches=", ".join(basis["switches"]))),
    ]


def _figure_text(answer: dict[str, Any]) -> str:
    title = "%s, %s - %s" % (answer["meter_point"], moment(answer["start_s"]), moment(answer["end_s"]))
    lines = _lines(0, title)
    lines += _lines(
        0,
        _("by {method} with {set}: {kwh} kWh, {green} kWh of it green, {kg} kg CO2").format(
            method=answer["method"], set=answer["factor_set"], kwh=kwh(answer["wh"]),
            green=kwh(answer["green_wh"]), kg=kilograms(answer["carbon_ug"]),
        ),
    )  # fmt: skip
    lines += _place(answer)
    lines += basis_lines(", ".join(str(sequence) for sequence in answer["basis"]["entries"]), answer["basis"])
    lines += ["", _("Carbon by origin")]
    for one in answer["origins"]:
        factor = one["factor"]
        lines += _lines(
            1,
            "%s: %s kWh x %d.%06d kg/kWh = %s kg"
            % (one["origin"], kwh(one["wh"]), *divmod(one["mg_per_kwh"], 1_000_000), kilograms(one["carbon_ug"])),
        )
        lines += _lines(2, "%s: %s, %s" % (factor["id"], factor["basis"], factor["source"]))
        given = ["%s %s kWh" % (source["source"], kwh(source["wh"])) for source in one["sources"]]
        rest = one["wh"] - sum(source["wh"] for source in one["sources"])
        if rest:
            given.append(_("out of storage {kwh} kWh").format(kwh=kwh(rest)))
        lines += _lines(2, _("given by: {sources}").format(sources=", ".join(given)))
    for interval in answer["intervals"]:
        lines += ["", *_interval_lines(interval)]
    return "\n".join(lines)


def _interval_lines(interval: dict[str, Any]) -> list[str]:
    lines = _lines(
        0, _("Energies of {start}, entry {entry}").format(start=moment(interval["start_s"]), entry=interval["entry"])
    )
    for energy in interval["energies"]:
        flag = " [%s]" % energy["flag"] if energy["flag"] else ""
        lines += _lines(
            1,
            _("{name} ({role}): gives {gives} kWh, takes {takes} kWh").format(
                name=energy["meter_point"], role=energy["role"], gives=kwh(energy["gives_wh"]),
                takes=kwh(energy["takes_wh"]),
            ) + flag,
        )  # fmt: skip
        for register in energy["registers"]:
            lines += _register_lines(register)
    for storage in interval["storages"]:
        held = [
            " + ".join("%s %s" % (origin, kwh(wh)) for origin, wh in storage[side]) or "0"
            for side in ("before", "after")
        ]
        lines += _lines(
            1,
            _("{storage} ({rule}, {efficiency} permille) held {before} kWh, and then {after} kWh").format(
                storage=storage["storage"], rule=storage["rule"], efficiency=storage["efficiency_permille"],
                before=held[0], after=held[1],
            ),
        )  # fmt: skip
        lines += [line for said in storage["declared"] for line in _declared_lines(said)]
    return lines


def _register_lines(one: dict[str, Any]) -> list[str]:
    lines = _lines(
        2,
        _("{meter} {quantity}: {profile}, unit {unit}, function {function}, register 0x{address}, {type}").format(
            meter=one["meter"], quantity=one["quantity"], profile=one["profile"], unit=one["unit"],
            function=one["function"], address="%04X" % one["address"], type=one["type"],
        ) + "".join(", %s %d/%d" % (name, *one[key]) for name, key in _RATIOS if one[key] != [1, 1]),
    )  # fmt: skip
    for side in (one["start"], one["end"]):
        if side is None:
            lines += _lines(3, _("not read"))
        else:
            shown = "-" if side["wh"] is None else kwh(side["wh"])
            lines += _lines(3, "%s  %s = %s kWh" % (moment(0, side["at_ms"]), " ".join(side["words"]), shown))
    part = _(", part {part} of {parts}").format(part=one["part"] + 1, parts=one["parts"]) if one["parts"] > 1 else ""
    flag = " [%s]" % one["flag"] if one["flag"] else ""
    lines += [line for said in one["declared"] for line in _declared_lines(said)]
    return lines + _lines(3, _("energy {kwh} kWh").format(kwh=kwh(one["energy_wh"])) + part + flag)


def _declared_lines(said: dict[str, Any]) -> list[str]:
    head = _("declared by {by} in entry {entry}: {what} at {at}; {reason}").format(
        by=said["by"], entry=said["entry"], what=said["what"], at=moment(0, said["at_ms"]), reason=said["reason"]
    )
    return _lines(3, head) + _lines(4, ", ".join("%s: %s" % pair for pair in sorted(said["values"].items())))


def _meter_text(answer: dict[str, Any]) -> str:
    title = "%s, %s - %s" % (answer["meter"], moment(answer["start_s"]), moment(answer["end_s"]))
    lines = [*_lines(0, title), *_place(answer), "", _("Registers")]
    for register in answer["registers"]:
        lines += _register_lines(register)
    lines += ["", _("Energies, allocations and figures that rest on them")]
    for energy in answer["energies"]:
        lines += _lines(
            1,
            _("{name}: import {imported} kWh, export {exported} kWh").format(
                name=energy["meter_point"], imported=kwh(energy["import_wh"]), exported=kwh(energy["export_wh"])
            ),
        )
    for one in answer["allocations"]:
        lines += _lines(1, "%s -> %s: %s kWh" % (one["source"], one["sink"], kwh(one["wh"])))
    for one in answer["tallies"]:
        lines += _lines(
            1,
            "%s, %s: %s kWh, %s kg CO2"
            % (one["meter_point"], one["factor_set"], kwh(one["wh"]), kilograms(one["carbon_ug"])),
        )
    for one in answer["self_use"]:
        lines += _lines(
            1,
            _("the period from {start} by 688-hourly, entry {entry}").format(
                start=moment(one["start_s"]), entry=one["entry"]
            ),
        )
    return "\n".join(lines)
