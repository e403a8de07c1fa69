"""A thread that works in turns: it does one, waits, and does the next."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .faults import Faults


class Worker:
    """Owns the thread. Whoever wakes it ends the wait; every wait is on an event.

    Args:
        name: the thread's.
        turn: does the work; returns the seconds to wait before the next turn.
        faults: takes what a turn raises. It must not end the thread: the next turn comes.
        part: what the work is, for them.
        after_fault_s: the wait after such a turn.
        ended: called on the thread when it ends.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], float],
        faults: Faults,
        part: str,
        *,
        after_fault_s: float,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._turn, self._ended = turn, ended
        self._faults, self._part, self._after_fault_s = faults, part, after_fault_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        run = faults.guarded(part, self._run, self._stop)
        self._thread = threading.Thread(target=run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Let the next turn begin now. Never blocks."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End the thread after its turn, waiting for it up to `timeout_s` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause_s = self._turn()
            except Exception as error:  # one bad turn must not end the thread; it is logged
                self._faults.note(self._part, error)
                pause_s = self._after_fault_s
            self._wake.wait(pause_s)
            self._wake.clear()
        self._ended()
