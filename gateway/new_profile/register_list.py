"""Reads a list of registers as people copy it out of a manual: lines or CSV, columns in any order.

Nothing is guessed in silence: what a line does not say stays empty, and lines without an address are handed back.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.meter.profile import REGISTERS, TYPES, UNITS
from gateway.core.notation import decimal_ratio

LINES_MAX = 2000  # the longest manuals list some hundreds of registers
LINE_LENGTH_MAX = 2000  # characters; a register takes one line of print
ZERO_BASED, ONE_BASED, REFERENCE = "zero-based", "one-based", "reference"
BASES = (ZERO_BASED, ONE_BASED, REFERENCE)
# What the first digit of a Modicon reference number says: 3xxxx are input, 4xxxx holding registers.
_FUNCTION_OF = {3: 4, 4: 3}

_TYPE_WORDS = {
    "f32": "float float32 floating real real32 single ieee754 fp32 flt 浮点 浮点型 浮点数 单精度 单精度浮点 32bitfloat",
    "f64": "double float64 real64 fp64 双精度 64bitfloat",
    "u16": "uint16 word ushort unsignedshort unsignedint16 uint16t unsigned16 16bitunsigned 无符号整型 无符号短整型",
    "i16": "int16 sint16 s16 short signedshort signedint16 signed16 16bitsigned 有符号整型 短整型",
    "u32": "uint32 dword udword ulong unsignedlong unsignedint32 unsigned32 uint32t 32bitunsigned 无符号长整型",
    "i32": "int32 sint32 s32 long slong signedlong signedint32 signed32 sdword 32bitsigned 长整型",
    "u64": "uint64 unsignedlonglong unsigned64 qword 64bitunsigned",
    "i64": "int64 sint64 s64 longlong signed64 64bitsigned",
    "ascii": "string char text utf8 字符串",
    "bits16": "bitmap bitfield bits 位",
    "uint": "uint unsigned unsignedint",
    "int": "int signed integer signedint 整型",
}
_TYPE_OF = {word: kind for kind, words in _TYPE_WORDS.items() for word in [kind, *words.split()]}
_UNIT_WORDS = {
    "V": "volt volts 伏", "A": "amp amps ampere amperes 安", "W": "watt watts 瓦", "kW": "kilowatt kilowatts 千瓦",
    "var": "vars 乏", "VA": "volt-amps voltamps", "kWh": "kw·h kw.h kwhr 度 千瓦时", "kvarh": "kvar·h kvar.h",
    "Hz": "hertz 赫兹", "degC": "℃ °c", "deg": "° degree degrees", "%": "％ percent",
}  # fmt: skip
_UNIT_OF = {unit.lower(): unit for unit in UNITS if unit not in ("1", "MW", "Mvar", "MVA", "MWh")} | {
    word: unit for unit, words in _UNIT_WORDS.items() for word in words.split()
}
_FACTOR_SIGNS = ("pf", "cosφ", "cos φ")
_NO_UNIT = ("-", "--", "none", "n/a", "/", "—", "无")
_HEADINGS = {
    "address": "address addr register reg 地址 寄存器地址 寄存器 起始地址 "
    "startaddress modbusaddress registeraddress offset",
    "name": "name parameter description quantity measurement variable signal "
    "名称 参数 参数名称 描述 数据项 变量 内容 说明",
    "type": "type format datatype 类型 数据类型 格式 数据格式",
    "unit": "unit units 单位",
    "factor": "factor scale scaling resolution multiplier gain 系数 倍率 比例 分辨率 精度",
    "count": "count length words registers size quantityofregisters 长度 字长 寄存器数 寄存器个数 数量",
    "bytes": "bytes lengthbytes 字节 字节数",
    "function": "function fc functioncode 功能码",
    "": "access rw r/w note notes remark remarks 读写 读写属性 属性 备注 no no. 序号",
}
_HEADING_OF = {word: column for column, words in _HEADINGS.items() for word in words.split()}
_ACCESS = ("r", "ro", "rw", "r/w", "wo", "只读", "读写", "读", "read", "read-only", "readonly")

_ADDRESS = re.compile(r"(?:0[xX]([0-9A-Fa-f]{1,4})|([0-9A-Fa-f]{1,4})[hH]|([34])[xX](\d{4,5})|(\d{1,6})|([0-9A-F]{4}))")
_MARKED = re.compile(r"0[xX].+|[34][xX].+|.+[hH]")
_RANGE = re.compile(r"\s*(?:-|–|~|～|…|\.\.|至|to)\s*")
_WIRE_OCTETS = re.compile(r"(?:^|\s)([0-9A-Fa-f]{2})\s+([0-9A-Fa-f]{2})\s*$")
_NUMBER = r"\d+(?:[.,]\d+)?(?:[eE]-?\d{1,2})?"
_FACTOR = re.compile(r"(?:[x×*]\s*)?(%s)\s*(\S*)" % _NUMBER)
_DIVISOR = re.compile(r"(?:1\s*)?(?:/|÷)\s*(10+)\s*(\S*)")
_UNIT_FACTOR = re.compile(r"(\D+?)\s*(?:([x×*])\s*(%s)|(?:/|÷)\s*(10+))" % _NUMBER)
_POWER_OF_TEN = re.compile(r"(?:[x×*]\s*)?10\s*\^\s*(-?\d)")


@dataclass(frozen=True)
class Listed:
    """One line of the list: printed and number are its address; type, unit, factor are "" where the line is silent.

    reference: the address has a Modicon prefix for certain (4x0001); count: how many registers, None where not said.
    """

    line: int
    printed: str
    number: int
    hexadecimal: bool
    reference: bool
    name: str
    type: str
    count: int | None
    unit: str
    factor: str
    function: int | None


class RegisterList(NamedTuple):
    """What was understood, and the lines (number, text) that hold no register."""

    registers: tuple[Listed, ...]
    left: tuple[tuple[int, str], ...]


def possible_bases(registers: Sequence[Listed]) -> tuple[str, ...]:
    """Return how the addresses may be meant, the likeliest first."""
    if any(one.reference for one in registers):
        return (REFERENCE,)
    if registers and all(not one.hexadecimal and _reference_base(one.number) for one in registers):
        return (REFERENCE, ZERO_BASED, ONE_BASED)
    return (ZERO_BASED, ONE_BASED) if all(one.number for one in registers) else (ZERO_BASED,)


def wire_address(one: Listed, base: str) -> int:
    """Return the address of a register on the wire, which may be out of range where *base* does not fit it."""
    if base == REFERENCE:
        return one.number - (_reference_base(one.number) or 0)
    return one.number - (base == ONE_BASED)


def function_of(one: Listed) -> int | None:
    """Return the function code that the line says, by itself or by the prefix of its address."""
    if one.function is not None:
        return one.function
    base = _reference_base(one.number)
    return _FUNCTION_OF[int(str(base)[0])] if base and not one.hexadecimal else None


def _reference_base(number: int) -> int | None:
    """Return the number of the first register of a reference such as 30053 or 400001, None where it is none."""
    for base in (30001, 40001, 300001, 400001):
        if base <= number < base + (9999 if base < 100000 else 65536):
            return base
    return None


def read_register_list(text: str) -> RegisterList:
    """Return the registers that *text* lists, in its order."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines()[:LINES_MAX], 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    delimiter = _delimiter([line for _number, line in lines])
    bare_hex = _is_bare_hex(line for _number, line in lines)
    columns: list[str] | None = None
    found: list[Listed] = []
    left: list[tuple[int, str]] = []
    for number, line in lines:
        if len(line) > LINE_LENGTH_MAX:
            left.append((number, line))
            continue
        cells = _cells(line, delimiter)
        headings = [_HEADING_OF.get(_squeezed(cell)) for cell in cells]
        if sum(1 for heading in headings if heading) >= 2 and "address" in headings:
            columns = [heading or "" for heading in headings]
            continue
        one = _listed(number, cells, line, columns if columns and len(columns) == len(cells) else None, bare_hex)
        if one is None:
            left.append((number, line))
        else:
            found.append(one)
    return RegisterList(tuple(found), tuple(left))


