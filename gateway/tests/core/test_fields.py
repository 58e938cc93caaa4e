"""Fields take values out of a plain map, and note each thing that is wrong once, with its place."""

from gateway.core.fields import Fields, nearest, note_taken, shown
from gateway.core.notation import MILLISECONDS, SECONDS, WATT_HOURS, WATTS, decimal_scaled, line_setting, measure, ratio


def fields(**plain):
    return Fields(plain, "file", [])


def noted(found):
    return [(one.code, one.where) for one in found.problems]


def test_sound_values_come_out_without_a_problem():
    """Each kind of field gives its value, or its default where the key is absent."""
    found = fields(
        text="a", empty="", choice="x", number=5, flag=True, measure="1.5 kW", ratio="400/5", decimal="0.1",
        items=[1], texts=["a", "b"], choices=["y"], table={"a": 1}, tables=[{"a": 1}],
    )  # fmt: skip
    assert (found.text("text"), found.text("empty", empty=True), found.text("absent", "b")) == ("a", "", "b")
    assert (found.choice("choice", ("x", "y")), found.choice("absent", ("x", "y"), "y")) == ("x", "y")
    assert (found.number("number", 1, 9), found.number("absent", 1, 9, 3)) == (5, 3)
    assert (found.flag("flag"), found.flag("absent"), found.flag("absent", True)) == (True, False, True)
    assert (found.measure("measure", WATTS), found.measure("absent", WATTS, "2 W")) == (1500, 2)
    assert (found.ratio("ratio"), found.ratio("absent")) == ((400, 5), (1, 1))
    assert (found.decimal("decimal", "1"), found.decimal("absent", "1")) == ((1, 10), (1, 1))
    assert (found.items("items"), found.items("absent")) == ([1], [])
    assert (found.texts("texts"), found.texts("absent", ("c",))) == (("a", "b"), ("c",))
    assert found.choices("choices", ("x", "y")) == ("y",)
    assert (found.table("table").plain, found.table("absent").plain) == ({"a": 1}, {})
    assert [one.where for one in found.tables("tables")] == ["file.tables[0]"]
    assert found.problems == []


def test_each_kind_of_mistake_has_its_code_and_place():
    """The same mistake has the same code in every file; the place names file and key."""
    found = fields(
        text=7, empty="", line="a\nb", choice="z", number=True, flag=1, measure="5 apples", ratio="5/400",
        decimal="0", items={}, texts=["a", ""], choices=["z"], table=[], tables=[{}, 7], one={}, none=[],
    )  # fmt: skip
    found.text("text")
    found.text("empty")
    found.text("line")
    found.choice("choice", ("x", "y"))
    found.number("number", 0, 9)
    found.flag("flag")
    found.measure("measure", WATTS)
    found.ratio("ratio")
    found.decimal("decimal", "1")
    found.items("items")
    assert found.texts("texts") == ("a", "")
    found.choices("choices", ("x", "y"))
    found.table("table")
    assert len(found.tables("tables")) == 1
    found.tables("one")
    found.items("none", some=True)
    found.known("name", "q", ["p"])
    assert noted(found) == [
        ("WP-CFG-004", "file.text"),
        ("WP-CFG-004", "file.empty"),
        ("WP-CFG-025", "file.line"),
        ("WP-CFG-040", "file.choice"),
        ("WP-CFG-005", "file.number"),
        ("WP-CFG-012", "file.flag"),
        ("WP-CFG-006", "file.measure"),
        ("WP-CFG-007", "file.ratio"),
        ("WP-CFG-041", "file.decimal"),
        ("WP-CFG-042", "file.items"),
        ("WP-CFG-017", "file.texts[1]"),
        ("WP-CFG-040", "file.choices"),
        ("WP-CFG-001", "file.table"),
        ("WP-CFG-001", "file.tables[1]"),
        ("WP-CFG-019", "file.one"),
        ("WP-CFG-020", "file.none"),
        ("WP-CFG-008", "file.name"),
    ]


