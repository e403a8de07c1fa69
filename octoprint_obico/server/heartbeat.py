"""Asks the server now and then over HTTP whether it still knows this printer, and posts events.

No message tells of a printer that was archived, deleted or linked elsewhere; a 401 over HTTP is the
only sign (PROTOCOL 11). It is also how an idle printer knows that HTTP works at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .backoff import Backoff
from .errors import ChannelError
from .event_post import EventPost
from .faults import Faults
from .http_channel import HttpChannel
from .retry_policy import HTTP
from .worker import Worker

INTERVAL_S = 60.0
WATCHED_INTERVAL_S = 10.0


class Heartbeat:
    """The thread behind the HTTP channel while there is nothing else to send.

    Args:
        on_printer: takes the server's description of the printer (PROTOCOL 2.2).
        watched: whether somebody looks at the status: then it asks more often.
        faults: takes what goes wrong here, and not on the way to the server.
        post: posts events, on this thread.
    """

    def __init__(
        self,
        channel: HttpChannel,
        on_printer: Callable[[Any], None],
        watched: Callable[[], bool],
        faults: Faults,
        post: EventPost,
    ) -> None:
        self._channel, self._on_printer, self._watched = channel, on_printer, watched
        self._post = post
        self._backoff = Backoff(HTTP)
        self._asked, self._uncounted = True, False
        self._ask_at = 0.0
        self._worker = Worker(
            "obico-http",
            self._turn,
            faults,
            "the HTTP channel",
            after_fault_s=INTERVAL_S,
            ended=channel.close,
        )

    def start(self) -> None:
        self._worker.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread; a request under way is left to its own time limit."""
        self._worker.stop(timeout_s)

    def look_now(self, *, counted: bool = True) -> None:
        """Ask at once, without waiting for the next regular time."""
        self._uncounted = not counted
        self._asked = True
        self._worker.wake()

    def events_due(self) -> None:
        """An event waits to be posted. Never blocks."""
        self._worker.wake()

    def _turn(self) -> float:
        """Post what is due, ask if it is time; return the seconds until the next turn."""
        if self._asked or time.monotonic() >= self._ask_at:
            self._asked = False
            self._ask_at = time.monotonic() + self._ask()
        post_s = self._post.send_due()
        return max(0.0, min(post_s, self._ask_at - time.monotonic()))

    def _ask(self) -> float:
        """Ask; return the seconds until the next question."""
        counted, self._uncounted = not self._uncounted, False
        began = time.monotonic()
        try:
            self._on_printer(self._channel.who_am_i(counted=counted))
        except ChannelError as error:
            took_s = time.monotonic() - began
            return self._backoff.failed(error, watched=self._watched(), took_s=took_s)
        self._backoff.proven()
        self._post.retry_now()
        return WATCHED_INTERVAL_S if self._watched() else INTERVAL_S
