"""Puts texts and problems into the user's language, from the one gettext catalogue."""

import gettext
import locale
import os
from pathlib import Path

from gateway.core.problem import Problem

LANGUAGES = ("zh", "en")
_FOLDER = Path(__file__).parent / "locale"
_DIRECTORY_OF = {"zh": "zh_CN", "en": "en"}
_chosen = "en"


def language_of_locale() -> str:
    """Return "zh" where the environment asks for Chinese, else "en"."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return "zh" if value.startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").startswith("zh") else "en"


def choose(language: str) -> None:
    """Speak *language* ("zh" or "en") from now on in this process."""
    global _chosen
    assert language in LANGUAGES
    _chosen = language
    # The command line's own words ("Usage", "Error") go through gettext's domain of the process and its LANGUAGE.
    gettext.bindtextdomain("wattproof", str(_FOLDER))
    gettext.textdomain("wattproof")
    os.environ["LANGUAGE"] = _DIRECTORY_OF[language]


def chosen() -> str:
    """Return the language this process speaks."""
    return _chosen


def translate(message: str, language: str | None = None) -> str:
    """Return *message* (an English text of the catalogue) in *language*, or in the chosen one."""
    directory = _DIRECTORY_OF[language or _chosen]
    catalogue = gettext.translation("wattproof", _FOLDER, [directory], fallback=True)
    return catalogue.gettext(message)


def say(problem: Problem, language: str | None = None) -> str:
    """Return *problem* as text: code and place, what is wrong, what to do."""
    values = {name: str(value) for name, value in problem.values.items()}
    what = translate(problem.what, language).format(**values)
    hint = translate(problem.hint, language).format(**values)
    head = "%s %s" % (problem.code, problem.where) if problem.where else problem.code
    return "%s: %s\n  -> %s" % (head, what, hint)
