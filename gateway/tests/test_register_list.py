"""Register lists as manuals print them, read into addresses, names, types, units and factors."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.meter.quantity import QUANTITIES
from gateway.new_profile.quantity_words import quantity_of
from gateway.new_profile.register_list import (
    ONE_BASED,
    REFERENCE,
    ZERO_BASED,
    function_of,
    possible_bases,
    read_register_list,
    wire_address,
)

# Address as printed, wire address by the base named first, quantity, type, unit, factor.
Row = tuple[int, int, str, str, str, str]

EASTRON = """
Address (Register)  Input Register Parameter  Length (bytes)  Data Format  Units  Start Address Hex
30001  Phase 1 line to neutral volts  4  Float  V  00 00
30007  Phase 1 current  4  Float  A  00 06
30013  Phase 1 power  4  Float  W  00 0C
30053  Total system power  Float  W
30063 Total system power factor 4 Float None 00 3E
30071 Frequency of supply voltages Float Hz
30073 Import active energy Float kWh 00 48
30075 Export active energy Float kWh 00 4A
"""
EASTRON_ROWS: list[Row] = [
    (30001, 0x00, "voltage_l1_n", "f32", "V", ""),
    (30007, 0x06, "current_l1", "f32", "A", ""),
    (30013, 0x0C, "active_power_l1", "f32", "W", ""),
    (30053, 0x34, "active_power_total", "f32", "W", ""),
    (30063, 0x3E, "power_factor_total", "f32", "", ""),
    (30071, 0x46, "frequency", "f32", "Hz", ""),
    (30073, 0x48, "energy_active_import", "f32", "kWh", ""),
    (30075, 0x4A, "energy_active_export", "f32", "kWh", ""),
]
DTSU666 = """
2000 Uab float 0.1V
2006 Ua float 0.1V
200C Ia float 0.001A
2012 Pt float 0.1W
2014 Pa float 0.1W
202A PFt float 0.001
2044 Freq float 0.01Hz
101E (Current) positive active total energy float 1kWh
1028 (Current) negative active total energy float 1kWh
"""
DTSU666_ROWS: list[Row] = [
    (0x2000, 0x2000, "voltage_l1_l2", "f32", "V", "0.1"),
    (0x2006, 0x2006, "voltage_l1_n", "f32", "V", "0.1"),
    (0x200C, 0x200C, "current_l1", "f32", "A", "0.001"),
    (0x2012, 0x2012, "active_power_total", "f32", "W", "0.1"),
    (0x2014, 0x2014, "active_power_l1", "f32", "W", "0.1"),
    (0x202A, 0x202A, "power_factor_total", "f32", "", "0.001"),
    (0x2044, 0x2044, "frequency", "f32", "Hz", "0.01"),
    (0x101E, 0x101E, "energy_active_import", "f32", "kWh", "1"),
    (0x1028, 0x1028, "energy_active_export", "f32", "kWh", "1"),
]
ACREL = """地址,名称,读写,类型,系数,单位
0x000A,正向有功总电能,R,UINT32,0.01,kWh
0x000C,正向尖有功电能,R,UINT32,0.01,kWh
0x0014,反向有功总电能,R,UINT32,0.01,kWh
0x0061,A相电压,R,UINT16,0.1,V
0x0064,A相电流,R,UINT16,0.01,A
0x0077,频率,R,UINT16,0.01,Hz
0x016A,总有功功率,R,INT32,0.001,kW
0x0172,总无功功率,R,INT32,0.001,kvar
0x017F,总功率因数,R,INT16,0.001,
"""
ACREL_ROWS: list[Row] = [
    (0x0A, 0x0A, "energy_active_import", "u32", "kWh", "0.01"),
    (0x0C, 0x0C, "energy_active_import_t1", "u32", "kWh", "0.01"),
    (0x14, 0x14, "energy_active_export", "u32", "kWh", "0.01"),
    (0x61, 0x61, "voltage_l1_n", "u16", "V", "0.1"),
    (0x64, 0x64, "current_l1", "u16", "A", "0.01"),
    (0x77, 0x77, "frequency", "u16", "Hz", "0.01"),
    (0x16A, 0x16A, "active_power_total", "i32", "kW", "0.001"),
    (0x172, 0x172, "reactive_power_total", "i32", "kvar", "0.001"),
    (0x17F, 0x17F, "power_factor_total", "i16", "", "0.001"),
]
SCHNEIDER = """
Register | Description | Units | Size | Type
3000 | I1: phase 1 current | A | 2 | Float32
3020 | Voltage L1-L2 | V | 2 | Float32
3028 | Voltage L1-N | V | 2 | Float32
3054 | Active Power Phase 1 | kW | 2 | Float32
3060 | Total Active Power | kW | 2 | Float32
3110 | Frequency | Hz | 2 | Float32
3204 | Total Active Energy Import | Wh | 4 | Int64
3208 | Active Energy Received (Out of Load) | Wh | 4 | Int64
"""
SCHNEIDER_ROWS: list[Row] = [
    (3000, 0x0BB7, "current_l1", "f32", "A", ""),
    (3020, 0x0BCB, "voltage_l1_l2", "f32", "V", ""),
    (3028, 0x0BD3, "voltage_l1_n", "f32", "V", ""),
    (3054, 0x0BED, "active_power_l1", "f32", "kW", ""),
    (3060, 0x0BF3, "active_power_total", "f32", "kW", ""),
    (3110, 0x0C25, "frequency", "f32", "Hz", ""),
    (3204, 0x0C83, "energy_active_import", "i64", "Wh", ""),
    (3208, 0x0C87, "energy_active_export", "i64", "Wh", ""),
]
GAVAZZI = """
0000h  V L1-N  INT32  V*10
000Ch  A L1  INT32  A*1000
0012h W L1 INT32 W*10
0028h W sys INT32 W*10
002Ah VA sys INT32 VA*10
0031h PF sys INT16 PF*1000
0033h Hz INT16 Hz*10
0034h kWh (+) TOT INT32 kWh*10
004Eh kWh (-) TOT INT32 kWh*10
"""
GAVAZZI_ROWS: list[Row] = [
    (0x00, 0x00, "voltage_l1_n", "i32", "V", "0.1"),
    (0x0C, 0x0C, "current_l1", "i32", "A", "0.001"),
    (0x12, 0x12, "active_power_l1", "i32", "W", "0.1"),
    (0x28, 0x28, "active_power_total", "i32", "W", "0.1"),
    (0x2A, 0x2A, "apparent_power_total", "i32", "VA", "0.1"),
    (0x31, 0x31, "power_factor_total", "i16", "1", "0.001"),
    (0x33, 0x33, "frequency", "i16", "Hz", "0.1"),
    (0x34, 0x34, "energy_active_import", "i32", "kWh", "0.1"),
    (0x4E, 0x4E, "energy_active_export", "i32", "kWh", "0.1"),
]


WORDS = (
    "0x0061", "61H", "30053", "4x0001", "3028-3029", "Ua", "A相电压", "Total", "kWh", "float", "uint", "2", "0", "x0",
    "0.1V", "1e-3", "2e-7V", "V*10", "/100", "10^-2", "Hz", "R/W", "-", "00", "1C",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rows", "base"),
    [
        (EASTRON, EASTRON_ROWS, REFERENCE),
        (DTSU666, DTSU666_ROWS, ZERO_BASED),
        (ACREL, ACREL_ROWS, ZERO_BASED),
        (SCHNEIDER, SCHNEIDER_ROWS, ONE_BASED),
        (GAVAZZI, GAVAZZI_ROWS, ZERO_BASED),
    ],
    ids=["eastron", "dtsu666", "acrel", "schneider", "gavazzi"],
)
def test_the_lists_of_five_makers_are_read_as_they_are_meant(text: str, rows: list[Row], base: str) -> None:
    """Copied lines of five manuals give the wire addresses, quantities, types, units and factors of the meters."""
    found = read_register_list(text)
    assert base in possible_bases(found.registers)
    read = [
        (one.number, wire_address(one, base), quantity_of(one.name, one.unit), one.type, one.unit, one.factor)
        for one in found.registers
    ]
    assert read == rows
    assert [line for _number, line in found.left if line[:1].isdigit()] == []


def test_a_modicon_prefix_says_function_and_base() -> None:
    """3xxxx are input registers of function 4, 4xxxx holding registers of function 3; with an x there is no doubt."""
    sure = read_register_list("4x0001 Ua f32 V\n3x0053 Total power f32 W\n").registers
    assert [(wire_address(one, REFERENCE), function_of(one)) for one in sure] == [(0, 3), (52, 4)]
    assert possible_bases(sure) == (REFERENCE,)
    doubtful = read_register_list("40001 Ua f32 V\n40003 Ub f32 V\n").registers
    assert possible_bases(doubtful) == (REFERENCE, ZERO_BASED, ONE_BASED)
    assert possible_bases(read_register_list("0 Ua f32 V\n2 Ub f32 V\n").registers) == (ZERO_BASED,)


def test_columns_may_stand_in_any_order() -> None:
    """A heading says which column is what, whatever their order; without one, each cell tells by itself."""
    headed = read_register_list("单位;名称;数据类型;寄存器地址;倍率\nV;A相电压;uint16;97;0.1\n").registers[0]
    free = read_register_list("A相电压\t97\t0.1V\tuint16\n频率\t119\t0.01Hz\tuint16\n").registers[0]
    for one in (headed, free):
        assert (one.number, one.name, one.type, one.unit, one.factor) == (97, "A相电压", "u16", "V", "0.1")


def test_ranges_lengths_and_unit_factors_are_understood() -> None:
    """A range gives the length, a length the width of an integer, and 1/10, V/10, x0.1 and 10^-1 the same factor."""
    for line in (
        "3028-3029 Ua uint x0.1 V", "3028 Ua uint 2 V/10", "3028 Ua uint 2 /10 V", "3028~3029  Ua  uint  10^-1  V",
    ):  # fmt: skip
        one = read_register_list(line).registers[0]
        assert (one.number, one.name, one.type, one.unit, one.factor) == (3028, "Ua", "u32", "V", "0.1"), line


def test_lines_without_a_register_are_handed_back() -> None:
    """Headings of chapters and remarks are not taken for registers, and nothing of them is lost."""
    found = read_register_list("Table 4: measured values\n0x0061 Ua u16 0.1V\nsee page 12\n")
    assert [one.name for one in found.registers] == ["Ua"]
    assert found.left == ((1, "Table 4: measured values"), (3, "see page 12"))


@given(st.text(max_size=200) | st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is pasted, every register has name, address and a factor that counts, and quantities exist."""
    for one in read_register_list(text).registers:
        assert one.name and one.number >= 0
        assert not one.factor or Fraction(one.factor) > 0
        assert quantity_of(one.name, one.unit) in (None, *QUANTITIES)


