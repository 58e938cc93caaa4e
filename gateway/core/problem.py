"""Problem: one thing that is wrong, where it is, why, and what to do next.

The texts are English templates with {named} places, so that the core stays free of
languages; `gateway.words` puts them into Chinese or English from the one catalogue.
"""

from collections import namedtuple


class Problem(namedtuple("Problem", ("code", "where", "what", "hint", "values"))):
    """A finding: stable code, place, template of what is wrong, template of what to do, values."""

    __slots__ = ()
    code: str
    where: str
    what: str
    hint: str
    values: "dict[str, object]"

    def moved(self, prefix: str) -> "Problem":
        """Return this problem with *prefix* put before its place."""
        where = prefix + "." + self.where if self.where else prefix
        return Problem(self.code, where, self.what, self.hint, self.values)


def problem(code: str, where: str, what: str, hint: str, **values: object) -> Problem:
    """Return a Problem; *what* and *hint* must be literals, so that the catalogue can find them."""
    return Problem(code, where, what, hint, values)


class ProblemError(Exception):
    """Stops the present work because of one or more problems; carries them all."""

    def __init__(self, *problems: Problem) -> None:
        assert problems
        super().__init__("; ".join("%s %s: %s" % (p.code, p.where, p.what) for p in problems))
        self.problems = problems
