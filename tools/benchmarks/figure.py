"""Figure: one measured number, the gate it has to pass, and the table of all of them."""

import math
import textwrap
from typing import NamedTuple

WIDTH = 80
_NAME, _VALUE, _GATE, _VERDICT = 46, 15, 11, 5
AT_LEAST, AT_MOST = ">=", "<="


class Gate(NamedTuple):
    """A limit: the value must be at least or at most this."""

    direction: str
    limit: float

    def passes(self, value: float) -> bool:
        """Tell whether *value* is on the right side; the limit itself is."""
        if self.direction == AT_LEAST:
            return value >= self.limit
        return value <= self.limit


class Figure(NamedTuple):
    """One number; gate is None where it is only for comparison."""

    key: str
    name: str
    value: float
    unit: str
    digits: int
    gate: Gate | None = None

    @property
    def passes(self) -> bool:
        """Whether nothing speaks against it; what is not a number passes no gate."""
        return self.gate is None or self.gate.passes(self.value)

    def verdict(self) -> str:
        """Return what the table says of the gate."""
        if self.gate is None:
            return ""
        return "pass" if self.passes else "FAIL"


class Section(NamedTuple):
    """The figures of one measurement. measured_on: what exactly was run."""

    title: str
    measured_on: str
    figures: tuple[Figure, ...]


def exit_code(sections: tuple[Section, ...]) -> int:
    """Return 0 where every gate is passed, 1 otherwise; nothing measured proves nothing."""
    figures = [figure for section in sections for figure in section.figures]
    return 0 if figures and all(figure.passes for figure in figures) else 1


def table(sections: tuple[Section, ...]) -> str:
    """Return all figures as text of 80 columns."""
    lines = [_row("figure", "value", "gate", ""), "-" * WIDTH]
    for section in sections:
        lines += textwrap.wrap(section.title.upper(), WIDTH)
        lines += textwrap.wrap("on " + section.measured_on, WIDTH, initial_indent="  ", subsequent_indent="     ")
        for figure in section.figures:
            known = not math.isnan(figure.value)
            value = "%.*f %s" % (figure.digits, figure.value, figure.unit) if known else "---"
            gate = "" if figure.gate is None else "%s %g" % figure.gate
            first, *rest = textwrap.wrap(figure.name, _NAME - 2)
            lines.append(_row("  " + first, value.strip(), gate, figure.verdict()))
            lines += ["    " + more for more in rest]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, value: str, gate: str, verdict: str) -> str:
    return f"{name:<{_NAME}} {value:>{_VALUE}} {gate:>{_GATE}} {verdict:<{_VERDICT}}".rstrip()


def plain(sections: tuple[Section, ...]) -> list[dict[str, object]]:
    """Return all figures for JSON."""
    return [
        {
            "title": section.title,
            "measured_on": section.measured_on,
            "figures": [
                {
                    "key": figure.key,
                    "name": figure.name,
                    "value": None if math.isnan(figure.value) else figure.value,
                    "unit": figure.unit,
                    "gate": None if figure.gate is None else list(figure.gate),
                    "passes": figure.passes,
                }
                for figure in section.figures
            ],
        }
        for section in sections
    ]
