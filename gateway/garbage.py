"""Garbage: how a process that runs for years looks for what it has thrown away."""

import gc

# Accounts free nearly all they use without being looked for; the default of 700 looks through the young over and over.
YOUNG_OBJECTS = 10_000


def begun() -> None:
    """Say that the process has all that it keeps for good: it is looked through no more, and the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
