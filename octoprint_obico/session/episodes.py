"""Episodes: errors that belong together, whatever succeeded by luck between them."""

from __future__ import annotations

from collections import Counter, deque

from ..server.causes import Cause
from .figures import Episode

EPISODE_GAP_S = 300.0
"""Errors less than this apart belong to one episode, after the burst and gap of RFC 3611, 4.7.2,
with time in place of packets. While nothing goes out, HTTP is tried each minute and the WebSocket
at least every 90 s: in five minutes a connection has succeeded several times on each channel, or it
has not come back yet. A router that restarts takes less as well."""

KEPT = 50


class Episodes:
    """The episodes of a channel or of a part. Moments are seconds since the session's start."""

    def __init__(self) -> None:
        self.count = 0
        self._closed: deque[Episode] = deque(maxlen=KEPT - 1)
        self._start = self._end = 0.0
        self._last_error = float("-inf")
        self._causes: Counter[Cause] = Counter()

    def failed(self, moment: float, began: float, cause: Cause, *, was_down: bool) -> None:
        """Take an error.

        Args:
            began: when the outage began, at `moment` or shortly before.
            was_down: whether the channel, or any of the part, was down already: an outage is one
                episode however seldom it is tried.
        """
        if not self.count or not (was_down or moment - self._last_error < EPISODE_GAP_S):
            if self.count:
                self._closed.append(self._current())
            self.count += 1
            self._start = max(began, self._end)
            self._causes = Counter()
        self._last_error = self._end = moment
        self._causes[cause] += 1

    def recovered(self, moment: float) -> None:
        """What was down is up again: the outage lasted until now."""
        if self.count:
            self._end = moment

    def recent(self) -> tuple[Episode, ...]:
        """The last `KEPT` episodes, oldest first."""
        return (*self._closed, self._current()) if self.count else ()

    def _current(self) -> Episode:
        cause, _ = self._causes.most_common(1)[0]
        return Episode(self._start, self._end, sum(self._causes.values()), cause)
