"""Crash the journal as often as you like: python -m hil_tests.store --points 10000 --images 200000 --disks 10000.

points: kills and failures at storage calls, at least; images: of power cuts; disks: ext4 after power cuts, which wants
root, FUSE and loop devices.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from hil_tests.store import crashes, ext4_disks, power_cuts
from hil_tests.store.shim import SOURCE, Workers, compiler, fast_folder, preloadable


def main() -> int:
    """Run what is asked for, print the figures; 1 where anything was lost, 2 where something could not be run."""
    parser = argparse.ArgumentParser(prog="python -m hil_tests.store", description=__doc__)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--disks", type=int, default=0)
    asked = parser.parse_args()
    if compiler() is None:
        print("nothing run, for want of a C compiler", file=sys.stderr)
        return 2
    missing = ext4_disks.wanting() if asked.disks else ""
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as otherwise:
        folder = fast_folder(Path(otherwise), "store")
        try:
            with Workers(preloadable(SOURCE, folder)) as workers:
                stand = crashes.bench(folder, workers)
                if asked.points:
                    tallies = crashes.crashed(stand, asked.points)
                    print(crashes.told_text(tallies))
                    bad += [one for tally in tallies.values() for one in tally.bad]
                if asked.images:
                    lives = max(power_cuts.LIVES, asked.images // power_cuts.IMAGES * power_cuts.LIVES)
                    cuts = power_cuts.cut_lives(stand, asked.images, lives)
                    print(power_cuts.told_text("as shipped", cuts))
                    bad += cuts.bad
                if asked.disks and not missing:
                    lives = max(ext4_disks.LIVES, asked.disks // ext4_disks.DISKS * ext4_disks.LIVES)
                    disks, ways = ext4_disks.cut_disks(stand, asked.disks, lives)
                    print(ext4_disks.told_text("as shipped", disks, ways))
                    bad += disks.bad
        finally:
            shutil.rmtree(folder)
    for one in bad:
        print(one)
    if missing:
        print("%d ext4 disks not run, for want of %s" % (asked.disks, missing), file=sys.stderr)
    return 1 if bad else 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
