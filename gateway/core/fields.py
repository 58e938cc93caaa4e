"""Fields: takes single values out of a plain map (as TOML or JSON gives it), and notes all that is wrong on the way."""

from gateway.core.notation import decimal_ratio, measure, ratio
from gateway.core.problem import Problem, problem

MOST_RATIO = 10**7  # no transformer has a primary side beyond 10 MV or 10 MA
MEASURE_MAX = 10**12  # beyond is a slip of the keyboard; within, every account stays below 2 to the power of 63
_SHOWN_MAX = 60  # characters of a wrong value that a message repeats


def shown(value: object) -> str:
    """Return *value* as it can stand in a message: on one line, and not too long."""
    try:
        text = value if isinstance(value, str) and value else repr(value)
    except ValueError:  # a number of more digits than CPython writes out
        text = "..."
    text = "".join([character if ord(character) >= 32 else "?" for character in text])
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def nearest(word: str, words: "tuple[str, ...]") -> str:
    """Return the one of *words* that shares most letter pairs, and then most letters, with *word*."""

    def pairs(text: str) -> "set[str]":
        return {text[i : i + 2] for i in range(len(text) - 1)}

    best = ""
    best_score = None
    for candidate in sorted(words):
        alike = 2 * len(pairs(word) & pairs(candidate)) + len(set(word) & set(candidate))
        score = alike - abs(len(word) - len(candidate))
        if best_score is None or score > best_score:
            best, best_score = candidate, score
    return best


