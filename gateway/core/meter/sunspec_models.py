"""The SunSpec information models: which figure a model holds at which place behind its beginning.

A model is a run of registers: its id, its length without these two, then its points. Figures that are whole numbers
have their power of ten in another register of the same model. The numbers are those of the public definitions of the
SunSpec Alliance; listed is what a park needs of them.
"""

from collections import namedtuple

MARKER = (0x5375, 0x6E53)  # "SunS", before the first model
COMMON = 1  # the model that names maker, model and serial number
END = 0xFFFF  # the id behind the last model
HEAD = 2  # registers of id and length

# Registers, and raw values that mean "not implemented", by type. A counter that every device of a model must have is
# 0 when it is new; one that is optional is 0 where it is not there ("acc32?").
TYPES: "dict[str, tuple[str, tuple[int, ...]]]" = {
    "u16": ("u16", (0xFFFF,)),
    "i16": ("i16", (0x8000,)),
    "u32": ("u32", (0xFFFFFFFF,)),
    "u64": ("u64", (0xFFFFFFFFFFFFFFFF,)),
    "f32": ("f32", ()),
    "acc32": ("u32", ()),
    "acc32?": ("u32", (0,)),
}

# Ids of models that are alike, and: name, place, type, place of the power of ten, unit; ...
_TABLES = (
    (
        (1,),
        "Mn 2 ascii16 - -; Md 18 ascii16 - -; Opt 34 ascii8 - -; Vr 42 ascii8 - -; SN 50 ascii16 - -; DA 66 u16 - -",
    ),
    (
        (101, 102, 103),
        "A 2 u16 6 A; AphA 3 u16 6 A; AphB 4 u16 6 A; AphC 5 u16 6 A; PPVphAB 7 u16 13 V; PPVphBC 8 u16 13 V; "
        "PPVphCA 9 u16 13 V; PhVphA 10 u16 13 V; PhVphB 11 u16 13 V; PhVphC 12 u16 13 V; W 14 i16 15 W; "
        "Hz 16 u16 17 Hz; VA 18 i16 19 VA; VAr 20 i16 21 var; PF 22 i16 23 %; WH 24 acc32 26 Wh; "
        "DCA 27 u16 28 A; DCV 29 u16 30 V; DCW 31 i16 32 W; TmpCab 33 i16 37 degC; TmpSnk 34 i16 37 degC; "
        "TmpTrns 35 i16 37 degC; TmpOt 36 i16 37 degC; St 38 u16 - -; StVnd 39 u16 - -",
    ),
    (
        (111, 112, 113),
        "A 2 f32 - A; AphA 4 f32 - A; AphB 6 f32 - A; AphC 8 f32 - A; PPVphAB 10 f32 - V; PPVphBC 12 f32 - V; "
        "PPVphCA 14 f32 - V; PhVphA 16 f32 - V; PhVphB 18 f32 - V; PhVphC 20 f32 - V; W 22 f32 - W; "
        "Hz 24 f32 - Hz; VA 26 f32 - VA; VAr 28 f32 - var; PF 30 f32 - %; WH 32 f32 - Wh; DCA 34 f32 - A; "
        "DCV 36 f32 - V; DCW 38 f32 - W; TmpCab 40 f32 - degC; TmpSnk 42 f32 - degC; TmpTrns 44 f32 - degC; "
        "TmpOt 46 f32 - degC; St 48 u16 - -; StVnd 49 u16 - -",
    ),
    (
        (120,),
        "DERTyp 2 u16 - -; WRtg 3 u16 4 W; VARtg 5 u16 6 VA; ARtg 12 u16 13 A; WHRtg 19 u16 20 Wh; "
        "MaxChaRte 23 u16 24 W; MaxDisChaRte 25 u16 26 W",
    ),
    (
        (124,),
        "WChaMax 2 u16 18 W; ChaState 8 u16 22 %; StorAval 9 u16 23 AH; InBatV 10 u16 24 V; ChaSt 11 u16 - -",
    ),
    (
        (201, 202, 203, 204),
        "A 2 i16 6 A; AphA 3 i16 6 A; AphB 4 i16 6 A; AphC 5 i16 6 A; PhV 7 i16 15 V; PhVphA 8 i16 15 V; "
        "PhVphB 9 i16 15 V; PhVphC 10 i16 15 V; PPV 11 i16 15 V; PhVphAB 12 i16 15 V; PhVphBC 13 i16 15 V; "
        "PhVphCA 14 i16 15 V; Hz 16 i16 17 Hz; W 18 i16 22 W; WphA 19 i16 22 W; WphB 20 i16 22 W; "
        "WphC 21 i16 22 W; VA 23 i16 27 VA; VAphA 24 i16 27 VA; VAphB 25 i16 27 VA; VAphC 26 i16 27 VA; "
        "VAR 28 i16 32 var; VARphA 29 i16 32 var; VARphB 30 i16 32 var; VARphC 31 i16 32 var; PF 33 i16 37 %; "
        "PFphA 34 i16 37 %; PFphB 35 i16 37 %; PFphC 36 i16 37 %; TotWhExp 38 acc32 54 Wh; "
        "TotWhExpPhA 40 acc32? 54 Wh; TotWhExpPhB 42 acc32? 54 Wh; TotWhExpPhC 44 acc32? 54 Wh; "
        "TotWhImp 46 acc32 54 Wh; TotWhImpPhA 48 acc32? 54 Wh; TotWhImpPhB 50 acc32? 54 Wh; "
        "TotWhImpPhC 52 acc32? 54 Wh",
    ),
    (
        (211, 212, 213, 214),
        "A 2 f32 - A; AphA 4 f32 - A; AphB 6 f32 - A; AphC 8 f32 - A; PhV 10 f32 - V; PhVphA 12 f32 - V; "
        "PhVphB 14 f32 - V; PhVphC 16 f32 - V; PPV 18 f32 - V; PPVphAB 20 f32 - V; PPVphBC 22 f32 - V; "
        "PPVphCA 24 f32 - V; Hz 26 f32 - Hz; W 28 f32 - W; WphA 30 f32 - W; WphB 32 f32 - W; WphC 34 f32 - W; "
        "VA 36 f32 - VA; VAphA 38 f32 - VA; VAphB 40 f32 - VA; VAphC 42 f32 - VA; VAR 44 f32 - var; "
        "VARphA 46 f32 - var; VARphB 48 f32 - var; VARphC 50 f32 - var; TotWhExp 60 f32 - Wh; "
        "TotWhExpPhA 62 f32 - Wh; TotWhExpPhB 64 f32 - Wh; TotWhExpPhC 66 f32 - Wh; TotWhImp 68 f32 - Wh; "
        "TotWhImpPhA 70 f32 - Wh; TotWhImpPhB 72 f32 - Wh; TotWhImpPhC 74 f32 - Wh",
    ),
    (
        (701,),
        "ACType 2 u16 - -; St 3 u16 - -; InvSt 4 u16 - -; ConnSt 5 u16 - -; W 10 i16 116 W; VA 11 i16 118 VA; "
        "Var 12 i16 119 var; PF 13 i16 117 1; A 14 i16 113 A; LLV 15 u16 114 V; LNV 16 u16 114 V; "
        "Hz 17 u32 115 Hz; TotWhInj 19 u64 120 Wh; TotWhAbs 23 u64 120 Wh; TmpAmb 35 i16 122 degC; "
        "TmpCab 36 i16 122 degC; TmpSnk 37 i16 122 degC; TmpTrns 38 i16 122 degC; TmpSw 39 i16 122 degC; "
        "TmpOt 40 i16 122 degC; WL1 41 i16 116 W; VAL1 42 i16 118 VA; VarL1 43 i16 119 var; PFL1 44 i16 117 1; "
        "AL1 45 i16 113 A; VL1L2 46 u16 114 V; VL1 47 u16 114 V; TotWhInjL1 48 u64 120 Wh; "
        "TotWhAbsL1 52 u64 120 Wh; WL2 64 i16 116 W; VAL2 65 i16 118 VA; VarL2 66 i16 119 var; "
        "PFL2 67 i16 117 1; AL2 68 i16 113 A; VL2L3 69 u16 114 V; VL2 70 u16 114 V; TotWhInjL2 71 u64 120 Wh; "
        "TotWhAbsL2 75 u64 120 Wh; WL3 87 i16 116 W; VAL3 88 i16 118 VA; VarL3 89 i16 119 var; "
        "PFL3 90 i16 117 1; AL3 91 i16 113 A; VL3L1 92 u16 114 V; VL3 93 u16 114 V; TotWhInjL3 94 u64 120 Wh; "
        "TotWhAbsL3 98 u64 120 Wh",
    ),
    (
        (702,),
        "WMaxRtg 2 u16 45 W; VAMaxRtg 7 u16 47 VA; WChaRteMaxRtg 10 u16 45 W; WDisChaRteMaxRtg 11 u16 45 W; "
        "WMax 26 u16 45 W; VAMax 31 u16 47 VA",
    ),
    (
        (703,),
        "ES 2 u16 - -; ESDlyTms 9 u32 - s",
    ),
    (
        (713,),
        "WHRtg 2 u16 7 Wh; WHAvail 3 u16 7 Wh; SoC 4 u16 8 %; SoH 5 u16 8 %; Sta 6 u16 - -",
    ),
    (
        (802,),
        "WHRtg 3 u16 53 Wh; WChaRteMax 4 u16 54 W; WDisChaRteMax 5 u16 54 W; SoC 11 u16 56 %; SoH 13 u16 58 %; "
        "NCyc 14 u32 - -; ChaSt 16 u16 - -; State 22 u16 - -; V 34 u16 59 V; CellVMax 37 u16 60 V; "
        "CellVMin 40 u16 60 V; A 44 i16 61 A; W 47 i16 63 W",
    ),
    (
        (160,),
        "DCA1 19 u16 2 A; DCV1 20 u16 3 V; DCW1 21 u16 4 W; DCWH1 22 acc32? 5 Wh; "
        "DCA2 39 u16 2 A; DCV2 40 u16 3 V; DCW2 41 u16 4 W; DCWH2 42 acc32? 5 Wh; "
        "DCA3 59 u16 2 A; DCV3 60 u16 3 V; DCW3 61 u16 4 W; DCWH3 62 acc32? 5 Wh; "
        "DCA4 79 u16 2 A; DCV4 80 u16 3 V; DCW4 81 u16 4 W; DCWH4 82 acc32? 5 Wh",
    ),
    (
        (714,),
        "DCA 5 i16 15 A; DCW 6 i16 17 W; DCWhInj 7 u64 18 Wh; DCWhAbs 11 u64 18 Wh",
    ),
)


class ModelPoint(namedtuple("ModelPoint", ("place", "type", "exponent", "unit"))):
    """One figure: registers behind the model's id, its type there, the place of its power of ten or None, its unit."""

    __slots__ = ()
    place: int
    type: str
    exponent: "int | None"
    unit: str


def _read(text: str) -> "dict[str, ModelPoint]":
    points = {}
    for line in text.split("; "):
        name, place, kind, exponent, unit = line.split(" ")
        scale = None if exponent == "-" else int(exponent)
        points[name] = ModelPoint(int(place), kind, scale, "" if unit == "-" else unit)
    return points


def alike(model: int) -> "tuple[int, ...]":
    """Return the ids of the models that are laid out as *model* is, itself among them."""
    for ids, _ in _TABLES:
        if model in ids:
            return ids
    return (model,)


def points_of(model: int) -> "dict[str, ModelPoint]":
    """Return the figures of *model* by name; none where it is not known here."""
    for ids, text in _TABLES:
        if model in ids:
            return _read(text)
    return {}
