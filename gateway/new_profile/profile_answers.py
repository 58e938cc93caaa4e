"""ProfileAnswers: what a person says of a meter model and a register list does not, kept in a file to go on from."""

import re
from pathlib import Path
from typing import NamedTuple

import tomlkit

from gateway.core.fields import Fields
from gateway.core.meter.profile import HIGH_FIRST, LOW_FIRST, SIDES, SIGNS
from gateway.core.meter.profile_reading import is_line
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import Problem, ProblemError, problem
from gateway.new_profile.register_list import BASES
from gateway.profiles import FOLDER
from gateway.text_file import parse_toml, read_text

LEAVE_OUT, NO_QUANTITY = "-", ""  # what a line can be besides a quantity: dropped, or kept out of accounts by its name
_TEXTS = ("id", "maker", "model", "kind", "source", "page")
_KEYS = (*_TEXTS, "list", "function", "address", "words", "max_registers", "line", "side", "sign", "quantities")


class ProfileAnswers(NamedTuple):
    """None, or an empty text, is what was not answered. quantities: by printed address, see LEAVE_OUT, NO_QUANTITY."""

    list: str = ""
    id: str = ""
    maker: str | None = None
    model: str | None = None
    kind: str | None = None
    source: str | None = None
    page: str | None = None
    function: int | None = None
    address: str | None = None
    words: str | None = None
    max_registers: int | None = None
    line: str | None = None
    side: str | None = None
    sign: str | None = None
    quantities: "dict[str, str]" = {}  # noqa: RUF012 - never changed in place


def read_answers(path: Path) -> ProfileAnswers:
    """Return the answers in the file *path*; raises ProblemError with everything that is wrong."""
    where = path.name
    plain = parse_toml(read_text(path), where)
    problems: list[Problem] = []
    top = Fields(plain, "", problems)
    top.only(_KEYS)
    given = top.plain
    texts = {key: top.text(key, empty=True) for key in _TEXTS if key in given}
    listed = given.get("list", "")
    quantities = top.table("quantities") if "quantities" in given else Fields({}, "", problems)
    chosen: dict[str, str] = {}
    for address in quantities.plain:
        quantity = quantities.text(address, empty=True)
        chosen[address] = quantity
        if quantity not in (LEAVE_OUT, NO_QUANTITY):
            quantities.known(address, quantity, sorted(QUANTITIES))
    line = top.text("line") if "line" in given else None
    if line is not None and not is_line(line):
        problems.append(
            problem(
                "WP-CFG-009",
                "line",
                "{text} is no line setting",
                'write baud rate, then data bits, parity and stop bits, as in "9600 8N1"',
                text=line,
            )
        )
    answers = ProfileAnswers(
        listed if isinstance(listed, str) else "",
        texts.get("id", ""),
        texts.get("maker"),
        texts.get("model"),
        texts.get("kind"),
        texts.get("source"),
        texts.get("page"),
        top.number("function", 3, 4) if "function" in given else None,
        top.choice("address", BASES) if "address" in given else None,
        top.choice("words", (HIGH_FIRST, LOW_FIRST)) if "words" in given else None,
        top.number("max_registers", 1, 125) if "max_registers" in given else None,
        line,
        top.choice("side", SIDES) if "side" in given else None,
        top.choice("sign", SIGNS) if "sign" in given else None,
        chosen,
    )
    if problems:
        raise ProblemError(*[one.moved(where) for one in problems])
    return answers


def answers_text(answers: ProfileAnswers) -> str:
    """Return *answers* as a file that read_answers reads."""
    document = tomlkit.document()
    for key, value in answers._asdict().items():
        if value in (None, "", {}):
            continue
        if key == "list":
            # Control characters have no place in a literal text of TOML, and none in a list either.
            lines = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", value.replace("'''", '"""')).strip("\n")
            document.add(key, tomlkit.string(lines + "\n", literal=True, multiline=True))
        else:
            document.add(key, value)
    return tomlkit.dumps(document)


def draft_path(home: str | Path, profile_id: str) -> Path:
    """Return where the answers of an unfinished profile are kept."""
    return Path(home) / FOLDER / ((id_of(profile_id, "") or "unfinished") + ".draft")


def id_of(maker: str, model: str) -> str:
    """Return the usual id of a model: maker and model in small letters, digits and -; "" where none is left."""
    return re.sub(r"[^a-z0-9]+", "-", ("%s-%s" % (maker, model)).lower()).strip("-")
