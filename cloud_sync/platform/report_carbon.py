"""The carbon of a park by annex 4 of 发改环资〔2025〕910号, and its electricity by every set of factors beside it."""

from typing import NamedTuple

from cloud_sync.platform.document_reading import ACTIVITY, BIOGENIC, OFFSET, OUTPUT, PROCESS, carrier_absent
from cloud_sync.platform.documents import Document
from cloud_sync.platform.parameters import COAL_EQUIVALENT, Parameter
from cloud_sync.platform.park_energy import exported_green
from cloud_sync.platform.report_parts import (
    CO2,
    COAL,
    ENERGY,
    INTENSITY,
    MET,
    MISSED,
    SHARE,
    Figure,
    Section,
    Table,
    Text,
    _,
    decimal,
    tonnes,
)
from cloud_sync.platform.report_sources import Sources
from gateway.core.account.carrier import micrograms
from gateway.core.account.factor import EmissionFactor
from gateway.core.account.yearly import (
    CONVERSION_IN,
    CONVERSION_OUT,
    FEEDSTOCK,
    FUEL,
    HEAT_IN,
    HEAT_OUT,
    Activity,
    Electricity,
    Process,
    Yearly,
    direct_supply,
    meets,
    target,
    yearly,
)
from gateway.core.notation import decimal_ratio
from gateway.core.problem import Problem, problem

RULE = "发改环资〔2025〕910号, annex 4 (trial)"
INDICATORS = "发改环资〔2025〕910号, annex 3"
PINNED_SET = "NDRC910-trial"
MG_PER_KG = 1000000
CLEAN_TARGET_PPM = 900000
DIRECT_TARGET_PPM = 500000
NATURAL_GAS = ("natural gas", "LNG")
NON_FOSSIL_HEAT = ("non-fossil heat",)


class Carbon(NamedTuple):
    """The year by annex 4, and what it was made of; result is None where a factor is absent."""

    result: Yearly | None
    electricity: Electricity
    activities: list[tuple[Document, Activity]]
    coal: Parameter | None
    factor: EmissionFactor | None


def amount(text: str) -> tuple[int, int]:
    """Return the decimal *text* of a document, which was checked when it was entered, as a fraction."""
    return decimal_ratio(text) or (0, 1)


