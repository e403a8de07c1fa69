"""How long to wait before the next try: what has to be remembered between two of them."""

from __future__ import annotations

import random

from .errors import ChannelError
from .retry_policy import QUICK_TRIES, WEBSOCKET, Table, Trouble, Uniform, delay_s, trouble_of

PROVEN_AFTER_S = 20.0
"""A connection on which the server has spoken, and that has lived so long, ends the growth."""


class Backoff:
    """The pauses of one channel. Belongs to the channel's thread.

    Args:
        table: the paces for each kind of trouble.
        uniform: source of randomness, for tests.
    """

    def __init__(self, table: Table = WEBSOCKET, uniform: Uniform = random.uniform) -> None:
        self._table, self._uniform = table, uniform
        self._tries = 0
        self._watched_tries = 0

    @property
    def tries(self) -> int:
        """Failed attempts since the last proof."""
        return self._tries

    def proven(self) -> None:
        """The server answered as it should: the next failure is a first one again."""
        self._tries = self._watched_tries = 0

    def failed(
        self,
        error: ChannelError | None,
        *,
        watched: bool,
        shared: bool = False,
        took_s: float = 0.0,
        lived_s: float = 0.0,
    ) -> float:
        """Take the end of an attempt or of a connection; return the seconds to wait after it.

        Args:
            error: how it ended; None for a fault of ours.
            watched: whether somebody looks at the status.
            shared: whether another printer is known to use the same token.
            took_s: seconds that the attempt took, up to the server's first message.
            lived_s: seconds from that message to the end; 0 where none came.
        """
        if lived_s >= PROVEN_AFTER_S:
            self.proven()
        self._tries += 1
        self._watched_tries = self._watched_tries + 1 if watched else 0
        trouble = Trouble.SHARED if shared else trouble_of(error)
        quick = trouble is not Trouble.DENIED or self._watched_tries <= QUICK_TRIES
        return delay_s(
            self._table[trouble],
            self._uniform,
            watched=watched and quick,
            tries=self._tries,
            retry_after=error.retry_after if error is not None else None,
            took_s=took_s,
        )