@pytest.mark.parametrize(
    ("name", "unit", "quantity"),
    [
        ("Phase 2 volt amps reactive", "var", "reactive_power_l2"),
        ("Average line to line volts", "V", "voltage_ll_average"),
        ("Sum of line currents", "A", "current_total"),
        ("Total kWh", "kWh", "energy_active_total"),
        ("Active Energy Delivered (Into Load)", "Wh", "energy_active_import"),
        ("V L-N sys", "V", "voltage_ln_average"),
        ("Power Factor A", "", "power_factor_l1"),
        ("组合有功总电能", "kWh", "energy_active_total"),
        ("正向谷有功电能", "kWh", "energy_active_import_t4"),
        ("BC线电压", "V", "voltage_l2_l3"),
        ("C相有功功率", "kW", "active_power_l3"),
        ("正向无功总电能", "kvarh", "energy_reactive_import"),
        ("N线电流", "A", "current_n"),
    ],
)
def test_known_words_of_two_languages_name_quantities(name: str, unit: str, quantity: str) -> None:
    """What manuals call a quantity in English and Chinese is recognised, with its phase, direction and tariff."""
    assert quantity_of(name, unit) == quantity


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("CT ratio", ""),
        ("Active energy delivered", "Wh"),  # into the load or out of it: makers differ
        ("Voltage unbalance", "%"),
        ("零序电流", "A"),  # of the zero sequence, which is not that of the neutral
        ("Import export energy", "kWh"),
        ("Phase 1 voltage", "A"),
        ("Total kVArh", "kvarh"),
        ("电压变比", ""),
    ],
)
def test_what_is_half_understood_is_not_proposed(name: str, unit: str) -> None:
    """One unknown or contradicting word, or a unit of something else, and no quantity is guessed."""
    assert quantity_of(name, unit) is None


@pytest.mark.parametrize(
    "line", ["1,Voltage,²", "1,Voltage," + "1" * 1900, "1,Voltage,1e-99999999", "1," + "V" * 140_000]
)
def test_a_cell_that_no_manual_prints_is_no_number(line: str) -> None:
    """Superscripts, endless digits, exponents that fill the memory, lines beyond the limit of csv: none breaks."""
    for heading in ("address,name,count", "address,name,factor"):
        found = read_register_list(heading + "\n" + line + "\n")
        assert [(one.count, one.factor) for one in found.registers] in ([], [(None, "")])
        assert len(found.registers) + len(found.left) == 1
