"""Figures per minute and per hour, in memory that is bounded and taken only as it is needed."""

from __future__ import annotations

import math
from array import array
from copy import copy
from typing import Any, TypeVar

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

MINUTES = 7 * 24 * 60
"""Minutes that are kept: a week."""

HOURS = 180 * 24
"""Hours that are kept, when the minutes are gone: half a year."""

_HIGH = 65536

R = TypeVar("R", bound="Ring")


class Ring:
    """A value for each of the last `most` steps of `step_s` seconds since the session's start.

    A step's place is its number modulo `most`; places are made as steps come.
    """

    def __init__(self, kind: str, step_s: int, most: int) -> None:
        self.step_s, self.most = step_s, most
        self._newest = -1
        self._values: array[Any] = array(kind)

    def copy(self: R) -> R:
        """A copy that does not change any more; made by moving memory, not item by item."""
        twin = copy(self)
        twin._values = self._values[:]
        return twin

    def _advance(self, step: int) -> None:
        """Make a step the newest, and all between it and the last newest empty."""
        first, self._newest = max(self._newest + 1, step - self.most + 1), step
        missing = min(step + 1, self.most) - len(self._values)
        if missing:
            self._values.frombytes(bytes(missing * self._values.itemsize))
        if first == step >= self.most:  # the usual case, once all places are made
            self._values[step % self.most] = 0
        elif step >= self.most:
            self._fill(first, step, 0)

    def _fill(self, first: int, last: int, value: float) -> None:
        """Set the steps from `first` to `last`, at most as many as there are places."""
        while first <= last:
            place = first % self.most
            many = min(last - first + 1, self.most - place)
            self._values[place : place + many] = array(self._values.typecode, [value]) * many
            first += many

    def _between(self, first: int, last: int) -> list[Any]:
        """The values of the steps from `first` to `last`; 0 where none is kept."""
        begin = max(first, self._newest - self.most + 1, 0)
        end = min(last, self._newest)
        if begin > end:
            return [0] * (last - first + 1)
        head, tail = begin % self.most, end % self.most + 1
        held = self._values[head:tail] if head < tail else self._values[head:] + self._values[:tail]
        return [0] * (begin - first) + held.tolist() + [0] * (last - end)


class Counts(Ring):
    """A count for each step, in two bytes: what goes beyond is rare and kept beside."""

    def __init__(self, step_s: int, most: int) -> None:
        super().__init__("H", step_s, most)
        self._high: dict[int, int] = {}

    def add(self, moment: float) -> None:
        """Count one at a moment (seconds since the session's start), not before the last one."""
        step = int(moment // self.step_s)
        if step > self._newest:
            self._advance(step)
            if self._high:
                self._high = {at: n for at, n in self._high.items() if at > step - self.most}
        place = step % self.most
        if self._values[place] == _HIGH - 1:
            self._values[place] = 0
            self._high[step] = self._high.get(step, 0) + 1
        else:
            self._values[place] += 1

    def copy(self) -> Counts:
        twin = super().copy()
        twin._high = dict(self._high)
        return twin

    def between(self, first: int, last: int) -> list[int]:
        """The counts of the steps from `first` to `last`; 0 where none is kept."""
        counts = self._between(first, last)
        for step, high in self._high.items():
            if first <= step <= last:
                counts[step - first] += _HIGH * high
        return counts


class Seconds(Ring):
    """How many seconds of each step something lasted."""

    def __init__(self, step_s: int, most: int) -> None:
        super().__init__("f", step_s, most)

    def add(self, start: float, end: float) -> None:
        """It lasted from `start` to `end` (seconds since the session's start).

        May begin before the newest step; but what is told twice counts twice.
        """
        first, last = int(start // self.step_s), int(end // self.step_s)
        if last > self._newest:
            self._advance(last)
        if first == last:
            self._values[last % self.most] += end - start
            return
        oldest = self._newest - self.most + 1
        if first >= oldest:
            self._values[first % self.most] += (first + 1) * self.step_s - start
        self._fill(max(first + 1, oldest), last - 1, self.step_s)
        self._values[last % self.most] += end - last * self.step_s

    def between(self, first: int, last: int) -> list[float]:
        """The seconds of the steps from `first` to `last`; 0 where none is kept."""
        return self._between(first, last)

    def since(self, moment: float) -> float:
        """The seconds after a moment; of the step that it falls into, the share that is left."""
        first = max(int(moment // self.step_s), self._newest - self.most + 1, 0)
        seconds = self.between(first, self._newest)
        if seconds and moment > first * self.step_s:
            seconds[0] *= 1 - (moment - first * self.step_s) / self.step_s
        return math.fsum(seconds)
