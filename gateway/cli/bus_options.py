"""Options of the commands that talk to a bus: unit ids and line settings."""

from typing import Any

import click

from gateway.core.meter.profile_reading import is_line
from gateway.core.notation import is_digits
from gateway.core.site_reading import UNITS
from gateway.words import translate as _


class Units(click.ParamType[tuple[int, ...]]):
    """Unit ids such as "1-32" or "1,5,20-24"."""

    name = "units"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the unit ids in order."""
        if isinstance(value, tuple):
            return value
        found: set[int] = set()
        for part in str(value).split(","):
            first, dash, last = part.strip().partition("-")
            if not is_digits(first) or (dash and not is_digits(last)):
                self.fail(_('Give unit ids such as "1-32" or "1,5,20-24".'), param, ctx)
            least, most = int(first), int(last or first)
            if not UNITS[0] <= least <= most <= UNITS[1]:
                self.fail(_("Unit ids are from 1 to 247, the smaller one first."), param, ctx)
            found.update(range(least, most + 1))
        return tuple(sorted(found))


class LineSetting(click.ParamType[str]):
    """A line setting such as "9600 8N1"."""

    name = "line"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it in capitals."""
        text = " ".join(str(value).upper().split())
        if not is_line(text):
            self.fail(_('Give a line setting such as "9600 8N1" or "19200 8E1".'), param, ctx)
        return text