def _delimiter(lines: list[str]) -> str:
    """Return what parts the columns of most lines, "" where it is spaces."""
    for sign in ("\t", "|", ";", ","):
        if lines and 2 * sum(1 for line in lines if sign in line) > len(lines):
            return sign
    return ""


def _is_bare_hex(lines: Iterable[str]) -> bool:
    """Tell whether addresses are hexadecimal without any mark, as in a list with 2006 and 101E."""
    firsts = [re.split(r"[\s,;|]", line, maxsplit=1)[0] for line in lines]
    return any(re.fullmatch(r"(?=.*\d)(?=.*[A-F])[0-9A-F]{4}", first) for first in firsts)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter:
        return [" ".join(cell.split()) for cell in next(csv.reader([line.strip("|")], delimiter=delimiter))]
    return [cell.strip() for cell in re.split(r"\s{2,}|\t", line)]


def _squeezed(cell: str) -> str:
    return re.sub(r"[\s_()（）-]", "", cell).lower()


def _address(cell: str, bare_hex: bool) -> tuple[int, bool, bool, int | None] | None:
    """Return number, whether hexadecimal, whether a sure reference, and registers of a range; None for no address."""
    first, *rest = _RANGE.split(cell.strip())
    found = _ADDRESS.fullmatch(first)
    if found is None or len(rest) > 1:
        return None
    prefixed, suffixed, area, place, decimal, plain = found.groups()
    count = None
    if rest:
        last = _address(rest[0], bare_hex)
        if last is None:
            return None
        count = last[0]
    digits = prefixed or suffixed or plain or (decimal if bare_hex and len(decimal or "") <= 4 else None)
    if area:
        number, reference = int(area) * 10 ** len(place) + int(place), True
    elif digits:
        number, reference = int(digits, 16), False
    elif decimal and not (bare_hex and len(decimal) > 4):
        number, reference = int(decimal), False
    else:
        return None
    if count is not None:
        count = count - number + 1 if count >= number else None
    return number, bool(digits) and not area, reference, count


