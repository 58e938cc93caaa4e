"""A park's day for the tests of the page: rows as they stand in a ledger, kept as plain lists to count by hand.

One gateway, quarter-hour intervals from local midnight to 14:00 with one interval missing, two busbars, grid, PV, wind,
a battery, four loads and a plant's own use. The energies are whole, made by plain integer rules.
"""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.platform.ledger import Ledger

GATEWAY = "park7-gw1"
DAY = "2026-06-18"
START_S = int(datetime(2026, 6, 17, 16, tzinfo=UTC).timestamp())  # midnight in Shanghai
STEP_S = 900
STEPS = 56
MISSING_STEP = 21
NOW_S = START_S + STEPS * STEP_S + 70
INCARNATION = bytes(range(16))
FACTORS_MG = {"NDRC910-trial": 832_500, "grid-2023": 582_700}  # mg CO2 a kWh of grid energy
GREEN = ("solar", "wind")

POINTS = (
    # name, role, meter, busbar, to_busbar, origin
    ("Intake", "intake", "m-intake", "LV1", "", "grid"),
    ("PV roof", "generation", "m-pv", "LV1", "", "solar"),
    ("Wind turbine", "generation", "m-wind", "LV2", "", "wind"),
    ("Battery", "storage", "m-battery", "LV2", "", ""),
    ("Tie LV1-LV2", "tie", "m-tie", "LV1", "LV2", ""),
    ("Workshop A", "load", "m-a", "LV1", "", ""),
    ("冷库 <b>2</b>", "load", "m-cold", "LV1", "", ""),
    ("Workshop B", "load", "m-b", "LV2", "", ""),
    ("Office", "load", "m-office", "LV2", "", ""),
    ("PV own use", "own_use", "m-own", "LV1", "", ""),
)
BUSBAR = {point[0]: point[3] for point in POINTS}
SITE = """
[gateway]
id = "park7-gw1"
park = "Demo park"
interval = "15 min"
factor_sets = ["NDRC910-trial", "grid-2023"]
province = "Jiangsu"
[[meter_point]]
name = "Office"
reversed = true
"""


