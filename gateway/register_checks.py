"""Register checks of a site: one for every meter point whose meter shows its power beside its energy registers."""

from gateway.config import Configuration
from gateway.core.account.point_energy import registers_of
from gateway.core.account.register_check import POWER, RegisterCheck

# A power that was not seen for so many cycles is not known in between.
_LONGEST_GAP_CYCLES = 3


def checks_of(configuration: Configuration) -> dict[str, list[tuple[str, RegisterCheck]]]:
    """Return for each meter the checks of its meter points, each with the name of the point."""
    site = configuration.site
    found: dict[str, list[tuple[str, RegisterCheck]]] = {}
    meters = {meter.name: meter for meter in site.meters}
    for place in site.meter_points:
        meter = meters[place.meter]
        offered = {point.quantity: point for point in configuration.profiles[meter.profile].polled() if point.quantity}
        imported, exported = registers_of(place.role, list(offered))
        if POWER in offered and (imported or exported):
            check = RegisterCheck(
                place.role,
                place.reversed,
                meter.max_power_w,
                _LONGEST_GAP_CYCLES * 1000 * site.cycle_s,
                (offered.get(imported), offered.get(exported)),
                (meter.ct_ratio, meter.vt_ratio),
            )
            found.setdefault(meter.name, []).append((place.name, check))
    return found
