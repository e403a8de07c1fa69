"""What a channel writes to the log: each change once, and summaries of what repeats."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .causes import Cause
from .channel_state import Snapshot, State, Transitions

SUMMARY_EVERY_S = 3600.0
"""In a long outage."""

MOST_LINES = 20
"""At INFO and above, within `LIMIT_WINDOW_S`: a connection that comes and goes all day must not
fill a log."""

LIMIT_WINDOW_S = 3600.0


class Line(NamedTuple):
    """One line of the log."""

    level: int
    text: str


class Limit:
    """Lets so many lines of a log pass; what is more goes to DEBUG, and is counted.

    Args:
        clock: monotonic seconds; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began, self._passed, self._left_out = clock(), 0, 0

    def take(self, line: Line | None) -> tuple[Line, ...]:
        """What is to be written of this line; and how many were left out, where that is over."""
        summary = self._next_window()
        lines = (summary, None if line is None else self._limited(line))
        return tuple(item for item in lines if item is not None)

    def _next_window(self) -> Line | None:
        if self._clock() - self._began < LIMIT_WINDOW_S:
            return None
        count, self._left_out = self._left_out, 0
        self._began, self._passed = self._clock(), 0
        return Line(logging.INFO, f"{count} lines were left out") if count else None

    def _limited(self, line: Line) -> Line:
        if line.level < logging.INFO:
            return line
        if self._passed >= MOST_LINES:
            self._left_out += 1
            return Line(logging.DEBUG, line.text)
        self._passed += 1
        last = self._passed == MOST_LINES
        more = "; for the rest of this hour such lines are left out" if last else ""
        return Line(line.level, line.text + more)


class Once:
    """Remembers what was told, up to a number of things; what is more is not told at all."""

    def __init__(self, most: int = MOST_LINES) -> None:
        self._most = most
        self._told: set[str] = set()

    def is_new(self, thing: str) -> bool:
        """Whether it is to be told now."""
        if thing in self._told or len(self._told) >= self._most:
            return False
        self._told.add(thing)
        return True


class _Outage:
    """From the end of a connection, or from the beginning, until there is one."""

    def __init__(self, began: float) -> None:
        self.began = self.summarised = began
        self.failed = 0
        # causes that have had their line: two that take turns are no news, either
        self.told: set[Cause] = set()


class Journal:
    """Tells what is worth a line. Does no I/O, so that it can be asked under a channel's lock.

    Args:
        name: the channel's, for people.
        transitions: what may follow what; anything else is a warning.
        clock: monotonic seconds; for tests.
    """

    def __init__(
        self, name: str, transitions: Transitions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self.transitions = name, transitions
        self._clock = clock
        self._outage: _Outage | None = _Outage(clock())
        self._limit = Limit(clock)

    def note(self, before: Snapshot, after: Snapshot, *, failed: bool) -> tuple[Line, ...]:
        """Take a change, or a sign of life; return what is to be written.

        Args:
            failed: whether an attempt has just failed.
        """
        now = self._clock()
        line = self._line(before, after, failed, now)
        lines = self._limit.take(line)
        return tuple(Line(level, f"{self.name}: {text}") for level, text in lines)

    def _line(self, before: Snapshot, after: Snapshot, failed: bool, now: float) -> Line | None:
        changed = after.state is not before.state
        move = f"{before.state} -> {after.state}" if changed else str(after.state)
        if changed and after.state not in self.transitions[before.state]:
            return Line(logging.WARNING, f"{move}, which should not happen")
        if after.state is State.CONNECTED:
            outage, self._outage = self._outage, None
            return Line(logging.INFO, _return(outage, now)) if changed and outage else None
        outage = self._outage = self._outage or _Outage(now)
        outage.failed += failed
        if after.error is not None and after.error.cause not in outage.told:
            outage.told.add(after.error.cause)
            return Line(logging.INFO, f"{move}: {after.error}")
        if changed and after.state is State.STOPPED:
            return Line(logging.INFO, move)
        if failed and now - outage.summarised >= SUMMARY_EVERY_S:
            outage.summarised = now
            return Line(logging.INFO, _summary(outage, after, now))
        return Line(logging.DEBUG, move) if changed else None


def write(log: logging.Logger, lines: Iterable[Line]) -> None:
    """Write the lines, after the lock that they were made under has been let go."""
    for line in lines:
        log.log(line.level, "%s", line.text)


def _return(outage: _Outage, now: float) -> str:
    if not outage.failed and not outage.told:
        return "connected"
    failed = f" and {_attempts(outage.failed)}" if outage.failed else ""
    return f"connected after {_how_long(now - outage.began)}{failed}"


def _summary(outage: _Outage, after: Snapshot, now: float) -> str:
    last = f"; the last: {after.error}" if after.error is not None else ""
    lasted = _how_long(now - outage.began)
    return f"not connected for {lasted}, {_attempts(outage.failed)}{last}"


def _attempts(count: int) -> str:
    return f"{count} failed attempt{'' if count == 1 else 's'}"


def _how_long(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36000 else f"{seconds / 3600:.0f} h"
