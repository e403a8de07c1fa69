"""One budget of time for a piece of work that has many waits, and a way to end it early."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Cancel:
    """Ends waits from another thread: deadlines are over at once, a watched socket is shut down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self.requested = False

    def watch(self, sock: socket.socket) -> None:
        """Shut `sock` down when cancelled, or now where that has happened already."""
        with self._lock:
            self._sock = sock
            if self.requested:
                self._shut_down()

    def cancel(self) -> None:
        with self._lock:
            self.requested = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._sock is not None:
            with suppress(OSError):  # not connected any more
                self._sock.shutdown(socket.SHUT_RDWR)


class Deadline:
    """A point in monotonic time.

    Args:
        seconds: how long from now on.
        cancel: what may end it early.
        monotonic: the clock, for tests.
    """

    SLICE_S = 0.25
    """Longest single wait on something that a Cancel cannot interrupt."""

    def __init__(
        self,
        seconds: float,
        cancel: Cancel | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic, self._cancel = monotonic, cancel
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, never below 0."""
        if self._cancel is not None and self._cancel.requested:
            return 0.0
        return max(0.0, self._end - self._monotonic())

    @property
    def over(self) -> bool:
        return self.remaining() <= 0.0

    def within(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now, or this one where it comes first."""
        return Deadline(min(seconds, self.remaining()), self._cancel, self._monotonic)

    def slice(self) -> float:
        """Seconds to wait before looking again whether it has been cancelled."""
        return min(self.remaining(), self.SLICE_S)

    def watch(self, sock: socket.socket) -> None:
        """Let the Cancel, where there is one, shut this socket down."""
        if self._cancel is not None:
            self._cancel.watch(sock)
