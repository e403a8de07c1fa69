"""Values of anybody's as JSON, and the server, can hold them; bounded in size and depth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

MOST_TEXT = 500
"""Characters of one text."""

MOST_VALUES = 2000
"""Of one object, with all that is in it; what is more is left out."""

_MOST_DEPTH = 8
_LARGEST = 2.0**53
"""Beyond it JavaScript tells neighbouring numbers no longer apart."""


def number(value: Any) -> float | int | None:
    """A number that JSON can say; None for everything else, a text of digits included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def text(value: Any) -> str:
    """A text that every database takes: no NUL, no half of a character; and not too long."""
    cleaned = str(value)[:MOST_TEXT].replace("\0", "")
    return cleaned.encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """A copy that JSON can say: unknown objects become text, what is too much is cut."""
    return _plain(value, itertools.count(), 0)


def _plain(value: Any, taken: Iterator[int], depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return number(value)
    if depth > _MOST_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {
            text(key): _plain(item, taken, depth + 1)
            for key, item in list(value.items())[:MOST_VALUES]
            if next(taken) < MOST_VALUES
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)[:MOST_VALUES]
        return [_plain(item, taken, depth + 1) for item in items if next(taken) < MOST_VALUES]
    return text(value)
