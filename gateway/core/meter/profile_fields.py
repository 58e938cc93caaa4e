"""Takes single fields out of the plain maps of a profile file, and notes every problem it meets on the way."""

from gateway.core.problem import Problem, problem


def whole_number(text: str) -> bool:
    """Tell whether *text* is nothing but digits 0 to 9."""
    return bool(text) and all(character in "0123456789" for character in text)


def decimal_ratio(text: str) -> "tuple[int, int] | None":
    """Return the decimal *text*, such as "0.1" or "-25", as (numerator, power of ten); None where it is none."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text)
    whole, _, fraction = digits.partition(".")
    if not whole or not whole_number(whole + fraction) or (not fraction and "." in digits):
        return None
    return (sign * int(whole + fraction), 10 ** len(fraction))


def ratio(text: str) -> "tuple[int, int] | None":
    """Return a transformer ratio such as "400/5" or "80" as (primary, secondary); None where it is none."""
    primary, bar, secondary = text.strip().partition("/")
    primary, secondary = primary.strip(), secondary.strip() if bar else "1"
    if not whole_number(primary) or not whole_number(secondary) or not int(primary) or not int(secondary):
        return None
    return (int(primary), int(secondary))


class Fields:
    """One table of the file: its place, its keys, and the list that collects problems."""

    def __init__(self, plain: "dict[str, object]", where: str, problems: "list[Problem]") -> None:
        self.plain = plain
        self.where = where
        self.problems = problems

    def place(self, key: str) -> str:
        """Return where *key* is, as a person writes it."""
        return self.where + "." + key if self.where else key

    def only(self, known: "tuple[str, ...]") -> None:
        """Note every key that is not one of *known*."""
        for key in sorted(self.plain):
            if key not in known:
                self.problems.append(
                    problem(
                        "WP-PRF-003",
                        self.place(key),
                        "The key {key} is not known here.",
                        "Known keys: {known}.",
                        key=key,
                        known=", ".join(known),
                    )
                )

    def _missing(self, key: str) -> None:
        self.problems.append(
            problem("WP-PRF-004", self.place(key), "The key {key} is missing.", "Add the key {key}.", key=key)
        )

    def wrong(self, key: str, value: object, wanted: str) -> None:
        """Note that *key* does not hold what is *wanted*."""
        self.problems.append(
            problem(
                "WP-PRF-005",
                self.place(key),
                "{value} is not valid here.",
                "Expected: {wanted}.",
                value=repr(value),
                wanted=wanted,
            )
        )

    def text(self, key: str, default: "str | None" = None) -> str:
        """Return the text *key*; "" with a problem where it is absent without default, or no text."""
        value = self.plain.get(key, default)
        if value is None:
            self._missing(key)
            return ""
        if not isinstance(value, str):
            self.wrong(key, value, "a text in quotes")
            return ""
        return value

    def choice(self, key: str, choices: "tuple[str, ...]", default: "str | None" = None) -> str:
        """Return the text *key*, which is one of *choices*; the first with a problem where it is not."""
        before = len(self.problems)
        value = self.text(key, default)
        if len(self.problems) == before and value not in choices:
            self.wrong(key, value, ", ".join(choices))
        return value if value in choices else choices[0]

    def number(self, key: str, least: int, most: int, default: "int | None" = None) -> int:
        """Return the whole number *key* between *least* and *most*; *least* with a problem where it is not."""
        value = self.plain.get(key, default)
        if value is None:
            self._missing(key)
            return least
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(key, value, "a whole number from %d to %d" % (least, most))
            return least
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return the truth value *key*, *default* where it is absent."""
        value = self.plain.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, value, "true or false")
            return default
        return value

    def table(self, key: str) -> "dict[str, object] | None":
        """Return the table *key*, None where it is absent."""
        value = self.plain.get(key)
        if value is not None and not isinstance(value, dict):
            self.wrong(key, value, "a table")
            return None
        return value

    def items(self, key: str) -> "list[object]":
        """Return the list *key*, an empty one where it is absent."""
        value = self.plain.get(key, [])
        if not isinstance(value, list):
            self.wrong(key, value, "a list")
            return []
        return value

    def tables(self, key: str) -> "list[Fields]":
        """Return the tables in the list *key*."""
        found = []
        items = self.items(key)
        for index in range(len(items)):
            item = items[index]
            if isinstance(item, dict):
                found.append(Fields(item, "%s[%d]" % (self.place(key), index), self.problems))
            else:
                self.wrong(key, item, "a table")
        return found

    def choices(self, key: str, known: "tuple[str, ...]") -> "tuple[str, ...]":
        """Return the texts in the list *key*, each one of *known*."""
        found = []
        for item in self.items(key):
            if isinstance(item, str) and item in known:
                found.append(item)
            else:
                self.wrong(key, item, ", ".join(known))
        return tuple(found)