class Fields:
    """One table: its keys, its place in the file, and the list that collects problems.

    What stands where a table belongs but is none is noted once, and nothing is missed in it.
    """

    def __init__(self, plain: object, where: str, problems: "list[Problem]") -> None:
        self.where = where
        self.problems = problems
        self.is_table = isinstance(plain, dict)
        self.plain: "dict[str, object]" = plain if isinstance(plain, dict) else {}
        if not self.is_table:
            problems.append(
                problem(
                    "WP-CFG-001", where, "a table, with keys and values, belongs here",
                    "in TOML write [name] or [[name]] above its keys, in JSON put them between curly brackets",
                )
            )  # fmt: skip

    def place(self, key: str) -> str:
        """Return where *key* is, as a person writes it."""
        return self.where + "." + key if self.where else key

    def noted(self, key: str) -> bool:
        """Tell whether something is wrong with *key* already."""
        return self.place(key) in [one.where for one in self.problems]

    def only(self, known: "tuple[str, ...]") -> None:
        """Note every key that is not one of *known*."""
        for key in sorted(self.plain):
            if key not in known:
                self.problems.append(
                    problem(
                        "WP-CFG-002", self.place(key), "the key {key} is not known here",
                        "did you mean {near}? Known here: {known}",
                        key=key, near=nearest(key, known), known=", ".join(known),
                    )
                )  # fmt: skip

    def needs(self, *keys: str) -> None:
        """Note every one of *keys* that is missing."""
        for key in keys:
            if self.is_table and key not in self.plain:
                self.problems.append(
                    problem("WP-CFG-003", self.where, "the key {key} is missing", "add the key {key}", key=key)
                )

    def text(self, key: str, default: "str | None" = None, empty: bool = False) -> str:
        """Return the text *key*, or *default* ("" with a problem without one); *empty*: it may say nothing."""
        if key not in self.plain:
            if default is None:
                self.needs(key)
            return default or ""
        value = self.plain[key]
        if isinstance(value, str) and (value or empty):
            if all(character >= " " and character != "\x7f" for character in value):
                return value
            self.problems.append(
                problem(
                    "WP-CFG-025", self.place(key), "the text has signs that cannot be printed: {value}",
                    "write it on one line, without control characters", value=shown(repr(value)),
                )
            )  # fmt: skip
            return default or ""
        self.problems.append(
            problem(
                "WP-CFG-004", self.place(key), "must be a text, not {value}", 'write it in quotes: {key} = "..."',
                value=shown(value), key=key,
            )
        )  # fmt: skip
        return default or ""

    def choice(self, key: str, choices: "tuple[str, ...]", default: "str | None" = None) -> str:
        """Return the text *key*, which is one of *choices*; the first with a problem where it is not."""
        before = len(self.problems)
        value = self.text(key, default, empty=True)
        if value in choices:
            return value
        if len(self.problems) == before and self.is_table:
            self._not_one_of(key, value, choices)
        return choices[0]

    def _not_one_of(self, key: str, value: object, choices: "tuple[str, ...]") -> None:
        self.problems.append(
            problem(
                "WP-CFG-040", self.place(key), "{value} cannot stand here", "use one of: {choices}",
                value=shown(value), choices=", ".join(choices),
            )
        )  # fmt: skip

    def number(self, key: str, least: int, most: int, default: "int | None" = None) -> int:
        """Return the whole number *key* from *least* to *most*; *least* with a problem where it is not."""
        if key not in self.plain:
            if default is None:
                self.needs(key)
            return least if default is None else default
        value = self.plain[key]
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problems.append(
            problem(
                "WP-CFG-005", self.place(key), "must be a whole number from {least} to {most}, not {value}",
                "correct the number", value=shown(value), least=least, most=most,
            )
        )  # fmt: skip
        return least

    def flag(self, key: str, default: bool = False) -> bool:
        """Return the truth value *key*, *default* where it is absent."""
        value = self.plain.get(key, default)
        if isinstance(value, bool):
            return value
        self.problems.append(
            problem(
                "WP-CFG-012", self.place(key), "must be true or false, not {value}",
                "write {key} = true or {key} = false, without quotes", value=shown(value), key=key,
            )
        )  # fmt: skip
        return default

    def measure(
        self,
        key: str,
        units: "dict[str, int]",
        default: "str | None" = None,
        least: int = 0,
        most: int = MEASURE_MAX,
    ) -> int:
        """Return the value with unit *key*, such as "15 min", in the unit that counts 1; *least* where it is none."""
        before = len(self.problems)
        text = self.text(key, default, empty=True)
        value = measure(text, units)
        if value is not None and least <= value <= most:
            return value
        if len(self.problems) == before and self.is_table:
            self.problems.append(
                problem(
                    "WP-CFG-006", self.place(key), "{text} is not a valid value",
                    "write a number, a space and one of these units: {units}",
                    text=shown(text), units=", ".join(sorted(units)),
                )
            )  # fmt: skip
        return least

    def ratio(self, key: str) -> "tuple[int, int]":
        """Return the transformer ratio *key*, such as "400/5", as (primary, secondary); 1/1 where it is absent."""
        text = self.text(key, "1/1", empty=True)
        found = ratio(text)
        if found is not None and "/" in text and found[1] <= found[0] <= MOST_RATIO:
            return found
        self.problems.append(
            problem(
                "WP-CFG-007", self.place(key), "{text} is not a transformer ratio",
                'write primary and secondary as on the name plate: {key} = "400/5"', text=shown(text), key=key,
            )
        )  # fmt: skip
        return (1, 1)

    def decimal(self, key: str, default: str) -> "tuple[int, int]":
        """Return the decimal *key*, not zero, such as "0.1", as (numerator, power of ten)."""
        text = self.text(key, default, empty=True)
        found = decimal_ratio(text)
        if found is not None and found[0]:
            return found
        self.problems.append(
            problem(
                "WP-CFG-041", self.place(key), "{text} is not a decimal number other than zero",
                'write digits and at most one point, in quotes: {key} = "0.1"', text=shown(text), key=key,
            )
        )  # fmt: skip
        return (1, 1)

    def table(self, key: str) -> "Fields":
        """Return the table *key*, an empty one where it is absent."""
        return Fields(self.plain.get(key, {}), self.place(key), self.problems)

    def items(self, key: str, some: bool = False) -> "list[object]":
        """Return the list *key*, an empty one where it is absent; *some*: there must be at least one item."""
        value = self.plain.get(key, [])
        if not isinstance(value, list):
            self.problems.append(
                problem(
                    "WP-CFG-042", self.place(key), "must be a list, not {value}",
                    "write it between square brackets", value=shown(value),
                )
            )  # fmt: skip
            return []
        if some and not value:
            self._empty(key)
        return value

    def _empty(self, key: str) -> None:
        self.problems.append(
            problem("WP-CFG-020", self.place(key), "there is no {key} at all", "add at least one", key=key)
        )

    def tables(self, key: str, some: bool = False) -> "list[Fields]":
        """Return the tables in the list *key*; *some*: there must be at least one."""
        value = self.plain.get(key, [])
        if not isinstance(value, list):
            self.problems.append(
                problem(
                    "WP-CFG-019", self.place(key), "there can be several: it must be a list of tables",
                    "in TOML write [[{key}]] with double brackets, in JSON put them between square brackets", key=key,
                )
            )  # fmt: skip
            value = []
        elif some and not value:
            self._empty(key)
        found = [Fields(value[n], "%s[%d]" % (self.place(key), n), self.problems) for n in range(len(value))]
        return [fields for fields in found if fields.is_table]

    def texts(self, key: str, default: "tuple[str, ...]" = ()) -> "tuple[str, ...]":
        """Return the list of texts *key*, *default* where it is absent; "" for an item that is none."""
        value = self.plain.get(key)
        if key not in self.plain:
            return default
        if not isinstance(value, list):
            self._no_text(self.place(key))
            return default
        found = []
        for index in range(len(value)):
            item = value[index]
            good = isinstance(item, str) and bool(item)
            if not good:
                self._no_text("%s[%d]" % (self.place(key), index))
            found.append(item if good else "")
        return tuple(found)

    def _no_text(self, place: str) -> None:
        self.problems.append(
            problem("WP-CFG-017", place, "must be a list of texts, none of them empty", 'write: ["...", "..."]')
        )

    def choices(self, key: str, known: "tuple[str, ...]") -> "tuple[str, ...]":
        """Return the texts in the list *key*, each one of *known*."""
        found = []
        for item in self.items(key):
            if isinstance(item, str) and item in known:
                found.append(item)
            else:
                self._not_one_of(key, item, known)
        return tuple(found)

    def known(self, key: str, name: str, names: "list[str]") -> None:
        """Note that *key* refers to *name*, where this is none of *names*; without a name it refers to nothing."""
        if name and name not in names:
            self.problems.append(
                problem(
                    "WP-CFG-008", self.place(key), "{key} names {name}, which does not exist",
                    "add it, or use one of: {names}", key=key, name=shown(name), names=", ".join(names) or "-",
                )
            )  # fmt: skip

    def fresh(self, key: str, name: str, taken: "list[str]") -> None:
        """Note that *name* is already among *taken*, and add it to them."""
        note_taken(self.place(key), name, taken, self.problems)


def note_taken(where: str, name: str, taken: "list[str]", problems: "list[Problem]") -> None:
    """Note that *name* is already among *taken*, and add it to them; no name is never taken."""
    if name and name in taken:
        problems.append(problem("WP-CFG-016", where, "{name} is already taken", "give each its own", name=name))
    taken.append(name)
