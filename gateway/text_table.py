"""Tables and lines for people, in the 80 columns of a technician's terminal."""

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 80


def lines_text(text: str, indent: int) -> str:
    """Return *text* as lines that fit, indented, and further from the second line on."""
    paper = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    lines = Text(text).wrap(paper, WIDTH - indent - 4)
    return "\n".join(" " * (indent + 4 * (number > 0)) + line.plain.rstrip() for number, line in enumerate(lines))


def drawn(what: Table | str) -> str:
    """Return a table, or a line of text, so that it fits; Chinese signs take two columns."""
    # Paper of its own: a console on the real output would speak to it even for a text that is only made.
    paper = io.StringIO()
    console = Console(file=paper, width=WIDTH, color_system=None, markup=False, emoji=False, highlight=False)
    console.print(what)
    return "\n".join(line.rstrip() for line in paper.getvalue().rstrip("\n").splitlines())


def table_text(headings: list[str], rows: list[list[str]], right: set[int]) -> str:
    """Return a table as text; *right* are columns of figures."""
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return drawn(table)