def _type(cell: str) -> str | None:
    return _TYPE_OF.get(_squeezed(cell))


def _unit(cell: str) -> str | None:
    cell = cell.strip("[]()（） ")
    if cell in UNITS:
        return cell
    return _UNIT_OF.get(cell.lower())


def _factor_and_unit(cell: str) -> tuple[str, str] | None:
    """Return factor and unit ("" where the cell holds none) of a cell such as 0.1V, x0.01, /10 or V/10."""
    found = _scaled(cell)
    number = decimal_ratio(found[0]) if found else None
    return found if number is not None and number[0] else None


def _scaled(cell: str) -> tuple[str, str] | None:
    cell = cell.strip("[]()（） ")
    power = _POWER_OF_TEN.fullmatch(cell)
    if power:
        return _power_of_ten(int(power[1])), ""
    divided = _DIVISOR.fullmatch(cell)
    if divided and (not divided[2] or _unit(divided[2])):
        return _power_of_ten(1 - len(divided[1])), _unit(divided[2]) or ""
    plain = _FACTOR.fullmatch(cell)
    if plain and (not plain[2] or _unit(plain[2])):
        return _plain(plain[1]), _unit(plain[2]) or ""
    joined = _UNIT_FACTOR.fullmatch(cell)
    unit = joined and ("1" if joined[1].lower() in _FACTOR_SIGNS else _unit(joined[1]))
    if joined and unit:
        # "V*10" says that the register holds ten times the volts, as "V/10" says that it holds tenths of them.
        tens = joined[4] or (joined[3] if re.fullmatch("10+", joined[3]) else "")
        return _power_of_ten(1 - len(tens)) if tens else _plain(joined[3]), unit
    return None


def _power_of_ten(exponent: int) -> str:
    return "1" + "0" * exponent if exponent >= 0 else "0." + "0" * (-exponent - 1) + "1"


def _plain(text: str) -> str:
    """Return a number as plain decimal text."""
    text = text.replace(",", ".")
    mantissa, _, exponent = text.lower().partition("e")
    if exponent:
        return _power_of_ten(int(exponent)) if mantissa in ("1", "1.0") else ""
    return text


class _Line:
    """What has been understood of one line so far."""

    def __init__(self) -> None:
        self.address: tuple[int, bool, bool, int | None] | None = None
        self.printed = ""
        self.name = self.type = self.unit = self.factor = ""
        self.count: int | None = None
        self.function: int | None = None

    def place(self, cell: str, bare_hex: bool) -> bool:
        """Understand *cell* as the address."""
        self.address, self.printed = _address(cell, bare_hex), _RANGE.split(cell.strip())[0]
        return self.address is not None

    def take(self, cell: str) -> bool:
        """Understand *cell* as type, unit, factor, number of registers or access, whichever is still open."""
        low = cell.strip().lower()
        if low in _ACCESS or low in _NO_UNIT or not low:
            return True
        kind = _type(cell)
        if kind is not None and not self.type:
            self.type = kind
            return True
        unit = _unit(cell)
        if unit is not None and not self.unit:
            self.unit = unit
            return True
        if re.fullmatch(r"[1248]", low) and self.count is None:
            self.count = int(low)
            return True
        scaled = _factor_and_unit(cell)
        if scaled is not None and not self.factor and not (scaled[1] and self.unit):
            self.factor = scaled[0]
            self.unit = scaled[1] or self.unit
            return True
        return False


