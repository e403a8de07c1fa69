"""The session's clock: durations that no change of the time can falsify, and times for people.

A Raspberry Pi has no clock that runs on while it is off: at boot it takes an old time and jumps,
by hours or years, once a time server has answered. Everything is therefore kept in seconds since
the session's start, and turned into times of day when it is read, by what the clock says then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..server.moments import seconds_since_boot

TOLERANCE_S = 2.0
"""The times of day follow the system's clock only where it is off by more: the small corrections
of time servers would else let every time that is shown wobble."""


class Clock:
    """Seconds since the session's start, and the one number that makes Unix seconds of them.

    Args:
        monotonic: seconds that only ever grow, from any origin.
        wall: Unix seconds as the system has them now, right or wrong.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = seconds_since_boot,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._origin = monotonic()
        self._start = wall()
        self._lock = threading.Lock()

    def moment(self) -> float:
        """Seconds since the session's start."""
        return self._monotonic() - self._origin

    def start(self) -> float:
        """Unix seconds of the session's start, as far as the system knows the time by now.

        Added to a moment, it gives that moment's Unix seconds.
        """
        with self._lock:
            start = self._wall() - self.moment()
            if abs(start - self._start) > TOLERANCE_S:
                self._start = start
            return self._start
