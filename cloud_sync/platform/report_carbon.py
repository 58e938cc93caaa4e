"""The carbon of a park by annex 4 of 发改环资〔2025〕910号: E_park by part, C_park, the core indicator."""

from typing import NamedTuple

from cloud_sync.platform.document_reading import ACTIVITY, BIOGENIC, OFFSET, OUTPUT, PROCESS, carrier_absent
from cloud_sync.platform.documents import Document
from cloud_sync.platform.parameters import COAL_EQUIVALENT, Parameter
from cloud_sync.platform.park_energy import exported_green
from cloud_sync.platform.report_parts import (
    CO2,
    COAL,
    INTENSITY,
    MET,
    MISSED,
    Figure,
    Section,
    Table,
    Text,
    _,
    decimal,
    tonnes,
)
from cloud_sync.platform.report_sources import Sources
from gateway.core.account.carrier import CHILLER, Carrier, chiller_co2, micrograms
from gateway.core.account.factor import EmissionFactor, validity
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
    factor = sources.factors.lookup(PINNED_SET, "grid", sources.province, at_s)
    for one in sources.of_kind(ACTIVITY):
        carrier = sources.carriers.lookup(one.fields["carrier"], sources.when(one).start_s)
        if carrier is None:
            where = "document %d" % one.number
            problems.append(carrier_absent(where, one.fields["carrier"], one.fields["period"], sources.carriers))
            continue
        carrier = _priced(carrier, one, factor)
        row = Activity(carrier, amount(one.fields["quantity"]), one.fields["use"], one.fields["paper"])
        activities.append((one, row))
    processes = [
        Process(
            one.fields["product"], amount(one.fields["quantity"]), amount(one.fields["co2"]), one.fields["paper"]
        )
        for one in sources.of_kind(PROCESS)
    ]  # fmt: skip
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


def _priced(carrier: Carrier, one: Document, factor: EmissionFactor | None) -> Carrier:
    """Return *carrier* with the CO2 that document *one* says, where no standard has a default for it."""
    if carrier.co2 is not None:
        return carrier
    if one.fields.get("by") == CHILLER:
        co2 = chiller_co2(factor.mg_per_kwh if factor else 0, amount(one.fields["cop"]))
    else:
        co2 = amount(one.fields["co2"])
    return carrier._replace(co2=co2)


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
    return tuple(sorted({row.carrier.row() for _one, row in carbon.activities if row.use in uses}))


def _coal_notes(coal: Parameter | None) -> tuple[Text, ...]:
    if coal is None:
        return ()
    value = decimal(coal.value[0], coal.value[1], 4)
    return (
        _("k_el = {value} kgce/kWh ({id}): {source}", value=value, id=coal.id, source=coal.source),
        _("It holds {valid}.", valid=validity(coal)),
    )


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
        _("document"), _("carrier"), _("quantity"), _("use"), _("t CO2"), _("tce"), _("standard"), _("valid"),
        _("CO2 of one unit by"),
    )  # fmt: skip
    rows = []
    for one, row in carbon.activities:
        sign, name = sign_of(row.use), f"{row.carrier.id} {row.carrier.zh}".strip()
        rows.append((
            str(one.number), name, one.fields["quantity"] + " " + row.carrier.unit, _use(row.use),
            tonnes(sign * row.co2_ug()), tonnes(sign * row.coal_ug()), row.carrier.standard, validity(row.carrier),
            _word(one),
        ))  # fmt: skip
    return Table("activities", columns, tuple(rows))


def _word(one: Document) -> Text | str:
    """Return by whose word the CO2 of one unit is counted."""
    by, source = one.fields.get("by"), one.fields.get("source", "")
    if by is None:
        return _("the standard")
    if by == CHILLER:
        return _("electricity and COP {cop}: {source}", cop=one.fields["cop"], source=source)
    return _("the supplier, {co2} t: {source}", co2=one.fields["co2"], source=source)


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


def sign_of(use: str) -> int:
    """Return how an activity of this *use* counts: what goes out is taken off, feedstock is no energy use."""
    return -1 if use in (CONVERSION_OUT, HEAT_OUT) else 0 if use == FEEDSTOCK else 1
