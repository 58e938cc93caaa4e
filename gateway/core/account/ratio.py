"""Ratio: the ratios that 发改能源〔2025〕650号 and 〔2026〕688号 set for direct green supply, and hourly matching."""

from collections import namedtuple


class Ratio(namedtuple("Ratio", ("name", "part_wh", "whole_wh", "bound_permille", "least", "rule"))):
    """One ratio of a year: part of whole against a bound in permille; least: it is a floor, else a ceiling."""

    __slots__ = ()
    name: str
    part_wh: int
    whole_wh: int
    bound_permille: int
    least: bool
    rule: str

    def meets(self) -> "bool | None":
        """Tell whether the bound is kept; None where the whole is nothing."""
        if self.whole_wh == 0:
            return None
        if self.least:
            return self.part_wh * 1000 >= self.bound_permille * self.whole_wh
        return self.part_wh * 1000 <= self.bound_permille * self.whole_wh


# Floors of self-use: of what could be generated, and of what was consumed (before 2030, and from then on); the usual
# ceiling of export, where the province set no other.
_OF_GENERATION, _OF_USE, _OF_USE_2030, _EXPORT = 600, 300, 350, 200
YEAR_2030_S = 1893427200  # 2030-01-01 in China
SINGLE, SEVERAL = "发改能源〔2025〕650号", "发改能源〔2026〕688号"


def direct_supply_ratios(
    self_use_wh: int, available_wh: int, consumed_wh: int, export_wh: int, at_s: int, rule: str = SEVERAL
) -> "tuple[Ratio, ...]":
    """Return the three ratios of a year that ends before *at_s*.

    available_wh: what renewable plants generated, or could have (with what was curtailed), as the grid company counts.
    """
    of_use = _OF_USE if at_s < YEAR_2030_S else _OF_USE_2030
    return (
        Ratio("self-use-of-generation", self_use_wh, available_wh, _OF_GENERATION, True, rule),
        Ratio("self-use-of-consumption", self_use_wh, consumed_wh, of_use, True, rule),
        Ratio("export-of-generation", export_wh, available_wh, _EXPORT, False, rule),
    )


class Hour(namedtuple("Hour", ("load_wh", "green_wh", "grid_permille"))):
    """One hour: consumption, green energy supplied for it, and the carbon-free share of the grid then."""

    __slots__ = ()
    load_wh: int
    green_wh: int
    grid_permille: int


class Matching(namedtuple("Matching", ("load_wh", "matched_wh", "grid_free_milliwh", "volume_wh"))):
    """How far green energy matched consumption: hour by hour, with the grid's share, and over the whole volume."""

    __slots__ = ()
    load_wh: int
    matched_wh: int
    grid_free_milliwh: int
    volume_wh: int

    def hourly_ppm(self) -> int:
        """Return the hourly score with the grid's carbon-free share, in parts per million."""
        whole = self.load_wh * 1000
        return (self.matched_wh * 1000 + self.grid_free_milliwh) * 1000000 // whole if whole else 0

    def own_ppm(self) -> int:
        """Return the hourly score of the park's own green energy alone, in parts per million."""
        return self.matched_wh * 1000000 // self.load_wh if self.load_wh else 0

    def volume_ppm(self) -> int:
        """Return the volumetric green share: green energy of the whole time, whenever it was, against consumption."""
        return min(self.volume_wh, self.load_wh) * 1000000 // self.load_wh if self.load_wh else 0


def match_hours(hours: "list[Hour]") -> Matching:
    """Return the matching of *hours*: in each, green energy counts up to consumption, and the excess is dropped.

    Source: Google, 24/7 carbon-free energy: methodologies and metrics; the rest of the load takes the grid's share.
    """
    load = matched = free = volume = 0
    for hour in hours:
        own = min(hour.load_wh, hour.green_wh)
        load += hour.load_wh
        matched += own
        free += (hour.load_wh - own) * hour.grid_permille
        volume += hour.green_wh
    return Matching(load, matched, free, volume)
