"""A park whose accounts a gateway closes as a real one does, for tests of reports: energies in, signed batches out."""

import tomllib

from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import BASIS, Gateway, config, stamp
from gateway.core import record as records
from gateway.core.account.closing import close_account
from gateway.core.account.interval import Energy
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.site_reading import read_site
from gateway.factors import load_factors

PARK = "Demo park"
HEAD = """
[gateway]
id = "gw-1"
park = "Demo park"
interval = "60 min"
province = "Jiangsu"
factor_sets = ["NDRC910-trial", "province-2023"]
[uplink]
broker = "mqtt://127.0.0.1:1883"
platform_key = "keys/platform.pub"
[[bus]]
name = "b"
port = "/dev/ttyUSB0"
[[busbar]]
name = "LV1"
"""
POINTS = (
    ("Grid", "intake", "grid"),
    ("Line", "intake", "wind"),
    ("PV", "generation", "solar"),
    ("Hall", "load", ""),
    ("Office", "load", ""),
)
Energies = dict[str, tuple[int, int]]


def site_text() -> str:
    """Return the gateway.toml of the park."""
    text = HEAD
    for number, (name, role, origin) in enumerate(POINTS):
        text += '[[meter]]\nname = "m%d"\nbus = "b"\nunit = %d\nprofile = "p"\nmax_power = "900 MW"\n' % (
            number, number + 1
        )  # fmt: skip
        text += '[[meter_point]]\nname = "%s"\nrole = "%s"\nmeter = "m%d"\nbusbar = "LV1"\n' % (name, role, number)
        text += 'origin = "%s"\n' % origin if origin else ""
    return text


class ReportPark:
    """The books of one gateway, sent to a platform interval by interval."""

    def __init__(self, platform: Platform, gateway: Gateway) -> None:
        self.platform, self.gateway = platform, gateway
        self.stamp = stamp()  # of the intervals to come
        site, problems = read_site(tomllib.loads(site_text()), ["p"], ["NDRC910-trial", "province-2023"])
        assert site is not None, problems
        self.site = site
        self.factors = load_factors()
        self.send(config(site_text()))

    def send(self, *written: tuple[object, ...]) -> None:
        """Send one batch; it must be receipted."""
        assert self.platform.receipted("gw-1", self.gateway.send(*written))

    def close(self, start_s: int, end_s: int, energies: Energies, flag: str = "", tallied: bool = True) -> int:
        """Close an interval with the import and export of each point; return the sequence of its account.

        It comes 7 s after its end. Not *tallied*: a year in one interval, whose carbon is beyond a tally's bounds.
        """
        self.platform.now_ms = (end_s + 7) * 1000
        rows = tuple(Energy(name, *energies.get(name, (0, 0)), flag) for name, _role, _origin in POINTS)
        closed = close_account(self.site, rows, (), self.factors, start_s, end_s)
        own = close_self_use(self.site, rows, (), self.factors, start_s, end_s)
        tallies = (closed.tallies, own.tallies) if tallied else ((), ())
        self.send(
            records.Interval(self.stamp, 1, start_s, end_s, b"r" * 32, 2, 1_000_000 if flag in ("", "L") else 900_000),
            records.Account(
                stamp(), 1, start_s, end_s, b"s" * 32, (), rows, closed.allocations, closed.residuals, tallies[0],
                (), closed.pools_after, BASIS,
            ),
            records.SelfUse(stamp(), 1, start_s, end_s, own.allocations, tallies[1], 0, BASIS),
        )  # fmt: skip
        return self.gateway.sequence - 1
