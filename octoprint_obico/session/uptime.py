"""How long a channel was up and down: between two attempts it is what the last one found it."""

from __future__ import annotations

from collections.abc import Sequence

from .buckets import DAY_S, MINUTE_S, Seconds

DAY_MINUTES = DAY_S // MINUTE_S + 1
"""One more than the day has: the oldest is on its way out."""


class Uptime:
    """The time that a channel, or a part, was observed and down.

    Attributes:
        up: what the last attempt found; None at rest, or before the first.

    Args:
        down: where the time down is kept as well, the first of them for a day at the least.
    """

    def __init__(self, down: Sequence[Seconds]) -> None:
        self.up: bool | None = None
        self.observed_s = self.down_s = 0.0
        self._down = down
        self._observed = Seconds(MINUTE_S, DAY_MINUTES)
        self._settled = self._since = 0.0

    def settle(self, moment: float) -> None:
        """Count the time up to a moment (seconds since the session's start)."""
        start, self._settled = self._settled, moment
        if self.up is None or moment <= start:
            return
        self.observed_s += moment - start
        self._observed.add(start, moment)
        if not self.up:
            self._went_down(start, moment)

    def turn(self, moment: float, up: bool | None, began: float | None = None) -> None:
        """From a moment on it is up, down or at rest.

        Args:
            began: when an outage that is noticed only now began; counted as far back as it was up.
        """
        if up is self.up:
            return  # settled when it changes, or when somebody asks
        self.settle(moment)
        if self.up and up is False and began is not None and began < moment:
            self._went_down(max(began, self._since), moment)
        self.up, self._since = up, moment

    def availability(self) -> float | None:
        """The share of the observed time that was not down, 0 to 1; None where none was."""
        return _share(self.observed_s, self.down_s)

    def availability_24h(self, moment: float) -> float | None:
        """The same of the 24 hours before a moment, up to which it has to be settled."""
        start = max(moment - DAY_S, 0.0)
        return _share(self._observed.since(start), self._down[0].since(start))

    def _went_down(self, start: float, end: float) -> None:
        self.down_s += end - start
        for seconds in self._down:
            seconds.add(start, end)


def _share(observed_s: float, down_s: float) -> float | None:
    return min(1.0, max(0.0, 1.0 - down_s / observed_s)) if observed_s > 0 else None
