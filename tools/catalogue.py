"""Keeps the catalogue of messages: gathers them from the source, keeps their translations, and says what is missing.

`python -m tools.catalogue [FOLDER]` writes gateway/locale anew, taking in the translations that lie in FOLDER as
*.po.txt files (pairs of msgid and msgstr lines). `--check` writes nothing and fails where the catalogue is behind.
"""

import argparse
import ast
import io
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tools.click_words import CLICK_WORDS
from tools.messages import ROOT, fields_of, sources, texts

LOCALE = ROOT / "gateway" / "locale"
LANGUAGES = ("zh_CN", "en")
TRANSLATED = "zh_CN"
# Files change when their texts do, and not with the day they are written on.
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)

MessageId = str | tuple[str, str]
Texts = dict[MessageId, str | tuple[str, ...]]


class Places(NamedTuple):
    """A message and the modules that say it."""

    msgid: MessageId
    modules: tuple[str, ...]


def gather(files: Iterable[Path], root: Path = ROOT) -> list[Places]:
    """Return every message of *files* and of the command line library, with the modules that say it."""
    found: dict[MessageId, set[str]] = {}
    for file in files:
        for text in texts(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(text.msgid, set()).add(file.relative_to(root).as_posix())
    for words in CLICK_WORDS:
        found.setdefault(words, set()).add("tools/click_words.py")
    rows = [Places(msgid, tuple(sorted(modules))) for msgid, modules in found.items()]
    return sorted(rows, key=lambda row: (row.modules[0], row.msgid if isinstance(row.msgid, str) else row.msgid[0]))


def catalogue_of(messages: list[Places], translated: Texts, language: str | None) -> Catalog:
    """Return the catalogue of *messages* in *language*; None is the template."""
    catalogue = Catalog(
        locale=language, project="wattproof", version="", charset="utf-8", fuzzy=False,
        header_comment="# Messages of Wattproof; written by tools/catalogue.py, except for the translations.",
        creation_date=WRITTEN, revision_date=WRITTEN, copyright_holder="", msgid_bugs_address="", last_translator="",
        language_team="",
    )  # fmt: skip
    for msgid, modules in messages:
        text = translated.get(msgid, "") if language else ""
        catalogue.add(msgid, text or None, locations=[(module, 0) for module in modules])
    return catalogue


def in_english(messages: list[Places]) -> Texts:
    """Return the messages as their own translation."""
    return {msgid: msgid for msgid, _ in messages}


def read_texts(catalogue: Catalog) -> Texts:
    """Return what *catalogue* translates."""
    found: Texts = {}
    for message in catalogue:
        if message.id and message.string and all(message.string):
            msgid = message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
            found[msgid] = message.string if isinstance(message.string, str) else tuple(message.string)
    return found


def read_language(folder: Path, language: str) -> Texts:
    """Return the translations kept in *folder* for *language*."""
    file = _po(folder, language)
    if not file.exists():
        return {}
    with file.open("rb") as stream:
        return read_texts(read_po(stream, locale=language))


def read_snippets(folder: Path) -> Texts:
    """Return the translations of every *.po.txt in *folder*; the later file wins."""
    gathered: Texts = {}
    for file in sorted(folder.glob("*.po.txt")):
        source = "".join("\n" + line if line.startswith("msgid ") else line for line in file.open(encoding="utf-8"))
        gathered.update(read_texts(read_po(io.StringIO(source), locale=TRANSLATED, ignore_obsolete=True)))
    return gathered


def _po(folder: Path, language: str) -> Path:
    return folder / language / "LC_MESSAGES" / "wattproof.po"


def files_of(messages: list[Places], chinese: Texts, folder: Path = LOCALE) -> dict[Path, bytes]:
    """Return what the files of the catalogue must hold."""
    template = io.BytesIO()
    write_po(template, catalogue_of(messages, {}, None), width=110, include_lineno=False)
    held = {folder / "wattproof.pot": template.getvalue()}
    for language, translated in ((TRANSLATED, chinese), ("en", in_english(messages))):
        catalogue = catalogue_of(messages, translated, language)
        source, compiled = io.BytesIO(), io.BytesIO()
        write_po(source, catalogue, width=110, include_lineno=False)
        write_mo(compiled, catalogue)
        held[_po(folder, language)] = source.getvalue()
        held[_po(folder, language).with_suffix(".mo")] = compiled.getvalue()
    return held


def shortcomings(messages: list[Places], chinese: Texts) -> list[str]:
    """Return which messages have no Chinese text, and whose text has other {places} than the message."""
    found = []
    for msgid, modules in messages:
        text = chinese.get(msgid)
        if not text:
            found.append("%s: no Chinese text for %r" % (modules[0], msgid))
        elif isinstance(msgid, str) and isinstance(text, str) and fields_of(msgid) != fields_of(text):
            found.append("%s: other {places} in the Chinese text for %r" % (modules[0], msgid))
    return found


def main() -> int:
    """Write the catalogue, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="translations to take in, as *.po.txt")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the catalogue is behind")
    choice = parser.parse_args()
    messages = gather(sources())
    chinese = read_language(LOCALE, TRANSLATED)
    if choice.folder:
        chinese.update(read_snippets(choice.folder))
    wrong = shortcomings(messages, chinese)
    for file, held in files_of(messages, chinese).items():
        if choice.check and (not file.exists() or file.read_bytes() != held):
            wrong.append("%s is behind the source: run `make catalogue`" % file.relative_to(ROOT))
        elif not choice.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(held)
    for line in wrong:
        print(line, file=sys.stderr)
    print("%d messages, %d shortcomings" % (len(messages), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
