"""Seeds: what kind of life a seed draws: how long, how often accounts close, and which faults it meets how often.

Every life has a swarm of its own: most kinds of faults are absent from it, so that those it has can go far, and
one life in eight is quiet.
"""

from random import Random
from typing import NamedTuple

DAY_MS = 86_400_000
# How long an interval may be, in minutes, how many lives in a hundred have it, and how many days those last at most.
# Only 60 can be configured; longer ones are what lets years pass in seconds, and the machines treat them alike.
INTERVALS = ((60, 1, 20), (360, 2, 45), (720, 7, 90), (1440, 90, 400))
LENGTHS = tuple(minutes for minutes, _, _ in INTERVALS)
DAYS = ((20, 20), (45, 30), (90, 30), (200, 15), (400, 5))  # how long a life may last, and how many in a hundred do
QUIET_ONE_IN = 8
ED25519_ONE_IN = 32  # the others sign with a keyed hash of the same length

# Faults that come as events: the longest mean time between two, in days. A life draws less, or has none of a kind.
EVENTS = {
    "kill": 45,  # the process ends between two steps
    "kill-in-call": 45,  # the process ends at a storage call, before or after it
    "stop": 90,  # the daemon is stopped in order
    "power-cut": 45,
    "torn-commit": 45,  # power fails while a commit is on its way to the card
    "lying-cut": 135,  # power fails, and the card has lost the last commits although it had flushed them
    "card-restored": 180,  # somebody puts an old backup back
    "card-cloned": 270,  # the same card runs in two gateways for some days
    "card-damaged": 300,
    "card-full": 90,
    "card-error": 67,  # one storage call fails
    "clock-step": 45,
    "boot-in-1970": 90,
    "clock-unknown": 45,
    "partition": 30,  # gateway and broker
    "platform-partition": 60,  # broker and platform
    "broker-crash": 60,
    "platform-kill": 45,
    "platform-restored": 225,
    "meter-silent": 30,
    "bus-silent": 90,
}
# Faults that have a probability at each occasion: the highest.
CHANCES = {
    "bus-noise": 0.08,
    "lost": 0.05,
    "doubled": 0.1,
    "delayed": 0.1,
    "forged-receipt": 0.05,  # one of another's key, or of another ledger
    "between": 0.5,  # meters are also read between two boundaries
    "spread": 0.5,  # how long a dead gateway stays dead
}
# These leave two histories of one gateway, or an end of one: the platform can count no more than one of them.
SPLITTING = ("lying-cut", "card-restored", "card-cloned", "card-damaged")
# Three lives in four have none of those, so that the strict rule for the sum holds in them.
SPLITTING_ONE_IN = 4


class Swarm(NamedTuple):
    """What a seed stands for."""

    seed: int
    days: int
    interval_min: int
    meters: int
    gap: str
    ed25519: bool
    events: dict[str, float]  # mean days between two of a kind
    chances: dict[str, float]

    def chance(self, kind: str) -> float:
        """Return the probability of a fault at each occasion."""
        return self.chances.get(kind, 0.0)


def _weighted(dice: Random, table: tuple[tuple[int, ...], ...]) -> int:
    return dice.choices([row[0] for row in table], [row[1] for row in table])[0]


def swarm_of(seed: int, days: int | None = None, interval_min: int | None = None) -> Swarm:
    """Return what *seed* draws; *days* and *interval_min* take the place of what it would draw."""
    dice = Random(f"{seed}/swarm")
    drawn_days, drawn_interval = _weighted(dice, DAYS), _weighted(dice, INTERVALS)
    gap = dice.choice(("linear", "like-day"))
    meters = dice.choice((1, 1, 2))
    quiet, splitting = dice.randrange(QUIET_ONE_IN) == 0, dice.randrange(SPLITTING_ONE_IN) == 0
    drawn_days = min(drawn_days, next(most for minutes, _, most in INTERVALS if minutes == drawn_interval))
    ed25519 = dice.randrange(ED25519_ONE_IN) == 0
    events: dict[str, float] = {}
    for kind, longest in EVENTS.items():
        wanted, mean = dice.randrange(2) == 0, longest * 4 ** -dice.random()
        if wanted and not quiet and (splitting or kind not in SPLITTING):
            events[kind] = mean
    chances: dict[str, float] = {}
    for kind, highest in CHANCES.items():
        wanted, drawn = dice.randrange(2) == 0, highest * dice.random() ** 2
        if wanted and not quiet:
            chances[kind] = drawn
    return Swarm(seed, days or drawn_days, interval_min or drawn_interval, meters, gap, ed25519, events, chances)
