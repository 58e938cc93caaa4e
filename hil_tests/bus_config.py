"""Reads what a configuration says of lines: their ends, the settings of their meters, and the faults they have."""

import json
from pathlib import Path
from typing import Any

from gateway.core.fields import Fields, shown
from gateway.core.notation import MILLISECONDS, line_setting
from gateway.core.problem import Problem, problem
from gateway.text_file import read_text, read_toml
from hil_tests.bus_port import PortPlan
from hil_tests.emulated_bus import Line
from hil_tests.line_bits import Setting
from hil_tests.line_faults import KINDS, NEEDS_EMULATED_WIRE, LineFault

_BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400, 460800)
_PORT = ("link", "chunk", "latency", "echo", "client_parity")
_BUS = ("name", "baud", "line", "turnaround", "strict", "port", *_PORT)
_FAULT = ("kind", "permille", "meter", "bus", "delay", "times", "question", "at", "lasts", "bits", "link")
METER_LINE = ("line", "clock_permille", "turnaround")  # keys of a meter that differs from its line


def read_line(table: Fields, home: Path, buses: list[str], links: list[str]) -> Line:
    """Return the bus that *table* describes, with its first end; names and links are added to those taken."""
    table.only(_BUS)
    name = table.text("name")
    table.fresh("name", name, buses)
    # A bus that states only its speed has characters of 11 bits, as Modbus demands them: 8N1 and a bit of rest.
    setting = _setting(table) if "line" in table.plain else None
    if setting is None:
        setting = Setting(table.number("baud", 300, 1_000_000, 9600), idle_bits=1)
    line = Line(
        name,
        setting,
        table.measure("turnaround", MILLISECONDS, "10 ms"),
        (),
        table.flag("strict"),
        table.text("port", "", empty=True),
        states_parity="line" in table.plain,
    )
    if line.device and line.strict:
        table.problems.append(_only_emulated(table.place("strict"), name))
    return line._replace(ports=(_port(table, name, home, links, line),))


def read_ports(top: Fields, home: Path, lines: tuple[Line, ...], links: list[str]) -> tuple[Line, ...]:
    """Return *lines* with the further ends that the tables "port" give them."""
    by_name = {line.name: line for line in lines}
    names = [line.name for line in lines]
    for table in top.tables("port"):
        table.only(("name", "bus", *_PORT))
        name, bus = table.text("name"), table.text("bus")
        table.fresh("name", name, names)
        table.known("bus", bus, sorted(by_name))
        line = by_name.get(bus)
        port = _port(table, name, home, links, line)
        if line is not None and line.device:
            top.problems.append(_only_emulated(table.where, line.name))
        elif line is not None:
            by_name[bus] = line._replace(ports=(*line.ports, port))
    return tuple(by_name[line.name] for line in lines)


def with_meter(line: Line, name: str, table: Fields) -> Line:
    """Return *line* with what the meter *name* has set otherwise."""
    setting = (_setting(table) if "line" in table.plain else None) or line.setting
    setting = setting._replace(clock_permille=table.number("clock_permille", -200, 200, 0))
    if setting != line.setting:
        line = line._replace(settings={**line.settings, name: setting})
    if "turnaround" in table.plain:
        wait_ms = table.measure("turnaround", MILLISECONDS)
        line = line._replace(turnarounds_ms={**line.turnarounds_ms, name: wait_ms})
    return line


def read_faults(
    tables: list[Fields], lines: dict[str, Line], meters: dict[str, str]
) -> dict[str, tuple[LineFault, ...]]:
    """Return the faults of each bus of *lines*; *meters*: the bus of each."""
    found: dict[str, list[LineFault]] = {bus: [] for bus in lines}
    for table in tables:
        table.only(_FAULT)
        meter, bus = table.text("meter", "", empty=True), table.text("bus", "", empty=True)
        table.known("meter", meter, sorted(meters))
        table.known("bus", bus, sorted(lines))
        plain = table.plain
        question = table.number("question", 1, 1_000_000_000) if "question" in plain else None
        once = 1 if question is not None else None
        fault = LineFault(
            table.choice("kind", KINDS),
            table.number("permille", 1, 1000, 1000),
            meter,
            table.measure("delay", MILLISECONDS, "0 ms"),
            table.number("times", 1, 1_000_000) if "times" in plain else once,
            question,
            table.measure("at", MILLISECONDS) if "at" in plain else None,
            table.measure("lasts", MILLISECONDS, "0 ms"),
            table.number("bits", 1, 2000, 1),
            table.text("link", "", empty=True),
        )
        own = [bus] if bus in found else [meters[meter]] if meters.get(meter) in found else sorted(lines)
        for name in own:
            if lines[name].device and (fault.kind in NEEDS_EMULATED_WIRE or fault.by_clock):
                table.problems.append(_only_emulated(table.where, name))
            found[name].append(fault)
    return {bus: tuple(faults) for bus, faults in found.items()}


def script_tables(path: Path, problems: list[Problem]) -> list[Fields]:
    """Return the faults in a script: the tables "fault" of a TOML file, or one JSON object a line."""
    if path.suffix != ".jsonl":
        top = Fields(read_toml(path), path.name, problems)
        top.only(("fault",))
        return top.tables("fault")
    found = []
    for number, text in enumerate(read_text(path).splitlines(), 1):
        if text.strip():
            found.append(Fields(_object(text), f"{path.name}:{number}", problems))
    return [one for one in found if one.is_table]


def _only_emulated(where: str, bus: str) -> Problem:
    return problem(
        "WP-EMU-021",
        where,
        "This cannot be done on the bus {bus}, which is a real serial port.",
        "Leave the key port of the bus out, and it is emulated on pseudo-terminals.",
        bus=bus,
    )


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # which is no table, and told so


def _port(table: Fields, name: str, home: Path, links: list[str], line: Line | None) -> PortPlan:
    link = home / table.text("link", f"{name}.tty")
    table.fresh("link", str(link), links)
    return PortPlan(
        name,
        link,
        table.number("chunk", 1, 256, 16),
        table.measure("latency", MILLISECONDS, "0 ms"),
        table.flag("echo"),
        table.choice("client_parity", ("N", "E", "O"), line.setting.parity if line else "N"),
        line is not None and line.states_parity,
    )


def _setting(table: Fields) -> Setting | None:
    text = table.text("line")
    found = line_setting(text, _BAUDS)
    if found is not None and found[1] == 8:
        return Setting(found[0], found[2], found[3])
    table.problems.append(
        problem(
            "WP-EMU-019",
            table.place("line"),
            "{text} is not a setting that an emulated line knows.",
            'Write baud rate, 8 data bits, parity and stop bits: line = "9600 8E1".',
            text=shown(text),
        )
    )
    return None
