"""What an argument of the app's calls has to be; anything else is refused, in words for people.

Each reader takes a value as it came in JSON and returns it checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

AXES = ("x", "y", "z")
MOST_MM = 1000.0
"""Of one move; more is no printer's."""

MOST_DEGREES = 500.0
"""In degrees Celsius; the hottest nozzles on sale."""

MOST_LINES, MOST_LINE_LENGTH = 50, 200
MOST_TEXT = 500

_HEATER = re.compile(r"tool[0-9]{1,2}|bed|chamber")
_BAUDRATE = re.compile(r"[1-9][0-9]{0,7}")

Reader = Callable[[Any], Any]


class RefusedError(Exception):
    """A call that is not carried out; its text is for whoever uses the app."""


def gcode(value: Any) -> tuple[str, ...]:
    """One text with lines of G-code."""
    if not isinstance(value, str) or len(value) > MOST_LINES * MOST_LINE_LENGTH:
        raise RefusedError("The commands have to be a text that is not too long.")
    lines = tuple(line for line in map(str.strip, re.split(r"[\r\n]+", value)) if line)
    if not 1 <= len(lines) <= MOST_LINES or max(map(len, lines)) > MOST_LINE_LENGTH:
        raise RefusedError(
            f"At least one command is needed, and at most {MOST_LINES} with up to"
            f" {MOST_LINE_LENGTH} characters each."
        )
    if not all(map(str.isprintable, lines)):
        raise RefusedError("The commands hold characters that a printer does not understand.")
    return lines


def distances(value: Any) -> dict[str, float]:
    """Axes with how far to move each, in mm."""
    if not isinstance(value, dict) or not value:
        raise RefusedError("At least one axis is needed, with how far to move it.")
    moves = {
        _axis(axis): _number(mm, -MOST_MM, MOST_MM, "A distance") for axis, mm in value.items()
    }
    # an exponent, as in 1e-07, is none in G-code
    return {axis: round(mm, 3) for axis, mm in moves.items()}


def axes(value: Any) -> tuple[str, ...]:
    """One axis, or several of them."""
    several = value if isinstance(value, list) else [value]
    if not 1 <= len(several) <= len(AXES):
        raise RefusedError("At least one axis is needed, and at most three.")
    wanted = tuple(map(_axis, several))
    if len(set(wanted)) < len(wanted):
        raise RefusedError("No axis may be there twice.")
    return wanted


def _axis(value: Any) -> str:
    if not isinstance(value, str) or value not in AXES:
        raise RefusedError("An axis has to be x, y or z.")
    return value


def heater(value: Any) -> str:
    """The name of a heater."""
    if not isinstance(value, str) or _HEATER.fullmatch(value) is None:
        raise RefusedError("The heater has to be a tool (tool0, tool1), bed or chamber.")
    return value


def degrees(value: Any) -> float:
    """A target temperature in degrees Celsius; 0 switches off."""
    return round(_number(value, 0.0, MOST_DEGREES, "The temperature"), 1)


def _number(value: Any, least: float, most: float, what: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # nor NaN, which is no more than anything
        raise RefusedError(f"{what} has to be a number from {least:g} to {most:g}.")
    checked: float = value  # an int stays one
    return checked


def port(value: Any) -> str | None:
    """The name of a serial port; None where OctoPrint is to choose."""
    name = _text(value, "The port") if value is not None else ""
    return None if name in ("", "AUTO") else name


def baudrate(value: Any) -> int | None:
    """Bits per second, as a text or a number; None where OctoPrint is to choose."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise RefusedError("The speed of the connection has to be a number.")
    if _BAUDRATE.fullmatch(str(value)[:20]) is None:
        raise RefusedError("The speed of the connection has to be a number.")
    return int(value)


def path(value: Any) -> str:
    """A file in OctoPrint's storage."""
    text = _text(value, "The path")
    if not text or text.startswith(("/", "~")) or ".." in re.split(r"[/\\]", text):
        raise RefusedError("The path has to lead to a file among OctoPrint's files.")
    return text


def folder(value: Any) -> str | None:
    """A folder in OctoPrint's storage; None: all of it."""
    return None if value is None or value == "" else path(value)


def search(value: Any) -> str:
    """What to look for; empty: everything."""
    return "" if value is None else _text(value, "The search")


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT or not value.isprintable():
        raise RefusedError(f"{what} has to be a text of at most {MOST_TEXT} characters.")
    return value


def nothing(value: Any) -> None:
    """Null."""
    if value is not None:
        raise RefusedError("An argument that has to be empty is not.")


def truth(value: Any) -> bool:
    """Yes or no, also as the text that the app sends."""
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise RefusedError("An argument that has to be true or false is neither.")


def level(value: Any) -> int:
    """How deep a list of files goes."""
    return int(_number(value, 0, 20, "The level"))


def switch(value: Any) -> str:
    """What to do with something that is on or off: "get", "on" or "off"."""
    if not isinstance(value, str) or value not in ("get", "on", "off"):
        raise RefusedError("The terminal can be asked for get, on or off.")
    return value
