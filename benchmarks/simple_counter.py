"""The simplest error tracker there can be, as the base line: counters, and a ring of failures.

It is what the plugin had before: no time down, no minutes, no episodes, no bound for texts.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt


class _Counts:
    def __init__(self) -> None:
        self.attempts = self.errors = self.runs = 0
        self.first_error_at: float | None = None
        self.last_error_at: float | None = None
        self.last_success_at: float | None = None
        self.failing = False
        self.causes: Counter[Cause] = Counter()
        self.recent: deque[tuple[float, Attempt]] = deque(maxlen=100)


class SimpleCounter:
    """Counts attempts per channel, and for all channels together."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[str, _Counts] = {"": _Counts()}

    def record(self, attempt: Attempt) -> None:
        """Count one finished attempt."""
        now = self._now()
        with self._lock:
            own = self._counts.get(attempt.channel)
            if own is None:
                own = self._counts[attempt.channel] = _Counts()
            for counts in (own, self._counts[""]):
                counts.attempts += 1
                if attempt.ok:
                    counts.last_success_at, counts.failing = now, False
                    continue
                counts.errors += 1
                counts.runs += not counts.failing
                counts.failing = True
                if counts.first_error_at is None:
                    counts.first_error_at = now
                counts.last_error_at = now
                counts.causes[attempt.cause or Cause.UNKNOWN_ERROR] += 1
                counts.recent.append((now, attempt))