def counted(sources: Sources, problems: list[Problem]) -> Carbon:
    """Return the carbon of the period by annex 4; what is absent is added to *problems*."""
    at_s, period = sources.period.start_s, sources.period.text
    activities = []
    before = len(problems)
    for one in sources.of_kind(ACTIVITY):
        carrier = sources.carriers.lookup(one.fields["carrier"], sources.when(one).start_s)
        if carrier is None:
            where = "document %d" % one.number
            problems.append(carrier_absent(where, one.fields["carrier"], one.fields["period"], sources.carriers))
            continue
        row = Activity(carrier, amount(one.fields["quantity"]), one.fields["use"], one.fields["paper"])
        activities.append((one, row))
    processes = [
        Process(
            one.fields["product"], amount(one.fields["quantity"]), amount(one.fields["co2"]), one.fields["paper"]
        )
        for one in sources.of_kind(PROCESS)
    ]  # fmt: skip
    factor = sources.factors.lookup(PINNED_SET, "grid", sources.province, at_s)
    if factor is None:
        problems.append(
            problem(
                "WP-PLT-091", "factors.toml", "there is no factor {set} for the grid in {period}",
                "add the [[set]] with its source and validity to factors.toml", set=PINNED_SET, period=period,
            )
        )  # fmt: skip
    coal = sources.parameters.lookup(COAL_EQUIVALENT, sources.province, at_s)
    if coal is None:
        problems.append(
            problem(
                "WP-PLT-092", "parameters.toml",
                "there is no equivalent value of electricity (k_el) in {period}",
                "add a [[coal_equivalent]] with value, validity and source: what the power plants took in the year"
                " before, in kgce/kWh", period=period,
            )
        )  # fmt: skip
    total = sources.total()
    electricity = Electricity(
        total.grid, sources.certificates.covered_wh, total.direct, total.inside, exported_green(total),
        factor.mg_per_kwh if factor else 0,
    )  # fmt: skip
    result = None
    if coal is not None and len(problems) == before:
        rows = tuple(row for _one, row in activities)
        result = yearly(rows, tuple(processes), electricity, coal.value[0] * MG_PER_KG // coal.value[1])
    return Carbon(result, electricity, activities, coal, factor)


def carbon_section(sources: Sources, carbon: Carbon) -> Section:
    """Return E_park by part, C_park, the core indicator against the target of its class, and what stands apart."""
    result, coal = carbon.result, carbon.coal
    grid = (carbon.factor.id,) if carbon.factor else ()
    equivalent = (coal.id,) if coal else ()

    def of(*uses: str) -> tuple[int, ...]:
        return tuple(one.number for one, row in carbon.activities if row.use in uses)

    processes = tuple(one.number for one in sources.of_kind(PROCESS))

    def figure(name: str, label: Text, value: int | None, factors: tuple[str, ...], papers: tuple[int, ...]) -> Figure:
        return Figure(name, label, value, CO2, RULE, "", factors, papers)

    certified = sources.certificates.documents
    parts = [
        figure("e_fuel", _("Fuel (E_fuel)"), result and result.fuel_ug, _ids(carbon, FUEL), of(FUEL)),
        figure(
            "e_conversion", _("Conversion (E_conv)"), result and result.conversion_ug,
            _ids(carbon, CONVERSION_IN, CONVERSION_OUT), of(CONVERSION_IN, CONVERSION_OUT),
        ),
        figure("e_electricity", _("Electricity (E_el)"), result and result.electricity_ug, grid, certified),
        figure(
            "e_heat", _("Heat (E_heat)"), result and result.heat_ug, _ids(carbon, HEAT_IN, HEAT_OUT),
            of(HEAT_IN, HEAT_OUT),
        ),
        figure("e_process", _("Processes (E_process)"), result and result.process_ug, (), processes),
        figure("e_park", _("Carbon of the park (E_park)"), result and result.carbon_ug, grid, ()),
        Figure(
            "c_park", _("Energy of the park (C_park)"), result and result.coal_ug, COAL, RULE, "", equivalent,
            of(FUEL, CONVERSION_IN, CONVERSION_OUT, HEAT_IN, HEAT_OUT), _coal_notes(coal),
        ),
        _intensity(carbon),
    ]  # fmt: skip
    apart = [*_apart(sources, BIOGENIC), *_apart(sources, OFFSET)]
    tables = [_activities(carbon)] if carbon.activities else []
    if sources.of_kind(OUTPUT) and result:
        tables.append(_output(sources, result))
    notes = [
        _("CO2 only. Exported green power earns nothing; offsets and biogenic CO2 stand apart and are never in E_park.")
    ]
    if sources.period.kind != "year":
        notes.append(_("The rule counts whole calendar years; a part of a year shows where it is heading."))
    if sources.total().other:
        notes.append(
            _(
                "{wh} Wh came from other plants inside the park: their fuel counts as fuel, so their electricity is"
                " in neither E_el nor C_park.", wh=sources.total().other,
            )
        )  # fmt: skip
    for one in sources.outside:
        notes.append(
            _("Document {number} is of {period}, which is longer than this report's period, and is left out.",
              number=one.number, period=one.fields["period"])
        )  # fmt: skip
    title = _("Carbon by annex 4 of notice 910 (trial)")
    return Section("carbon", title, tuple(parts + apart), tuple(tables), tuple(notes))


def _ids(carbon: Carbon, *uses: str) -> tuple[str, ...]:
    return tuple(sorted({row.carrier.id for _one, row in carbon.activities if row.use in uses}))


def _coal_notes(coal: Parameter | None) -> tuple[Text, ...]:
    if coal is None:
        return ()
    value = decimal(coal.value[0], coal.value[1], 4)
    return (_("k_el = {value} kgce/kWh ({id}): {source}", value=value, id=coal.id, source=coal.source),)


def _intensity(carbon: Carbon) -> Figure:
    result = carbon.result
    label = _("Core indicator (E_park / C_park)")
    if result is None or result.coal_ug <= 0:
        return Figure("intensity", label, None, INTENSITY, INDICATORS)
    aim = target(result.coal_ug)
    if aim is None:
        note = _("The notice prints no target below 200 000 tce a year.")
    else:
        note = _("Target of this class: at most {aim} t CO2/tce.", aim=decimal(aim[0], aim[1], 1))
    met = meets(result)
    verdict = "" if met is None else MET if met else MISSED
    value = (2 * result.carbon_ug * 10**6 + result.coal_ug) // (2 * result.coal_ug)
    return Figure("intensity", label, value, INTENSITY, INDICATORS, verdict, notes=(note,))


def _apart(sources: Sources, kind: str) -> list[Figure]:
    found = sources.of_kind(kind)
    if not found:
        return []
    label = _("Biogenic CO2, apart") if kind == BIOGENIC else _("Offsets, apart")
    value = sum(micrograms(amount(one.fields["co2"]), (1, 1)) for one in found)
    return [Figure(kind, label, value, CO2, RULE, documents=tuple(one.number for one in found))]


def _activities(carbon: Carbon) -> Table:
    columns = (
        _("document"), _("carrier"), _("quantity"), _("use"), _("t CO2"), _("tce"), _("standard"),
    )  # fmt: skip
    rows = []
    for one, row in carbon.activities:
        sign = _sign(row.use)
        rows.append((
            str(one.number), row.carrier.id, one.fields["quantity"] + " " + row.carrier.unit, _use(row.use),
            tonnes(sign * micrograms(row.quantity, row.carrier.co2)),
            tonnes(sign * micrograms(row.quantity, row.carrier.coal)), row.carrier.standard,
        ))  # fmt: skip
    return Table("activities", columns, tuple(rows))


def _use(use: str) -> Text:
    return {
        FUEL: _("fuel"),
        CONVERSION_IN: _("conversion, in"),
        CONVERSION_OUT: _("conversion, out"),
        FEEDSTOCK: _("feedstock"),
        HEAT_IN: _("heat, in"),
        HEAT_OUT: _("heat, out"),
    }[use]


def _output(sources: Sources, result: Yearly) -> Table:
    columns = (_("document"), _("product"), _("quantity"), _("kg CO2 per unit"), _("kgce per unit"))
    rows = []
    for one in sources.of_kind(OUTPUT):
        made, denominator = amount(one.fields["quantity"])
        if made:
            rows.append((
                str(one.number), one.fields["product"], one.fields["quantity"] + " " + one.fields["unit"],
                decimal(result.carbon_ug * denominator, made * 10**9, 6),
                decimal(result.coal_ug * denominator, made * 10**9, 6),
            ))  # fmt: skip
    return Table("output", columns, tuple(rows))


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
    return Section("electricity", _("Electricity"), tuple(figures), (_by_set(sources, power, covered),), tuple(notes))


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
            total += _sign(row.use) * micrograms(row.quantity, row.carrier.coal)
    return total


def _sign(use: str) -> int:
    """Return how an activity of this *use* counts: what goes out is taken off, feedstock is no energy use."""
    return -1 if use in (CONVERSION_OUT, HEAT_OUT) else 0 if use == FEEDSTOCK else 1


def _by_set(sources: Sources, power: Electricity, covered: int) -> Table:
    columns = (
        _("factor"), _("kg CO2/kWh"), _("t CO2 of grid"), _("t CO2 uncovered"), _("basis"), _("source"),
    )  # fmt: skip
    rows = []
    for name in sources.factors.sets():
        row = sources.factors.lookup(name, "grid", sources.province, sources.period.start_s)
        if row is not None:
            rows.append((
                row.id, decimal(row.mg_per_kwh, 10**6, 4), tonnes(power.grid_wh * row.mg_per_kwh),
                tonnes((power.grid_wh - covered) * row.mg_per_kwh), row.basis, row.source,
            ))  # fmt: skip
    return Table("factor_sets", columns, tuple(rows))
