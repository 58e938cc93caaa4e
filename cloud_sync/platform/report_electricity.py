"""The electricity of a park: shares of direct supply and of clean energy, and its carbon by every set of factors."""

from cloud_sync.platform.park_energy import traced_by
from cloud_sync.platform.report_carbon import INDICATORS, MG_PER_KG, RULE, Carbon, sign_of
from cloud_sync.platform.report_parts import (
    ENERGY,
    MET,
    MISSED,
    SHARE,
    Figure,
    Section,
    Table,
    Text,
    _,
    decimal,
    kilowatt_hours,
    percent,
    tonnes,
)
from cloud_sync.platform.report_sources import Sources
from gateway.core.account.factor import validity
from gateway.core.account.trace import METHODS
from gateway.core.account.yearly import Electricity, direct_supply

CLEAN_TARGET_PPM = 900000
DIRECT_TARGET_PPM = 500000
NATURAL_GAS = ("natural gas", "LNG")
NON_FOSSIL_HEAT = ("non-fossil heat",)


def electricity_section(sources: Sources, carbon: Carbon) -> Section:
    """Return the electricity of the period, the shares of direct supply and clean energy, and every set of factors."""
    total, power = sources.total(), carbon.electricity
    used = power.consumed_wh()
    covered = min(power.certified_wh, power.grid_wh)

    def energy(name: str, label: Text, wh: int, papers: tuple[int, ...] = ()) -> Figure:
        return Figure(name, label, wh, ENERGY, RULE, documents=papers)

    figures = [
        energy("grid_wh", _("Received over the public grid"), power.grid_wh),
        energy("certified_wh", _("of it with certificates"), covered, sources.certificates.documents),
        energy("direct_wh", _("Received by direct lines, non-fossil"), power.direct_wh),
        energy("inside_wh", _("Generated inside by renewable plants"), power.inside_wh),
        energy("export_wh", _("Given out, renewable"), power.export_wh),
        energy("consumed_wh", _("Consumed (El_cons)"), used),
        energy("load_wh", _("Metered at consumers"), total.load),
        *_direct(power),
        *_clean(carbon, covered),
    ]
    notes = []
    if power.certified_wh > power.grid_wh:
        notes.append(_("There are more certificates than grid energy; what is above it counts for nothing."))
    notes.append(_("Uncovered is the grid energy without certificates, as market-based methods count it."))
    traced = _traced(sources)
    tables = (_by_set(sources, power, covered), *((traced,) if traced.rows else ()))
    return Section("electricity", _("Electricity"), tuple(figures), tables, tuple(notes))


def _share(part: int, whole: int) -> int | None:
    return part * 10**6 // whole if whole > 0 else None


def _direct(power: Electricity) -> list[Figure]:
    found = []
    for inside, label in (
        (False, _("Direct supply: lines alone")),
        (True, _("Direct supply: with plants inside, without export")),
    ):
        value = _share(*direct_supply(power, inside))
        verdict = "" if value is None else MET if value >= DIRECT_TARGET_PPM else MISSED
        name = "direct_supply_with_inside" if inside else "direct_supply_lines"
        note = _("In principle at least 50 %; whether plants inside count is open, so both are shown.")
        found.append(Figure(name, label, value, SHARE, RULE, verdict, notes=(note,)))
    return found


def _clean(carbon: Carbon, covered: int) -> list[Figure]:
    """Return the share of clean energy in three readings, since no rule defines it."""
    power, result, coal = carbon.electricity, carbon.result, carbon.coal
    green = power.direct_wh + power.inside_wh - power.export_wh + covered
    used = power.consumed_wh()
    readings = [
        ("clean_electricity", _("Clean energy: electricity alone"), _share(green, used),
         _("(direct + inside - export + certificates) / electricity consumed, in kWh")),
    ]  # fmt: skip
    if result is not None and coal is not None:
        mg = coal.value[0] * MG_PER_KG // coal.value[1]
        heat = _coal_of(carbon, NON_FOSSIL_HEAT)
        gas = _coal_of(carbon, NATURAL_GAS)
        clean = green * mg + heat
        readings += [
            ("clean_non_fossil", _("Clean energy: non-fossil"), _share(clean, result.coal_ug),
             _("(that electricity by k_el + non-fossil heat) / C_park, in tce")),
            ("clean_with_gas", _("Clean energy: non-fossil and natural gas"), _share(clean + gas, result.coal_ug),
             _("(that electricity by k_el + non-fossil heat + natural gas) / C_park, in tce")),
        ]  # fmt: skip
    return [
        Figure(
            name, label, value, SHARE, INDICATORS,
            "" if value is None else MET if value >= CLEAN_TARGET_PPM else MISSED,
            (coal.id,) if coal and name != "clean_electricity" else (), (), (note,),
        )
        for name, label, value, note in readings
    ]  # fmt: skip


def _coal_of(carbon: Carbon, names: tuple[str, ...]) -> int:
    """Return the standard coal of the carriers *names*, what came in less what went out, in micrograms."""
    total = 0
    for _one, row in carbon.activities:
        if row.carrier.id in names:
            total += sign_of(row.use) * row.coal_ug()
    return total


def _by_set(sources: Sources, power: Electricity, covered: int) -> Table:
    columns = (
        _("factor"), _("kg CO2/kWh"), _("t CO2 of grid"), _("t CO2 uncovered"), _("basis"), _("source"), _("valid"),
    )  # fmt: skip
    rows = []
    for name in sources.factors.sets():
        row = sources.factors.lookup(name, "grid", sources.province, sources.period.start_s)
        if row is not None:
            rows.append((
                row.id, decimal(row.mg_per_kwh, 10**6, 4), tonnes(power.grid_wh * row.mg_per_kwh),
                tonnes((power.grid_wh - covered) * row.mg_per_kwh), row.basis, row.source,
                validity(row),
            ))  # fmt: skip
    return Table("factor_sets", columns, tuple(rows))


def _traced(sources: Sources) -> Table:
    """Return what the gateways tallied for all consumers, by trace method and factor set, beside the figures above."""
    question = (
        "SELECT factor_set, sum(wh) AS wh, sum(green_wh) AS green_wh, sum(carbon_ug) AS carbon_ug"
        " FROM tally JOIN point ON point.gateway = tally.gateway AND point.name = tally.meter_point"
        " AND point.role IN ('load', 'own_use', 'generation')"
        " WHERE tally.gateway = ? AND start_s >= ? AND end_s <= ? AND method = ? GROUP BY factor_set"
    )
    columns = (_("method"), _("factors"), _("consumed kWh"), _("renewable"), _("t CO2"))
    lines = []
    for method in METHODS:
        sums: dict[str, list[int]] = {}
        for name in traced_by(sources.ledger, sources.park, sources.gateways, method):
            for row in sources.ledger.read(question, (name, *sources.within(), method)):
                held = sums.setdefault(row["factor_set"], [0, 0, 0])
                for n, column in enumerate(("wh", "green_wh", "carbon_ug")):
                    held[n] += row[column]
        for factor_set, (wh, green_wh, carbon_ug) in sorted(sums.items()):
            share = percent(green_wh * 10**6 // wh) + " %" if wh else "-"
            lines.append((method, factor_set, kilowatt_hours(wh), share, tonnes(carbon_ug)))
    return Table("traced", columns, tuple(lines))
