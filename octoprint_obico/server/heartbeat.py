"""Asks the server now and then over HTTP whether it still knows this printer.

No message tells of a printer that was archived, deleted or linked elsewhere; a 401 over HTTP is the
only sign (PROTOCOL 11). It is also how an idle printer knows that HTTP works at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .backoff import backoff
from .causes import CREDENTIAL_CAUSES
from .errors import ChannelError
from .http import HttpChannel

log = logging.getLogger("octoprint.plugins.obico.http")

INTERVAL_S = 60.0
WATCHED_INTERVAL_S = 10.0
_CAP_WATCHED_S, _CAP_S, _CAP_DENIED_S = 6.0, 60.0, 180.0


class Heartbeat:
    """The thread behind the HTTP channel while there is nothing else to send.

    Args:
        on_printer: takes the server's description of the printer (PROTOCOL 2.2).
        watched: whether somebody looks at the status: then it asks more often.
    """

    def __init__(
        self,
        channel: HttpChannel,
        on_printer: Callable[[Any], None],
        watched: Callable[[], bool],
    ) -> None:
        self._channel, self._on_printer, self._watched = channel, on_printer, watched
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._uncounted = False
        self._thread = threading.Thread(target=self._run, name="obico-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread; a request under way is left to its own time limit."""
        self._stop.set()
        self._wake.set()
        if timeout_s and self._thread.ident is not None:
            self._thread.join(timeout_s)

    def look_now(self, *, counted: bool = True) -> None:
        """Ask at once, without waiting for the next regular time."""
        self._uncounted = not counted
        self._wake.set()

    def _run(self) -> None:
        delays = self._delays()
        while not self._stop.is_set():
            counted, self._uncounted = not self._uncounted, False
            try:
                self._on_printer(self._channel.who_am_i(counted=counted))
                delays = self._delays()
                pause = WATCHED_INTERVAL_S if self._watched() else INTERVAL_S
            except ChannelError as error:
                pause = max(next(delays), min(error.retry_after or 0.0, 3600.0))
            except Exception:  # a fault of ours must not end the thread; it is logged
                log.exception("Unexpected error in the HTTP channel")
                pause = INTERVAL_S
            self._wake.wait(pause)
            self._wake.clear()
        self._channel.close()

    def _delays(self) -> Iterator[float]:
        return backoff(self._cap)

    def _cap(self) -> float:
        if self._watched():
            return _CAP_WATCHED_S
        error = self._channel.error
        denied = error is not None and error.cause in CREDENTIAL_CAUSES
        return _CAP_DENIED_S if denied else _CAP_S
