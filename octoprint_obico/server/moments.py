"""When something happened, so that it can still be told after the clock was set, or a restart.

A Raspberry Pi has no clock that runs on while it is off: at boot it takes an old time and jumps,
by hours or years, once a time server has answered. The seconds since boot do not jump, and tell
within one boot by how much the clock was off.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CLOCK_SET_AFTER = 1_735_689_600.0
"""2025-01-01. A clock that says less was never set: this code is younger."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(NamedTuple):
    """A moment by both clocks.

    Attributes:
        wall: Unix seconds as the system had them then, right or wrong.
        since_boot: seconds since the machine's start.
        boot: names that start.
    """

    wall: float
    since_boot: float
    boot: str


def seconds_since_boot() -> float:
    """Seconds that only ever grow, the same in all processes; those asleep included if possible."""
    number = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if number is None else time.clock_gettime(number)


def boot_name() -> str:
    """What names this start of the machine; where it has no name, this process."""
    with suppress(OSError, ValueError):
        return _BOOT_ID.read_text("ascii").strip()[:64]
    return secrets.token_hex(8)


class Moments:
    """Takes moments, and tells what they are in Unix seconds by what the clock says now."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        since_boot: Callable[[], float] = seconds_since_boot,
        boot: str | None = None,
    ) -> None:
        self._wall, self._since_boot = wall, since_boot
        self.boot = boot_name() if boot is None else boot

    def now(self) -> Moment:
        return Moment(self._wall(), self._since_boot(), self.boot)

    def boot_at(self) -> float:
        """Unix seconds of the machine's start, by what the clock says now."""
        return self._wall() - self._since_boot()

    def unix(self, moment: Moment) -> float:
        """Unix seconds of a moment; never later than now, where the clock is set."""
        if moment.boot == self.boot:
            return moment.since_boot + self.boot_at()
        now = self._wall()
        return min(moment.wall, now) if now >= CLOCK_SET_AFTER else moment.wall

    def age_s(self, moment: Moment) -> float:
        """Seconds that have passed since; 0 where nobody can know."""
        if moment.boot == self.boot:
            return self._since_boot() - moment.since_boot
        now = self._wall()
        return max(0.0, now - moment.wall) if now >= CLOCK_SET_AFTER else 0.0

    def read_again(self, moment: Moment) -> Moment:
        """The moment, or now where it was taken in a former boot whose clock was never set.

        Nothing more is known of such a one than that it is past.
        """
        known = moment.boot == self.boot or moment.wall >= CLOCK_SET_AFTER
        return moment if known else self.now()
