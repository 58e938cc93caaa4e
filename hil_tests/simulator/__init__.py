"""Simulator: whole lives of gateways in seconds, with all that can go wrong, each of them from one number.

`run_life(seed)` lives one; `python -m hil_tests.simulator --years N` lives many. See docs/simulator.md.
"""

from hil_tests.simulator.invariants import INVARIANTS as INVARIANTS
from hil_tests.simulator.life import Outcome as Outcome
from hil_tests.simulator.life import run_life as run_life
