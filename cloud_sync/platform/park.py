"""park.toml: which gateways make a park together, and what its storages held when the park began to be composed."""

import json
from pathlib import Path
from typing import NamedTuple

from cloud_sync.core.topic import is_name
from gateway.core.account.composition import full_name
from gateway.core.fields import Fields
from gateway.core.notation import WATT_HOURS
from gateway.core.problem import Problem, ProblemError, problem
from gateway.text_file import read_toml

PARK_FILE = "park.toml"
_PREFIX = "park"


class Opening(NamedTuple):
    """What a storage, by its full name, held at the start, and of which origin."""

    storage: str
    wh: int
    origin: str


class ParkPlan(NamedTuple):
    """One park of several gateways."""

    name: str
    gateways: tuple[str, ...]
    openings: tuple[Opening, ...]

    @property
    def key(self) -> str:
        """Return the name under which the park's figures stand among those of gateways."""
        return park_key(self.name)

    def text(self) -> str:
        """Return the plan as the ledger keeps it."""
        return json.dumps({"gateways": self.gateways, "openings": self.openings}, ensure_ascii=False)


def park_key(name: str) -> str:
    """Return the name under which the figures of the park *name* stand; no gateway can have it."""
    return full_name(_PREFIX, name)


def is_park(key: str) -> bool:
    """Tell whether figures stand under *key* for a park, not for a gateway."""
    return key.startswith(full_name(_PREFIX, ""))


def plan_of(name: str, text: str) -> ParkPlan:
    """Return the plan that the ledger keeps of the park *name*."""
    plain = json.loads(text)
    return ParkPlan(name, tuple(plain["gateways"]), tuple(Opening(*row) for row in plain["openings"]))


def read_parks(home: Path) -> tuple[ParkPlan, ...]:
    """Return the parks of park.toml in *home*, none where there is no such file, or raise all that is wrong."""
    path = home / PARK_FILE
    if not path.exists():
        return ()
    problems: list[Problem] = []
    top = Fields(read_toml(path), str(path), problems)
    top.only(("park",))
    plans: list[ParkPlan] = []
    for table in top.tables("park", some=True):
        table.only(("name", "gateways", "storage"))
        name = table.text("name")
        if name and not is_name(name):
            problems.append(
                problem(
                    "WP-PLT-060",
                    table.place("name"),
                    "{name} cannot be the name of a park: it stands in addresses.",
                    "Use letters and digits, without blanks and / + # $.",
                    name=name,
                )
            )
        table.fresh("name", name, [plan.name for plan in plans])
        gateways = table.texts("gateways")
        if len(set(gateways)) < max(2, len(gateways)):
            problems.append(
                problem(
                    "WP-PLT-061",
                    table.place("gateways"),
                    "a park is made of two gateways or more, each named once",
                    'name the ids of their gateway.toml: gateways = ["cabinet-a", "cabinet-b"]',
                )
            )
        plans.append(ParkPlan(name, tuple(sorted(gateways)), _openings(table, gateways)))
    if problems:
        raise ProblemError(*problems)
    return tuple(plans)


def _openings(park: Fields, gateways: tuple[str, ...]) -> tuple[Opening, ...]:
    openings: list[Opening] = []
    for table in park.tables("storage"):
        table.only(("meter_point", "initial", "initial_origin"))
        name = table.text("meter_point")
        table.fresh("meter_point", name, [one.storage for one in openings])
        if name and name.partition("/")[0] not in gateways:
            table.problems.append(
                problem(
                    "WP-PLT-062",
                    table.place("meter_point"),
                    "{name} is no storage of a gateway of this park",
                    'write gateway and meter point: meter_point = "cabinet-a/Battery"',
                    name=name,
                )
            )
        initial_wh = table.measure("initial", WATT_HOURS, "0 Wh")
        openings.append(Opening(name, initial_wh, table.text("initial_origin", "grid")))
    return tuple(openings)
