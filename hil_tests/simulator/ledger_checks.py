"""Ledger checks: what the platform has counted at the end of a life, against what the meters truly counted."""

import json
from typing import NamedTuple

from cloud_sync.core.canonical import decode
from cloud_sync.platform.ledger import Ledger
from gateway.core.flag import DECREASED, ESTIMATED_SHAPE, LIKE_DAY_SHAPE, MISSING, QUARANTINED
from gateway.core.meter.decoding import ROLL_OVER_PART
from gateway.core.record import Account, Amendment, from_map
from hil_tests.simulator.bus import WRAP
from hil_tests.simulator.invariants import (
    ARRIVAL,
    ENERGY,
    EQUIVOCATION,
    GAPS,
    ORDER,
    TWICE,
    Register,
    Witness,
)
from hil_tests.simulator.site import GATEWAY
from hil_tests.simulator.world import BrokenError


class SpanRow(NamedTuple):
    """One register through one interval, as it is counted."""

    start_s: int
    end_s: int
    register: Register
    start_words: tuple[int, ...]
    end_words: tuple[int, ...]
    part: int
    parts: int
    energy_wh: int
    flag: str


def check_ledger(witness: Witness, incarnation: bytes) -> None:
    """Raise BrokenError where something of what the platform keeps cannot be; *incarnation*: of the gateway's head."""
    ledger = witness.platform.ledger
    _check_chains(witness, ledger)
    rows = _counted(ledger)
    intervals = [tuple(row) for row in ledger.read("SELECT start_s, end_s FROM interval ORDER BY start_s")]
    _check_intervals(ledger, intervals)
    if witness.split:
        rows = _along_the_chain(ledger, incarnation)
    else:
        if ledger.read("SELECT 1 FROM conflict") or ledger.read("SELECT 1 FROM unread"):
            raise BrokenError(TWICE, "the ledger has conflicts or unread entries")
        if ledger.read("SELECT 1 FROM interval WHERE account IS NULL"):
            raise BrokenError(GAPS, "an interval has no account")
    _check_spans(witness, rows)


def _check_chains(witness: Witness, ledger: Ledger) -> None:
    """Every chain is whole, holds what was sealed, and came in the order of its sequences."""
    kept: dict[bytes, set[int]] = {}
    last: dict[bytes, int] = {}
    for row in ledger.read("SELECT incarnation, sequence, body FROM entry ORDER BY projected"):
        incarnation, sequence = row["incarnation"], row["sequence"]
        if witness.bodies.get((incarnation, sequence)) != row["body"]:
            raise BrokenError(EQUIVOCATION, f"entry {sequence} is kept with a body that was never sealed")
        if sequence <= last.get(incarnation, 0):
            raise BrokenError(ORDER, f"entry {sequence} was projected after {last[incarnation]}")
        last[incarnation] = sequence
        kept.setdefault(incarnation, set()).add(sequence)
    for row in ledger.read("SELECT * FROM hole"):
        kept.setdefault(row["incarnation"], set()).update(range(row["first_sequence"], row["last_sequence"] + 1))
    for row in ledger.read("SELECT * FROM chain"):
        wanted = row["head_sequence"] - row["first_sequence"] + 1
        if len(kept.get(row["incarnation"], ())) != wanted:
            raise BrokenError(GAPS, f"a chain up to {row['head_sequence']} has not all its {wanted} entries")
    if ledger.read("SELECT 1 FROM set_aside WHERE reason = 'fork'"):
        raise BrokenError(EQUIVOCATION, "the platform was sent two histories under one incarnation")
    if ledger.read("SELECT 1 FROM held"):
        raise BrokenError(ARRIVAL, "a batch is held for one that never came")


def _check_intervals(ledger: Ledger, intervals: list[tuple[int, ...]]) -> None:
    announced = bool(ledger.read("SELECT 1 FROM chain WHERE branch = 1"))
    for before, now in zip(intervals, intervals[1:], strict=False):
        if now[0] < before[1]:
            raise BrokenError(TWICE, f"intervals {before} and {now} overlap")
        if now[0] > before[1] and not announced:
            raise BrokenError(GAPS, f"nothing says why there is no interval from {before[1]} to {now[0]}")


