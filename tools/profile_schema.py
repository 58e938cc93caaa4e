"""Writes device_profiles/profile.schema.json, by which editors check a device profile while it is typed.

`python -m tools.profile_schema` builds it from the tables that the reader itself uses: names, types, units, limits.
"""

import json
from pathlib import Path
from typing import Any

import device_profiles
from gateway.core.meter.cjt188 import GAS, HEAT, WATER
from gateway.core.meter.cjt188_values import UNITS as READOUT_UNITS
from gateway.core.meter.cjt188_values import items_of
from gateway.core.meter.point_reading import MAX_TEXT_REGISTERS
from gateway.core.meter.profile import (
    CJT188,
    DLT645_1997,
    DLT645_2007,
    FAST,
    FREEZE,
    HIGH_FIRST,
    LOW_FIRST,
    MODBUS,
    ONCE,
    PROTOCOLS,
    PROVENANCES,
    RATIOS,
    REGISTERS,
    SIDES,
    SIGNS,
    SLOW,
    STATUSES,
    SUNSPEC,
    TYPES,
    UNITS,
    unit_exponent,
)
from gateway.core.meter.profile_reading import BAUDS, MOST_TYPE
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.meter.readout_point import ITEMS, MOST_DECIMALS, names_of

Schema = dict[str, Any]

FILE = Path(device_profiles.__file__).parent / "profile.schema.json"
NO_NUMBER = ("ascii", "bits16")
TEXT: Schema = {"type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f]*$"}
REGISTER: Schema = {"type": "integer", "minimum": 0, "maximum": 0x10000}
FUNCTION: Schema = {"enum": [3, 4]}
FACTOR: Schema = {"type": "string", "pattern": "^-?(?=[0-9.]*[1-9])[0-9]+(\\.[0-9]+)?$"}
RATIO: Schema = {"type": "string", "pattern": "^ *[0-9]+ */ *[0-9]+ *$"}
HEX: Schema = {"type": "string", "pattern": "^\\s*([0-9A-Fa-f]{2}\\s*)*$"}
LINE: Schema = {"type": "string", "pattern": "^(%s) [78][NEO][12]$" % "|".join(str(baud) for baud in BAUDS)}


def number(least: int, most: int) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def choice(words: tuple[str, ...]) -> Schema:
    """Return the schema of one of some words."""
    return {"enum": list(words)}


def table(keys: Schema, needed: tuple[str, ...] = (), **more: Any) -> Schema:
    """Return the schema of a table that has no other keys."""
    return {"type": "object", "additionalProperties": False, "properties": keys, "required": list(needed), **more}


def listed(items: Schema, least: int = 0) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, "minItems": least}


def when(key: str, values: list[str], then: Schema) -> Schema:
    """Return the schema: where *key* is one of *values*, *then* holds."""
    return {"if": {"properties": {key: {"enum": values}}, "required": [key]}, "then": then}


def registers(at: str = "at") -> Schema:
    """Return the keys that name registers, and their type."""
    return {
        at: REGISTER,
        "type": choice(TYPES),
        "count": number(1, MAX_TEXT_REGISTERS),
        "function": FUNCTION,
        "words": choice((HIGH_FIRST, LOW_FIRST)),
    }


COUNT_OF_TEXT: Schema = {
    "if": {"properties": {"type": {"const": "ascii"}}, "required": ["type"]},
    "then": {"required": ["count"]},
    "else": {"not": {"required": ["count"]}},
}


def units() -> list[Schema]:
    """Return for every unit of account which units a profile may state."""
    found = []
    for wanted in sorted({quantity.unit for quantity in QUANTITIES.values()}):
        names = [name for name, quantity in QUANTITIES.items() if quantity.unit == wanted]
        stated = [unit for unit in UNITS if unit_exponent(unit, wanted) is not None]
        found.append(when("quantity", names, {"properties": {"unit": {"enum": stated}}}))
    return found


def naming(needs_unit: bool) -> list[Schema]:
    """Return the rules of quantity and name."""
    named = {"required": ["quantity", "unit"] if needs_unit else ["quantity"]}
    return [{"oneOf": [named, {"required": ["name"]}]}, {"not": {"required": ["quantity", "name"]}}]


