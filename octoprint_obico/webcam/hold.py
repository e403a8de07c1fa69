"""How long no picture is posted after the server has refused one."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..server.backoff import Backoff
from ..server.causes import Cause
from ..server.errors import ChannelError
from ..server.retry_policy import HTTP, LONGEST_WAIT_S, Trouble, trouble_of

MINUTE_S = 60.0
_MARGIN_S = 1.0


class Hold:
    """Knows until when to wait. Belongs to the poster's thread; any other may end it.

    A server that is away, or fails, is no reason to wait: the rhythm of the pictures is slow enough
    for it, and with the next picture it may be back (PROTOCOL 12: its detection service).

    Args:
        clock, wall: monotonic and Unix seconds; for tests.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock, self._wall = clock, wall
        self._backoff = Backoff(HTTP)
        self._until = float("-inf")

    @property
    def over(self) -> bool:
        """Whether pictures may be posted."""
        return self._clock() >= self._until

    def end(self) -> None:
        """Try again at once: another server or token."""
        self._backoff.proven()
        self._until = float("-inf")

    def failed(self, error: ChannelError, *, watched: bool) -> None:
        """Take a picture's failure to be posted."""
        if error.cause is Cause.THROTTLED:
            self._until = self._clock() + self._throttled_s(error)
        elif trouble_of(error) is Trouble.DENIED:
            self._until = self._clock() + self._backoff.failed(error, watched=watched)

    def _throttled_s(self, error: ChannelError) -> float:
        """As long as the server asks, else to the next minute of the clock: it counts by them."""
        if error.retry_after:
            return min(error.retry_after, LONGEST_WAIT_S)
        return MINUTE_S - self._wall() % MINUTE_S + _MARGIN_S
