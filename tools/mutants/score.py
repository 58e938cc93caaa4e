"""What the tests are worth: the share of the mutants they notice, with the interval in which the truth lies."""

import random
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from tools.mutants.making import Mutant
from tools.mutants.trial import KILLED, SURVIVED, TIMED_OUT

# Of a share measured on a sample, both ends of what holds in 95 of 100 samples.
NORMAL_95 = 1.959964


def spread(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return *count* mutants, one drawn from each of as many equal stretches, so that every module is met."""
    if count <= 0 or count >= len(mutants):
        return mutants
    drawn = random.Random(seed)
    edges = [index * len(mutants) // count for index in range(count + 1)]
    return [mutants[drawn.randrange(edges[index], edges[index + 1])] for index in range(count)]


def interval(noticed: int, tried: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if tried == 0:
        return 0.0, 1.0
    share, square = noticed / tried, NORMAL_95**2
    centre = (share + square / (2 * tried)) / (1 + square / tried)
    half = NORMAL_95 / (1 + square / tried) * (share * (1 - share) / tried + square / (4 * tried * tried)) ** 0.5
    return centre - half, centre + half


def equivalents(file: Path) -> dict[str, str]:
    """Return the mutants of the reviewed list that change nothing anyone can see: id to reason."""
    if not file.exists():
        return {}
    listed = tomllib.loads(file.read_text(encoding="utf-8"))["equivalent"]
    found = {one["id"]: one["reason"] for one in listed}
    if len(found) != len(listed) or not all(reason.strip() for reason in found.values()):
        raise ValueError("%s: each mutant once and with a reason" % file)
    return found


def figures(results: dict[str, str], equivalent: dict[str, str], whole: bool) -> dict[str, Any]:
    """Return the figures of *results* (id to outcome); *whole* where they are of every mutant there is."""
    counted = Counter(outcome for mutant, outcome in results.items() if mutant not in equivalent)
    tried = counted.total()
    noticed = counted[KILLED] + counted[TIMED_OUT]
    share = noticed / tried if tried else 0.0
    least, most = (share, share) if whole else interval(noticed, tried)
    return {
        "tried": tried,
        "killed": counted[KILLED],
        "timed_out": counted[TIMED_OUT],
        "survived": counted[SURVIVED],
        "equivalent": len(results) - tried,
        "score": share,
        "least": least,
        "most": most,
    }


def sentence(found: dict[str, Any]) -> str:
    """Say the figures in one line."""
    return "%.1f %% of %d mutants noticed (95 %% interval %.1f to %.1f %%): %d killed, %d timed out, %d lived; %s" % (
        100 * found["score"],
        found["tried"],
        100 * found["least"],
        100 * found["most"],
        found["killed"],
        found["timed_out"],
        found["survived"],
        "%d more are known to change nothing" % found["equivalent"],
    )
