"""Secrecy: finds what looks like a secret in a text that others will read, and takes it out."""

import re

from gateway.core.problem import Problem, problem

MASK = "***"
_SECRET_NAMES = (
    r"(?:pass(?:word|phrase|wd)|secret|token|credentials?|private[_-]?key|api[_-]?key|enrol(?:ment)?[_-]?code)"
)
_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_USER = re.compile(r"(\w+://)(?!\*\*\*@)[^/\s\"'@]*@")
_CODE = re.compile(r"\b(?:[A-Za-z2-7]{5}-){8}[A-Za-z2-7]{5}\b|\b[A-Z2-7]{45}\b")
_NAMED = re.compile(r"(?i)(\b\w*" + _SECRET_NAMES + r"\b[\"']?[ \t]*[=:][ \t]*)(?!\*\*\*)\S[^\n]*")
_NUMBER = re.compile(r"\b[0-9A-Fa-f]{64}\b")  # A key of 32 bytes; what a person writes has no other such number.
_KINDS = (_PRIVATE, _USER, _CODE, _NAMED, _NUMBER)


def masked(text: str) -> str:
    """Return *text*, which a program wrote, without private keys, users of addresses, and one-time codes."""
    text = _PRIVATE.sub(MASK, text)
    text = _USER.sub(lambda found: found[1] + MASK + "@", text)
    return _CODE.sub(MASK, text)


def masked_file(text: str) -> str:
    """Return *text*, which a person wrote, also without what is called a password, and numbers as long as a key."""
    text = _NAMED.sub(lambda found: found[1] + MASK, masked(text))
    return _NUMBER.sub(MASK, text)


def secrets_in(text: str, where: str) -> list[Problem]:
    """Return a problem for every line of *text* with what looks like a secret; it is not repeated."""
    lines = sorted({text.count("\n", 0, found.start()) + 1 for kind in _KINDS for found in kind.finditer(text)})
    return [
        problem(
            "WP-KEY-025", "%s:%d" % (where, line), "Here stands what looks like a password, a private key or a code.",
            "Take it out, also of comments: this text goes into the journal and to the platform. Keys belong into"
            " keys/, and a one-time code is typed into `wattproof enrol`.",
        )
        for line in lines
    ]  # fmt: skip
