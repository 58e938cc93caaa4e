"""Knows by which words manuals call a quantity, in English and Chinese, and proposes it for a person to confirm.

A name is only recognised where every word in it is known: what is half understood is not proposed at all.
"""

import re

from gateway.core.meter.profile import unit_exponent
from gateway.core.meter.quantity import QUANTITIES

# What a word says, as "feature" or "feature:value". The longest words are looked for first.
_WORDS: dict[str, str] = {}


def _say(meaning: str, words: str) -> None:
    for word in words.split(","):
        _WORDS[word.strip()] = meaning


_say("is:volts", "voltage, voltages, volts, volt, 相电压, 电压")
_say("is:volts ll", "线电压")
_say("is:amps", "current, currents, amps, amperes, 相电流, 线电流, 电流")
_say("active", "active, real, 有功")
_say("reactive", "reactive, 无功")
_say("apparent", "apparent, 视在")
_say("is:power", "power, powers, 功率")
_say("is:energy", "energy, energies, 电能, 电能量, 电度, 电量, 能量, kwh counter, meter reading")
_say("is:energy active", "kwh, wh, mwh")
_say("is:energy reactive", "kvarh, varh, reactive kwh")
_say("is:energy apparent", "kvah, vah")
_say("is:power active", "w, kw, watt, watts")
_say("is:power reactive", "var, kvar, volt amps reactive, volt ampere reactive")
_say("is:power apparent", "va, kva, volt amps, volt amperes")
_say("is:factor", "power factor, power factors, powerfactor, pf, cos phi, cosφ, cosphi, cos, 功率因数, 功率因素")
_say("is:hertz", "frequency, freq, hz, 频率, 电网频率")
_say("is:angle", "phase angle, 相角")
_say("is:thd", "thd, 谐波畸变率, 总谐波畸变率, 总谐波含量")
_say("is:temperature", "temperature, 温度")
_say("is:demand", "demand, 需量")
_say("most", "max, maximum, 最大")
_say(
    "way:import", "import, imported, imp, forward, positive, consumed, delivered into load, into load, (+), 正向, 输入"
)
_say("way:export", "export, exported, exp, reverse, negative, received out of load, out of load, (-), 反向, 输出")
_say("way:net", "net, 净")
_say("all", "total, tot, sum, sys, system, σ, ∑, 3 phase, three phase, 三相, 总, 合相, 合计, 总和")
_say("way:total", "combined, 组合")
_say("mean", "average, avg, mean, 平均")
_say("neutral", "neutral, 零线, 中性线, n线, n相")
_say("ln", "line to neutral, l n, ln, 相对中性线")
_say("ll", "line to line, l l, ll")
_say("reset", "resettable, since last reset, partial")
_say("dc", "dc, 直流")
for _number, _letter in ((1, "a"), (2, "b"), (3, "c")):
    _say(
        "phase:%d" % _number,
        f"l{_number}, phase {_number}, phase {_letter}, phase l{_number}, line {_number}, {_letter}, {_number}, "
        f"{_letter}相, l{_number}相, 第{_number}相, ph {_number}, ph {_letter}",
    )
    _say("phase:%d mark:u" % _number, f"u{_number}, v{_number}, u{_letter}, v{_letter}, ul{_number}, vl{_number}")
    _say("phase:%d mark:i" % _number, f"i{_number}, i{_letter}, il{_number}")
    for _sign in ("p", "q", "s", "pf"):
        _say("phase:%d mark:%s" % (_number, _sign), f"{_sign}{_number}, {_sign}{_letter}, {_sign}l{_number}")
for _pair, _ends in (("ab", "12"), ("bc", "23"), ("ca", "31")):
    _marks = f"u{_pair}, v{_pair}, u{_ends}, v{_ends}"
    _say("phase:%s phase:%s mark:u" % tuple(_ends), _marks)
    _say("phase:%s phase:%s" % tuple(_ends), f"{_pair}, {_pair}相")
