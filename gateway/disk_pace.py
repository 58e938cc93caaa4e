"""Disk pace: how long the disk takes for a commit, and when a person should hear that it has become slow."""

from typing import Any

SLOW_MS = 1000  # a healthy card takes some tens of milliseconds
CALM_MS = 3_600_000  # so long without a slow commit, and it is over

News = list[tuple[str, dict[str, str]]]


class DiskPace:
    """The commits of the journal, by the monotonic clock."""

    def __init__(self) -> None:
        self._began_ms: int | None = None  # of the commit under way
        self._last_ms = 0
        self._longest_ms = 0  # since it became slow
        self._slow = 0  # commits since then that took too long
        self._slow_at_ms: int | None = None  # the last of them; None while the disk is not slow
        self._told = False

    def begin(self, now_ms: int) -> None:
        """Note that a commit begins."""
        self._began_ms = now_ms

    def end(self, now_ms: int) -> None:
        """Note that the commit ended, as it may."""
        assert self._began_ms is not None
        self._last_ms, self._began_ms = now_ms - self._began_ms, None
        if self._last_ms >= SLOW_MS:
            self._slow += 1
            self._slow_at_ms = now_ms
            self._longest_ms = max(self._longest_ms, self._last_ms)

    def news(self, now_ms: int) -> News:
        """Return the events that are due: that the disk is slow, and that it is so no more."""
        if self._slow_at_ms is None:
            return []
        if not self._told:
            self._told = True
            return [("disk-slow", {"took_ms": str(self._longest_ms)})]
        if now_ms - self._slow_at_ms < CALM_MS:
            return []
        over = {"commits": str(self._slow), "longest_ms": str(self._longest_ms)}
        self._slow, self._longest_ms, self._slow_at_ms, self._told = 0, 0, None, False
        return [("disk-quick", over)]

    def answer(self, now_ms: int) -> dict[str, Any]:
        """Return it for `wattproof status`. waiting_ms: how long the disk has kept the commit under way waiting."""
        began_ms = self._began_ms
        return {
            "commit_ms": self._last_ms,
            "waiting_ms": None if began_ms is None else now_ms - began_ms,
            "slow_commits": self._slow,
            "longest_ms": self._longest_ms,
        }
