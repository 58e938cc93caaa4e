"""The catalogue holds every message, in both languages, with the same places to fill."""

import ast
import gettext
from pathlib import Path

import click

from gateway.words import translate
from tools import catalogue
from tools.click_words import CLICK_WORDS
from tools.messages import fields_of, sources, texts

SOURCE = '''"""A module."""

problem("WP-CFG-001", "x", "{what} is wrong.", "Mend it.", what=1)
print(_("said"), translate("told", "zh"))


@click.command("look")
@click.option("--all", help="Show all.")
def look():
    """Look around.

    At length.
    """


def quiet():
    """Not for users."""
'''


def places(*msgids: str) -> list[catalogue.Places]:
    """Return messages that one module says."""
    return [catalogue.Places(msgid, ("made.py",)) for msgid in msgids]


def test_every_message_has_chinese_text_and_the_files_are_up_to_date() -> None:
    """Nothing is missing, no text has other places, and the files on disk are those that the source asks for."""
    messages = catalogue.gather(sources())
    chinese = catalogue.read_language(catalogue.LOCALE, "zh_CN")
    assert catalogue.shortcomings(messages, chinese) == []
    behind = [file for file, held in catalogue.files_of(messages, chinese).items() if file.read_bytes() != held]
    assert behind == []


def test_problems_translations_and_help_are_gathered() -> None:
    """Texts of problems, of translations, and the help of commands and options are found; other docstrings are not."""
    found = {text.msgid for text in texts(ast.parse(SOURCE))}
    assert found == {"{what} is wrong.", "Mend it.", "said", "told", "Show all.", "Look around.\n\nAt length."}


def test_what_is_missing_is_told() -> None:
    """A message without a text and a text with other places are shortcomings; a good one is none."""
    messages = places("All is well.", "{name} is lost.", "No meter.")
    chinese: catalogue.Texts = {"All is well.": "一切正常。", "{name} is lost.": "{nmae} 丢失。"}
    told = catalogue.shortcomings(messages, chinese)
    assert len(told) == 2 and "{name} is lost." in told[0] and "No meter." in told[1]


def test_places_are_names_in_single_braces() -> None:
    """A form after the name belongs to the place, doubled braces do not."""
    assert fields_of("{count:3d} of {value!r} in {{json}} %d") == {"count", "value"}
    assert fields_of('{"id": 1}') == frozenset()


def test_snippets_of_several_hands_are_merged(tmp_path: Path) -> None:
    """Pairs of msgid and msgstr are taken in from every file, with or without empty lines between."""
    (tmp_path / "a.po.txt").write_text('msgid "one"\nmsgstr "一"\nmsgid "two"\nmsgstr ""\n"二"\n', encoding="utf-8")
    (tmp_path / "b.po.txt").write_text('msgid "one"\nmsgstr "壹"\n', encoding="utf-8")
    assert catalogue.read_snippets(tmp_path) == {"one": "壹", "two": "二"}


def test_the_compiled_files_speak(tmp_path: Path) -> None:
    """What is written for both languages is what the standard library reads back."""
    files = catalogue.files_of(places("No meter."), {"No meter.": "没有电表。"}, tmp_path)
    for file, held in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(held)
    for language, text in (("zh_CN", "没有电表。"), ("en", "No meter.")):
        assert gettext.translation("wattproof", tmp_path, [language]).gettext("No meter.") == text


def test_the_words_of_the_command_line_library_are_its_own() -> None:
    """Every text listed for click stands in click's source, so that none is translated in vain."""
    folder = Path(click.__file__).parent
    said = {
        node.value
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    listed = [text for words in CLICK_WORDS for text in ((words,) if isinstance(words, str) else words)]
    assert [text for text in listed if text not in said] == []


def test_the_product_reads_this_catalogue() -> None:
    """A message of the catalogue comes out in Chinese, and in English as it is."""
    assert translate("Answer in JSON.", "zh") == "以 JSON 输出。"
    assert translate("Answer in JSON.", "en") == "Answer in JSON."
