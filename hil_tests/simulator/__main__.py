"""`python -m hil_tests.simulator --years N [--seed S]`: lives gateways' lives until so many years are full.

Every life prints its seed where an invariant does not hold in it; `--seed S --lives 1` lives that one again.
"""

from hil_tests.simulator.cli import main

main()
