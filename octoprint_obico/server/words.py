"""How words and moments look when they travel: in JSON, in logs."""

from __future__ import annotations

from datetime import datetime, timezone
from enum import Enum


class Word(str, Enum):
    """A name out of a fixed set; it shows as its value, on every Python alike."""

    def __str__(self) -> str:
        return str(self.value)


def iso(moment: float) -> str:
    """Unix seconds as ISO 8601 in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
