"""Wakes a thread that waits on sockets."""

from __future__ import annotations

import socket
from contextlib import suppress


class Waker:
    """A pair of sockets: one thread waits for `readable`, any other calls `wake`."""

    def __init__(self) -> None:
        self._out, self.readable = socket.socketpair()
        self._out.setblocking(False)
        self.readable.setblocking(False)

    def wake(self) -> None:
        """Make `readable` readable. Never blocks, never raises."""
        with suppress(OSError):  # full: it is awake already; closed: it has ended
            self._out.send(b"x")

    def drain(self) -> None:
        """Take what has woken the thread, so that it can wait again."""
        with suppress(OSError):  # empty
            while self.readable.recv(64):
                pass

    def close(self) -> None:
        self._out.close()
        self.readable.close()
