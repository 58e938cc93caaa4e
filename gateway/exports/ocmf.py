"""OCMF: signed meter readings in the Open Charge Metering Format 1.2, one record a meter and park day.

The readings are those that stand for the boundaries between intervals, as read, in kWh after transformer ratios. They
belong to no charging transaction, so the context is the fiscal one (pagination F, no user, no TX). F counts park days
since 1970-01-01, one record a day for each meter. Fields that repeat are left out, as the format says. The format knows
ECDSA only; the key is one of its own (curve secp256r1), the signature DER in hex, and deterministic.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.core.park_day import park_day
from gateway.core.site import Meter
from gateway.exports.points import readings_of
from gateway.exports.stretch import Stretch, Terms
from gateway.exports.text import kwh

ALGORITHM = "ECDSA-secp256r1-SHA256"
# The cumulative registers that OBIS has a code for; those of a battery or of panels are registers of their own channel.
OBIS = {
    "energy_active_import": "1-1:1.8.0",
    "energy_active_export": "1-1:2.8.0",
    "energy_battery_charge": "1-2:1.8.0",
    "energy_battery_discharge": "1-2:2.8.0",
    "energy_pv": "1-3:2.8.0",
}
GOOD = "G"  # the state of a meter whose register was read
_PER_READING = ("RI", "RU", "RT", "ST")  # left out where they are those of the reading before


_Device = tuple[str, str, str]


class _Reading(NamedTuple):
    """One register at one moment."""

    obis: str
    at_ms: int
    wh: int
    clock: str


class _Day(NamedTuple):
    """The readings of one meter on one day, and the configuration that names it."""

    terms: Terms
    meter: Meter
    readings: dict[tuple[str, int], _Reading]


def ocmf_records(stretch: Stretch, version: str, sign: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Yield one line a record; *sign* gives the DER signature of a text's bytes, *version* is that of this program."""
    day, held = park_day(stretch.first_s), dict[_Device, _Day]()
    for row, account in stretch.accounts():
        if park_day(account.start_s) != day:
            yield from _records(stretch.gateway, version, day, held, sign)
            day, held = park_day(account.start_s), {}
        meters = {meter.name: meter for meter in row.terms.site.meters}
        for span in account.spans:
            if span.meter in meters and span.quantity in OBIS:
                meter = meters[span.meter]
                device = (
                    meter.name,
                    meter.serial,
                    meter.profile,
                )  # another device under the same name is another meter
                one = held.setdefault(device, _Day(row.terms, meter, {}))
                for at_ms, wh in readings_of(row.terms, span):
                    reading = _Reading(OBIS[span.quantity], at_ms, wh, account.stamp.status)
                    one.readings.setdefault((reading.obis, reading.at_ms), reading)
    yield from _records(stretch.gateway, version, day, held, sign)


def _records(
    gateway: str, version: str, day: int, held: dict[_Device, _Day], sign: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    for device in sorted(held):
        if held[device].readings:
            payload = _payload(gateway, version, day, held[device])
            signature = json.dumps({"SA": ALGORITHM, "SD": sign(payload.encode()).hex().upper()}, separators=(",", ":"))
            yield b"OCMF|%s|%s\n" % (payload.encode(), signature.encode())


def _payload(gateway: str, version: str, day: int, one: _Day) -> str:
    profile = one.terms.profiles[one.meter.profile]
    head = {
        "FV": "1.2", "GI": "Wattproof", "GS": gateway, "GV": version, "PG": "F%d" % day,
        "MV": profile.maker, "MM": profile.model, "MS": one.meter.serial or one.meter.name,
    }  # fmt: skip
    readings, before = [], dict[str, str]()
    for key in sorted(one.readings):
        reading = one.readings[key]
        fields = {"RI": reading.obis, "RU": "kWh", "RT": "AC", "ST": GOOD}
        parts = ['"TM":"%s %s"' % (_time(reading.at_ms), reading.clock), '"RV":%s' % kwh(reading.wh)]
        # RI and RU go together: both or none.
        fresh = {name for name in _PER_READING if before.get(name) != fields[name]}
        fresh |= {"RU"} if "RI" in fresh else set()
        parts += ['"%s":"%s"' % (name, fields[name]) for name in _PER_READING if name in fresh]
        readings.append("{%s}" % ",".join(parts))
        before = fields
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":"))
    # The section mark of the format may not stand inside a section.
    return text[:-1].replace("|", "\\u007c") + ',"RD":[%s]}' % ",".join(readings)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + ",%03d+0000" % (at_ms % 1000)