NAMES: Schema = {
    "quantity": choice(tuple(QUANTITIES)),
    "name": {**TEXT, "not": {"enum": list(QUANTITIES)}},
    "sign": choice(SIGNS),
    "poll": {"enum": [True, False, FAST, SLOW, ONCE]},
}


def point() -> Schema:
    """Return the schema of a point of a Modbus meter."""
    fits = [
        when("type", [kind], {"properties": {"sentinel": listed(number(0, (1 << 16 * count) - 1))}})
        for kind, count in REGISTERS.items()
        if count
    ]
    keys = NAMES | registers() | {
        "factor": FACTOR,
        "unit": TEXT,
        "side": choice(SIDES),
        "times": listed(choice(RATIOS)),
        "counter": {"type": "boolean"},
        "wrap": number(2, 1 << 64),
        "sentinel": listed({"type": "integer", "minimum": 0}),
        "exponent_at": REGISTER,
    }  # fmt: skip
    return table(
        keys,
        ("at", "type"),
        allOf=[
            *naming(True),
            COUNT_OF_TEXT,
            {"if": {"required": ["quantity"]}, "then": {"properties": {"type": {"not": {"enum": list(NO_NUMBER)}}}}},
            {
                "if": {"required": ["wrap"]},
                "then": {"properties": {"counter": {"const": True}}, "required": ["counter"]},
            },
            *fits,
            *units(),
        ],
    )


def di_point(year: int) -> Schema:
    """Return the schema of a point of a DL/T 645 meter."""
    di = number(0, 0xFFFF if year == 1997 else 0xFFFFFFFF)
    poll: Schema = {"enum": [True, False, FAST, SLOW, ONCE, FREEZE]}
    return table(NAMES | {"di": di, "side": choice(SIDES), "poll": poll}, ("di",), allOf=naming(False))


def readout_point() -> Schema:
    """Return the schema of a point of a CJ/T 188 meter."""
    kinds = (WATER, HEAT, GAS)
    items = [item for kind in kinds for item in items_of(kind)]
    keys: Schema = {
        "quantity": choice(tuple(ITEMS)),
        "name": choice(tuple(sorted({name for kind in kinds for name in names_of(kind)}))),
        "item": choice(tuple(sorted({item.name for item in items if item.united}))),
        "unit": choice(tuple(sorted({found[1] for found in READOUT_UNITS.values()} - {"J"}))),
        "decimals": number(0, MOST_DECIMALS),
        "poll": NAMES["poll"],
    }
    united = [name for name in ITEMS if ITEMS[name] in {item.name for item in items if item.united}]
    return table(
        keys,
        allOf=[
            *naming(False),
            when("quantity", united, {"required": ["unit"]}),
            when("quantity", ["flow_rate"], {"required": ["decimals"]}),
        ],
    )


def modbus() -> Schema:
    """Return the schema of [modbus]."""
    ends = {"first": REGISTER, "last": REGISTER}
    window = {
        "oneOf": [
            {"type": "array", "items": REGISTER, "minItems": 2, "maxItems": 2},
            table(ends | {"function": FUNCTION}, ("first", "last")),
        ]
    }
    keys = timing() | {
        "transport": listed(choice(("rtu", "tcp"))),
        "function": FUNCTION,
        "address": choice(("zero-based", "one-based")),
        "words": choice((HIGH_FIRST, LOW_FIRST)),
        "max_registers": number(1, 125),
        "align": number(1, 4),
        "windows": listed(window),
    }  # fmt: skip
    return table(keys, ("function",))


def sunspec() -> Schema:
    """Return the schema of [sunspec]."""
    model = number(1, 0xFFFE)
    keys = timing() | {
        "model": model,
        "bases": listed(number(0, 0xFFF0)),
        "chain": listed({"type": "array", "items": model, "minItems": 2, "maxItems": 2}, 1),
        "transport": listed(choice(("rtu", "tcp"))),
        "function": FUNCTION,
        "max_registers": number(1, 125),
    }  # fmt: skip
    return table(keys, ("model", "chain"))


def sunspec_point() -> Schema:
    """Return the schema of a point of a SunSpec device."""
    keys = NAMES | {"model": number(1, 0xFFFE), "point": TEXT, "raw": {"type": "boolean"}}
    return table(keys, ("model", "point"), allOf=naming(False))