def split(total: int, weights: Iterable[int]) -> list[int]:
    """Split *total* by *weights*, whole, the rest by one to the first parts that have a weight."""
    weights = list(weights)
    parts = [total * weight // sum(weights) for weight in weights]
    able = [index for index, weight in enumerate(weights) if weight]
    for turn in range(total - sum(parts)):
        parts[able[turn % len(able)]] += 1
    return parts


STAMP = (b"bootboot", 0, START_S * 1000, "S", 20)  # of every interval: the time was known


class TallyRow(NamedTuple):
    """One row of the ledger's table `tally`, but for the gateway and the factors."""

    start_s: int
    end_s: int
    method: str
    factor_set: str
    meter_point: str
    wh: int
    green_wh: int
    carbon_ug: int
    by_origin: dict[str, int]


class ParkDay:
    """The rows of the day."""

    def __init__(self) -> None:
        self.intervals: list[tuple[int, int, int, int, int]] = []  # start, end, sequence, account, complete_ppm
        self.energies: list[tuple[int, int, str, int, int, str]] = []
        self.allocations: list[tuple[int, int, str, str, str, int]] = []
        self.residuals: list[tuple[int, int, str, str, int]] = []
        self.tallies: list[TallyRow] = []
        self.pools: list[tuple[int, int, str, str, int]] = []
        self.held = {"grid": 40_000, "solar": 260_000, "wind": 55_000}
        for step in range(STEPS):
            if step != MISSING_STEP:
                self._step(step)
        for hour in range(STEPS // 4):
            self._self_use(START_S + hour * 3600, START_S + hour * 3600 + 3600)

    def _step(self, step: int) -> None:
        start_s, end_s = START_S + step * STEP_S, START_S + (step + 1) * STEP_S
        complete_ppm = 967_741 if step == 30 else 1_000_000
        self.intervals.append((start_s, end_s, 10 + 2 * step, 11 + 2 * step, complete_ppm))
        sun = max(0, 7_000_000 - (step - 49) ** 2 * 9_800) // 100
        working = 1 if 32 <= step < 72 else 0
        sinks = {
            "Workshop A": 21_000 + 19_400 * working + step * 31 % 700,
            "Workshop B": 9_000 + 14_250 * working + step * 77 % 900,
            "冷库 <b>2</b>": 6_100 + step * 53 % 400,
            "Office": 900 + 3_300 * working + step * 13 % 90,
            "PV own use": 41 if sun else 12,
        }
        charge = 9_500 if sun > 55_000 else 0
        discharge = 6_000 if working and not charge and step < 40 else 0
        sources = {"PV roof": sun, "Wind turbine": 4_200 + step * 97 % 1_300}
        if discharge:
            sources["Battery"] = discharge
        if charge:
            sinks["Battery"] = charge
        lost = {"LV1": 180 + step % 7, "LV2": 95 + step % 5}
        need = sum(sinks.values()) + sum(lost.values()) - sum(sources.values())
        if need >= 0:
            sources["Intake"] = need
        else:
            sinks["Intake"] = -need
        self._energies(start_s, end_s, sources, sinks, "L" if step == 30 else "")
        origins = self._origins(sources, discharge)
        left = dict(sorted(sources.items()))

        def take(wh: int) -> dict[str, int]:
            parts = dict(zip(left, split(wh, left.values()), strict=True))
            for name, part in parts.items():
                left[name] -= part
            return {name: part for name, part in parts.items() if part}

        for sink in sorted(sinks):
            fed = take(sinks[sink])
            self.allocations += [(start_s, end_s, "flow", name, sink, wh) for name, wh in fed.items()]
            by_origin: dict[str, int] = {}
            for name, wh in fed.items():
                for origin, part in zip(origins[name], split(wh, origins[name].values()), strict=True):
                    by_origin[origin] = by_origin.get(origin, 0) + part
            self._tally(start_s, end_s, "flow", sink, by_origin)
            if sink == "Battery":
                for origin, wh in by_origin.items():
                    self.held[origin] += wh
        for busbar in sorted(lost):
            self.residuals += [(start_s, end_s, busbar, name, wh) for name, wh in take(lost[busbar]).items()]
        assert not any(left.values())
        self.pools += [(start_s, end_s, "Battery", origin, wh) for origin, wh in sorted(self.held.items())]

    def _energies(self, start_s: int, end_s: int, sources: dict[str, int], sinks: dict[str, int], flag: str) -> None:
        to_lv2 = sum(wh for name, wh in sinks.items() if BUSBAR[name] == "LV2")
        to_lv2 += 95 + (start_s - START_S) // STEP_S % 5
        to_lv2 -= sum(wh for name, wh in sources.items() if BUSBAR[name] == "LV2")
        for name, role, *_rest in POINTS:
            given, taken = sources.get(name, 0), sinks.get(name, 0)
            if role == "intake":
                given, taken = taken, given
            if role == "tie":
                taken, given = max(0, to_lv2), max(0, -to_lv2)
            self.energies.append((start_s, end_s, name, taken, given, flag if name == "Workshop B" else ""))

    def _origins(self, sources: dict[str, int], discharge: int) -> dict[str, dict[str, int]]:
        origins = {name: {origin: 1} for name, _r, _m, _b, _t, origin in POINTS if origin}
        if discharge:
            origins["Battery"] = {origin: wh for origin, wh in sorted(self.held.items()) if wh}
            parts = split(discharge, origins["Battery"].values())
            for origin, wh in zip(sorted(origins["Battery"]), parts, strict=True):
                self.held[origin] -= wh
        return origins

    def _tally(self, start_s: int, end_s: int, method: str, point: str, by_origin: dict[str, int]) -> None:
        green = sum(by_origin.get(origin, 0) for origin in GREEN)
        for factor_set, mg in FACTORS_MG.items():
            carbon_ug = by_origin.get("grid", 0) * mg
            used = sum(by_origin.values())
            row = TallyRow(start_s, end_s, method, factor_set, point, used, green, carbon_ug, by_origin)
            self.tallies.append(row)

    def _self_use(self, start_s: int, end_s: int) -> None:
        used = [row for row in self.energies if start_s <= row[0] < end_s]
        loads = {p[0]: sum(row[3] for row in used if row[2] == p[0]) for p in POINTS if p[1] in ("load", "own_use")}
        made = {p[0]: sum(row[4] for row in used if row[2] == p[0]) for p in POINTS if p[1] == "generation"}
        exported = sum(row[4] for row in used if row[2] == "Intake")
        shared = min(sum(made.values()) - exported, sum(loads.values()))
        origin = {point[0]: point[5] for point in POINTS}
        for name, wh in zip(loads, split(shared, loads.values()), strict=True):
            wh = min(wh, loads[name])
            parts = dict(zip(made, split(wh, made.values()), strict=True))
            self.allocations += [(start_s, end_s, "688-hourly", s, name, part) for s, part in parts.items()]
            self.allocations.append((start_s, end_s, "688-hourly", "Intake", name, loads[name] - wh))
            by_origin = {origin[source]: part for source, part in parts.items()}
            self._tally(start_s, end_s, "688-hourly", name, {**by_origin, "grid": loads[name] - wh})

    def write(self, ledger: Ledger, steps: int = STEPS) -> None:
        """Put the gateway, its configuration and the first *steps* of the day into *ledger*."""
        with ledger.writing() as tables:
            enrol(tables)
            tables.execute(
                "INSERT INTO entry (gateway, incarnation, sequence, link, body, received_ms, projected)"
                " VALUES (?, ?, 1, zeroblob(32), x'00', 0, 1)",
                (GATEWAY, INCARNATION),
            )
            tables.execute(
                "INSERT INTO config VALUES (?, ?, 1, ?, ?, '[]')", (GATEWAY, INCARNATION, START_S * 1000, SITE)
            )
            for point in POINTS:
                tables.execute("INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, 1)", (GATEWAY, *point))
            self.add(tables, 0, steps)

    def add(self, tables: sqlite3.Connection, after: int, until: int) -> None:
        """Put what closed after step *after* and until step *until* into *tables*, as a projection would."""
        after_s, until_s = START_S + after * STEP_S, START_S + until * STEP_S
        head = 2 * until + 88
        chain = (GATEWAY, INCARNATION, bytes(32), head, bytes.fromhex("5e" * 32))
        tables.execute("INSERT OR REPLACE INTO chain VALUES (?, ?, 1, ?, ?, ?, 0, 1)", chain)
        tables.execute(
            "INSERT INTO receipt (gateway, incarnation, through_sequence, bucket, at_ms, signed)"
            " VALUES (?, ?, ?, 'b0', ?, x'00')",
            (GATEWAY, INCARNATION, head, until_s * 1000),
        )
        intervals = [
            (start_s, end_s, INCARNATION, sequence, account, ppm, sequence.to_bytes(32, "big"), *STAMP, 1)
            for start_s, end_s, sequence, account, ppm in self.intervals
        ]
        hours = [START_S + hour * 3600 for hour in range(STEPS // 4)]
        closed = [(*row[:2], "flow") for row in self.intervals] + [(at_s, at_s + 3600, "688-hourly") for at_s in hours]
        found: dict[str, list[Any]] = {
            "interval": intervals,
            "energy": self.energies,
            "allocation": self.allocations,
            "residual": self.residuals,
            "tally": [(*row[:-1], json.dumps(row[-1]), "[]") for row in self.tallies],
            "basis": [(*row, '["gap=linear"]', "ab" * 16, "[%d]" % number) for number, row in enumerate(closed)],
            "pool": self.pools,
            "self_use": [(start_s, start_s + 3600, INCARNATION, 1) for start_s in hours],
        }
        for table, rows in found.items():
            for row in rows:
                if after_s < row[1] <= until_s:
                    places = ", ".join("?" * (len(row) + 1))
                    tables.execute(f"INSERT INTO {table} VALUES ({places})", (GATEWAY, *row))
        live(tables, (until_s + 40) * 1000)


POWERS_W = {
    "m-intake": -61_300,
    "m-pv": -263_400,
    "m-wind": -18_950,
    "m-battery": 38_000,
    "m-tie": 4_000,
    "m-a": 161_700,
    "m-cold": 24_410,
    "m-office": -16_875,  # its transformers are turned round, and the site says so
    "m-own": 164,
}  # m-b gives no power


def live(tables: sqlite3.Connection, at_ms: int) -> None:
    """Put the power of every meter but m-b into *tables*."""
    for meter, power_w in POWERS_W.items():
        row = (GATEWAY, meter, "active_power_total", at_ms, power_w)
        tables.execute("INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?, ?)", row)


def enrol(tables: sqlite3.Connection) -> None:
    """Make the gateway known."""
    tables.execute("INSERT INTO gateway VALUES (?, x'0011223344556677', 'PEM')", (GATEWAY,))


def make_ledger(folder: Path, day: ParkDay | None, steps: int = STEPS) -> Ledger:
    """Return a ledger in *folder* with the first *steps* of *day* in it, or with nothing in it."""
    ledger = Ledger(folder / "ledger.sqlite")
    if day is not None:
        day.write(ledger, steps)
    return ledger
