"""The composer: keeps the parks of park.toml composed while the platform runs, a little at a time."""

import logging
from pathlib import Path

from cloud_sync.platform.composing import adopt, compose, waits
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.park import PARK_FILE, read_parks
from gateway.core.problem import ProblemError
from gateway.words import say

log = logging.getLogger(__name__)


class Composer:
    """Composes what waits; looks at park.toml before, and keeps the parks of before where it cannot be read."""

    def __init__(self, home: Path, ledger: Ledger) -> None:
        """Take over the parks of park.toml in *home*; raises ProblemError where it is wrong."""
        self._home = home
        self._ledger = ledger
        self._seen: int | None = None
        self._adopt()

    def step(self) -> bool:
        """Compose some of what waits; return whether more does."""
        if self._seen != self._changed_ns():
            try:
                self._adopt()
            except ProblemError as error:
                for one in error.problems:
                    log.error("%s", say(one))
        with self._ledger.lock:
            if not waits(self._ledger.connection):
                return False
        with self._ledger.writing() as tables:
            return compose(tables)

    def _changed_ns(self) -> int:
        path = self._home / PARK_FILE
        return path.stat().st_mtime_ns if path.exists() else 0

    def _adopt(self) -> None:
        self._seen = self._changed_ns()
        plans = read_parks(self._home)
        with self._ledger.writing() as tables:
            adopt(tables, plans)
