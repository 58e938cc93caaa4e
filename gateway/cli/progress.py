"""Shows how far a long look at a bus is: a bar on a terminal, one line a step elsewhere."""

import sys
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_STEP = 1000  # thousandths of one step


class Course:
    """Use as a context: so many steps of a thousand parts each, on the error channel. silent: say nothing at all."""

    def __init__(self, steps: int, silent: bool) -> None:
        self._steps = steps
        self._done = 0
        self._plain = not silent and steps > 1
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._plain = False
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeRemainingColumn(),
                console=Console(file=sys.stderr, emoji=False, highlight=False),
                transient=True,
            )
            self._task = self._bar.add_task("", total=steps * _STEP)

    def __enter__(self) -> "Course":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, text: str) -> None:
        """Say which step begins, where there is no bar."""
        if self._plain:
            click.echo("%d/%d  %s" % (self._done + 1, self._steps, text), err=True)

    def show(self, text: str, thousandths: int) -> None:
        """Show what is done now, and how much of the present step is over."""
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=self._done * _STEP + thousandths)

    def end(self) -> None:
        """Count the present step as over."""
        self._done += 1
        self.show("", 0)
