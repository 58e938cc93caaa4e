"""Channel: the cumulative registers that the accounts of a site are made from, and what a new configuration changes."""

from collections import namedtuple

from gateway.core.account.point_energy import registers_of
from gateway.core.meter.freeze import freeze_period_s
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.site import Meter, Site


class Channel(namedtuple("Channel", ("meter", "quantity", "point", "ratios", "max_power_w"))):
    """One cumulative register that accounts are made from; max_power_w: see Meter."""

    __slots__ = ()
    meter: str
    quantity: str
    point: Point
    ratios: "tuple[tuple[int, int], tuple[int, int]]"
    max_power_w: int


def account_channels(site: Site, profiles: "dict[str, DeviceProfile]") -> "tuple[Channel, ...]":
    """Return the registers that the accounts of *site* are made from, in the order of its meter points."""
    found: "list[Channel]" = []
    known: "set[tuple[str, str]]" = set()
    profile_of = {meter.name: profiles[meter.profile] for meter in site.meters}
    meters = {meter.name: meter for meter in site.meters}
    for place in site.meter_points:
        offered = {p.quantity: p for p in profile_of[place.meter].polled() if p.quantity is not None}
        for quantity in registers_of(place.role, list(offered)):
            key = (place.meter, quantity)
            if quantity and key not in known:
                known.add(key)
                meter = meters[place.meter]
                ratios = (meter.ct_ratio, meter.vt_ratio)
                found.append(Channel(meter.name, quantity, offered[quantity], ratios, meter.max_power_w))
    return tuple(found)


def freezes_of(site: Site, profiles: "dict[str, DeviceProfile]") -> "dict[tuple[str, str], int]":
    """Return how often, in seconds, the meters of *site* keep the registers of accounts themselves."""
    profile_of = {meter.name: profiles[meter.profile] for meter in site.meters}
    found = {}
    for channel in account_channels(site, profiles):
        found[(channel.meter, channel.quantity)] = freeze_period_s(profile_of[channel.meter], channel.quantity)
    return found


def changed_registers(
    before: Site, channels_before: "tuple[Channel, ...]", site: Site, channels: "tuple[Channel, ...]"
) -> "list[tuple[str, str]]":
    """Return (meter, quantity) of the registers of *before* whose counts the new configuration cannot go on from.

    They are gone, or are read or scaled otherwise, or another device may answer under the name of their meter.
    """
    now = {(channel.meter, channel.quantity): channel for channel in channels}
    meters_before = {meter.name: meter for meter in before.meters}
    meters = {meter.name: meter for meter in site.meters}
    changed = []
    for channel in channels_before:
        key = (channel.meter, channel.quantity)
        if key not in now or now[key][:4] != channel[:4] or not _same_device(meters_before[key[0]], meters[key[0]]):
            changed.append(key)
    return changed


def _same_device(before: Meter, now: Meter) -> bool:
    if before.serial and now.serial:
        return before.serial == now.serial
    return (before.bus, before.unit) == (now.bus, now.unit)
