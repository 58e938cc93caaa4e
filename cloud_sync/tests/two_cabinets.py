"""Two gateways that measure one park between them, joined by a tie; and the same park as the file of one gateway."""

import random

from cloud_sync.tests.gateways import BASIS, stamp
from gateway.core import record as records
from gateway.core.account.closing import Closed, close_account
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import sum_energies
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Pool, opening_pools
from gateway.core.site_reading import read_site
from gateway.factors import factors_text, load_factors
from gateway.text_file import parse_toml

STEP_S = 900
START_S = 1795190400
HEAD = """
[gateway]
id = "{id}"
park = "Two cabinets"
interval = "15 min"
province = "{province}"
factor_sets = ["grid-2023", "NDRC910-trial"]
[[bus]]
name = "a"
port = "/dev/ttyUSB0"
"""
METER = """
[[meter]]
name = "m-{number}"
bus = "a"
unit = {number}
profile = "any"
max_power = "400 kW"
"""
POINT = """
[[meter_point]]
name = "{name}"
role = "{role}"
meter = "m-{number}"
busbar = "{busbar}"
"""
STORAGE = """
[[storage]]
meter_point = "{name}"
initial = "5 kWh"
efficiency = "0.85"
rule = "fifo"
"""
# name, role, busbar, other keys; busbars and points as each gateway's own file calls them.
PARTS: dict[str, list[tuple[str, str, str, str]]] = {
    "gw-1": [
        ("Intake", "intake", "LV1", ""),
        ("Roof", "generation", "LV2", 'origin = "solar"'),
        ("Mill", "load", "LV1", ""),
        ("Inner tie", "tie", "LV1", 'to_busbar = "LV2"'),
        ("Tie", "tie", "LV2", 'to_busbar = "gw-2/LV1"'),
    ],
    "gw-2": [
        ("Mill", "load", "LV1", ""),
        ("Battery", "storage", "LV1", ""),
        ("Mast", "generation", "LV1", 'origin = "wind"'),
        ("Back tie", "tie", "LV1", 'to_busbar = "gw-1/LV1"'),
    ],
}
BUSBARS = {
    "gw-1": '[[busbar]]\nname = "LV1"\nties = ["gw-2/Back tie"]\n[[busbar]]\nname = "LV2"\n',
    "gw-2": '[[busbar]]\nname = "LV1"\nties = ["gw-1/Tie"]\n',
}


def site_text(gateway: str, province: str = "Jiangsu") -> str:
    """Return the file of one of the gateways."""
    text = HEAD.format(id=gateway, province=province) + BUSBARS[gateway]
    for number, (name, role, busbar, more) in enumerate(PARTS[gateway], 1):
        text += METER.format(number=number) + POINT.format(name=name, role=role, number=number, busbar=busbar) + more
        if role == "storage":
            text += STORAGE.format(name=name)
    return text


def whole_text() -> str:
    """Return the file of the whole park, all of it on one gateway, in the order of the names."""
    text = HEAD.format(id="one", province="Jiangsu")
    text += "".join(f'[[busbar]]\nname = "{name}"\n' for name in ("gw-1/LV1", "gw-1/LV2", "gw-2/LV1"))
    rows = [(f"{gateway}/{row[0]}", gateway, row) for gateway, part in PARTS.items() for row in part]
    for number, (name, gateway, (_short, role, busbar, more)) in enumerate(sorted(rows), 1):
        own = more.replace('to_busbar = "LV2"', 'to_busbar = "gw-1/LV2"')
        point = POINT.format(name=name, role=role, number=number, busbar=f"{gateway}/{busbar}")
        text += METER.format(number=number) + point + own
        if role == "storage":
            text += STORAGE.format(name=name)
    return text


def configuration(gateway: str, text: str = "") -> records.Config:
    """Return the entry of a gateway's configuration."""
    return records.Config(stamp(), text or site_text(gateway), factors_text(), (("any", ""),), ())


def energies(gateway: str, step: int) -> tuple[Energy, ...]:
    """Return what the meter points of *gateway* counted in a step: anything, both ways."""
    chance = random.Random(f"{gateway} {step}")
    return tuple(Energy(row[0], chance.randrange(9000), chance.randrange(3000), "") for row in PARTS[gateway])


def closed_by(gateway: str, step: int, counted: tuple[Energy, ...] | None = None) -> tuple[tuple[object, ...], ...]:
    """Return the two entries with which *gateway* closes a step; its own trace is of no interest here."""
    start_s = START_S + step * STEP_S
    rows = energies(gateway, step) if counted is None else counted
    return (
        records.Interval(stamp(), 1, start_s, start_s + STEP_S, bytes([step]) * 32, 2, 1_000_000),
        records.Account(stamp(), 1, start_s, start_s + STEP_S, b"s" * 32, (), rows, (), (), (), (), (), BASIS),
    )


def in_one(
    steps: int, silent: dict[int, str] | None = None, corrections: dict[int, tuple[tuple[str, int], ...]] | None = None
) -> list[Closed]:
    """Close the first *steps* of the whole park in one.

    silent: by step, the gateway whose meters are not known; corrections: by step, declared contents of storages.
    """
    site, problems = read_site(parse_toml(whole_text(), ""), ["any"], list(load_factors().sets()))
    assert site is not None, problems
    pools: tuple[Pool, ...] = opening_pools(site)
    result = []
    for step in range(steps):
        rows = [
            row._replace(meter_point=f"{gateway}/{row.meter_point}")
            for gateway in PARTS
            if (silent or {}).get(step) != gateway
            for row in energies(gateway, step)
        ]
        start_s = START_S + step * STEP_S
        booked = (corrections or {}).get(step, ())
        result.append(close_account(site, tuple(rows), pools, load_factors(), start_s, start_s + STEP_S, booked))
        pools = result[-1].pools_after
    return result


def hour_in_one() -> Closed:
    """Close the first hour of the whole park in one by the published self-use rule."""
    site, problems = read_site(parse_toml(whole_text(), ""), ["any"], list(load_factors().sets()))
    assert site is not None, problems
    rows = [
        tuple(row._replace(meter_point=f"{gateway}/{row.meter_point}") for row in energies(gateway, step))
        for gateway in PARTS
        for step in range(4)
    ]
    return close_self_use(site, sum_energies(*rows), opening_pools(site), load_factors(), START_S, START_S + 3600)
