"""Values of a configuration: reads each from a plain map, checks it, and collects what is wrong."""

from gateway.core.problem import Problem, problem

SECONDS = {"s": 1, "min": 60, "h": 3600}
WATTS = {"W": 1, "kW": 1000, "MW": 1000000}
WATT_HOURS = {"Wh": 1, "kWh": 1000, "MWh": 1000000}

SHAPE: "dict[str, dict[str, bool]]" = {
    # table: key -> required
    "gateway": {
        "id": True, "park": False, "interval": False, "cycle": False, "readings": False, "hold": False,
        "self_use_period": False, "province": True, "factor_sets": False,
    },
    "uplink": {
        "broker": True, "bucket": False, "platform_key": True, "ca": False, "certificate": False, "key": False,
    },
    "bus": {"name": True, "port": True, "line": False, "turnaround": False},
    "meter": {
        "name": True, "bus": True, "unit": True, "profile": True, "serial": False, "ct_ratio": False,
        "vt_ratio": False, "max_power": True,
    },
    "busbar": {"name": True},
    "meter_point": {
        "name": True, "role": True, "meter": True, "busbar": True, "to_busbar": False, "origin": False,
        "reversed": False,
    },
    "storage": {"meter_point": True, "initial": False, "initial_origin": False, "efficiency": True},
}  # fmt: skip


DIGITS_MAX = 18
# A value beyond is a slip of the keyboard; within, every account stays below 2 to the power of 63.
MEASURE_MAX = 10**12
DAY_S = 86400
TCP = "tcp://"
_SHOWN_MAX = 60


def is_digits(text: str) -> bool:
    """Tell whether *text* is a whole number in plain figures, of a length that somebody means."""
    return 0 < len(text) <= DIGITS_MAX and all(character in "0123456789" for character in text)


def shown(value: object) -> str:
    """Return *value* as it can stand in a message: on one line, and not too long."""
    text = value if isinstance(value, str) and value else repr(value)
    text = "".join([character if ord(character) >= 32 else "?" for character in text])
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def tcp_address(text: str, port: int = 502) -> "tuple[str, int] | None":
    """Return host and port of an address such as tcp://10.0.0.7:502, or None where it is none."""
    place = text[len(TCP) :] if text.startswith(TCP) else ""
    if place.endswith("/"):
        place = place[:-1]
    host, colon, number = place.rpartition(":")
    if place.endswith("]") or not colon:
        host, number = place, "%d" % port
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not host or not is_digits(number) or not 0 < int(number) < 65536:
        return None
    for character in host:
        if character <= " " or character in "/@[]" or ord(character) > 126:
            return None
    return None if ".." in host or len(host) > 253 else (host, int(number))


def decimal_scaled(text: str, scale: int) -> int:
    """Return the decimal *text* times *scale* as a whole number; raises ValueError where it is none."""
    whole, _, fraction = text.partition(".")
    negative = whole.startswith("-")
    whole = whole[1:] if negative else whole
    if not is_digits(whole) or (fraction and not is_digits(fraction)):
        raise ValueError(text)
    value = int(whole + fraction) * scale
    divisor = 10 ** len(fraction)
    if value % divisor:
        raise ValueError(text)
    whole_value: int = value // divisor
    return -whole_value if negative else whole_value


def nearest(word: str, words: "list[str]") -> str:
    """Return the one of *words* that shares most letter pairs with *word*."""

    def pairs(text: str) -> "set[str]":
        return {text[i : i + 2] for i in range(len(text) - 1)}

    best = ""
    best_score = -1
    for candidate in sorted(words):
        score = 2 * len(pairs(word) & pairs(candidate)) - abs(len(word) - len(candidate))
        if score > best_score:
            best, best_score = candidate, score
    return best


