"""What a report is made of: figures in whole numbers, each with the rule, factors and documents it rests on."""

from typing import Any, NamedTuple

MET, MISSED = "met", "missed"
CO2, COAL, ENERGY, SHARE, COUNT, INTENSITY, SECONDS = "ug CO2", "ug tce", "Wh", "ppm", "1", "1e-6 t CO2/tce", "s"


class Text(NamedTuple):
    """A text for people: a message of the catalogue, and the values for its fields."""

    msgid: str
    values: dict[str, str]

    def plain(self) -> str:
        """Return it in English."""
        return self.msgid.format(**self.values)


def _(msgid: str, **values: object) -> Text:
    """Make a text; the catalogue finds its message by this function's name."""
    return Text(msgid, {name: str(value) for name, value in values.items()})


class Figure(NamedTuple):
    """One figure: value in whole units, or None where it cannot be told; and what it rests on."""

    id: str
    label: Text
    value: int | None
    unit: str
    rule: str = ""
    verdict: str = ""
    factors: tuple[str, ...] = ()
    documents: tuple[int, ...] = ()
    notes: tuple[Text, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **self._asdict(),
            "label": self.label.plain(),
            "factors": list(self.factors),
            "documents": list(self.documents),
            "notes": [one.plain() for one in self.notes],
        }


class Table(NamedTuple):
    """Rows below one another; cells are texts as they stand, or texts to be translated."""

    id: str
    columns: tuple[Text, ...]
    rows: tuple[tuple["str | Text", ...], ...]

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        rows = [[cell.plain() if isinstance(cell, Text) else cell for cell in row] for row in self.rows]
        return {"id": self.id, "columns": [one.plain() for one in self.columns], "rows": rows}


class Section(NamedTuple):
    """One part of a report."""

    id: str
    title: Text
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[Text, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "id": self.id,
            "title": self.title.plain(),
            "figures": [one.plain() for one in self.figures],
            "tables": [one.plain() for one in self.tables],
            "notes": [one.plain() for one in self.notes],
        }


def decimal(numerator: int, denominator: int, places: int) -> str:
    """Return a fraction as a decimal, to the nearest last place (half away from nought)."""
    scaled = (2 * abs(numerator) * 10**places + denominator) // (2 * denominator)
    sign = "-" if numerator < 0 and scaled else ""
    digits = str(scaled).rjust(places + 1, "0")
    return sign + (digits[:-places] + "." + digits[-places:] if places else digits)


def grouped(text: str) -> str:
    """Return a decimal with commas between its thousands."""
    whole, point, rest = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return sign + format(int(whole.lstrip("-")), ",") + point + rest


def tonnes(micrograms: int) -> str:
    """Return micrograms as tonnes, to the kilogram."""
    return grouped(decimal(micrograms, 10**12, 3))


def kilowatt_hours(wh: int) -> str:
    """Return watt-hours as kilowatt-hours, every one of them."""
    return grouped(decimal(wh, 1000, 3))


def percent(ppm: int) -> str:
    """Return parts per million as percent."""
    return decimal(ppm, 10**4, 4)


_SHOWN = {
    CO2: (tonnes, "t CO2"),
    COAL: (tonnes, "tce"),
    ENERGY: (kilowatt_hours, "kWh"),
    SHARE: (percent, "%"),
    COUNT: (lambda value: grouped(str(value)), ""),
    INTENSITY: (lambda value: decimal(value, 10**6, 6), "t CO2/tce"),
    SECONDS: (lambda value: grouped(str(value)), "s"),
}


def shown(figure: Figure) -> str:
    """Return the value of *figure* with its unit, as people read it; a dash where there is none."""
    if figure.value is None:
        return "-"
    write, unit = _SHOWN.get(figure.unit, (str, figure.unit))
    return f"{write(figure.value)} {unit}".rstrip()