def test_a_missing_key_is_told_once_and_by_its_table():
    """Without a default every kind of field says that its key is missing, and nothing else of it."""
    found = fields()
    found.text("a")
    found.choice("b", ("x",))
    found.number("c", 0, 9)
    found.measure("d", WATTS)
    found.needs("e")
    assert noted(found) == [("WP-CFG-003", "file")] * 5
    assert [one.values["key"] for one in found.problems] == ["a", "b", "c", "d", "e"]


def test_what_is_no_table_is_told_once():
    """Nothing is missed in what is no table."""
    for plain in ([], "a", None, 7):
        found = Fields(plain, "file", [])
        found.text("a")
        found.choice("b", ("x",))
        found.number("c", 0, 9)
        found.measure("d", WATTS)
        found.needs("e")
        found.only(("a",))
        assert noted(found) == [("WP-CFG-001", "file")]


def test_an_unknown_key_comes_with_the_nearest_known_one():
    """A slip of the keyboard is answered with the key that was meant."""
    found = fields(turnarround="10 ms")
    found.only(("baud", "port", "turnaround"))
    assert noted(found) == [("WP-CFG-002", "file.turnarround")]
    assert found.problems[0].values["near"] == "turnaround"
    assert nearest("prot", ("baud", "port", "turnaround")) == "port"
    assert nearest("x", ()) == ""


def test_a_name_is_taken_once():
    """The second use of a name is told, an absent name never."""
    problems = []
    taken = []
    for name in ("a", "", "b", "", "a"):
        note_taken("place", name, taken, problems)
    assert [(one.code, one.values["name"]) for one in problems] == [("WP-CFG-016", "a")]


def test_figures_are_read_exactly_or_not_at_all():
    """No float on the way; what is no whole number of the small unit is none."""
    assert decimal_scaled("0.85", 1000) == 850
    assert decimal_scaled("-1.5", 10) == -15
    assert [decimal_scaled(text, 1000) for text in ("0.8555", "", "1.", "1e3", "\u00b2", "9" * 5000)] == [None] * 6
    assert measure("1.5 s", MILLISECONDS) == 1500
    assert [measure(text, WATTS) for text in ("5", "5kW", "5 kWh", "kW", " kW", "0.0001 kW")] == [None] * 6
    assert line_setting("9600 8N1", (9600,)) == (9600, 8, "N", 1)
    assert line_setting("9600 8N1", (4800,)) is None


def test_a_message_shows_a_wrong_value_in_one_short_line():
    """Neither a long value nor a line break can garble a message."""
    assert shown("a\nb") == "a?b"
    assert shown("") == "''"
    assert shown("x" * 100) == "x" * 60 + "..."
    assert shown(7) == "7"


def test_a_number_of_thousands_of_digits_is_shown_short():
    """CPython refuses to write out more than 4300 digits; a message shows the first ones, or that there are some."""
    for value in (1 << 20000, [1 << 20000]):
        text = shown(value)
        assert text.endswith("...") and len(text) <= 63, text


def test_what_is_no_text_is_no_ratio_and_no_decimal_and_told_once():
    """A number where a text belongs is that one mistake, and gives what an absent key gives."""
    found = fields(ratio=40, decimal=7)
    assert (found.ratio("ratio"), found.decimal("decimal", "1")) == ((1, 1), (1, 1))
    assert noted(found) == [("WP-CFG-004", "file.ratio"), ("WP-CFG-004", "file.decimal")]


def test_numbers_at_both_ends():
    """The least and the most are taken, one beyond is not, and what is given instead is the least."""
    for value, given in ((1, 1), (9, 9), (0, 1), (10, 1), (True, 1), ("5", 1), (5.0, 1), (None, 1)):
        found = fields(number=value)
        assert found.number("number", 1, 9) == given
        assert noted(found) == ([] if value in (1, 9) and value is not True else [("WP-CFG-005", "file.number")])
    assert fields().number("absent", 4, 9) == 4


