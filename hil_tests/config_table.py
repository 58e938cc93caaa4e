"""ConfigTable: one table of an emulator configuration; takes fields out of it and notes everything that is wrong."""

import re
from fractions import Fraction

from gateway.core.problem import Problem, problem

UNITS = {
    "ms": ("time", 1), "s": ("time", 1000), "min": ("time", 60_000),
    "W": ("power", 1), "kW": ("power", 1000), "MW": ("power", 1_000_000),
    "Wh": ("energy", 1), "kWh": ("energy", 1000), "MWh": ("energy", 1_000_000),
}  # fmt: skip
_EXAMPLES = {"time": '"10 ms"', "power": '"25 kW"', "energy": '"120 kWh"'}
_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?) ?([A-Za-z]+)")


class ConfigTable:
    """The keys of one table, its place in the file, and the list that collects problems."""

    def __init__(self, plain: dict[str, object], where: str, problems: list[Problem]) -> None:
        self.plain = plain
        self.where = where
        self.problems = problems

    def place(self, key: str) -> str:
        """Return where *key* is, as a person writes it."""
        return f"{self.where}.{key}" if self.where else key

    def only(self, *known: str) -> None:
        """Note every key that is not one of *known*."""
        for key in self.plain:
            if key not in known:
                self.problems.append(
                    problem(
                        "WP-EMU-003",
                        self.place(key),
                        "The key {key} means nothing in an emulator configuration.",
                        "Known here: {known}.",
                        key=key,
                        known=", ".join(known),
                    )
                )

    def wrong(self, key: str, wanted: str) -> None:
        """Note that *key* does not hold what is *wanted*."""
        self.problems.append(
            problem(
                "WP-EMU-005",
                self.place(key),
                "{value} does not fit here.",
                "Wanted: {wanted}.",
                value=repr(self.plain.get(key)),
                wanted=wanted,
            )
        )

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text *key*; "" with a problem where it is absent without default, or no text."""
        value = self.plain.get(key, default)
        if value is None:
            self.problems.append(
                problem("WP-EMU-004", self.place(key), "The key {key} is missing.", "Write {key} = ... here.", key=key)
            )
            return ""
        if not isinstance(value, str):
            self.wrong(key, "a text in quotes")
            return ""
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return the text *key*, one of *choices*."""
        before = len(self.problems)
        value = self.text(key, default)
        if value not in choices and len(self.problems) == before:
            self.wrong(key, ", ".join(choices))
        return value if value in choices else choices[0]

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """Return the whole number *key* between *least* and *most*."""
        value = self.plain.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(key, f"a whole number from {least} to {most}")
            return least
        return value

    def amount(self, key: str, kind: str, default: str | None = None, least: int = 0) -> int:
        """Return the amount *key* such as "10 ms", in ms, W or Wh by its *kind*."""
        before = len(self.problems)
        text = self.text(key, default)
        value = parse_amount(text, kind)
        if value is None or value < least:
            if len(self.problems) == before:
                self.wrong(key, f"a {kind} such as {_EXAMPLES[kind]}")
            return max(least, 1)
        return value

    def ratio(self, key: str) -> tuple[int, int]:
        """Return the transformer ratio *key* such as "400/5"; 1/1 where it is absent."""
        found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", self.text(key, "1/1"))
        if found is None:
            self.wrong(key, 'a ratio such as "400/5"')
            return (1, 1)
        return (int(found[1]), int(found[2]))

    def tables(self, key: str) -> list["ConfigTable"]:
        """Return the tables in the list *key*; none where it is absent."""
        value = self.plain.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"tables, each headed [[{key}]]")
            return []
        return [ConfigTable(item, f"{self.place(key)}[{index}]", self.problems) for index, item in enumerate(value)]


def parse_amount(text: str, kind: str) -> int | None:
    """Return the amount *text* of *kind* in ms, W or Wh; None where it is none or no whole number of them."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or UNITS.get(found[2], ("", 0))[0] != kind:
        return None
    value = Fraction(found[1]) * UNITS[found[2]][1]
    return int(value) if value.denominator == 1 else None
