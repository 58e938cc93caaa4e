"""Every rule of the house can fail, and the house keeps every rule."""

import pytest

from tools.tidy import LINES_MAX, LINES_WARN, examine, tracked, words_of

OPENING = '"""Says what it is."""\n\n'


def found(source: str, place: str = "gateway/made.py") -> list[str]:
    """Return what is told about a module of *source*."""
    return [finding.text for finding in examine({place: source})]


def test_the_house_keeps_its_rules() -> None:
    """No file under version control breaks a rule."""
    assert [str(finding) for finding in examine(tracked()) if not finding.warning] == []


def test_a_good_module_has_no_finding() -> None:
    """A docstring, good names and whole numbers are all that is asked for."""
    source = (
        OPENING + "import hashlib\n\nfrom gateway.core.site import Site\n\n\ndef half_wh(wh):\n    return wh // 2\n"
    )
    assert found(source, "gateway/core/made.py") == []


def test_a_module_opens_with_a_sentence() -> None:
    """No docstring, and one that is no sentence, are told."""
    assert found("import os\n") == ["opens without a docstring that says what it is"]
    assert found('"""meters"""\n') == ["its docstring does not open with a whole sentence"]


def test_a_module_ends_in_time() -> None:
    """Past the warning line it is a warning, past the hard stop a finding."""
    long = examine({"gateway/made.py": OPENING + "\n" * LINES_WARN})
    assert [finding.warning for finding in long] == [True]
    longer = examine({"gateway/made.py": OPENING + "\n" * LINES_MAX})
    assert [finding.warning for finding in longer] == [False]


@pytest.mark.parametrize(
    "definition", ["def send_data(): ...", "class BusManager: ...", "class Util: ...", "async def handler(): ..."]
)
def test_names_that_say_nothing_are_told(definition: str) -> None:
    """Functions and classes are refused by any whole word that would fit everything."""
    assert any("says nothing" in text for text in found(OPENING + definition + "\n"))


def test_files_and_folders_have_names_too() -> None:
    """A module or folder is refused by its name; the folder of measured curves is allowed."""
    assert any("says nothing" in text for text in found(OPENING, "gateway/bus_utils.py"))
    assert any("says nothing" in text for text in found(OPENING, "gateway/services/../service/x.py"))
    assert found(OPENING, "hil_tests/data/__init__.py") == []


def test_words_are_whole() -> None:
    """A banned word inside a longer one is another word."""
    assert words_of("update_stage") == {"update", "stage"}
    assert words_of("HTTPDataBits") == {"http", "data", "bits"}
    assert found(OPENING + "def utilisation(): ...\ndef tagged(): ...\n") == []


def test_errors_are_not_swallowed_whole() -> None:
    """A bare except is told."""
    assert found(OPENING + "try:\n    pass\nexcept:\n    raise\n") == ["a bare except hides every error"]


@pytest.mark.parametrize("marker", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_notes_of_undone_work_are_told(marker: str) -> None:
    """A comment that puts work off is a finding; the same letters in a text are not."""
    assert len(found(OPENING + "x = 1  # %s: later\n" % marker)) == 1
    assert found(OPENING + 'x = "WP-%s-001"\n' % marker) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x = 0.5", "float"),
        ("x = 1 / 2", "division"),
        ("x = 4\nx /= 2", "division"),
        ("x = float(1)", "float()"),
        ("x = round(1)", "round()"),
        ("import time", "imports time"),
        ("import struct", "imports struct"),
        ("from gateway.journal import Journal", "imports gateway.journal"),
        ("from cloud_sync.core.entry import link", "imports cloud_sync.core.entry"),
        ("from . import site", "imports ."),
        ("match 1:\n    case 1:\n        pass", "match"),
        ("@dataclass\nclass A: ...", "dataclass"),
        ("x = 1\ny = f'{x=}'", "f-string"),
        ("x = [*a, 1]", "unpacking"),
        ("x = {**a}", "unpacking"),
        ("def f(a, /): ...", "position"),
        ("try:\n    x = 1\nexcept ValueError as e:\n    raise KeyError from e", "raise ... from"),
    ],
)
def test_the_dialect_of_a_core_is_kept(line: str, said: str) -> None:
    """What CPython and MicroPython do not do alike is refused in a core, and nowhere else."""
    assert any(said in text for text in found(OPENING + line + "\n", "gateway/core/made.py"))
    assert found(OPENING + line + "\n", "gateway/made.py") == []


def test_a_code_stands_for_one_message() -> None:
    """The same code with another text is told, in one file or in two; the same text may be said twice."""
    one = OPENING + 'problem("WP-CFG-001", "x", "It is wrong.", "Mend it.")\n'
    other = OPENING + 'problem("WP-CFG-001", "y", "It is broken.", "Mend it.")\n'
    assert [finding.text for finding in examine({"a/one.py": one, "b/other.py": one})] == []
    texts = [finding.text for finding in examine({"a/one.py": one, "b/other.py": other})]
    assert texts == ["WP-CFG-001 says something else in a/one.py"]


def test_messages_are_literals_of_a_known_form() -> None:
    """A template made at run time cannot be translated; a code of another form is no code."""
    made = OPENING + 'problem("WP-CFG-001", "x", "It is " + why, "Mend it.")\n'
    assert found(made) == ["problem() takes code, what and hint as literals"]
    assert found(OPENING + 'problem("CFG-1", "x", "Wrong.", "Mend it.")\n') == [
        "CFG-1 is no code of the form WP-XXX-NNN"
    ]
    assert found(OPENING + 'CODE = "WP-CFG-001"\nproblem(CODE, "x", "Wrong.", "Mend it.")\n') == []


def test_every_place_of_a_message_is_filled() -> None:
    """A {name} in a template without its value would fail in front of the user."""
    source = OPENING + 'problem("WP-CFG-001", "x", "{what} is wrong in {file}.", "Mend {{it}}.", what=1)\n'
    assert found(source) == ["WP-CFG-001 leaves file without a value"]
