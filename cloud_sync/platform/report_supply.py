"""How a park is supplied: the ratios of 650 and 688, matching by the hour, and its certificates."""

from cloud_sync.platform.document_reading import CURTAILED
from cloud_sync.platform.parameters import GRID_SHARE, WITH_CURTAILED
from cloud_sync.platform.park_energy import Hour as Energies
from cloud_sync.platform.park_energy import exported_green
from cloud_sync.platform.report_carbon import amount
from cloud_sync.platform.report_parts import (
    COUNT,
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
    grouped,
    kilowatt_hours,
    percent,
)
from cloud_sync.platform.report_sources import Sources
from cloud_sync.platform.stretch import Stretch
from gateway.core.account.ratio import Hour, Matching, Ratio, direct_supply_ratios, match_hours
from gateway.core.account.trace import FLOW, SELF_USE

CERTIFICATE_RULE = "国能发新能规〔2024〕67号"
MATCHING_RULE = "24/7 carbon-free energy: methodologies and metrics (Google)"
_RATIOS = {
    "self-use-of-generation": _("Self-use of generation"),
    "self-use-of-consumption": _("Self-use of consumption"),
    "export-of-generation": _("Export of generation"),
}


def supply_section(sources: Sources) -> Section:
    """Return the three ratios of direct supply for the period and for each of its months, against their bounds."""
    choices = sources.choices
    traced = sources.green(SELF_USE)
    green = traced or {}
    papers = tuple(one.number for one in sources.of_kind(CURTAILED)) if choices.available == WITH_CURTAILED else ()
    notes = [
        _("Self-use is by method 688-hourly; available generation: {available}.", available=choices.available),
        _("The result of the grid company is the official one; this is the park's own."),
    ]
    notes += sources.unplaced_note()
    if traced is None:
        notes.append(_("No gateway tallied by method 688-hourly in this period, so nothing is known of self-use."))
    whole = _ratios(sources, sources.period, sources.total(), sum(green.values()))
    figures = []
    for one in whole:
        known = traced is not None or one.name == "export-of-generation"
        value = one.part_wh * 10**6 // one.whole_wh if known and one.whole_wh else None
        met = one.meets() if known else None
        verdict = "" if met is None else MET if met else MISSED
        bound = _bound(one)
        figures.append(Figure(one.name, _RATIOS[one.name], value, SHARE, one.rule, verdict, (), papers, (bound,)))
    columns = (_("month"), *_RATIOS.values())
    lines = []
    months = sources.months()
    for month, energies in months if len(months) > 1 else []:
        own = sum(wh for start_s, wh in green.items() if month.start_s <= start_s < month.end_s)
        cells = [
            percent(one.part_wh * 10**6 // one.whole_wh) + " %" if one.whole_wh and (traced or "export" in one.name)
            else "-"
            for one in _ratios(sources, month, energies, own)
        ]  # fmt: skip
        lines.append((month.text, *cells))
    tables = (Table("months", columns, tuple(lines)),) if lines else ()
    return Section("supply", _("Direct green supply"), tuple(figures), tables, tuple(notes))


def _bound(one: Ratio) -> Text:
    bound = decimal(one.bound_permille, 10, 0)
    return _("at least {bound} % a year", bound=bound) if one.least else _("at most {bound} % a year", bound=bound)


def _ratios(sources: Sources, period: Stretch, energies: Energies, own_wh: int) -> tuple[Ratio, ...]:
    available = energies.inside
    if sources.choices.available == WITH_CURTAILED:
        for one in sources.of_kind(CURTAILED):
            if period.holds(sources.when(one)):
                number, denominator = amount(one.fields["kwh"])
                available += number * 1000 // denominator
    exported = min(energies.export, energies.inside + energies.discharge)
    return direct_supply_ratios(own_wh, available, energies.load, exported, period.end_s - 1, sources.choices.rule)


def matching_section(sources: Sources) -> Section:
    """Return how far carbon-free energy matched consumption hour by hour, beside the share over the whole volume."""
    figures = []
    shares = {start_s: _grid_share(sources, start_s) for start_s in sources.hours}
    factors = tuple(sorted({name for _permille, name in shares.values() if name}))
    for method, own_label, label in (
        (FLOW, _("Hourly, own energy (flow)"), _("Hourly score, with the grid's share (flow)")),
        (SELF_USE, _("Hourly, own energy (688-hourly)"), _("Hourly score, with the grid's share (688-hourly)")),
    ):
        green = sources.green(method)
        found: Matching | None = None
        if green is not None:
            found = match_hours([
                Hour(one.load, green.get(start_s, 0), shares[start_s][0]) for start_s, one in sources.hours.items()
            ])  # fmt: skip
        known = found if found is not None and found.load_wh else None
        own = known.own_ppm() if known else None
        figures.append(Figure("hourly_own_" + method, own_label, own, SHARE, MATCHING_RULE))
        score = known.hourly_ppm() if known else None
        figures.append(Figure("hourly_" + method, label, score, SHARE, MATCHING_RULE, "", factors))
    total = sources.total()
    covered = min(sources.certificates.covered_wh, total.grid)
    made = total.inside + total.direct
    papers = sources.certificates.documents
    for name, label, wh, used in (
        ("volume", _("Over the whole volume: renewable and direct energy"), made, ()),
        ("volume_own", _("Over the whole volume: without what was exported"), made - exported_green(total), ()),
        ("volume_certified", _("Over the whole volume: with certificates"), made + covered, papers),
    ):
        value = min(wh, total.load) * 10**6 // total.load if total.load else None
        figures.append(Figure(name, label, value, SHARE, MATCHING_RULE, "", (), used))
    notes = [_("In each hour green energy counts up to consumption, and what is above it is dropped.")]
    notes += sources.unplaced_note()
    without = sum(1 for _permille, name in shares.values() if not name)
    if without:
        notes.append(
            _(
                "For {hours} hours no carbon-free share of the grid is known in {province}: it counts as nought"
                " (add [[grid_share]] to parameters.toml).",
                hours=without, province=sources.province or "-",
            )
        )  # fmt: skip
    return Section("matching", _("Hourly matching (24/7)"), tuple(figures), (), tuple(notes))


def _grid_share(sources: Sources, at_s: int) -> tuple[int, str]:
    """Return the carbon-free share of the grid at *at_s* in permille, and the parameter it is from ("" for none)."""
    row = sources.parameters.lookup(GRID_SHARE, sources.province, at_s)
    return (row.value[0] * 1000 // row.value[1], row.id) if row else (0, "")


def certificate_section(sources: Sources) -> Section:
    """Return what generation earned, how the park's certificates stand, and every conflict."""
    standing = sources.certificates
    inside = [one for one in standing.earned if any(month.month == one.month for month, _energies in sources.months())]
    last = standing.earned[-1] if standing.earned else None
    earned = sum(one.whole.count for one in inside)
    tradable = sum(one.tradable.count for one in inside)
    note = _("One certificate is 1000 kWh; what storage discharges earns none; a certificate is valid for 24 months.")
    figures = (
        Figure("earned", _("Certificates earned by generation"), earned, COUNT, CERTIFICATE_RULE, notes=(note,)),
        Figure("tradable", _("of it tradable, for exported energy"), tradable, COUNT, CERTIFICATE_RULE),
        Figure("carried_wh", _("Remainder carried on"), last.whole.carried_wh if last else 0, ENERGY, CERTIFICATE_RULE),
        Figure(
            "covered_wh", _("Grid energy covered by certificates"), standing.covered_wh, ENERGY, CERTIFICATE_RULE,
            documents=standing.documents,
        ),
        Figure("conflicts", _("Conflicts"), len(standing.conflicts), COUNT, CERTIFICATE_RULE),
    )  # fmt: skip
    tables = []
    if inside:
        columns = (
            _("month"), _("generated kWh"), _("certificates"), _("carried kWh"), _("exported kWh"), _("tradable"),
            _("valid through"),
        )  # fmt: skip
        lines = [
            (
                "%d-%02d" % one.month, kilowatt_hours(one.generated_wh), grouped(str(one.whole.count)),
                kilowatt_hours(one.whole.carried_wh), kilowatt_hours(one.exported_wh), grouped(str(one.tradable.count)),
                "%d-%02d" % one.whole.valid_through,
            )
            for one in inside
        ]  # fmt: skip
        tables.append(Table("earned", columns, tuple(lines)))
    if standing.batches:
        tables.append(_batches(sources))
    notes = (_("certificate_period: {choice}", choice=sources.choices.certificate_period), *standing.conflicts)
    return Section("certificates", _("Green certificates"), figures, tuple(tables), notes)


def _batches(sources: Sources) -> Table:
    columns = (
        _("number"), _("how"), _("month"), _("certificates"), _("cancelled"), _("sold"), _("left"), _("valid through"),
        _("document"),
    )  # fmt: skip
    hows = {"issued": _("issued"), "bought": _("bought")}
    lines = []
    for one in sources.certificates.batches:
        left = one.certificates - one.cancelled - one.sold
        lines.append((
            one.number, hows[one.operation], "%d-%02d" % one.month, str(one.certificates), str(one.cancelled),
            str(one.sold), str(left), "%d-%02d" % one.valid_through, str(one.document),
        ))  # fmt: skip
    return Table("batches", columns, tuple(lines))