class Values:
    """Collects problems while a map is read."""

    def __init__(self) -> None:
        self.problems: "list[Problem]" = []

    def shape(self, table: object, kind: str, where: str) -> "dict[str, object]":
        """Return *table* if it is one; note unknown and missing keys."""
        if not isinstance(table, dict):
            self.problems.append(
                problem(
                    "WP-CFG-001",
                    where,
                    "[{kind}] must be a table",
                    "write [{kind}] or [[{kind}]] above its keys",
                    kind=kind,
                )
            )
            return {}
        known = SHAPE[kind]
        for key in sorted(table):
            if key not in known:
                self.problems.append(
                    problem(
                        "WP-CFG-002",
                        where + "." + key,
                        "the key {key} is not known here",
                        "did you mean {near}?",
                        key=key,
                        near=nearest(key, list(known)),
                    )
                )
        for key in sorted(known):
            if known[key] and key not in table:
                self.problems.append(
                    problem("WP-CFG-003", where, "the key {key} is missing", "add: {key} = ...", key=key)
                )
        return table

    def problems_at(self, where: str) -> bool:
        """Tell whether something is wrong at *where* already."""
        return where in [one.where for one in self.problems]

    def text(self, table: "dict[str, object]", key: str, where: str, default: str = "") -> str:
        """Return the text under *key*, or *default*."""
        value = table.get(key, default)
        if isinstance(value, str) and (value or key not in table):
            if all(character >= " " and character != "\x7f" for character in value):
                return value
            self.problems.append(
                problem(
                    "WP-CFG-025",
                    where + "." + key,
                    "the text has signs that cannot be printed: {value}",
                    "write it on one line, without control characters",
                    value=repr(value)[:_SHOWN_MAX],
                )
            )
            return default
        self.problems.append(
            problem(
                "WP-CFG-004",
                where + "." + key,
                "must be a text, not {value}",
                'write it in quotes: {key} = "..."',
                value=shown(value),
                key=key,
            )
        )
        return default

    def whole(self, table: "dict[str, object]", key: str, where: str, low: int, high: int) -> int:
        """Return the whole number under *key*, from *low* to *high*."""
        value = table.get(key, low)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.problems.append(
            problem(
                "WP-CFG-005",
                where + "." + key,
                "must be a whole number from {low} to {high}, not {value}",
                "correct the number",
                value=shown(value),
                low=low,
                high=high,
            )
        )
        return low

    def measure(
        self,
        table: "dict[str, object]",
        key: str,
        where: str,
        units: "dict[str, int]",
        default: str,
        least: int = 1,
        most: int = MEASURE_MAX,
    ) -> int:
        """Return the value with unit under *key* ("15 min") in the smallest unit of *units*."""
        before = len(self.problems)
        text = self.text(table, key, where, default)
        if len(self.problems) > before:
            return least
        number, _, unit = text.partition(" ")
        try:
            value = decimal_scaled(number, units[unit.strip()])
            if least <= value <= most:
                return value
        except (ValueError, KeyError):
            pass
        self.problems.append(
            problem(
                "WP-CFG-006",
                where + "." + key,
                "{text} is not a valid value",
                "write a number, a space and one of these units: {units}",
                text=shown(text),
                units=", ".join(sorted(units)),
            )
        )
        return least

    def ratio(self, table: "dict[str, object]", key: str, where: str) -> "tuple[int, int]":
        """Return the transformer ratio under *key* ("400/5") as (primary, secondary)."""
        text = self.text(table, key, where, "1/1")
        primary, _, secondary = text.partition("/")
        if is_digits(primary) and is_digits(secondary) and 0 < int(secondary) <= int(primary) <= 10**7:
            return (int(primary), int(secondary))
        self.problems.append(
            problem(
                "WP-CFG-007",
                where + "." + key,
                "{text} is not a transformer ratio",
                'write primary and secondary as on the name plate: {key} = "400/5"',
                text=shown(text),
                key=key,
            )
        )
        return (1, 1)

    def known(self, name: str, names: "list[str]", where: str, kind: str) -> None:
        """Note a reference to something that does not exist."""
        if name not in names:
            self.problems.append(
                problem(
                    "WP-CFG-008",
                    where,
                    "there is no {kind} named {name}",
                    "add it, or use one of: {names}",
                    kind=kind,
                    name=shown(name),
                    names=", ".join(names) or "-",
                )
            )
