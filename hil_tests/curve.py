"""Curve: a power profile measured in a real plant, scaled to a plant of the emulated park."""

import csv
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple


class Curve(NamedTuple):
    """Mean powers of consecutive values of the data, in whole watts; after the last one it begins again."""

    name: str
    powers_w: tuple[int, ...]

    def power_w(self, position: int, steps: int) -> int:
        """Return the power at step *position*, with *steps* steps from each value to the next, in a straight line."""
        index, part = divmod(position, steps)
        here = self.powers_w[index % len(self.powers_w)]
        there = self.powers_w[(index + 1) % len(self.powers_w)]
        return here + (there - here) * part // steps


def columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of the CSV file *path*."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return tuple(next(csv.reader(lines), []))


def read_curve(name: str, path: Path, column: str, peak_w: int) -> Curve:
    """Return *column* of the CSV file *path*, scaled so that its greatest value is *peak_w*.

    Raises ValueError where the column holds anything but numbers from zero, or only zeros.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        values = [Fraction(row[column]) for row in csv.DictReader(lines)]
    greatest = max(values, default=Fraction(0))
    if greatest <= 0 or min(values) < 0:
        raise ValueError("a curve needs values from zero, and one above it")
    return Curve(name, tuple(int(value * peak_w / greatest) for value in values))
