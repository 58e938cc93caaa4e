"""Granular certificate records: traces as JSON lines after the fields of EnergyTag's granular certificates.

Whole watt-hours, UTC, half-open intervals of at most one hour. A record of a source has as many watt-hours as the
source gave; the records below it take consecutive ranges of these watt-hours, first to last, and never more. Storage:
a charge is an allocation to the storage (SCR); what it then held is a storage record; a discharge (SDR) names the
storage record it was drawn from, one for each origin. Of an interval whose time is not known the records are locked:
their energy counts in the chain, and nobody may claim it by the hour. Every record has the SHA-256 of its text without
the field "sha256", and names those of its parents, so a chain leads from any allocation to its production.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from gateway.core.account.closing import UNSEEN, flows, held_of, origin_of, storage_of
from gateway.core.account.share import share_table
from gateway.core.account.storage import Pool, Release, amount, charge, corrected, discharge, merged
from gateway.core.account.trace import RESIDUAL, UNMETERED
from gateway.core.record import Account
from gateway.core.site import MeterPoint
from gateway.exports.stretch import Stretch, Terms
from gateway.exports.text import utc

PRODUCTION, SUPPLY, ALLOCATION, CHARGE, STORAGE, DISCHARGE = (
    "production", "supply", "allocation", "storage-charge", "storage", "storage-discharge",
)  # fmt: skip
SCR, SDR = "SCR", "SDR"  # storage charge and storage discharge records, as EnergyTag calls them
CARRIER = "electricity"
ACTIVE, LOCKED = "Active", "Locked"
# What stands behind an origin, as far as the origin alone tells.
TECHNOLOGIES = {"solar": "photovoltaic", "wind": "wind turbine", "hydro": "hydro turbine"}
# The rest of what is said of a bundle is said once, in the record that the part names as its parent.
_OF_EVERY_PART = (
    "issuance_id", "status", "energy_source", "is_storage", "production_start", "production_end", "method", "entry",
)  # fmt: skip
Plain = dict[str, Any]
Way = tuple[str, str, int]  # source, sink, Wh


class _Issuer:
    """Issues the records of one stretch, each with its hash."""

    def __init__(self, stretch: Stretch) -> None:
        self.gateway = stretch.gateway
        self.lines: list[bytes] = []
        self.stored: dict[str, list[str]] = {}  # by storage, the hashes of its last record and of charges since

    def issue(self, kind: str, device: str, fields: Plain, parents: list[str]) -> str:
        """Issue one record and return its hash."""
        record = {"kind": kind, "device_id": self.device(device), "energy_carrier": CARRIER, "parents": parents}
        record |= fields
        digest = sha256(_text(record)).hexdigest()
        self.lines.append(_text(record | {"sha256": digest}) + b"\n")
        return digest

    def device(self, name: str) -> str:
        return "%s/%s" % (self.gateway, name)

    def taken(self) -> list[bytes]:
        lines, self.lines = self.lines, []
        return lines


class _Interval:
    """One interval: the ways of its energy and the fields that all its records share."""

    def __init__(self, issuer: _Issuer, sequence: int, terms: Terms, account: Account, claimable: bool) -> None:
        self.issuer, self.terms, self.account = issuer, terms, account
        self.status = ACTIVE if claimable else LOCKED
        self.points = {point.name: point for point in terms.site.meter_points}
        self.storages = {point.name for point in terms.site.meter_points if point.role == "storage"}
        self.ways: list[Way] = [(one.source, one.sink, one.wh) for one in account.allocations]
        self.ways += [(one.source, RESIDUAL + one.busbar, one.wh) for one in account.residuals]
        self.start = utc(account.start_s)
        self.common = {
            "production_start": self.start, "production_end": utc(account.end_s), "method": "flow",
            "entry": sequence, "config_sha256": terms.digest,
        }  # fmt: skip

    def issue(self) -> None:
        """Issue all records of the interval."""
        for source, wh, origin in self._sources():
            self._source(source, wh, origin)
        # What one storage gave another joins what that holds after its own discharge.
        released = [(name, self._storage(name)) for name in sorted(self.storages)]
        held = {name: self.issuer.stored[name][0] for name, release in released if release is not None}
        for name, release in released:
            if release is not None:
                self._discharge(name, release, held[name])

    def _sources(self) -> Iterator[tuple[str, int, str]]:
        for energy in self.account.energies:
            point = self.points.get(energy.meter_point)
            if point is not None and point.role not in ("tie", "storage"):
                yield point.name, flows(point, energy)[0], origin_of(point)
        for source in sorted({source for source, _, _ in self.ways if source.startswith(UNMETERED)}):
            yield source, sum(wh for one, _, wh in self.ways if one == source), UNSEEN

    def _source(self, source: str, wh: int, origin: str) -> None:
        if not wh:
            return
        point = self.points.get(source)
        kind = PRODUCTION if point is not None and point.role == "generation" else SUPPLY
        fields = self._bundle(source, point, wh, origin, False)
        digest = self.issuer.issue(kind, source, fields, [])
        self._allocate(source, fields, digest, [(sink, part) for one, sink, part in self.ways if one == source])

    def _allocate(self, source: str, bundle: Plain, parent: str, parts: list[tuple[str, int]]) -> None:
        """Issue what became of a bundle, each part with the next range of its watt-hours."""
        first = 0
        for sink, wh in sorted(part for part in parts if part[1]):
            kind = CHARGE if sink in self.storages else ALLOCATION
            fields = {name: bundle[name] for name in _OF_EVERY_PART} | {
                "storage_record": SCR if kind == CHARGE else bundle["storage_record"],
                "quantity_wh": wh, "range_start": first, "range_end": first + wh - 1, "beneficiary": sink,
                "is_storage": kind == CHARGE or bundle["is_storage"],
            }  # fmt: skip
            digest = self.issuer.issue(kind, source, fields, [parent])
            if kind == CHARGE:
                self.issuer.stored.setdefault(sink, []).append(digest)
            first += wh
        assert first <= bundle["quantity_wh"]

    def _storage(self, name: str) -> Release | None:
        """Issue what a storage held after it was charged; return what it then gave, None where nothing came or went."""
        ways = [(source, wh) for source, sink, wh in self.ways if sink == name and wh]
        charged = merged(*[((self._origin(source), wh),) for source, wh in ways if source not in self.storages])
        late_wh = sum(wh for source, wh in ways if source in self.storages)
        out_wh = sum(wh for source, _, wh in self.ways if source == name)
        rule, start_s = storage_of(self.terms.site, name), self.account.start_s
        before = held_of(self.account.pools_before, name)
        pool = charge(before, charged, rule, start_s)
        release = discharge(pool, out_wh, rule)
        # What the account has beyond that was declared by a person, before the interval's own energy.
        after_wh = amount(held_of(self.account.pools_after, name).content)
        declared_wh = after_wh - amount(release.pool.content) - late_wh
        if declared_wh:
            pool = charge(corrected(before, declared_wh, rule, start_s)[0], charged, rule, start_s)
            release = discharge(pool, out_wh, rule)
        if not (charged or out_wh or declared_wh):
            return None
        fields = self._held(name, pool) | {"declared_wh": declared_wh}
        self.issuer.stored[name] = [self.issuer.issue(STORAGE, name, fields, self.issuer.stored.get(name, []))]
        return release

    def _discharge(self, name: str, release: Release, held: str) -> None:
        """Issue what a storage gave of what it held, by origin."""
        out = [(sink, wh) for source, sink, wh in self.ways if source == name]
        table = share_table([wh for _, wh in release.mix], [wh for _, wh in out])
        for (origin, wh), given in zip(release.mix, table, strict=True):
            if wh:
                fields = self._bundle(name, self.points[name], wh, origin, True)
                fields |= {
                    "sdr_allocation_id": fields["issuance_id"],
                    "issuance_id": fields["issuance_id"] + "-" + origin,
                    "storage_efficiency_permille": storage_of(self.terms.site, name).efficiency_permille,
                }
                digest = self.issuer.issue(DISCHARGE, name, fields, [held])
                self._allocate(name, fields, digest, [(sink, part) for (sink, _), part in zip(out, given, strict=True)])

    def _held(self, name: str, pool: Pool) -> Plain:
        rule = storage_of(self.terms.site, name)
        return self.common | {
            "issuance_id": self._issuance(name), "is_storage": True, "content_wh": dict(pool.content),
            "storage_rule": rule.rule, "storage_efficiency_permille": rule.efficiency_permille,
        }  # fmt: skip

    def _bundle(self, source: str, point: MeterPoint | None, wh: int, origin: str, stored: bool) -> Plain:
        return self.common | {
            "issuance_id": self._issuance(source), "quantity_wh": wh, "range_start": 0, "range_end": wh - 1,
            "status": self.status, "device_name": source, "meter": point.meter if point else "",
            "energy_source": origin, "technology": TECHNOLOGIES.get(origin, ""), "is_storage": stored,
            "storage_record": SDR if stored else "",
            "emission_factors": self._factors(origin),
        }  # fmt: skip

    def _issuance(self, device: str) -> str:
        return "%s-%s-%s" % (self.issuer.device(device), CARRIER, self.start)

    def _origin(self, source: str) -> str:
        return UNSEEN if source.startswith(UNMETERED) else origin_of(self.points[source])

    def _factors(self, origin: str) -> list[Plain]:
        """Return the factor of *origin* in each set of the configuration; where it has none, that of the grid."""
        site, found = self.terms.site, []
        for name in site.factor_sets:
            at_s = self.account.start_s
            row = self.terms.factors.lookup(name, origin, site.province, at_s)
            row = row or self.terms.factors.lookup(name, "grid", site.province, at_s)
            if row is not None:
                found.append({"set": name, "id": row.id, "mg_per_kwh": row.mg_per_kwh, "source": row.source})
        return found


def certificates(stretch: Stretch) -> Iterator[bytes]:
    """Yield the records of a stretch, one line each."""
    issuer = _Issuer(stretch)
    for row, account in stretch.accounts():
        _Interval(issuer, row.sequence, row.terms, account, stretch.is_claimable(account)).issue()
        yield from issuer.taken()


def _text(record: Plain) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
