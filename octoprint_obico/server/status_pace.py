"""When the next status goes out over a connection."""

from __future__ import annotations

from collections.abc import Callable

STATUS_INTERVAL_S = 50.0
"""The server forgets a printer that sends nothing for 120 s (PROTOCOL 4.3, 14)."""

VIEWED_INTERVAL_S = 10.0
"""While somebody views the printer in the app."""

STATUS_PAUSE_S = 0.25
"""Between two status messages: a burst of changes becomes one message with the latest."""


class StatusPace:
    """Owns when the last status went out, and whether one was asked for since.

    Whoever asks may do so on any thread; the rest belongs to the connection's.

    Args:
        viewed: whether somebody views the printer in the app.
    """

    def __init__(self, viewed: Callable[[], bool]) -> None:
        self._viewed = viewed
        self._asked = False
        self._sent_at = float("-inf")

    def ask(self) -> None:
        """Have one sent soon; asking again until then changes nothing."""
        self._asked = True

    def begin(self) -> None:
        """A new connection: its first status is due at once."""
        self._sent_at = float("-inf")

    def due_at(self) -> float:
        """When the next one is due, on the clock of `sent`. To ask again does not postpone it."""
        if self._asked:
            return self._sent_at + STATUS_PAUSE_S
        return self._sent_at + (VIEWED_INTERVAL_S if self._viewed() else STATUS_INTERVAL_S)

    def sent(self, now: float) -> None:
        """One is about to be built: what changes from here on needs another."""
        self._asked, self._sent_at = False, now