def test_measures_at_both_ends():
    """10 to the power of 12 is the most that is meant; the least is given where it is more, less or nothing."""
    for text, given in (("1 W", 1), ("1000000 MW", 10**12), ("1000000.000001 MW", 1), ("0 W", 1), ("-1 W", 1), ("", 1)):
        found = fields(power=text)
        assert found.measure("power", WATTS, None, 1) == given, text
        assert len(found.problems) == (given == 1 and text != "1 W")
    found = fields(power=5, text="")
    assert found.measure("power", WATTS, None, 3) == 3 and noted(found) == [("WP-CFG-004", "file.power")]
    assert found.measure("text", WATTS) == 0 and noted(found)[1:] == [("WP-CFG-006", "file.text")]
    assert (fields(power="5 W").measure("power", WATTS, None, 5, 5), fields().measure("absent", WATTS)) == (5, 0)


def test_ratios_at_both_ends():
    """The primary side is the greater one and at most ten million; anything else is 1/1 with a problem."""
    for text, given in (
        ("1/1", (1, 1)), ("5/5", (5, 5)), ("10000000/1", (10**7, 1)), ("10000001/1", None), ("4/5", None),
        ("80", None), ("0/1", None), ("5/0", None), ("a/b", None), ("", None), (" 400 / 5 ", (400, 5)),
    ):  # fmt: skip
        found = fields(ratio=text)
        assert found.ratio("ratio") == (given or (1, 1)), text
        assert noted(found) == ([] if given else [("WP-CFG-007", "file.ratio")])
    found = fields(ratio=7)
    assert found.ratio("ratio") == (1, 1) and noted(found) == [("WP-CFG-004", "file.ratio")]


def test_decimals_are_not_nought():
    """Numerator and power of ten; nought, nothing and what is no text give one."""
    for value, given in (("0.1", (1, 10)), ("-25", (-25, 1)), ("10", (10, 1)), ("0.0", None), ("", None), ("x", None)):
        found = fields(factor=value)
        assert found.decimal("factor", "1") == (given or (1, 1))
        assert noted(found) == ([] if given else [("WP-CFG-041", "file.factor")])
    found = fields(factor=1)
    assert found.decimal("factor", "1") == (1, 1) and noted(found) == [("WP-CFG-004", "file.factor")]


def test_texts_at_the_limits_of_what_can_be_printed():
    """A blank is the first sign that can be printed; a tab, the delete sign and nothing are not."""
    for text in (" ", "~", "\u6c34", "a b"):
        assert fields(text=text).text("text") == text
    for text in ("\x1f", "\x7f", "a\tb", "\n"):
        found = fields(text=text)
        assert found.text("text") == "" and fields(text=text).text("text", "d") == "d"
        assert noted(found) == [("WP-CFG-025", "file.text")]
    found = fields(text="", other=3)
    assert (found.text("text", "d"), found.text("other", "d"), found.text("absent")) == ("d", "d", "")
    assert noted(found) == [("WP-CFG-004", "file.text"), ("WP-CFG-004", "file.other"), ("WP-CFG-003", "file")]
    assert shown("\x1f \x7f") == "? \x7f"
    assert [len(shown("x" * length)) for length in (59, 60, 61)] == [59, 60, 63]


def test_a_wrong_choice_is_told_once_and_gives_the_first():
    """What is no text, no choice or missing gives the first choice with one problem; an empty text is no choice."""
    for plain, code in (
        ({"c": "z"}, "WP-CFG-040"),
        ({"c": 1}, "WP-CFG-004"),
        ({}, "WP-CFG-003"),
        ({"c": ""}, "WP-CFG-040"),
    ):
        found = Fields(plain, "", [])
        assert found.choice("c", ("x", "y")) == "x"
        assert [one.code for one in found.problems] == [code]
    assert noted(Fields({}, "", [])) == [] and Fields({}, "", []).place("c") == "c"


