"""What rings the bell in the app: events that need a person, whether or not a print is open."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MOST_TEXT = 300
"""Characters of what the printer says."""


class Ring(NamedTuple):
    """One kind of event, in the server's words (PROTOCOL 2.5).

    Attributes:
        says: the part of OctoPrint's event that tells more, or None.
        every_s: seconds in which it rings once: the server does not filter repeats. 0: whoever
            rings it sees to that.
        notify: whether the server sends a notification as well.
    """

    type: str
    class_: str
    title: str
    text: str
    says: str | None
    every_s: float
    notify: bool


# The pauses are those that users of the app know (PROTOCOL 14).
RINGS: Mapping[str, Ring] = {
    "FilamentChange": Ring(
        "FILAMENT_CHANGE",
        "WARNING",
        "Filament change",
        "The printer waits for a change of its filament.",
        None,
        0.0,
        True,
    ),
    "PausedByPrinter": Ring(
        "FILAMENT_CHANGE",
        "WARNING",
        "Filament change",
        "The printer has paused by itself and waits for somebody, most likely for a change of its"
        " filament.",
        None,
        0.0,
        True,
    ),
    "Error": Ring(
        "PRINTER_ERROR",
        "ERROR",
        "Printer error",
        "OctoPrint reports an error of the printer.",
        "error",
        1800.0,
        False,
    ),
}


class Bell:
    """Turns OctoPrint's events, and what the filament watch has seen, into those of the server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rang: dict[str, float] = {}

    def on_event(self, name: str, payload: Mapping[str, Any] | None) -> dict[str, str] | None:
        """The fields to post, or None: not an event for the bell, or it has just rung."""
        ring, now = RINGS.get(name), self._clock()
        if ring is None or now - self._rang.get(name, float("-inf")) < ring.every_s:
            return None
        self._rang[name] = now
        said = (payload or {}).get(ring.says) if ring.says is not None else None
        fields = {
            "event_type": ring.type,
            "event_class": ring.class_,
            "event_title": ring.title,
            "event_text": f"{ring.text} {_plain(said)}".strip(),
        }
        return {**fields, "notify": "true"} if ring.notify else fields


def _plain(said: object) -> str:
    """What the printer said, as text that is no HTML: the app shows it as such."""
    text = " ".join(str(said or "").split())
    return html.escape(text[:MOST_TEXT], quote=False)
