"""Park site: the gateway.toml of an invented park, as its owner would write it."""

from pathlib import Path

from cloud_sync.keys import new_key
from gateway.clock import Clock
from gateway.config import Configuration, key_path, load
from gateway.core.time_keeping import ClockFacts
from tools.benchmarks.account_park import INTERVAL_S, PROFILE, START_S, AccountPark

METERS_A_BUS = 25
_HEAD = """[gateway]
id = "g"
park = "p"
interval = "%d min"
cycle = "15 s"
readings = "%d s"
province = "Jiangsu"
factor_sets = ["NDRC910-trial", "grid-2023"]

[uplink]
broker = "mqtt://127.0.0.1:1"
platform_key = "keys/platform.pub"
"""


class BenchClock(Clock):
    """A clock that stands where it is put."""

    at_ms = 1000 * START_S

    def facts(self) -> ClockFacts:
        """Return that the time is right to 5 ms."""
        return ClockFacts(self.at_ms, self.at_ms, 5, True)

    def monotonic_ms(self) -> int:
        """Return the time it was put to."""
        return self.at_ms


def site_home(home: Path, park: AccountPark, ports: list[str], interval_s: int = INTERVAL_S) -> Configuration:
    """Lay out the gateway of *park* in *home*."""
    (home / "keys").mkdir(parents=True)
    new_key(key_path(home))
    new_key(home / "keys" / "platform.key")
    (home / "gateway.toml").write_text(site_text(park, ports, interval_s), encoding="utf-8")
    return load(home)


def site_text(park: AccountPark, ports: list[str], interval_s: int) -> str:
    """Return the configuration of *park*, its meters spread over buses at *ports*; readings once an interval."""
    parts = [_HEAD % (interval_s // 60, interval_s)]
    parts += [_table("bus", name="b%d" % n, port=port, line="115200 8N1") for n, port in enumerate(ports)]
    busbars = sorted({place.busbar for place in park.site.meter_points}, key=lambda name: int(name[1:]))
    parts += [_table("busbar", name=name) for name in busbars]
    for number, meter in enumerate(park.site.meters):
        bus, unit = divmod(number, METERS_A_BUS)
        parts.append(
            _table("meter", name=meter.name, bus="b%d" % bus, unit=unit + 1, profile=PROFILE, max_power="100 MW")
        )
    for place in park.site.meter_points:
        more = (
            {"to_busbar": place.to_busbar} if place.role == "tie" else {"origin": place.origin} if place.origin else {}
        )
        parts.append(
            _table("meter_point", name=place.name, role=place.role, meter=place.meter, busbar=place.busbar, **more)
        )
    for one in park.site.storages:
        more = {"initial": "20 kWh", "initial_origin": "grid", "efficiency": "0.85"}
        parts.append(_table("storage", meter_point=one.meter_point, **more))
    return "\n".join(parts)


def _table(kind: str, **values: str | int) -> str:
    rows = [("%s = %d" if isinstance(value, int) else '%s = "%s"') % (key, value) for key, value in values.items()]
    return "\n".join(["[[%s]]" % kind, *rows, ""])
