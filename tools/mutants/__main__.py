"""Measures how many small changes of the cores their tests notice; `python -m tools.mutants --help`."""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from tools.core_on_micropython import CORES, ROOT, TESTS
from tools.mutants.ground import OTHERS, Ground, gather
from tools.mutants.making import Mutant, difference, mutants_of
from tools.mutants.score import equivalents, figures, sentence, spread
from tools.mutants.trial import PATIENCE_S, SURVIVED, Trials, Verdict

LIST = "tools/mutants/equivalent.toml"
KEPT = ".mutants/results.jsonl"


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="try so many, spread over all modules (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (default 1)")
    parser.add_argument("--module", action="append", default=[], help="only modules whose name contains this")
    parser.add_argument("--id", action="append", default=[], help="try these mutants alone, show each")
    parser.add_argument("--plain", action="store_true", help="no second chance by the tests that need pytest")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results: needed after a test was weakened")
    parser.add_argument("--least", type=float, default=0.0, help="end with 1 below this score, in percent")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds a test may think longer than ever")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--core", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--tests", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--others", action="append", default=[], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


class Results:
    """The outcomes of earlier runs, kept so that an interrupted run goes on."""

    def __init__(self, file: Path, fingerprint: str, sources: dict[str, str], only_plain: bool, fresh: bool) -> None:
        """Read *file*. What was noticed stays so until its module changes; what lived, until anything does."""
        self._only_plain = only_plain
        self.plainly: dict[str, str] = {}  # outcomes by the plain tests
        self._file = file
        self._fingerprint = fingerprint
        self._digests = {place: hashlib.sha256(text.encode()).hexdigest()[:12] for place, text in sources.items()}
        self.known: dict[str, dict[str, Any]] = {}
        if fresh:
            file.unlink(missing_ok=True)
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                one = json.loads(line)
            except ValueError:  # The last line of a run that was killed while it wrote.
                continue
            same = one["outcome"] != SURVIVED or one["fingerprint"] == fingerprint
            if same and self._digests.get(one["place"]) == one["source"]:
                self._know(one)

    def _know(self, one: dict[str, Any]) -> None:
        """Take a result that holds now; one by the plain tests alone says little of a mutant that lives."""
        if one["plain"]:
            self.plainly[one["id"]] = one["outcome"]
        if not one["plain"] or one["outcome"] != SURVIVED or self._only_plain:
            self.known[one["id"]] = one

    def add(self, mutant: Mutant, verdict: Verdict, plain: bool) -> None:
        """Keep one more."""
        one = {"id": mutant.id, "place": mutant.place, "outcome": verdict.outcome, "by": verdict.by, "plain": plain}
        one.update(source=self._digests[mutant.place], fingerprint=self._fingerprint)
        self._know(one)
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(one) + "\n")


def chosen(options: argparse.Namespace, everything: list[Mutant]) -> list[Mutant]:
    """Return the mutants that the command line asks for."""
    found = everything
    if options.module:
        found = [mutant for mutant in found if any(part in mutant.module for part in options.module)]
    if options.id:
        return [mutant for mutant in found if mutant.id in options.id]
    return spread(found, options.sample, options.seed)


def show(number: int, count: int, how: str) -> None:
    """Say how far the run is, where somebody looks."""
    if sys.stderr.isatty():
        print("\r%d of %d%s " % (number, count, how), end="", file=sys.stderr)


def told(mutant: Mutant, source: str) -> dict[str, Any]:
    """Describe a mutant."""
    return {
        "id": mutant.id,
        "place": "%s:%d" % (mutant.place, mutant.line),
        "operator": mutant.operator,
        "change": difference(source, mutant),
    }


def main(arguments: list[str] | None = None) -> int:
    """Try the mutants asked for and tell the score."""
    options = read_arguments(arguments)
    root = options.root.resolve()
    sys.path.insert(0, str(root))
    ground = Ground(root, tuple(options.core or CORES), tuple(options.tests or TESTS), tuple(options.others or OTHERS))
    sources = {place: ground.source(place) for place in ground.core_files()}
    everything = [mutant for place, source in sources.items() for mutant in mutants_of(place, source)]
    known_equal = equivalents(root / LIST)
    results = Results(root / KEPT, ground.fingerprint(), sources, options.plain, options.fresh)
    asked = chosen(options, everything)
    if not asked:
        print("no such mutant", file=sys.stderr)
        return 2
    equal = [mutant.id for mutant in asked if mutant.id in known_equal and not options.id]
    ahead = [one for one in asked if one.id not in equal and (options.id or one.id not in results.known)]
    if options.id:
        results.plainly.clear()
    if ahead:
        trials = Trials(ground, gather(ground, {mutant.module for mutant in ahead}), options.patience)
        alive = [one for one in ahead if one.id not in results.plainly]
        for number, mutant in enumerate(alive, 1):
            results.add(mutant, trials.plain(mutant), plain=True)
            show(number, len(alive), "")
        alive = [] if options.plain else [one for one in ahead if results.plainly.get(one.id) == SURVIVED]
        for number, mutant in enumerate(alive, 1):
            results.add(mutant, trials.others(mutant), plain=False)
            show(number, len(alive), " by pytest")
    outcomes = {mutant.id: results.known[mutant.id]["outcome"] for mutant in asked if mutant.id not in equal}
    outcomes.update(dict.fromkeys(equal, SURVIVED))
    found = figures(outcomes, known_equal, whole=len(asked) == len(everything))
    shown = [one for one in asked if options.id or (outcomes[one.id] == SURVIVED and one.id not in equal)]
    if options.json:
        found["mutants"] = len(everything)
        found["survivors"] = [told(mutant, sources[mutant.place]) for mutant in shown]
        print(json.dumps(found, indent=1))
    else:
        for mutant in shown:
            one = told(mutant, sources[mutant.place])
            print("%s  %s  (%s)\n%s" % (one["place"], mutant.id, mutant.operator, one["change"]))
            if options.id:
                print("%(outcome)s %(by)s" % results.known[mutant.id])
        print("%d mutants of %d modules; " % (len(everything), len(sources)) + sentence(found))
    return 1 if 100 * found["score"] < options.least else 0


if __name__ == "__main__":
    sys.exit(main())
