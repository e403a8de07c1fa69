"""Figures over time: minutes or hours put together to steps that are few enough for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple, TypeVar

from .buckets import DAY_S, HOUR_S, HOURS, MINUTE_S, MINUTES
from .figures import Series
from .records import Columns

_STEPS_S = (
    *(minutes * MINUTE_S for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_S for hours in (1, 2, 3, 6, 12)),
)
"""Lengths of a step that are easy to read; beyond them, whole days."""

N = TypeVar("N", int, float)


class Window(NamedTuple):
    """Which steps are wanted, numbered from the session's start.

    Attributes:
        base_s: what the steps are made of, a minute or an hour.
        step_s: length of a step; a whole number of those.
    """

    base_s: int
    step_s: int
    first: int
    last: int


def window_of(moment: float, seconds: float | None, most: int) -> Window:
    """The window that ends with the step of `moment` (seconds since the session's start), now.

    Args:
        seconds: its length; the whole session where None.
        most: how many steps there may be.
    """
    wanted_s = moment if seconds is None else min(max(seconds, 1.0), moment)
    base_s, kept = (MINUTE_S, MINUTES) if wanted_s < MINUTES * MINUTE_S else (HOUR_S, HOURS)
    parts = int(moment // base_s) + 1
    if seconds is not None:
        parts = min(parts, ceil(seconds / base_s))
    length_s = max(min(parts, kept), 1) * base_s
    step_s = _step(length_s, base_s, max(most, 1))
    last = int(moment // step_s)
    return Window(base_s, step_s, max(last - ceil(length_s / step_s) + 1, 0), last)


def _step(length_s: int, base_s: int, most: int) -> int:
    for step_s in _STEPS_S:
        if step_s >= base_s and ceil(length_s / step_s) <= most:
            return step_s
    return ceil(length_s / (most * DAY_S)) * DAY_S


def series_of(columns: Columns, window: Window, started_at: float) -> Series:
    """The window's figures out of the columns of its base.

    Args:
        started_at: Unix seconds of the session's start.
    """
    many = window.step_s // window.base_s
    first, last = window.first * many, (window.last + 1) * many - 1
    return Series(
        started_at + window.first * window.step_s,
        window.step_s,
        _put_together(columns.attempts.between(first, last), many),
        _put_together(columns.errors.between(first, last), many),
        _put_together(columns.down.between(first, last), many),
    )


def _put_together(values: Sequence[N], many: int) -> tuple[N, ...]:
    return tuple(sum(values[start : start + many]) for start in range(0, len(values), many))
