"""Reads the configuration of an emulator: buses, meters, the park behind them, and everything that is wrong at once."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.profiles import load_profile
from hil_tests.config_table import ConfigTable, parse_amount
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
from hil_tests.line_faults import KINDS, LineFault
from hil_tests.park_checks import park_problems

_SOURCES = (GENERATION, STORAGE, TIE, INTAKE)
_MOST_POWER_W = 100_000_000


class EmulatorPlan(NamedTuple):
    """Everything an emulator needs. meters: by bus."""

    park: Plan
    lines: tuple[Line, ...]
    meters: dict[str, tuple[EmulatedMeter, ...]]
    faults: dict[str, tuple[LineFault, ...]]
    seed: str


def read_emulator_config(path: Path, home: Path) -> EmulatorPlan:
    """Return the emulator that the file *path* describes; links that are no whole path are put into *home*.

    Raises ProblemError with all that is wrong.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProblemError(
            problem(
                "WP-EMU-001",
                str(path),
                "The emulator configuration cannot be read: {reason}.",
                "Give the path of a TOML file; hil_tests/park/park.toml is one.",
                reason=reason,
            )
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(
            problem(
                "WP-EMU-002",
                str(path),
                "The emulator configuration is no TOML: {reason}.",
                "Correct the line that is named.",
                reason=str(error),
            )
        ) from error
    problems: list[Problem] = []
    top = ConfigTable(plain, "", problems)
    found = _Reader(top, path.parent, home).plan()
    if problems:
        raise ProblemError(*problems)
    return found


class _Reader:
    """One pass over the tables of a configuration."""

    def __init__(self, top: ConfigTable, folder: Path, home: Path) -> None:
        self._top = top
        self._folder = folder
        self._home = home
        self._problems = top.problems
        self._seed = top.text("seed", "park")
        self._profiles: dict[str, DeviceProfile | None] = {}

    def plan(self) -> EmulatorPlan:
        top = self._top
        top.only("seed", "value", "step", "begin", "curve", "unmetered", "battery", "bus", "meter", "fault")
        curves = {curve.name: curve for curve in (self._curve(table) for table in top.tables("curve")) if curve}
        lines = tuple(self._line(table) for table in top.tables("bus"))
        tables = top.tables("meter")
        branches = tuple(self._branch(table, curves) for table in tables)
        names = {line.name for line in lines}
        meters: dict[str, list[EmulatedMeter]] = {line.name: [] for line in lines}
        for table, branch in zip(tables, branches, strict=True):
            bus = table.text("bus")
            self._known("bus", bus, names, table)
            meter = self._meter(table, branch)
            if meter is not None and bus in meters:
                meters[bus].append(meter)
        self._once("bus", [line.name for line in lines])
        self._once("link", [str(line.link) for line in lines])
        self._once("meter", [branch.name for branch in branches])
        for bus, on_bus in meters.items():
            self._once(f"unit of {bus}", [str(meter.unit) for meter in on_bus])
        value_ms, step_ms = self._times()
        unmetered: Counter[str] = Counter()
        for table in top.tables("unmetered"):
            table.only("busbar", "power")
            unmetered[table.text("busbar")] += table.amount("power", "power")
        park = Plan(branches, self._batteries(branches), unmetered, value_ms, step_ms, self._begin())
        self._problems += park_problems(park)
        faults = self._faults(names, {branch.name for branch in branches})
        return EmulatorPlan(park, lines, {bus: tuple(found) for bus, found in meters.items()}, faults, self._seed)

    def _times(self) -> tuple[int, int]:
        value_ms = self._top.amount("value", "time", "15 min", least=1000)
        step_ms = self._top.amount("step", "time", "1 s", least=1000)
        if step_ms % 1000:
            self._top.wrong("step", "whole seconds, so that no step begins on a minute")
        if value_ms % step_ms:
            self._top.wrong("value", "a multiple of step")
        return value_ms, step_ms

    def _begin(self) -> int:
        hour, colon, minute = self._top.text("begin", "00:00").partition(":")
        if not (colon and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) in (0, 15, 30, 45)):
            self._top.wrong("begin", 'a quarter of an hour such as "10:30"')
            return 0
        return int(hour) * 4 + int(minute) // 15

    def _curve(self, table: ConfigTable) -> Curve | None:
        table.only("name", "file", "column", "peak")
        name, column, peak_w = table.text("name"), table.text("column"), table.amount("peak", "power", least=1)
        path = self._folder / table.text("file")
        try:
            if column in columns(path):
                return read_curve(name, path, column, peak_w)
            reason = "it has no such column"
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except ValueError:
            reason = "it holds something else than numbers from zero"
        self._problems.append(
            problem(
                "WP-EMU-013",
                table.where,
                "The column {column} of {file} cannot drive a meter: {reason}.",
                "Name a CSV file with a heading, and a column of numbers.",
                column=column,
                file=str(path),
                reason=reason,
            )
        )
        return None

    def _line(self, table: ConfigTable) -> Line:
        table.only("name", "baud", "link", "turnaround", "chunk")
        name = table.text("name")
        return Line(
            name,
            self._home / table.text("link", f"{name}.tty"),
            table.number("baud", 300, 1_000_000, 9600),
            table.amount("turnaround", "time", "10 ms"),
            table.number("chunk", 1, 256, 16),
        )

    def _branch(self, table: ConfigTable, curves: dict[str, Curve]) -> Branch:
        table.only(
            "name", "bus", "unit", "profile", "serial", "ct_ratio", "vt_ratio", "role", "busbar", "to_busbar", "load",
            "start_import", "start_export", "last_digit",
        )  # fmt: skip
        role = table.choice("role", ROLES, STANDALONE)
        load: Curve | int = 0
        if role in (STANDALONE, LOAD, GENERATION):
            text = table.text("load", "0 W")
            power_w = parse_amount(text, "power")
            if power_w is None and text not in curves:
                table.wrong("load", 'a power such as "12 kW", or the name of a [[curve]]')
            load = curves.get(text, power_w or 0)
        busbar = table.text("busbar", None if role != STANDALONE else "")
        return Branch(table.text("name"), role, busbar, table.text("to_busbar", None if role == TIE else ""), load)

    def _meter(self, table: ConfigTable, branch: Branch) -> EmulatedMeter | None:
        unit = table.number("unit", 1, 247)
        profile = self._profile(table)
        if profile is None:
            return None
        quantities = {point.quantity for point in profile.points}
        kind = nature(
            f"{self._seed}/{branch.name}",
            3 if "voltage_l2_n" in quantities or "current_l2" in quantities else 1,
            source=branch.role in _SOURCES,
            start_import_wh=table.amount("start_import", "energy", "0 kWh"),
            start_export_wh=table.amount("start_export", "energy", "0 kWh"),
        )
        return EmulatedMeter(
            branch.name,
            unit,
            profile,
            kind,
            ratios=(table.ratio("ct_ratio"), table.ratio("vt_ratio")),
            serial=table.text("serial", ""),
            float_step_wh=table.amount("last_digit", "energy", "10 Wh", least=1),
        )

    def _profile(self, table: ConfigTable) -> DeviceProfile | None:
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
            table.only("meter", "power", "capacity", "content", "efficiency_permille")
            self._known("meter", table.text("meter"), storages, table)
            found.append(
                Battery(
                    table.text("meter"),
                    table.amount("power", "power"),
                    table.amount("capacity", "energy", least=1),
                    table.amount("content", "energy", "0 kWh"),
                    table.number("efficiency_permille", 1, 1000, 1000),
                )
            )
        return tuple(found)

    def _faults(self, buses: set[str], meters: set[str]) -> dict[str, tuple[LineFault, ...]]:
        found: dict[str, list[LineFault]] = {bus: [] for bus in buses}
        for table in self._top.tables("fault"):
            table.only("kind", "permille", "meter", "bus", "delay", "times")
            meter, bus = table.text("meter", ""), table.text("bus", "")
            if meter:
                self._known("meter", meter, meters, table)
            if bus:
                self._known("bus", bus, buses, table)
            fault = LineFault(
                table.choice("kind", KINDS),
                table.number("permille", 1, 1000, 1000),
                meter,
                table.amount("delay", "time", "0 ms"),
                table.number("times", 1, 1_000_000) if "times" in table.plain else None,
            )
            for name in [bus] if bus in found else sorted(buses):
                found[name].append(fault)
        return {bus: tuple(faults) for bus, faults in found.items()}

    def _known(self, key: str, name: str, names: set[str], table: ConfigTable) -> None:
        if name not in names:
            self._problems.append(
                problem(
                    "WP-EMU-007",
                    table.place(key),
                    "There is no {key} {name} to refer to.",
                    "Known: {names}.",
                    key=key,
                    name=repr(name),
                    names=", ".join(sorted(names)) or "-",
                )
            )

    def _once(self, kind: str, names: list[str]) -> None:
        for name, times in Counter(names).items():
            if times > 1:
                self._problems.append(
                    problem(
                        "WP-EMU-006",
                        kind,
                        "The {kind} {name} is there {times} times.",
                        "Give each a name or number of its own.",
                        kind=kind,
                        name=repr(name),
                        times=times,
                    )
                )
