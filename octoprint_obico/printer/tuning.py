"""What the lines on their way to the printer set: speed, flow, fan, and the text of its display.

OctoPrint keeps none of these, and printers do not report them. Until a line has set one it is not
known; a new connection begins anew, since most printers start again with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .plain import text

_NEW_CONNECTION = frozenset({"Connecting", "Disconnected"})
_FULL_FAN = 255.0
_LONGEST = 300
"""Characters of a line that are looked at."""


class Tuning:
    """Owns them. Any thread: each is one entry of a dictionary that is exchanged as a whole."""

    def __init__(self) -> None:
        self._set: dict[str, Any] = {}

    def on_event(self, name: str) -> None:
        """Take one of OctoPrint's events."""
        if name in _NEW_CONNECTION:
            self._set = {}

    def on_gcode(self, gcode: str | None, command: str) -> None:
        """Take a line on its way to the printer: runs for every line of a print."""
        reader = _READERS.get(gcode)
        if reader is None:
            return
        key, read = reader
        known = self._set
        value = read(command[:_LONGEST], known.get(key))
        if value is None:
            known.pop(key, None)
        else:
            known[key] = value

    def get(self, key: str) -> Any:
        """What a key of the status is to be; None where it is not known."""
        return self._set.get(key)


KEYS = ("currentFeedRate", "currentFlowRate", "currentFanSpeed", "display_status")
"""Of the status (PROTOCOL 5.2)."""


def _percent(command: str, before: Any) -> float | None:
    """The factor of M220 and M221: S in percent; of the first tool, where tools have their own.

    R brings back what B has kept (marlinfw.org/docs/gcode/M220.html), which nobody told us.
    """
    words = _words(command)
    if words.get("T", 0.0) != 0.0:
        return _as_factor(before)
    if "S" in words:
        return _bounded(words["S"] / 100.0)
    return None if "R" in words else _as_factor(before)


def _fan(command: str, before: Any) -> float | None:
    """The factor of M106: S of 255, all of it without; of the first fan.

    marlinfw.org/docs/gcode/M106.html; T is a speed kept for later there.
    """
    words = _words(command)
    if words.get("P", 0.0) != 0.0 or "T" in words:
        return _as_factor(before)
    return min(1.0, _bounded(words.get("S", _FULL_FAN) / _FULL_FAN))


def _fan_off(command: str, before: Any) -> float | None:
    return _as_factor(before) if _words(command).get("P", 0.0) != 0.0 else 0.0


def _display(command: str, before: Any) -> dict[str, str] | None:
    """The text of M117; none clears the display (marlinfw.org/docs/gcode/M117.html)."""
    shown = " ".join(command.strip()[len("M117") :].split())
    return {"message": text(shown)} if shown else None


def _as_factor(before: Any) -> float | None:
    return before if isinstance(before, float) else None


def _bounded(factor: float) -> float:
    return round(min(max(factor, 0.0), 10.0), 4)


def _words(command: str) -> dict[str, float]:
    """The words of a line after its code: letter and number, 0 where a letter has none."""
    code = command.split(";", 1)[0].strip().upper()
    found = re.findall(r"([A-Z])\s*([-+]?(?:\d+\.?\d*|\.\d+))?", code)
    return {letter: float(number or 0) for letter, number in found[1:]}


_READERS: Mapping[Any, tuple[str, Callable[[str, Any], Any]]] = {
    "M220": ("currentFeedRate", _percent),
    "M221": ("currentFlowRate", _percent),
    "M106": ("currentFanSpeed", _fan),
    "M107": ("currentFanSpeed", _fan_off),
    "M117": ("display_status", _display),
}
