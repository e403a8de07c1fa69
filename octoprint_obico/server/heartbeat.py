"""Asks the server now and then over HTTP whether it still knows this printer.

No message tells of a printer that was archived, deleted or linked elsewhere; a 401 over HTTP is the
only sign (PROTOCOL 11). It is also how an idle printer knows that HTTP works at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .backoff import Backoff
from .errors import ChannelError
from .faults import Faults
from .http import HttpChannel
from .retry_policy import HTTP

INTERVAL_S = 60.0
WATCHED_INTERVAL_S = 10.0
_PART = "the HTTP channel"


class Heartbeat:
    """The thread behind the HTTP channel while there is nothing else to send.

    Args:
        on_printer: takes the server's description of the printer (PROTOCOL 2.2).
        watched: whether somebody looks at the status: then it asks more often.
        faults: takes what goes wrong here, and not on the way to the server.
    """

    def __init__(
        self,
        channel: HttpChannel,
        on_printer: Callable[[Any], None],
        watched: Callable[[], bool],
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._channel, self._on_printer, self._watched = channel, on_printer, watched
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._uncounted = False
        run = faults.guarded(_PART, self._run, self._stop)
        self._thread = threading.Thread(target=run, name="obico-http", daemon=True)

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
        backoff = Backoff(HTTP)
        while not self._stop.is_set():
            counted, self._uncounted = not self._uncounted, False
            began = time.monotonic()
            try:
                self._on_printer(self._channel.who_am_i(counted=counted))
                backoff.proven()
                pause = WATCHED_INTERVAL_S if self._watched() else INTERVAL_S
            except ChannelError as error:
                took_s = time.monotonic() - began
                pause = backoff.failed(error, watched=self._watched(), took_s=took_s)
            except Exception as error:  # a fault of ours must not end the thread; it is logged
                self._faults.note(_PART, error)
                pause = INTERVAL_S
            self._wake.wait(pause)
            self._wake.clear()
        self._channel.close()