for _sign in ("p", "q", "s", "pf"):
    _say("all mark:%s" % _sign, f"{_sign}t, {_sign}sum, {_sign}总")
    _say("mark:%s" % _sign, _sign)
_say("mark:u", "u")
_say("mark:i", "i")
_say("neutral mark:i", "i0")
for _number, _names in ((1, "尖"), (2, "峰"), (3, "平"), (4, "谷")):
    _say("rate:%d" % _number, f"t{_number}, tariff {_number}, rate {_number}, 费率{_number}, 费率 {_number}, {_names}")
_say(
    "",
    "of, the, to, n, line, phase, electric, electrical, value, rms, instantaneous, measured, supply, grid, meter, 当前",
)
_say("", "实时, 瞬时, 测量, 电网, 值, 有效值, 数据, 读数, 时段, 相, 线")

_MARKS = {
    "u": "is:volts", "i": "is:amps", "p": "is:power active", "q": "is:power reactive", "s": "is:power apparent",
    "pf": "is:factor",
}  # fmt: skip
_OF_UNIT = {
    "V": "is:volts", "A": "is:amps", "W": "is:power active", "var": "is:power reactive", "VA": "is:power apparent",
    "Hz": "is:hertz", "kWh": "is:energy active", "kvarh": "is:energy reactive", "kVAh": "is:energy apparent",
}  # fmt: skip
# Which of several a name is about: the "frequency of the supply voltage" is a frequency.
_RANK = ("thd", "temperature", "demand", "factor", "angle", "hertz", "energy", "power", "volts", "amps")
_CJK = "\u3400-\u9fff"
_TERMS = sorted(_WORDS, key=lambda term: (-len(term), term))
_TERM = re.compile(
    "|".join(
        re.escape(term) if re.search("[%s(]" % _CJK, term) else r"(?<![a-z0-9])%s(?![a-z0-9])" % re.escape(term)
        for term in _TERMS
    )
)
_UNIT_FIRST = re.compile(r"(kvarh|kWh|kvar|kVA|kW|VA|var|Hz|PF|V|A|W)\b\s*(?=L\d|sys|Σ|∑|\(|TOT|L-[LN])", re.IGNORECASE)
_SPELT = {"v": "volts", "a": "amps"}


def quantity_of(name: str, unit: str = "") -> str | None:
    """Return the quantity that a manual calls *name*, stated in *unit* ("" where it says none); None where unsure."""
    features = _features(name)
    if features is None:
        return None
    wanted = next((one for one in _OF_UNIT if unit_exponent(unit, one) is not None), "")
    found = _quantity(features, wanted)
    if found not in QUANTITIES or (unit and unit_exponent(unit, QUANTITIES[found].unit) is None):
        return None
    return found


def _features(name: str) -> list[str] | None:
    """Return what the words of *name* say; None where one of them is unknown."""
    name = re.sub(r"\bVA\b", "volt amps", name)  # in capitals; "Va" is a voltage
    text = _UNIT_FIRST.sub(lambda one: _SPELT.get(one[1].lower(), one[1]) + " ", name)
    text = re.sub(r"\(\s*([+-])\s*\)", r"(\1)", text.lower())
    for sign in ("(+)", "(-)"):
        text = text.replace(sign, " %s " % sign)
    pieces = [
        piece if piece in ("(+)", "(-)") else re.sub(r"[\s_/.,:;()（）\[\]-]+", " ", piece) for piece in text.split()
    ]
    text = " ".join(" ".join(pieces).split())
    if _TERM.sub(" ", text).strip():
        return None
    features = [feature for term in _TERM.findall(text) for feature in _WORDS[term].split()]
    marks = [feature.partition(":")[2] for feature in features if feature.startswith("mark:")]
    for mark in marks:
        features += _MARKS[mark].split()
    return features


