"""Yearly: the carbon and energy of a park in a year by annex 4 of 发改环资〔2025〕910号 (trial), and its indicators.

    E_park = E_fuel + E_conversion + E_electricity + E_heat + E_process            [t CO2]
    C_park = sum of fuels x tce + electricity consumed x k_el + net heat x tce     [tce]
    I      = E_park / C_park                                                       [t CO2/tce]

CO2 only, no other gas; what is captured or offset is not part of it. Electricity of the park's own plants inside its
boundary is consumed, but not received. k_el, the equivalent value of electricity (等价值), has a year and a source,
and is printed with every result: a wrong one changes I by a factor of two.
"""

from collections import namedtuple

from gateway.core.account.carrier import Carrier, micrograms

FUEL, CONVERSION_IN, CONVERSION_OUT, FEEDSTOCK = "fuel", "conversion-in", "conversion-out", "feedstock"
HEAT_IN, HEAT_OUT = "received", "given"
USES = (FUEL, CONVERSION_IN, CONVERSION_OUT, FEEDSTOCK, HEAT_IN, HEAT_OUT)
MWH = 1000000
# Class of the park by its energy in a year [tce], and the target of the core indicator [t CO2/tce] as a fraction.
# Annex 3: 0.2 from 20 to 100 万 tce, 0.3 from 100 万 tce on; exactly 100 万 is in both, and counts as the higher.
LEAST_TCE, LARGE_TCE = 200000, 1000000
TARGETS = ((LARGE_TCE, (3, 10)), (LEAST_TCE, (2, 10)))


class Activity(namedtuple("Activity", ("carrier", "quantity", "use", "document"))):
    """So much of a carrier in the year: quantity is (numerator, denominator) in its unit, document what proves it.

    A carrier whose CO2 its document has to say comes with what that document says.
    """

    __slots__ = ()
    carrier: Carrier
    quantity: "tuple[int, int]"
    use: str
    document: str

    def co2_ug(self) -> int:
        """Return its carbon."""
        assert self.carrier.co2 is not None, "a carrier comes here with its CO2"
        return micrograms(self.quantity, self.carrier.co2)

    def coal_ug(self) -> int:
        """Return its standard coal."""
        return micrograms(self.quantity, self.carrier.coal)


class Process(namedtuple("Process", ("product", "quantity", "co2", "document"))):
    """A product whose making gives off CO2: t of product, t CO2 for one t, each (numerator, denominator)."""

    __slots__ = ()
    product: str
    quantity: "tuple[int, int]"
    co2: "tuple[int, int]"
    document: str


class Electricity(
    namedtuple("Electricity", ("grid_wh", "certified_wh", "direct_wh", "inside_wh", "export_wh", "mg_per_kwh"))
):
    """Electricity of the year.

    grid_wh: received over the public grid; certified_wh: how much of it has green certificates or was green trade;
    direct_wh: received by direct lines from renewable plants; inside_wh: generated inside the boundary by renewable
    plants; export_wh: given out, of renewable origin. mg_per_kwh: the pinned factor of everything else.
    """

    __slots__ = ()
    grid_wh: int
    certified_wh: int
    direct_wh: int
    inside_wh: int
    export_wh: int
    mg_per_kwh: int

    def consumed_wh(self) -> int:
        """Return what the park used."""
        return self.grid_wh + self.direct_wh + self.inside_wh - self.export_wh


class Yearly(
    namedtuple(
        "Yearly",
        ("fuel_ug", "conversion_ug", "electricity_ug", "heat_ug", "process_ug", "carbon_ug", "coal_ug", "consumed_wh"),
    )
):
    """The year's carbon by part and in all, and its energy as standard coal, in micrograms."""

    __slots__ = ()
    fuel_ug: int
    conversion_ug: int
    electricity_ug: int
    heat_ug: int
    process_ug: int
    carbon_ug: int
    coal_ug: int
    consumed_wh: int


def yearly(
    activities: "tuple[Activity, ...]", processes: "tuple[Process, ...]", electricity: Electricity, coal_mg_per_kwh: int
) -> Yearly:
    """Return the year by annex 4; coal_mg_per_kwh is k_el in mg of standard coal for a kWh (0.3024 kg: 302400).

    What certificates cover more than there is grid power counts for nothing. Feedstock carries no CO2 of its own
    here, and is no energy use.
    """
    parts = dict.fromkeys(("fuel", "conversion", "heat"), 0)
    coal = 0
    for row in activities:
        co2, energy = row.co2_ug(), row.coal_ug()
        if row.use == FUEL:
            parts["fuel"] += co2
            coal += energy
        elif row.use == CONVERSION_IN:
            parts["conversion"] += co2
            coal += energy
        elif row.use == CONVERSION_OUT:
            parts["conversion"] -= co2
            coal -= energy
        elif row.use == HEAT_IN:
            parts["heat"] += co2
            coal += energy
        elif row.use == HEAT_OUT:
            parts["heat"] -= co2
            coal -= energy
    process = sum([micrograms(row.quantity, row.co2) for row in processes])
    fossil_wh = max(0, electricity.grid_wh - electricity.certified_wh)
    power = fossil_wh * electricity.mg_per_kwh
    consumed = electricity.consumed_wh()
    coal += consumed * coal_mg_per_kwh
    carbon = parts["fuel"] + parts["conversion"] + power + parts["heat"] + process
    return Yearly(parts["fuel"], parts["conversion"], power, parts["heat"], process, carbon, coal, consumed)


def target(coal_ug: int) -> "tuple[int, int] | None":
    """Return the target of the core indicator [t CO2/tce] for a park of this energy; None below every class."""
    for least, aim in TARGETS:
        if coal_ug >= least * 10**12:
            return aim
    return None


def meets(result: Yearly) -> "bool | None":
    """Tell whether the year meets the target of its class; None where the notice prints no target for it."""
    aim = target(result.coal_ug)
    return None if aim is None else result.carbon_ug * aim[1] <= aim[0] * result.coal_ug


def direct_supply(electricity: Electricity, inside: bool) -> "tuple[int, int]":
    """Return the share of direct green supply in consumption as a fraction.

    The annex asks for 50 % in principle, and leaves open whether plants inside the boundary count: *inside* says so.
    Without them, only direct lines count; with them, what was exported is taken off.
    """
    given = electricity.direct_wh
    if inside:
        given += electricity.inside_wh - electricity.export_wh
    return (given, electricity.consumed_wh())
