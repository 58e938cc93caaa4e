"""Fields take values out of a plain map, and note each thing that is wrong once, with its place."""

from gateway.core.fields import Fields, nearest, note_taken, shown
from gateway.core.notation import MILLISECONDS, WATTS, decimal_scaled, line_setting, measure


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
