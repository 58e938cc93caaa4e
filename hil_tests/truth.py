"""Truth: what the emulated meters truly counted at every read, and how a platform's figures compare with it.

The file has one JSON object a line: utc_ms (when the meter took its sample), meter, quantity, words (the registers
as answered), true_uwh (what the register stands for, in millionths of a Wh, before its last digit was cut off) and
resolution_uwh (what its last digit is worth). `python -m hil_tests.emulator CONFIG --truth FILE` writes it.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from cloud_sync.platform.ledger import RegisterTotal
from hil_tests.emulated_meter import TrueRegister

UWH_PER_WH = 1_000_000


class TrueSample(NamedTuple):
    """One energy register in one answer."""

    utc_ms: int
    meter: str
    quantity: str
    words: tuple[int, ...]
    true_uwh: int
    resolution_uwh: int


class Comparison(NamedTuple):
    """The energy of one register from its first to its last boundary: what the platform says, and the truth.

    difference_uwh: platform less truth; resolution_uwh: one step of the register, or one Wh where its step is finer.
    """

    meter_point: str
    quantity: str
    platform_wh: int
    true_uwh: int
    difference_uwh: int
    resolution_uwh: int

    @property
    def agrees(self) -> bool:
        """Whether the platform is right to less than one step of the register."""
        return abs(self.difference_uwh) < self.resolution_uwh


class TruthWriter:
    """Appends samples to a truth file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, meter: str, utc_ms: int, registers: Iterable[TrueRegister]) -> None:
        """Append the energy registers of one answer."""
        for one in registers:
            sample = TrueSample(utc_ms, meter, *one)
            self._file.write(json.dumps(sample._asdict(), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Truth:
    """All samples of a truth file, to be looked up."""

    def __init__(self, samples: Iterable[TrueSample]) -> None:
        self._by_register: dict[tuple[str, str], list[TrueSample]] = {}
        for sample in sorted(samples):
            self._by_register.setdefault((sample.meter, sample.quantity), []).append(sample)

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Return the truth in the file *path*; a last line that is still being written does not count."""
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        return cls(_sample(json.loads(line)) for line in whole.splitlines())

    def registers(self) -> tuple[tuple[str, str], ...]:
        """Return every (meter, quantity) that was read."""
        return tuple(sorted(self._by_register))

    def samples(self, meter: str, quantity: str, words: tuple[int, ...] | None = None) -> tuple[TrueSample, ...]:
        """Return the samples of a register in time, or only those that showed *words*."""
        found = self._by_register.get((meter, quantity), [])
        return tuple(sample for sample in found if words is None or sample.words == words)

    def before(self, meter: str, quantity: str, utc_ms: int) -> TrueSample | None:
        """Return the last sample of a register that was taken at *utc_ms* or earlier."""
        found = self._by_register.get((meter, quantity), [])
        place = bisect_right(found, utc_ms, key=lambda sample: sample.utc_ms)
        return found[place - 1] if place else None

    def sample(self, meter: str, quantity: str, words: tuple[int, ...], utc_ms: int | None = None) -> TrueSample | None:
        """Return the sample that showed *words*; of several, the last one at *utc_ms* or earlier, else the first."""
        found = self.samples(meter, quantity, words)
        if not found:
            return None
        earlier = [sample for sample in found if utc_ms is None or sample.utc_ms <= utc_ms]
        return earlier[-1] if earlier else found[0]

    def energy_between(
        self,
        meter: str,
        quantity: str,
        start_words: tuple[int, ...],
        end_words: tuple[int, ...],
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> int | None:
        """Return the true energy in uWh between two readings of a register; None where one was never shown."""
        start = self.sample(meter, quantity, start_words, start_ms)
        end = self.sample(meter, quantity, end_words, end_ms)
        return None if start is None or end is None else end.true_uwh - start.true_uwh


def compare(
    truth: Truth, ledger_rows: Iterable[RegisterTotal], meter_points: Mapping[str, str] | None = None
) -> list[Comparison]:
    """Return, for each register a ledger has energy of, the platform's figure beside the truth.

    ledger_rows: `cloud_sync.platform.ledger.energy_totals(ledger)`; the platform's figure is the sum of its interval
    energies from the first to the last boundary it knows. meter_points: the name of the meter point of each meter.
    Registers that no meter ever showed are an assertion.
    """
    found = []
    for row in sorted(ledger_rows):
        if not row.first_words or not row.last_words:
            continue
        start = truth.sample(row.meter, row.quantity, row.first_words, row.first_ms)
        end = truth.sample(row.meter, row.quantity, row.last_words, row.last_ms)
        assert start is not None and end is not None, f"{row.meter} {row.quantity}: no meter ever showed this"
        true_uwh = end.true_uwh - start.true_uwh
        found.append(
            Comparison(
                (meter_points or {}).get(row.meter, row.meter),
                row.quantity,
                row.energy_wh,
                true_uwh,
                row.energy_wh * UWH_PER_WH - true_uwh,
                max(start.resolution_uwh, end.resolution_uwh, UWH_PER_WH),
            )
        )
    return found


def _sample(plain: dict[str, object]) -> TrueSample:
    words = plain["words"]
    assert isinstance(words, list)
    return TrueSample(**{**plain, "words": tuple(words)})  # type: ignore[arg-type]
