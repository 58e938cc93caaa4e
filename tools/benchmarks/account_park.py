"""Account park: a made-up park of any size whose registers move through a day, for the bench of the account.

Radial: an intake, main busbars below it, busbars of buildings below those, and one meter for every feeder. Meters are
off by up to 0.2 %, so every busbar has a residual or lacks something, as in a real park.
"""

from typing import NamedTuple

from gateway.core.meter.profile import DeviceProfile
from gateway.core.reading import Reading
from gateway.core.settlement import Channel, account_channels
from gateway.core.site import Meter, MeterPoint, SelfUseRule, Site, Storage
from gateway.profiles import load_profile

INTERVALS_A_DAY = 96
INTERVAL_S = 900
START_S = 1_790_006_400
PROFILE = "acrel-adw300"
COUNT_WH = 10  # one count of its energy registers
_BUSBARS_PER_THOUSAND = 60
_BRANCHES = 8  # feeders below one busbar
_LOAD_WH, _SUN_WH, _BATTERY_WH = 4000, 24000, 6000  # the most of one point in an interval
_MOST_ERROR_PPM = 2000


class Flow(NamedTuple):
    """What one meter point counted in an interval, in whole Wh, before its meter's error."""

    import_wh: int
    export_wh: int


class AccountPark:
    """A park of *points* meter points, each with a meter of its own.

    backfeed: the sun of one busbar in three is more than its loads take at noon, and runs back through the feeders.
    """

    def __init__(self, points: int, *, backfeed: bool = False) -> None:
        """Lay out the busbars, and hang the meter points on them."""
        self.profiles: dict[str, DeviceProfile] = {PROFILE: load_profile(PROFILE, ".")}
        self._sun_wh = 8 * _SUN_WH if backfeed else _SUN_WH
        busbars = max(1, points * _BUSBARS_PER_THOUSAND // 1000)
        self._above = [(n - 1) // _BRANCHES for n in range(busbars)]
        places = [self._place("Intake", "intake", 0, "grid")]
        places += [self._place("Feeder%d" % n, "tie", self._above[n], "", n) for n in range(1, busbars)]
        for n in range(busbars):
            if n % 3 == busbars // 2 % 3:
                places.append(self._place("Sun%d" % n, "generation", n, "solar"))
            if n % 12 == 5:
                places.append(self._place("Battery%d" % n, "storage", n, "storage"))
        for n in range(points - len(places)):
            places.append(self._place("Load%d" % n, "load", n % busbars, ""))
        self.site = self._site(tuple(places))
        self.channels: tuple[Channel, ...] = account_channels(self.site, self.profiles)
        self._counts_wh = {(channel.meter, channel.quantity): 1_000_000 for channel in self.channels}
        self._backwards: dict[int, bool] = {}
        self.step = 0

    @staticmethod
    def _place(name: str, role: str, busbar: int, origin: str, to: int | None = None) -> MeterPoint:
        return MeterPoint(name, role, "m-" + name, "B%d" % busbar, "" if to is None else "B%d" % to, origin, False)

    @staticmethod
    def _site(places: tuple[MeterPoint, ...]) -> Site:
        meters = tuple(Meter(one.meter, "bus", 1, PROFILE, "", (1, 1), (1, 1), 10**9) for one in places)
        storages = tuple(Storage(one.name, 20_000, "grid", 850, "mixing") for one in places if one.role == "storage")
        rule = SelfUseRule(3600, "proportional", "user", "renewable")
        sets = ("NDRC910-trial", "grid-2023")
        return Site(
            "g", "p", INTERVAL_S, 15, 60, 60, rule, "Jiangsu", sets, (), meters, places, storages, 60,
            "first-after", "linear",
        )  # fmt: skip

    @property
    def at_s(self) -> int:
        """The boundary at which the registers stand."""
        return START_S + self.step * INTERVAL_S

    def readings(self) -> list[Reading]:
        """Return what every meter shows, read a second after the boundary."""
        at_ms = self.at_s * 1000 + 1000
        return [
            Reading(meter, quantity, at_ms, (wh // COUNT_WH >> 16 & 0xFFFF, wh // COUNT_WH & 0xFFFF), wh)
            for (meter, quantity), wh in self._counts_wh.items()
        ]

    def advance(self) -> None:
        """Let one interval pass."""
        part = self.step % INTERVALS_A_DAY
        own: dict[str, Flow] = {}
        net_wh = [0] * len(self._above)
        for number, place in enumerate(self.site.meter_points):
            if place.role in ("load", "generation", "storage"):
                flow = self._flow(place.role, number, part)
                own[place.name] = flow
                net_wh[int(place.busbar[1:])] += flow.import_wh - flow.export_wh
        for busbar in range(len(self._above) - 1, 0, -1):
            own["Feeder%d" % busbar] = self._fed(busbar, net_wh[busbar])
            net_wh[self._above[busbar]] += net_wh[busbar]
        own["Intake"] = self._fed(0, net_wh[0])
        for number, place in enumerate(self.site.meter_points):
            flow = own[place.name]
            error_ppm = _noise(number, 0) % (2 * _MOST_ERROR_PPM + 1) - _MOST_ERROR_PPM
            for quantity, wh in zip(("energy_active_import", "energy_active_export"), flow, strict=True):
                key = (place.meter, quantity)
                if key in self._counts_wh:
                    self._counts_wh[key] += wh + wh * error_ppm // 1_000_000
        self.step += 1

    def _flow(self, role: str, number: int, part: int) -> Flow:
        noise = _noise(number, self.step) % 1000
        if role == "load":
            busy = 1 if 28 <= part < 76 else 3
            return Flow(_LOAD_WH * (500 + noise) // 1500 // busy, 0)
        if role == "generation":
            sun = max(0, 576 - (part - 48) ** 2)  # a parabola from six to six
            return Flow(20 if not sun else 0, self._sun_wh * sun // 576 * (700 + noise % 300) // 1000)
        charging, giving = 36 <= part < 56, 68 <= part < 84
        return Flow(_BATTERY_WH if charging else 30, _BATTERY_WH * 8 // 10 if giving else 0)

    def _fed(self, busbar: int, net_wh: int) -> Flow:
        """Return the two registers of the feeder to *busbar*; where the flow turns, both move in one interval."""
        backwards = net_wh < 0
        turned = self._backwards.get(busbar, backwards) != backwards
        self._backwards[busbar] = backwards
        other_wh = abs(net_wh) // 4 + 500 if turned else 0
        return Flow(max(net_wh, 0) + other_wh, max(-net_wh, 0) + other_wh)


def _noise(number: int, step: int) -> int:
    """Return a number that looks like chance and is the same in every run."""
    return (number * 2_654_435_761 + step * 40_503 + 12_345) * 1_103_515_245 >> 12 & 0xFFFF
