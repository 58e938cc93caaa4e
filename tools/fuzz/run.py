"""Runs the targets one after the other under atheris and tells, in one table, what was run and what was found.

`python -m tools.fuzz.run [--seconds 300] [--keep] [TARGET ...]`; what it finds lies in .fuzz/found. With --keep the
inputs that reach something new are added, made small, to the corpus in the repository.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tools.fuzz.registry import CORPUS, NAMES, target_named

WORK = Path(".fuzz")
INPUT_BYTES_MAX = 4096
RESIDENT_MIB_MAX = 600  # the interpreter, the product and libFuzzer's own tables take some 150
GROWTH_MIB_MAX = 16  # of the second half of a run over the first; libFuzzer's own list of inputs takes a few
SAMPLE_S = 0.5
UNIT_TIMEOUT_S = 25  # one input; generous, since a busy machine stalls
KEPT_BYTES_MAX = 8 * 1024  # of the corpus in the repository, a target
KEPT_INPUTS_MAX = 40  # as many, since each is run again in every `make test`


class Outcome(NamedTuple):
    """What the run of one target gave."""

    name: str
    seconds: int
    executions: int
    covered_before: int
    covered: int
    inputs: int
    resident_mib: int
    first_half_mib: int
    second_half_mib: int
    found: tuple[str, ...]

    def row(self) -> str:
        """Return it as a row of the table."""
        return "| %s | %d | %d | %d | %d | %d | %d | %d, %d | %s |" % (
            self.name,
            self.seconds,
            self.executions,
            self.covered_before,
            self.covered,
            self.inputs,
            self.resident_mib,
            self.first_half_mib,
            self.second_half_mib,
            ", ".join(self.found) or "none",
        )


HEADING = (
    "| target | seconds | executions | edges from the corpus | edges at the end "
    "| inputs | peak MiB | MiB by halves | found |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def _numbers(pattern: str, text: str) -> list[int]:
    return [int(one) for one in re.findall(pattern, text)]


def _dictionary(folder: Path, tokens: tuple[bytes, ...]) -> list[str]:
    """Write the words of the target's language as libFuzzer reads them; return the option that names them."""
    if not tokens:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokens.dict"
    path.write_text("".join('"%s"\n' % "".join("\\x%02x" % octet for octet in token) for token in tokens))
    return ["-dict=%s" % path]


def _resident_kib(process_id: int) -> int | None:
    """Return what a process holds in memory, None once it has ended or where nobody tells."""
    try:
        status = Path("/proc/%d/status" % process_id).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return next(iter(_numbers(r"VmRSS:\s+(\d+) kB", status)), None)


def halves_of(sizes_kib: list[int]) -> tuple[int, int]:
    """Return the middle size, in MiB, of the first half of a run and of its second half."""
    half = len(sizes_kib) // 2
    if not half:
        return 0, 0
    first, second = (int(median(part)) >> 10 for part in (sizes_kib[:half], sizes_kib[half:]))
    return first, second


def _fuzz(arguments: list[str], room: Path) -> tuple[str, list[int]]:
    """Run tools.fuzz.one to its end; return what it said, and its size in KiB every half second."""
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)
    environment = os.environ | {"TMPDIR": str(room.resolve()), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tools.fuzz.one", *arguments]
    log, sizes = room.with_suffix(".log"), list[int]()
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        while process.poll() is None:
            sizes.extend(size for size in (_resident_kib(process.pid),) if size is not None)
            time.sleep(SAMPLE_S)
    shutil.rmtree(room, ignore_errors=True)
    return log.read_text(encoding="utf-8", errors="replace"), sizes


def run(name: str, seconds: int, seed: int) -> Outcome:
    """Run the target *name* for *seconds*; its log is .fuzz/NAME.log."""
    inputs, found = WORK / "inputs" / name, WORK / "found"
    for folder in (inputs, found):
        folder.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in found.glob(name + "-*")}
    kept = CORPUS / name
    said, sizes = _fuzz(
        [
            name,
            "-max_total_time=%d" % seconds,
            "-timeout=%d" % UNIT_TIMEOUT_S,
            "-rss_limit_mb=%d" % RESIDENT_MIB_MAX,
            "-max_len=%d" % INPUT_BYTES_MAX,
            "-seed=%d" % seed,
            "-print_final_stats=1",
            "-artifact_prefix=%s/%s-" % (found, name),
            *_dictionary(WORK / "tokens" / name, target_named(name).tokens),
            str(inputs),
            *([str(kept)] if kept.is_dir() else []),
        ],
        WORK / "rooms" / name,
    )
    (WORK / (name + ".log")).write_text(said, encoding="utf-8")
    executions = _numbers(r"stat::number_of_executed_units: (\d+)", said)
    new = sorted(path.name for path in found.glob(name + "-*") if path.name not in before)
    if not executions and not new:
        new = ["did not run, see .fuzz/%s.log" % name]
    first, second = halves_of(sizes)
    if not new and second - first > GROWTH_MIB_MAX:
        new.append("memory grew from %d to %d MiB" % (first, second))
    return Outcome(
        name,
        seconds,
        (executions or [0])[-1],
        (_numbers(r"INITED cov: (\d+)", said) or [0])[0],
        (_numbers(r"cov: (\d+)", said) or [0])[-1],
        len(list(inputs.iterdir())),
        (_numbers(r"stat::peak_rss_mb:\s+(\d+)", said) or [0])[-1],
        first,
        second,
        tuple(new),
    )


def keep(name: str) -> None:
    """Add to the repository's corpus the smallest inputs that reach what the corpus and the seeds do not."""
    kept, merged = CORPUS / name, WORK / "merged" / name
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    kept.mkdir(parents=True, exist_ok=True)
    _fuzz([name, "-merge=1", str(merged), str(kept), str(WORK / "inputs" / name)], WORK / "rooms" / name)
    seeds = target_named(name).seeds
    room = KEPT_BYTES_MAX - sum(path.stat().st_size for path in kept.iterdir())
    for path in sorted(merged.iterdir(), key=lambda one: (one.stat().st_size, one.name)):
        content = path.read_bytes()
        if content in seeds:
            continue
        room -= len(content)
        if room < 0 or len(list(kept.iterdir())) >= KEPT_INPUTS_MAX:
            break
        (kept / path.name[:12]).write_bytes(content)


def main() -> int:
    """Run the targets asked for; the exit code is 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="how long each target runs")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's choices")
    parser.add_argument("--keep", action="store_true", help="add what reaches new ground to the repository's corpus")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="which; all by default: " + ", ".join(NAMES))
    asked = parser.parse_args()
    unknown = sorted(set(asked.targets) - set(NAMES))
    if unknown:
        parser.error("no such target: " + ", ".join(unknown))
    print(HEADING, flush=True)
    broken = False
    for name in asked.targets or NAMES:
        outcome = run(name, asked.seconds, asked.seed)
        print(outcome.row(), flush=True)
        broken = broken or bool(outcome.found)
        if asked.keep:
            keep(name)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
