"""One budget of time for a piece of work that has many waits."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A point in monotonic time.

    Args:
        seconds: how long from now on.
        monotonic: the clock, for tests.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._end - self._monotonic())

    @property
    def over(self) -> bool:
        return self.remaining() <= 0.0

    def within(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now, or this one where it comes first."""
        return Deadline(min(seconds, self.remaining()), self._monotonic)
