"""Bounds: what a record must keep to before it is laid out, so that no gateway can hurt the figures of the others.

SQLite adds in 64 bits and fails beyond, a browser counts exactly to 2^53, a calendar ends; a text with control
characters can rewrite the terminal it is shown on. A record beyond these bounds is unread, as one that is no record.
"""

import re

from gateway.core import record as records
from gateway.core.account.basis import DIGEST_BYTES, Basis
from gateway.core.account.tally import Tally
from gateway.core.time_keeping import INFORMATIVE, RELATIVE, SYNCHRONISED, UNKNOWN

WH_MAX = 10**12  # of one meter point in one interval: a thousand times what a gigawatt gives in an hour
NUMBER_MAX = 10**15  # of anything else, as the micrograms of that gigawatt-hour at 1 kg/kWh; below 2^53
ROWS_MAX = 20_000  # in one list of a record: a hundred sources, each with two hundred sinks
NAME_LENGTH_MAX = 256  # characters; names are for people
TIME_S_MAX = 253_402_300_799  # the end of the year 9999, where calendars stop
ROOT_BYTES = 32
STATUSES = (UNKNOWN, INFORMATIVE, SYNCHRONISED, RELATIVE)
SITE_DOTS_MAX = 100  # in one line of a configuration: reading a key of many parts takes the square of them
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class BoundsError(ValueError):
    """A record says something beyond what the tables take."""


def check_names(*names: object) -> None:
    """Raise BoundsError where one of *names* is no text that can be shown on a line."""
    for name in names:
        if not isinstance(name, str) or len(name) > NAME_LENGTH_MAX:
            raise BoundsError("a name that is no text of at most %d characters" % NAME_LENGTH_MAX)
        if _CONTROL.search(name) is not None:
            raise BoundsError("a name with control characters")


def check_site(text: str) -> None:
    """Raise BoundsError where the TOML *text* of a configuration would take too long to read."""
    if any(line.count(".") > SITE_DOTS_MAX for line in text.split("\n")):
        raise BoundsError("a line of the configuration with more than %d dots" % SITE_DOTS_MAX)


def check(record: tuple[object, ...]) -> None:
    """Raise BoundsError where *record* is beyond the bounds of its kind."""
    if isinstance(record, (records.Interval, records.Account, records.SelfUse, records.Amendment)):
        _keeps_calendar(record.start_s, record.end_s)
    if isinstance(record, records.Interval):
        if len(record.root) != ROOT_BYTES or not 0 <= record.complete_ppm <= 1_000_000:
            raise BoundsError("a root of another length, or more than all registers read")
        if record.stamp.status not in STATUSES:
            raise BoundsError("a status that time does not have")
    elif isinstance(record, records.Config):
        _keeps(record.channels, 0, 0)
    elif isinstance(record, (records.Account, records.Amendment)):
        _keeps((record.energies, record.allocations, record.pools_before, record.pools_after), 0, WH_MAX)
        _keeps(record.residuals, -WH_MAX, WH_MAX)
        _keeps(record.spans, -NUMBER_MAX, NUMBER_MAX)
        _keeps_tallies(record.tallies, record.basis)
    elif isinstance(record, records.SelfUse):
        _keeps(record.allocations, 0, WH_MAX)
        _keeps_tallies(record.tallies, record.basis)
    elif isinstance(record, records.Checkpoint):
        sizes = 0 <= record.cosigned < record.size <= NUMBER_MAX
        if len(record.root) != ROOT_BYTES or not sizes:
            raise BoundsError("a checkpoint with a root or a size of another length")
    elif isinstance(record, records.ParameterChange):
        _keeps(record[1:], 0, NUMBER_MAX)
    elif isinstance(record, records.TimeAnchor):
        _keeps((*record[2:5], record.source), 0, TIME_S_MAX * 1000)
    elif isinstance(record, records.Declaration):
        _keeps(record[2:], 0, TIME_S_MAX * 1000)


def _keeps_calendar(start_s: int, end_s: int) -> None:
    if not 0 <= start_s < end_s <= TIME_S_MAX:
        raise BoundsError("a period that no calendar has")


def _keeps_tallies(tallies: tuple[Tally, ...], basis: Basis) -> None:
    if len(basis.configuration) != DIGEST_BYTES:
        raise BoundsError("a configuration named by another length")
    _keeps((basis.switches, basis.entries), 0, NUMBER_MAX)
    _keeps(tuple(tally.carbon_ug for tally in tallies), -NUMBER_MAX, NUMBER_MAX)
    _keeps(tuple(tally._replace(carbon_ug=0) for tally in tallies), 0, WH_MAX)


def _keeps(value: object, least: int, most: int) -> None:
    """Look through lists of rows: their numbers are from *least* to *most*, their texts are names."""
    if isinstance(value, tuple):
        if len(value) > ROWS_MAX:
            raise BoundsError("a list of more than %d rows" % ROWS_MAX)
        for one in value:
            if type(one) is not int or not least <= one <= most:
                _keeps(one, least, most)
    elif isinstance(value, int):
        if not least <= value <= most:
            raise BoundsError("a figure that is not from %d to %d" % (least, most))
    else:
        check_names(value)