def _quantity(features: list[str], unit: str) -> str:
    """Return the quantity of *features*, or what is none."""
    kinds = {feature[3:] for feature in features if feature.startswith("is:")}
    if not kinds:
        added = _OF_UNIT.get(unit, "").split()
        features, kinds = features + added, {one[3:] for one in added if one.startswith("is:")}
    kind = next((one for one in _RANK if one in kinds), "")
    if kind == "power" and unit in ("kWh", "kvarh", "kVAh"):
        kind = "energy"
    if kind == "power" and not {"active", "reactive", "apparent"} & set(features):
        features = features + _OF_UNIT.get(unit, "is:power active").split()
    phases = list(dict.fromkeys(feature[6:] for feature in features if feature.startswith("phase:")))
    way = _only([feature[4:] for feature in features if feature.startswith("way:")])
    rate = _only([feature[5:] for feature in features if feature.startswith("rate:")])
    if way is None or rate is None or len(phases) > 2:
        return ""
    told = {"volts": _volts, "amps": _amps, "power": _power, "energy": _energy}.get(kind)
    if told is not None:
        return told(features, phases, way, rate)
    ended = _ended(features, phases, "l%s", "total")
    return {
        "factor": "power_factor_" + ended,
        "hertz": "frequency",
        "angle": "phase_angle_total",
        "thd": "voltage_thd_" + ended if "volts" in kinds else "",
        "temperature": "temperature",
        "demand": _demand(features, kinds),
    }.get(kind, "")


def _only(values: list[str]) -> str | None:
    """Return the one value, "" where there is none, None where there are several."""
    different = sorted(set(values))
    return None if len(different) > 1 else "".join(different)


def _ended(features: list[str], phases: list[str], of_phase: str, of_all: str) -> str:
    if len(phases) == 1 and "all" not in features:
        return of_phase % phases[0]
    return "?" if phases else of_all


def _volts(features: list[str], phases: list[str], way: str, rate: str) -> str:
    if way or rate or "dc" in features:
        return "dc_voltage" if "dc" in features and not phases else ""
    if len(phases) == 2:
        return {"12": "voltage_l1_l2", "23": "voltage_l2_l3", "31": "voltage_l3_l1"}.get("".join(phases), "")
    if "mean" in features or "all" in features:
        return "voltage_ll_average" if "ll" in features else "voltage_ln_average"
    if "ll" in features:
        return ""
    return "voltage_l%s_n" % (phases[0] if phases else "1")


def _amps(features: list[str], phases: list[str], way: str, rate: str) -> str:
    if way or rate or len(phases) > 1:
        return ""
    if "dc" in features:
        return "dc_current"
    if "neutral" in features:
        return "current_n"
    if "mean" in features or "all" in features:
        return "current_average" if "mean" in features else "current_total"
    return "current_l%s" % (phases[0] if phases else "1")


def _power(features: list[str], phases: list[str], way: str, rate: str) -> str:
    which = _only([one for one in features if one in ("active", "reactive", "apparent")])
    if way or rate or not which or "dc" in features:
        return "dc_power_total" if "dc" in features and not way and not rate else ""
    return "%s_power_%s" % (which, _ended(features, phases, "l%s", "total"))


def _energy(features: list[str], phases: list[str], way: str, rate: str) -> str:
    which = _only([one for one in features if one in ("active", "reactive", "apparent")])
    if which is None or "dc" in features:
        return ""
    if which == "apparent":
        return "energy_apparent"
    base = "energy_%s_%s" % (which or "active", way or "total")
    if "reset" in features:
        return "energy_active_resettable" if base == "energy_active_total" else ""
    if rate:
        return base + "_t" + rate
    return base + ("_l" + phases[0] if phases else "")


def _demand(features: list[str], kinds: set[str]) -> str:
    base = "current_demand" if "amps" in kinds else "active_power_demand"
    return base + ("_max" if "most" in features else "")
