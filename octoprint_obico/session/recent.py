"""The most recent failures, bounded in number and in size whatever they hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from sys import getsizeof
from typing import Any

from ..server.causes import Cause
from ..server.errors import Attempt
from .figures import Failure

RECENT = 100
"""Failures per channel that are kept with their messages, at the most."""

RECENT_BYTES = 32 * 1024
"""Their size in memory, at the most: all channels together stay far below a megabyte."""

_TEXT, _KEY = 300, 40
_FACTS, _ITEMS = 12, 8
_LARGEST_NUMBER = 10**15

_OVERHEAD = 700
"""Bytes of the objects that hold a failure's message and facts."""


class Kept:
    """A failed attempt as it is kept: its texts cut to their bounds.

    Made before the tracker's lock is taken; when it was is told by the tracker.

    Attributes:
        size: bytes in memory, about; what several failures share is counted for each.
    """

    __slots__ = ("cause", "facts", "message", "size", "stage")

    def __init__(self, attempt: Attempt) -> None:
        self.cause = attempt.cause or Cause.UNKNOWN_ERROR
        self.stage = "" if attempt.stage is None else attempt.stage.value
        self.message = attempt.message[:_TEXT]
        facts = attempt.facts
        kept: Iterable[tuple[str, Any]] = facts.items()
        if len(facts) > _FACTS:
            kept = list(kept)[:_FACTS]
        self.facts = {str(name)[:_KEY]: _bounded(value) for name, value in kept}
        sizes = map(getsizeof, (self.message, *self.facts, *self.facts.values()))
        items = (item for value in self.facts.values() if type(value) is list for item in value)
        self.size = _OVERHEAD + sum(sizes) + sum(map(getsizeof, items))

    def at(self, moment: float, channel: str) -> Failure:
        """The failure of a channel at a moment."""
        return Failure(moment, channel, self.cause, self.stage, self.message, self.facts)


def _bounded(value: Any) -> Any:
    if type(value) is str:
        return value[:_TEXT]
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST_NUMBER:
        return value
    if isinstance(value, (list, tuple)):
        return [_bounded_text(item) for item in value[:_ITEMS]]
    return _bounded_text(value)


def _bounded_text(value: Any) -> str:
    try:
        return str(value)[:_TEXT]
    except ValueError:  # an integer with more digits than Python turns into text
        return ""


class Recent:
    """The ring of a channel's failures."""

    def __init__(self) -> None:
        self._failures: deque[tuple[int, Failure]] = deque()
        self._bytes = 0

    def append(self, failure: Failure, size: int) -> None:
        """Take one; the oldest go where there are too many, or they are too large.

        Args:
            size: bytes that it takes in memory.
        """
        self._failures.append((size, failure))
        self._bytes += size
        while len(self._failures) > RECENT or self._bytes > RECENT_BYTES:
            self._bytes -= self._failures.popleft()[0]

    def failures(self) -> tuple[Failure, ...]:
        """All of them, oldest first."""
        return tuple(failure for _, failure in self._failures)
