"""Sealed parameters: what of a configuration makes figures out of registers, and may only change with a reason.

Transformer ratios, models and what they say of registers, the binding of meters to places, their numbers and signs,
the length of intervals, storages, and emission factors. Ports, cycles and addresses of platforms are none.
"""

from hashlib import sha256

_GATEWAY = ("interval", "boundary", "gap", "province", "factor_sets", "self_use_period")
_METER = ("profile", "unit", "address", "serial", "ct_ratio", "vt_ratio")
_POINT = ("role", "meter", "busbar", "to_busbar", "origin", "reversed")
_STORAGE = ("initial", "initial_origin", "efficiency", "rule")
# What an absent key means, where it means what another text says too.
_DEFAULTS = {"ct_ratio": "1/1", "vt_ratio": "1/1", "reversed": "false"}
# What a profile says of itself, and not of registers.
_WORDS = ("maker", "model", "kind", "status", "evidence", "test", "identify")
NONE = "-"
_DIGEST_DIGITS = 16


def _text(value: object) -> str:
    """Return a value of a TOML file as one text, the same for the same value."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(["%s: %s" % (key, _text(value[key])) for key in sorted(value)])
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join([_text(one) for one in value])
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "%s" % (value,)


def _digest(value: object) -> str:
    return "".join(["%02x" % octet for octet in sha256(_text(value).encode("utf-8")).digest()])[:_DIGEST_DIGITS]


def _tables(plain: "dict[str, object]", name: str) -> "list[dict[str, object]]":
    found = plain.get(name)
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, dict)]


def sealed_parameters(
    site: "dict[str, object]", factors: str, profiles: "dict[str, dict[str, object]]"
) -> "dict[str, str]":
    """Return the sealed parameters by their names: *site* and *profiles* as TOML gives them, the text of factors."""
    found: "dict[str, str]" = {}

    def take(place: str, table: "dict[str, object]", keys: "tuple[str, ...]") -> None:
        for key in keys:
            found[place + key] = _text(table[key]) if key in table else _DEFAULTS.get(key, NONE)

    gateway = site.get("gateway")
    take("gateway: ", gateway if isinstance(gateway, dict) else {}, _GATEWAY)
    self_use = site.get("self_use")
    if isinstance(self_use, dict):
        found["self_use"] = _text(self_use)
    used = []
    for table in _tables(site, "meter"):
        take("meter %s: " % _text(table.get("name")), table, _METER)
        used.append(_text(table.get("profile")))
    for table in _tables(site, "meter_point"):
        take("meter point %s: " % _text(table.get("name")), table, _POINT)
    for table in _tables(site, "storage"):
        take("storage %s: " % _text(table.get("meter_point")), table, _STORAGE)
    for table in _tables(site, "busbar"):
        found["busbar %s: ties" % _text(table.get("name"))] = _text(table.get("ties", []))
    for name in sorted(profiles):
        if name in used:
            said = {key: profiles[name][key] for key in profiles[name] if key not in _WORDS}
            found["profile " + name] = _digest(said)
    found["factors"] = _digest(factors)
    return found


def sealed_changes(before: "dict[str, str]", after: "dict[str, str]") -> "tuple[tuple[str, str, str], ...]":
    """Return (what, before, after) of every parameter that differs; what is not there is "-"."""
    changes = []
    for what in sorted(set(before) | set(after)):
        old, new = before.get(what, NONE), after.get(what, NONE)
        if old != new:
            changes.append((what, old, new))
    return tuple(changes)
