"""Shows a diagnosis to a person at a terminal, or to whatever stands behind a pipe."""

from __future__ import annotations

import io
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_WIDEST = 100
"""Columns of a line; longer ones are hard to read, however wide the window is."""
_NARROWEST = 40
_TITLE = 14
"""Columns of a check's title; the longest in English has 13."""

_RESET = "\x1b[0m"
_COLOURS = {
    "passed": "\x1b[32m",
    "warned": "\x1b[33m",
    "failed": "\x1b[1;31m",
    "skipped": "\x1b[2m",
}
_BOLD, _DIM = "\x1b[1m", "\x1b[2m"

# Colour is never the only sign of how a check ended
_MARKS = {"passed": "✓", "warned": "!", "failed": "✗", "skipped": "–"}
_ASCII_MARKS = {"passed": "ok  ", "warned": "warn", "failed": "FAIL", "skipped": "-   "}

_FORCING = ("FORCE_COLOR", "CLICOLOR_FORCE")

_TO_ASCII = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "−": "-", "×": "x"}
    | {"→": "->", "\u00a0": " "}
)
_PROBE = "".join(_MARKS.values()) + "“”’…"


@dataclass(frozen=True)
class Style:
    """How lines may look.

    Attributes:
        colour: escape sequences for colours are understood and wanted.
        unicode: more than ASCII arrives as it is meant.
        width: columns to break lines at; None leaves them whole, for grep and for programs.
    """

    colour: bool = False
    unicode: bool = True
    width: int | None = None

    @classmethod
    def of(cls, out: TextIO, environment: Mapping[str, str]) -> Style:
        """The style for what is written to and what the environment asks for."""
        is_terminal = _is_terminal(out)
        width = None
        if is_terminal:
            width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))
        return cls(_wants_colour(is_terminal, environment), _knows_unicode(out), width)

    def painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self.colour and text else text


def _is_terminal(out: TextIO) -> bool:
    try:
        return out.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _wants_colour(is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """By the common conventions: https://no-color.org and https://bixense.com/clicolors."""
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in _FORCING):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def _knows_unicode(out: TextIO) -> bool:
    try:
        _PROBE.encode(getattr(out, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def forgiving(out: TextIO) -> None:
    """Let what the terminal's encoding does not know become a question mark, not a crash."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")


class Terminal:
    """Turns rendered checks and results into lines."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def check(self, check: Mapping[str, Any]) -> str:
        """One check: how it ended, its name, what was seen, and how long it took."""
        outcome = str(check["outcome"])
        mark = (_MARKS if self._style.unicode else _ASCII_MARKS)[outcome]
        colour = _COLOURS[outcome]
        title = self._plain(check["title"])
        text = f"{self._plain(check['summary'])} ({check['duration_ms']} ms)"
        indent = " " * (2 + len(mark) + 2 + _TITLE + 1)
        body = self._wrapped(text, indent, indent)[len(indent) :]
        if outcome == "skipped":
            body = "\n".join(self._style.painted(line, _DIM) for line in body.split("\n"))
        return f"  {self._style.painted(mark, colour)}  {title:<{_TITLE}} {body}"

    def result(self, result: Mapping[str, Any]) -> str:
        """The verdict, the cause and what to do; then the warnings and the webcams' faults."""
        colour = _COLOURS["passed" if result["verdict"] == "succeeded" else "failed"]
        lines = ["", self._style.painted(self._plain(result["headline"]), f"{_BOLD}{colour}")]
        lines += self._words(result)
        for warning in result["warnings"]:
            lines += ["", self._title(warning, "warned"), *self._words(warning)]
        for webcam in result["webcams"]:
            if webcam["cause"]:
                lines += ["", self._title(webcam, "failed"), *self._words(webcam)]
        if result["cause"]:
            tail = self._plain(f"Cause: {result['cause']}   Help: {result['help_url']}")
            lines += ["", self._style.painted(tail, _DIM)]
        return "\n".join(lines)

    def _title(self, part: Mapping[str, Any], outcome: str) -> str:
        cause = self._style.painted(self._plain(f"({part['cause']})"), _DIM)
        return f"{self._style.painted(self._plain(part['title']), _COLOURS[outcome])} {cause}"

    def _words(self, part: Mapping[str, Any]) -> list[str]:
        return [
            self._wrapped(self._plain(part["explanation"]), "  ", "  "),
            *self._steps(part["remedy"]),
        ]

    def _steps(self, remedy: Sequence[str]) -> Iterable[str]:
        for number, step in enumerate(remedy, 1):
            yield self._wrapped(self._plain(step), f"  {number}. ", "     ")

    def _wrapped(self, text: str, first: str, further: str) -> str:
        if self._style.width is None:
            return first + text
        lines = textwrap.wrap(
            text,
            self._style.width,
            initial_indent=first,
            subsequent_indent=further,
            break_long_words=False,  # an address has to stay one word, to be copied
            break_on_hyphens=False,
        )
        return "\n".join(lines) or first

    def _plain(self, value: object) -> str:
        """Text without what would steer the terminal: names and titles come from elsewhere."""
        text = "".join(c if c.isprintable() else " " for c in str(value))
        return text if self._style.unicode else text.translate(_TO_ASCII)
