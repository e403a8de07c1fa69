"""The wait between two attempts, and what ends it early."""

from __future__ import annotations

import selectors
import threading
import time

from .address_watch import AddressWatch
from .waker import Waker

ADDRESS_INTERVAL_S = 30.0
"""New addresses end a pause no more often than this: some routers announce theirs every few
seconds, and each time it counts as new."""

SETTLE_S = 1.0
"""After a new address: its routes and name servers come a moment later."""


class Pause:
    """Waits on the thread of a channel; any other may end the wait.

    Args:
        waker: the channel's, so that a thread waits for one thing at a time.
    """

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._addresses: AddressWatch | None = None
        self._ended = threading.Event()
        self._address_at = float("-inf")

    def end(self) -> None:
        """End the wait, or the next one. Never blocks."""
        self._ended.set()
        self._waker.wake()

    def wait(self, seconds: float, *, heed_addresses: bool = True) -> None:
        """Wait so long, or until `end` is called, or this computer gets a network address."""
        until = time.monotonic() + seconds
        addresses = self._addresses = self._addresses or AddressWatch()
        addresses.drain()  # what came before is no news
        with selectors.DefaultSelector() as selector:
            selector.register(self._waker.readable, selectors.EVENT_READ)
            if heed_addresses and addresses.readable is not None:
                selector.register(addresses.readable, selectors.EVENT_READ)
            while not self._ended.is_set():
                if heed_addresses and addresses.drain() and self._is_news():
                    until = min(until, time.monotonic() + SETTLE_S)
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._waker.drain()
                if not self._ended.is_set():  # else the wake-up may just have been drained
                    selector.select(left)
        self._ended.clear()

    def _is_news(self) -> bool:
        now = time.monotonic()
        if now - self._address_at < ADDRESS_INTERVAL_S:
            return False
        self._address_at = now
        return True

    def close(self) -> None:
        """Stop listening; called by the thread that waited."""
        if self._addresses is not None:
            self._addresses.close()