def test_lists_and_what_stands_in_their_place():
    """A list may be empty unless some are asked for; what is no list gives none, or the default."""
    found = fields(items=[], tables=[], texts=[], none=7, choices=7)
    assert (found.items("items"), found.tables("tables"), found.texts("texts", ("d",))) == ([], [], ())
    assert found.problems == []
    assert (found.items("none"), found.tables("none"), found.texts("none", ("d",))) == ([], [], ("d",))
    assert (found.choices("choices", ("x",)), found.tables("items", some=True)) == ((), [])
    assert [code for code, _ in noted(found)] == [
        "WP-CFG-042", "WP-CFG-019", "WP-CFG-017", "WP-CFG-042", "WP-CFG-020",
    ]  # fmt: skip
    assert (found.noted("none"), found.noted("nothing")) == (True, False)
    assert found.flag("none", True) is True and fields(flag=False).flag("flag", True) is False


def test_a_name_must_exist_unless_there_is_none():
    """A name that is known, and no name at all, refer to nothing that is missing."""
    found = fields()
    found.known("key", "p", ["p"])
    found.known("key", "", [])
    assert found.problems == []
    found.known("key", "q", [])
    assert [(one.where, one.values["names"]) for one in found.problems] == [("file.key", "-")]
    taken = ["a"]
    found.fresh("name", "a", taken)
    assert taken == ["a", "a"] and noted(found)[1:] == [("WP-CFG-016", "file.name")]


def test_the_nearest_word_by_pairs_letters_and_length():
    """Pairs of letters count twice, letters once, each letter more or less takes one away; of equals the first."""
    assert nearest("cycel", ("cycle", "slow", "readings")) == "cycle"
    assert nearest("ab", ("ba", "abx", "b")) == "abx"
    assert nearest("ab", ("abcdefg", "ba")) == "ba"
    assert nearest("q", ("b", "a")) == "a"
    assert nearest("serial", ("serials", "serial_number", "bus")) == "serials"


def test_figures_at_the_limits_of_what_people_write():
    """Forty digits are a number, forty-one are none; a point needs digits on both sides; a unit one blank before it."""
    assert decimal_scaled("9" * 40, 1) == 10**40 - 1 and decimal_scaled("9" * 41, 1) is None
    assert decimal_scaled("0." + "0" * 38 + "1", 10**39) == 1
    assert [decimal_scaled(text, 1) for text in (".5", "5.", "-", "--5", "+5", " 5", "5 ", "-0")] == [None] * 7 + [0]
    assert decimal_scaled("1.50", 10) == 15 and decimal_scaled("1.05", 10) is None
    for units, text, value in (
        (MILLISECONDS, "2 ms", 2), (MILLISECONDS, "2 s", 2000), (MILLISECONDS, "2 min", 120000),
        (MILLISECONDS, "2 h", 7200000), (SECONDS, "2 s", 2), (SECONDS, "2 min", 120), (SECONDS, "2 h", 7200),
        (WATTS, "2 W", 2), (WATTS, "2 kW", 2000), (WATTS, "2 MW", 2000000), (WATT_HOURS, "2 Wh", 2),
        (WATT_HOURS, "2 kWh", 2000), (WATT_HOURS, "2 MWh", 2000000), (WATTS, "2  W", 2),
    ):  # fmt: skip
        assert measure(text, units) == value, text
    assert [ratio(text) for text in ("80", "80/1", "400/5", " 1 / 2 ", "0", "1/0", "/5", "5/", "a", "1/2/3")] == [
        (80, 1), (80, 1), (400, 5), (1, 2), None, None, None, None, None, None,
    ]  # fmt: skip


def test_line_settings_of_every_kind():
    """7 or 8 bits; none, even or odd parity; 1 or 2 stop bits; nothing else, and nothing behind it."""
    for bits in (7, 8):
        for parity in "NEO":
            for stop in (1, 2):
                assert line_setting("300 %d%s%d" % (bits, parity, stop), (300,)) == (300, bits, parity, stop)
    for text in (
        "300 6N1",
        "300 9N1",
        "300 8M1",
        "300 8N0",
        "300 8N3",
        "300 8N",
        "300 8N11",
        "300",
        "x 8N1",
        "301 8N1",
        5,
    ):
        assert line_setting(text, (300,)) is None
