"""Faults of the plugin itself: what should not happen, and must not end anything when it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .errors import Attempt

RESTART_S = 10.0
"""Pause before a thread's work begins anew, so that what fails at once does not fill a log."""

_MOST_KINDS = 100


class Faults:
    """Notes faults: each is recorded, and each kind is logged once with its traceback.

    Args:
        record: takes the fault as a failed attempt of the plugin's own channel.
        log: the logger of whoever runs into it.
    """

    def __init__(self, record: Callable[[Attempt], None], log: logging.Logger) -> None:
        self._record, self._log = record, log
        self._seen: set[tuple[str, type[Exception]]] = set()

    def note(self, part: str, error: Exception) -> None:
        """Take an exception that nothing provides for, raised in a part of the plugin."""
        kind = (part, type(error))
        if kind in self._seen or len(self._seen) >= _MOST_KINDS:
            self._log.debug("Again an unexpected error in %s: %s", part, type(error).__name__)
        else:
            self._seen.add(kind)
            self._log.error("Unexpected error in %s", part, exc_info=error)
        self._record(Attempt.fault(part, error))

    def guarded(
        self, part: str, run: Callable[[], None], stop: threading.Event
    ) -> Callable[[], None]:
        """What a thread runs: `run`, and once more whenever an exception leaves it.

        Args:
            stop: set when the thread is to end.
        """

        def keep_running() -> None:
            while True:
                try:
                    return run()
                except Exception as error:  # else the thread is dead, and nobody knows
                    self.note(part, error)
                if stop.wait(RESTART_S):
                    return

        return keep_running