def _counted(ledger: Ledger) -> list[SpanRow]:
    return [
        SpanRow(
            row["start_s"], row["end_s"], (row["meter"], row["quantity"]), tuple(json.loads(row["start_words"])),
            tuple(json.loads(row["end_words"])), row["part"],
            row["parts"], row["energy_wh"], row["flag"],
        )
        for row in ledger.read("SELECT * FROM span WHERE gateway = ? ORDER BY start_s", (GATEWAY,))
    ]  # fmt: skip


def _along_the_chain(ledger: Ledger, incarnation: bytes) -> list[SpanRow]:
    """Return the spans of the one history that ends with the chain of *incarnation*: accounts as amended."""
    chains = {row["incarnation"]: row for row in ledger.read("SELECT * FROM chain")}
    ways: list[tuple[bytes, int, int]] = []
    through = chains[incarnation]["head_sequence"]
    while True:
        chain = chains[incarnation]
        ways.append((incarnation, chain["first_sequence"], through))
        through = chain["first_sequence"] - 1
        if through == 0:
            break
        parents = ledger.read(
            "SELECT incarnation FROM entry WHERE sequence = ? AND link = ?", (through, chain["parent_link"])
        )
        if not parents:
            raise BrokenError(GAPS, f"nobody keeps entry {through}, which a chain comes after")
        incarnation = parents[0]["incarnation"]
    spans: dict[tuple[int, Register], SpanRow] = {}
    for name, first, last in reversed(ways):
        question = "SELECT body FROM entry WHERE incarnation = ? AND sequence BETWEEN ? AND ? ORDER BY sequence"
        for row in ledger.read(question, (name, first, last)):
            plain = decode(row["body"])
            assert isinstance(plain, dict)
            record = from_map(plain)
            if isinstance(record, (Account, Amendment)):
                for span in record.spans:
                    register = (span.meter, span.quantity)
                    if isinstance(record, Account) and (record.start_s, register) in spans:
                        raise BrokenError(TWICE, f"one history closes the interval at {record.start_s} twice")
                    spans[record.start_s, register] = SpanRow(
                        record.start_s, record.end_s, register, span.start_words, span.end_words, span.part,
                        span.parts,
                        span.energy_wh, span.flag,
                    )  # fmt: skip
    return [spans[key] for key in sorted(spans)]


def _check_spans(witness: Witness, rows: list[SpanRow]) -> None:
    """The energies of each register add up to what it truly counted, and nothing is estimated or absent silently."""
    registers: dict[Register, list[SpanRow]] = {}
    for row in rows:
        registers.setdefault(row.register, []).append(row)
    for register, own in registers.items():
        counted = [row for row in own if MISSING not in row.flag]
        if not counted:
            raise BrokenError(ARRIVAL, f"nothing of {register} was counted")
        if MISSING in own[-1].flag:
            raise BrokenError(ARRIVAL, f"{register} is missing in the last interval, though it answers")
        total = excused = 0
        for before, row in zip([counted[0], *counted], counted, strict=False):
            if row is not before and row.start_s != before.end_s:
                raise BrokenError(GAPS, f"{register} is not counted from {before.end_s} to {row.start_s}")
            advance = (_value(row.end_words) - _value(row.start_words)) % WRAP
            total += row.energy_wh
            if QUARANTINED in row.flag:
                excused += advance if row.part == 0 else 0
                witness.world.counts["quarantined"] += 1
            elif DECREASED in row.flag:
                _check_decrease(row, advance)
                excused += advance if row.part == 0 else 0
                witness.world.counts["decreased"] += 1
            elif row.parts == 1 and row.energy_wh != advance:
                raise BrokenError(ENERGY, f"{register} at {row.start_s}: {row.energy_wh} Wh, and it advanced {advance}")
            if row.parts > 1 and not (ESTIMATED_SHAPE in row.flag or LIKE_DAY_SHAPE in row.flag):
                raise BrokenError(GAPS, f"{register} at {row.start_s} is a part of a gap, and does not say so")
        truth = witness.wh(register, counted[-1].end_words) - witness.wh(register, counted[0].start_words)
        if total + excused != truth:
            raise BrokenError(ENERGY, f"{register}: {total} Wh are counted of {truth}")


def _check_decrease(row: SpanRow, advance: int) -> None:
    """A register that went round is held for a person only where it went too far for that to be certain."""
    if row.energy_wh or row.end_words > row.start_words or advance * ROLL_OVER_PART <= WRAP:
        raise BrokenError(ENERGY, f"{row.register} at {row.start_s} is taken for a decrease: it advanced {advance}")


def _value(words: tuple[int, ...]) -> int:
    return words[0] << 16 | words[1]
