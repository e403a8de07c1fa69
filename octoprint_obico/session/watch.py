"""Looks at the status regularly, also while no page is open."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("octoprint.plugins.obico")

EVERY_S = 5.0
"""What only time changes is noticed so soon; what a channel tells of, at once."""


class Watch:
    """The thread that looks. It keeps waiting and notifying away from the channels' threads.

    Args:
        look: called regularly and after each `wake`; must return soon.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="obico-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread, waiting for it up to `timeout_s` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """Something has changed: look now. Never blocks."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception:  # one bad look must not end the thread; it is logged
                log.exception("Unexpected error while looking at the status")
            self._wake.wait(EVERY_S)
            self._wake.clear()
