"""What a report is made from: the ledger, documents, factors, parameters and choices of one park in one period."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_sync.platform import standing
from cloud_sync.platform.certificates import Earned, Standing, earned, judge
from cloud_sync.platform.document_reading import CERTIFICATE
from cloud_sync.platform.documents import Document, Documents
from cloud_sync.platform.parameters import (
    Choices,
    Enterprise,
    Parameters,
    load_choices,
    load_parameters,
    parameters_text,
)
from cloud_sync.platform.park_energy import Hour, added, chosen_park, exported_green, green_by_hour, hours, traced_by
from cloud_sync.platform.report_parts import Text, _
from cloud_sync.platform.reports import Period, Reads, rows, unplaced
from cloud_sync.platform.revocations import REVOKED, Revocation, Revocations
from cloud_sync.platform.stretch import Stretch, months_of, stretch
from gateway.carriers import carriers_text, load_carriers
from gateway.core.account.carrier import CarrierTable
from gateway.core.account.factor import FactorTable
from gateway.factors import factors_text, load_factors


class Sources(NamedTuple):
    """Everything that the sections of a report ask."""

    ledger: Reads
    zone: ZoneInfo
    now_s: int
    park: str
    gateways: list[str]
    province: str
    period: Stretch
    hours: dict[int, Hour]
    documents: list[Document]  # of this park, with a period inside the report's
    outside: list[Document]  # of this park, with a period that is longer than the report's and meets it
    certificates: Standing
    factors: FactorTable
    carriers: CarrierTable
    parameters: Parameters
    choices: Choices
    enterprises: tuple[Enterprise, ...]
    tables: dict[str, str]  # SHA-256 of each table of numbers used
    revoked: list[Revocation]  # keys of these gateways that speak for nobody any more

    def of_kind(self, kind: str) -> list[Document]:
        """Return the documents of *kind*."""
        return [one for one in self.documents if one.kind == kind]

    def when(self, one: Document) -> Stretch:
        """Return the period of a document."""
        return stretch(one.fields["period"], self.zone)

    def total(self) -> Hour:
        """Return the energies of the whole period."""
        return added(list(self.hours.values()))

    def months(self) -> list[tuple[Stretch, Hour]]:
        """Return the months of the period that have energies, each with them."""
        found = []
        for month in months_of(self.period, self.zone):
            inside = [one for start_s, one in self.hours.items() if month.start_s <= start_s < month.end_s]
            if inside:
                found.append((month, added(inside)))
        return found

    def green(self, method: str) -> dict[int, int] | None:
        """Return the renewable energy that consumers used by the hour, traced by *method*; None without a trace."""
        names = traced_by(self.ledger, self.park, self.gateways, method)
        return green_by_hour(self.ledger, names, self.within(), method)

    def unplaced_note(self) -> list[Text]:
        """Return what to say of intervals whose time is not known: nothing where there are none."""
        many = unplaced(self.ledger, self.gateways, self.within())
        if not many:
            return []
        return [
            _(
                "The time of {intervals} intervals is not known well enough: their energy counts,"
                " and none of it is claimed as green by the hour.",
                intervals=many,
            )
        ]

    def within(self) -> Period:
        """Return the period as the ledger's questions take it."""
        return Period(self.period.start_s, self.period.end_s)

    def configurations(self) -> list[dict[str, str]]:
        """Return the configuration entries in force in the period: gateway, sequence, SHA-256 of the text."""
        found = []
        for gateway in self.gateways:
            applied = rows(
                self.ledger, "SELECT sequence, utc_ms, site FROM config WHERE gateway = ? ORDER BY sequence", gateway
            )
            before = [row for row in applied if row["utc_ms"] <= self.period.start_s * 1000]
            inside = [row for row in applied if self.period.start_s * 1000 < row["utc_ms"] < self.period.end_s * 1000]
            for row in before[-1:] + inside:
                digest = sha256(row["site"].encode()).hexdigest()
                found.append({"gateway": gateway, "entry": str(row["sequence"]), "sha256": digest})
        return found


def gather(ledger: Reads, home: Path | None, zone: ZoneInfo, text: str, park: str | None, now_s: int) -> Sources:
    """Return the sources of the report on *park* in the year, month or day *text*; raises ProblemError."""
    period = stretch(text, zone, "period")
    park, gateways = chosen_park(ledger, park)
    chosen = load_choices(home)
    choices = chosen.of(park)
    written = Documents(home).standing() if home is not None else []
    mine = [(one, stretch(one.fields["period"], zone)) for one in written if one.fields["park"] == park]
    provinces = [standing.site(ledger, name).get("gateway", {}).get("province", "") for name in gateways]
    ever = hours(ledger, gateways, Period(0, period.end_s))
    return Sources(
        ledger,
        zone,
        now_s,
        park,
        gateways,
        next((one for one in provinces if one), ""),
        period,
        {start_s: one for start_s, one in ever.items() if start_s >= period.start_s},
        [one for one, when in mine if period.holds(when)],
        [one for one, when in mine if _meets(when, period) and not period.holds(when)],
        judge(
            [(one, when) for one, when in mine if one.kind == CERTIFICATE],
            _earned(ever, zone),
            period,
            choices.certificate_period,
        ),
        load_factors(home),
        load_carriers(home),
        load_parameters(home),
        choices,
        tuple(one for one in chosen.enterprises if one.park == park),
        {
            "factors.toml": sha256(factors_text(home).encode()).hexdigest(),
            "carriers.toml": sha256(carriers_text(home).encode()).hexdigest(),
            "parameters.toml": sha256(parameters_text(home).encode()).hexdigest(),
        },
        [one for one in Revocations(home / REVOKED).all() if one.gateway in gateways] if home is not None else [],
    )


def _meets(one: Stretch, other: Stretch) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def _earned(ever: dict[int, Hour], zone: ZoneInfo) -> tuple[Earned, ...]:
    """Return what every month since the first interval earned; months before the period carry their remainder."""
    by_month: dict[tuple[int, int], list[Hour]] = {}
    for start_s, one in ever.items():
        begins = datetime.fromtimestamp(start_s, zone)
        by_month.setdefault((begins.year, begins.month), []).append(one)
    sums = [(month, added(by_month[month])) for month in sorted(by_month)]
    return earned([(month, one.inside, exported_green(one)) for month, one in sums])
