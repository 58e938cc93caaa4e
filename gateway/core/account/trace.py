"""Trace: which source fed which sink in one interval, by a named method."""

from collections import namedtuple

SELF_USE = "688-hourly"
FLOW = "flow"
METHODS = (SELF_USE, FLOW)

# Names of sources and sinks that are no meter points.
UNMETERED = "unmetered:"  # a source: what a busbar gave out and was not seen to take in
RESIDUAL = "residual:"  # a sink: what a busbar took in and was not seen to give out
ORIGIN = "origin:"  # a source of the self-use method, which knows origins and no single plants
LOSS = "loss"  # a sink of the self-use method: self-use beyond all consumption


class Allocation(namedtuple("Allocation", ("method", "source", "sink", "wh"))):
    """So many watt-hours of *source* went to *sink*. Names of meter points, or "unmetered:<busbar>"."""

    __slots__ = ()
    method: str
    source: str
    sink: str
    wh: int


class Residual(namedtuple("Residual", ("busbar", "source", "wh"))):
    """What a busbar took in from *source* and was not seen to give out (losses, unmetered loads)."""

    __slots__ = ()
    busbar: str
    source: str
    wh: int