def _listed(number: int, cells: list[str], line: str, columns: list[str] | None, bare_hex: bool) -> Listed | None:
    seen = _Line()
    if columns is not None:
        _by_columns(seen, cells, columns, bare_hex)
    elif len(cells) > 1 and any(_address(cell, bare_hex) for cell in cells):
        _by_cells(seen, cells, bare_hex)
    else:
        _by_tokens(seen, line.split(), bare_hex)
    if seen.address is None or not (seen.name or seen.unit):
        return None
    address, hexadecimal, reference, spread = seen.address
    return Listed(
        number,
        seen.printed,
        address,
        hexadecimal,
        reference,
        seen.name or seen.unit,
        _settled_type(seen.type, spread or seen.count),
        spread or seen.count,
        seen.unit,
        seen.factor,
        seen.function,
    )


def _settled_type(kind: str, count: int | None) -> str:
    """Return the type of the profile that is meant by *kind* with *count* registers, "" where that is open."""
    if kind in ("uint", "int"):
        return "%s%d" % (kind[0], 16 * count) if count in (1, 2, 4) else ""
    if kind in ("u16", "i16") and count in (2, 4):  # "word", two of them
        return "%s%d" % (kind[0], 16 * count)
    return kind if kind in TYPES else ""


def _by_columns(seen: _Line, cells: list[str], columns: list[str], bare_hex: bool) -> None:
    for column, cell in zip(columns, cells, strict=True):
        if column == "address" and seen.address is None:
            seen.place(cell, bare_hex)
        elif column == "name":
            seen.name = seen.name or cell
        elif column == "type":
            seen.type = _type(cell) or ""
        elif column == "function":
            code = re.search(r"[34]", cell)
            seen.function = int(code[0]) if code else None
        elif column in ("count", "bytes"):
            if re.fullmatch(r"[0-9]{1,3}", cell) and 0 < int(cell) <= 128:
                seen.count = int(cell) // (2 if column == "bytes" else 1) or None
        elif column in ("unit", "factor"):
            scaled = _factor_and_unit(cell)
            if scaled is not None:
                seen.factor = scaled[0] or seen.factor
            seen.unit = _unit(cell) or (scaled[1] if scaled else "") or seen.unit


def _by_cells(seen: _Line, cells: list[str], bare_hex: bool) -> None:
    names: list[str] = []
    ended = False
    for cell in cells:
        if seen.address is None and seen.place(cell, bare_hex):
            continue
        if seen.take(cell):
            ended = bool(names)
        elif not ended and not _WIRE_OCTETS.fullmatch(cell):
            if not (names or not cell.isdigit()):
                continue  # a running number before the name
            names.append(cell)
    seen.name = " ".join(names)


def _by_tokens(seen: _Line, tokens: list[str], bare_hex: bool) -> None:
    last = len(tokens) - 1
    places = [at for at in (0, 1) if at <= last]
    if last > 1 and (_MARKED.fullmatch(tokens[last]) or len(tokens[last]) > 3):  # not the number of a page
        places.append(last)
    at = next((place for place in places if _address(tokens[place], bare_hex)), 0)
    if not tokens or not seen.place(tokens[at], bare_hex):
        return
    rest = tokens[:at] + tokens[at + 1 :] if at == len(tokens) - 1 else tokens[at + 1 :]
    if len(rest) > 2 and _WIRE_OCTETS.fullmatch(" ".join(rest[-2:])) and not _unit(rest[-1]):
        rest = rest[:-2]
    while rest and not (len(rest) == 1 and not seen.unit and not _factor_and_unit(rest[0])) and seen.take(rest[-1]):
        rest.pop()
    while rest and (_type(rest[0]) or rest[0].lower() in _ACCESS) and seen.take(rest[0]):
        rest.pop(0)
    seen.name = " ".join(rest)


def registers_of_type(kind: str, count: int | None) -> int:
    """Return how many registers a value of type *kind* takes; a text takes *count*."""
    return (count or 1) if kind == "ascii" else REGISTERS[kind]