def timing() -> Schema:
    """Return the keys of every protocol."""
    return {"timeout_ms": number(10, 60000), "gap_ms": number(0, 10000)}


def constants() -> Schema:
    """Return the schema of [constants]."""
    one = table(registers() | {"factor": FACTOR}, ("at", "type"), allOf=[COUNT_OF_TEXT])
    return table(dict.fromkeys(RATIOS, one))


def identify() -> Schema:
    """Return the schema of one [[identify]]."""
    text = {"properties": {"expect": listed({"type": "string"}, 1)}}
    whole = {"properties": {"expect": listed({"type": "integer"}, 1)}}
    kinds = {"if": {"properties": {"type": {"const": "ascii"}}}, "then": text, "else": whole}
    return table(registers() | {"expect": {"type": "array"}}, ("at", "type", "expect"), allOf=[COUNT_OF_TEXT, kinds])


def example() -> Schema:
    """Return the schema of one [[test]]."""
    keys = {
        "request": HEX,
        "response": HEX,
        "with": table(dict.fromkeys(RATIOS, RATIO)),
        "expect": {"type": "object", "additionalProperties": TEXT},
        "provenance": choice(PROVENANCES),
        "note": {},
    }
    return table(keys, ("request", "response"))


def schema() -> Schema:
    """Return the whole schema."""
    keys: Schema = {
        "id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "maker": TEXT,
        "model": TEXT,
        "kind": TEXT,
        "status": choice(STATUSES),
        "protocol": choice(PROTOCOLS),
        "evidence": listed(table({"source": TEXT, "page": TEXT}, ("source",))),
        "serial": table(
            {
                "default": LINE,
                "allowed": listed(LINE),
                "units": {"type": "array", "items": number(1, 247), "minItems": 2, "maxItems": 2},
            },
            ("default",),
        ),
        "points": {"type": "array", "minItems": 1},
        "test": listed({"$ref": "#/$defs/test"}),
        "modbus": {"$ref": "#/$defs/modbus"},
        "constants": {"$ref": "#/$defs/constants"},
        "identify": listed({"$ref": "#/$defs/identify"}),
        "dlt645": table(timing()),
        "cjt188": table(timing() | {"type": number(WATER, MOST_TYPE)}, ("type",)),
        "sunspec": {"$ref": "#/$defs/sunspec"},
    }
    own = {
        MODBUS: ("modbus", "constants", "identify"),
        SUNSPEC: ("sunspec",),
        DLT645_2007: ("dlt645",),
        DLT645_1997: ("dlt645",),
        CJT188: ("cjt188",),
    }
    rules = []
    for protocol, mine in own.items():
        stated: Schema = {"properties": {"protocol": {"const": protocol}}}
        if protocol != MODBUS:
            stated["required"] = ["protocol"]
        foreign = sorted({key for keys in own.values() for key in keys} - set(mine))
        then: Schema = {
            "properties": {"points": {"items": {"$ref": "#/$defs/point of %s" % protocol}}}
            | dict.fromkeys(foreign, False),
        }
        if protocol in (MODBUS, SUNSPEC, CJT188):
            then["required"] = [protocol]
        rules.append({"if": stated, "then": then})
    # Only what is reached over TCP alone has no serial line.
    alone = [
        {
            "required": [name],
            "properties": {name: {"required": ["transport"], "properties": {"transport": {"const": ["tcp"]}}}},
        }
        for name in (MODBUS, SUNSPEC)
    ]
    rules.append({"if": {"not": {"anyOf": alone}}, "then": {"required": ["serial"]}})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A device profile: one meter model",
        **table(keys, ("id", "maker", "model", "kind", "status", "points"), allOf=rules),
        "$defs": {
            "point of modbus": point(),
            "point of " + SUNSPEC: sunspec_point(),
            "point of " + DLT645_2007: di_point(2007),
            "point of " + DLT645_1997: di_point(1997),
            "point of " + CJT188: readout_point(),
            "modbus": modbus(),
            "sunspec": sunspec(),
            "constants": constants(),
            "identify": identify(),
            "test": example(),
        },
    }


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
