"""Storage: an account of what a battery holds, by origin."""

from collections import namedtuple


class Pool(namedtuple("Pool", ("storage", "content"))):
    """What one storage meter point holds: content is ((origin, wh), ...), sorted by origin."""

    __slots__ = ()
    storage: str
    content: "tuple[tuple[str, int], ...]"
