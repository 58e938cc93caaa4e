"""Reads the configuration of an emulator: buses, meters, the park behind them, and everything that is wrong at once."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from gateway.core.fields import Fields, note_taken, shown
from gateway.core.meter.profile import DeviceProfile
from gateway.core.notation import MILLISECONDS, WATT_HOURS, WATTS, measure
from gateway.core.problem import Problem, ProblemError, problem
from gateway.profiles import load_profile
from gateway.text_file import read_toml
from hil_tests.bus_config import METER_LINE, read_faults, read_line, read_ports, script_tables, with_meter
from hil_tests.curve import Curve, columns, read_curve
from hil_tests.electrical import nature
from hil_tests.emulated_bus import Line
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import (
    GENERATION,
    INTAKE,
    LOAD,
    ROLES,
    STANDALONE,
    STORAGE,
    TIE,
    Battery,
    Branch,
    Plan,
)
from hil_tests.line_faults import LineFault
from hil_tests.park_checks import park_problems

_SOURCES = (GENERATION, STORAGE, TIE, INTAKE)
_METER = (
    "name", "bus", "unit", "address", "profile", "serial", "ct_ratio", "vt_ratio", "role", "busbar", "to_busbar",
    "load", "start_import", "start_export", "last_digit", "clock_ahead", "clock_behind",
    *METER_LINE,
)  # fmt: skip


class EmulatorPlan(NamedTuple):
    """Everything an emulator needs. meters: by bus."""

    park: Plan
    lines: tuple[Line, ...]
    meters: dict[str, tuple[EmulatedMeter, ...]]
    faults: dict[str, tuple[LineFault, ...]]
    seed: str


def read_emulator_config(path: Path, home: Path, script: Path | None = None) -> EmulatorPlan:
    """Return the emulator that the file *path* describes; links that are no whole path are put into *home*.

    *script*: a file with more faults.

    Raises ProblemError with all that is wrong.
    """
    problems: list[Problem] = []
    top = Fields(read_toml(path), path.name, problems)
    found = _Reader(top, path.parent, home).plan(script_tables(script, problems) if script else [])
    if problems:
        raise ProblemError(*problems)
    return found


class _Reader:
    """One pass over the tables of a configuration."""

    def __init__(self, top: Fields, folder: Path, home: Path) -> None:
        self._top = top
        self._folder = folder
        self._home = home
        self._problems = top.problems
        self._seed = top.text("seed", "park")
        self._profiles: dict[str, DeviceProfile | None] = {}

    def plan(self, script: list[Fields]) -> EmulatorPlan:
        """Return what the tables describe; *script*: more tables of faults."""
        top = self._top
        top.only(("seed", "value", "step", "begin", "curve", "unmetered", "battery", "bus", "port", "meter", "fault"))
        curves = {curve.name: curve for curve in (self._curve(table) for table in top.tables("curve")) if curve}
        links: list[str] = []
        buses: list[str] = []
        lines = tuple(read_line(table, self._home, buses, links) for table in top.tables("bus"))
        lines = read_ports(top, self._home, lines, links)
        tables = top.tables("meter")
        branches = tuple(self._branch(table, curves) for table in tables)
        taken: list[str] = []
        for table, branch in zip(tables, branches, strict=True):
            table.fresh("name", branch.name, taken)
        by_name = {line.name: line for line in lines}
        meters: dict[str, list[EmulatedMeter]] = {line.name: [] for line in lines}
        units: dict[str, list[str]] = {line.name: [] for line in lines}
        for table, branch in zip(tables, branches, strict=True):
            bus = table.text("bus")
            table.known("bus", bus, sorted(by_name))
            meter = self._meter(table, branch)
            if meter is not None and bus in meters:
                note_taken(table.place("unit"), str(meter.unit or meter.serial), units[bus], self._problems)
                meters[bus].append(meter)
                by_name[bus] = with_meter(by_name[bus], meter.name, table)
        value_ms, step_ms = self._times()
        unmetered: Counter[str] = Counter()
        for table in top.tables("unmetered"):
            table.only(("busbar", "power"))
            unmetered[table.text("busbar")] += table.measure("power", WATTS)
        park = Plan(branches, self._batteries(branches), unmetered, value_ms, step_ms, self._begin())
        self._problems += park_problems(park)
        buses_of = {branch.name: table.text("bus") for table, branch in zip(tables, branches, strict=True)}
        faults = read_faults(top.tables("fault") + script, by_name, buses_of)
        lines = tuple(by_name[line.name] for line in lines)
        return EmulatorPlan(park, lines, {bus: tuple(found) for bus, found in meters.items()}, faults, self._seed)

    def _times(self) -> tuple[int, int]:
        value_ms = self._top.measure("value", MILLISECONDS, "15 min", least=1000)
        step_ms = self._top.measure("step", MILLISECONDS, "1 s", least=1000)
        if step_ms % 1000 or value_ms % step_ms:
            self._problems.append(
                problem(
                    "WP-EMU-008",
                    self._top.place("step"),
                    "A step of {step_ms} ms does not divide the time of a value into whole seconds.",
                    "Choose whole seconds of which value is a multiple.",
                    step_ms=step_ms,
                )
            )
        return value_ms, step_ms

    def _begin(self) -> int:
        found = re.fullmatch(r"([0-9]{1,2}):(00|15|30|45)", self._top.text("begin", "00:00"))
        if found is None or int(found[1]) > 23:
            self._problems.append(
                problem(
                    "WP-EMU-009",
                    self._top.place("begin"),
                    "This is no quarter of an hour.",
                    'Write the time of day in quarters of an hour, such as "10:30".',
                )
            )
            return 0
        return int(found[1]) * 4 + int(found[2]) // 15

    def _curve(self, table: Fields) -> Curve | None:
        table.only(("name", "file", "column", "peak"))
        name, column, peak_w = table.text("name"), table.text("column"), table.measure("peak", WATTS, least=1)
        path = self._folder / table.text("file")
        try:
            if column in columns(path):
                return read_curve(name, path, column, peak_w)
            self._problems.append(
                problem(
                    "WP-EMU-013",
                    table.where,
                    "{file} has no column {column}.",
                    "Name a column of its heading.",
                    column=shown(column),
                    file=path,
                )
            )
        except OSError as error:
            self._problems.append(
                problem(
                    "WP-EMU-018",
                    table.where,
                    "{file} cannot be read: {reason}.",
                    "Name a CSV file with a heading.",
                    file=path,
                    reason=error.strerror or error,
                )
            )
        except ValueError:
            self._problems.append(
                problem(
                    "WP-EMU-017",
                    table.where,
                    "The column {column} of {file} holds something else than numbers from zero, one above it.",
                    "Name a column of such numbers.",
                    column=shown(column),
                    file=path,
                )
            )
        return None

    def _branch(self, table: Fields, curves: dict[str, Curve]) -> Branch:
        table.only(_METER)
        role = table.choice("role", ROLES, STANDALONE)
        load: Curve | int = 0
        if role in (STANDALONE, LOAD, GENERATION):
            text = table.text("load", "0 W")
            power_w = measure(text, WATTS)
            if power_w is None and text not in curves:
                self._problems.append(
                    problem(
                        "WP-EMU-016",
                        table.place("load"),
                        "{load} is neither a power nor the name of a curve.",
                        'Write a power such as "12 kW", or the name of a [[curve]].',
                        load=shown(text),
                    )
                )
            load = curves.get(text, power_w or 0)
        busbar = table.text("busbar", None if role != STANDALONE else "", empty=True)
        return Branch(
            table.text("name"), role, busbar, table.text("to_busbar", None if role == TIE else "", empty=True), load
        )

    def _meter(self, table: Fields, branch: Branch) -> EmulatedMeter | None:
        by_number = "address" in table.plain
        unit = 0 if by_number else table.number("unit", 1, 247)
        profile = self._profile(table)
        if profile is None:
            return None
        quantities = {point.quantity for point in profile.points}
        kind = nature(
            f"{self._seed}/{branch.name}",
            3 if "voltage_l2_n" in quantities or "current_l2" in quantities else 1,
            source=branch.role in _SOURCES,
            start_import_wh=table.measure("start_import", WATT_HOURS, "0 kWh"),
            start_export_wh=table.measure("start_export", WATT_HOURS, "0 kWh"),
        )
        return EmulatedMeter(
            branch.name,
            unit,
            profile,
            kind,
            ratios=(table.ratio("ct_ratio"), table.ratio("vt_ratio")),
            serial=table.text("address") if by_number else table.text("serial", "", empty=True),
            float_step_wh=table.measure("last_digit", WATT_HOURS, "10 Wh", least=1),
            clock_ahead_ms=table.measure("clock_ahead", MILLISECONDS, "0 ms", least=0)
            - table.measure("clock_behind", MILLISECONDS, "0 ms", least=0),
        )

    def _profile(self, table: Fields) -> DeviceProfile | None:
        name = table.text("profile")
        if name and name not in self._profiles:
            try:
                self._profiles[name] = load_profile(name, self._folder)
            except ProblemError as error:
                self._profiles[name] = None
                self._problems.extend(one.moved(table.place("profile")) for one in error.problems)
        return self._profiles.get(name)

    def _batteries(self, branches: tuple[Branch, ...]) -> tuple[Battery, ...]:
        storages = {branch.name for branch in branches if branch.role == STORAGE}
        found = []
        for table in self._top.tables("battery"):
            table.only(("meter", "power", "capacity", "content", "efficiency_permille"))
            table.known("meter", table.text("meter"), sorted(storages))
            found.append(
                Battery(
                    table.text("meter"),
                    table.measure("power", WATTS),
                    table.measure("capacity", WATT_HOURS, least=1),
                    table.measure("content", WATT_HOURS, "0 kWh"),
                    table.number("efficiency_permille", 1, 1000, 1000),
                )
            )
        return tuple(found)
