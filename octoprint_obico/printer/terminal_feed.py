"""The app's terminal: what is sent to the printer and what it answers, while somebody looks at it.

(PROTOCOL 5.6 and 7.2, `gcode_hooks.toggle_terminal_feed`.) All lines are shown, temperatures and
"ok" as well, as OctoPrint's own terminal does unless it is told otherwise; where there are more
than can be shown, the latest are, with a word on how many are left out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ..server.faults import Faults

PART = "the app's terminal"

MOST_WAITING = 100
MOST_LENGTH = 300
"""Characters of one line."""

UNWATCHED_S = 60.0
"""It is switched off when nobody has viewed for so long; who reloads the page is back by then."""

TURN_S, MOST_PER_TURN = 0.25, 25
"""Together at most 100 lines a second."""

_MOST_QUEUED = 25
"""Messages that may wait for a slow connection, which has room for 100: answers and events of the
printer must not be lost for the terminal."""

_LEAST_APART_S = 1e-5
"""The app passes over a line with the same time as the one before."""

_SECRET = ("M587", "M589", "M551")
"""Commands that hold the password of a Wi-Fi or of the printer (docs.duet3d.com, G-code)."""

# Optional: evaluated at run time, where Python 3.9 knows no `|` between types
Send = Callable[[Mapping[str, Any]], Optional[int]]
"""Queues a message; tells how many are queued then, or None where it goes nowhere."""


class TerminalFeed:
    """Takes lines from OctoPrint's threads, and sends them on one of its own. Thread-safe.

    The thread is there while the feed is on; this module is imported when it is first asked for.

    Args:
        viewing: whether somebody views the printer.
        send: takes the lines to the server.
        clock, wall: monotonic and Unix seconds; for tests.
    """

    def __init__(
        self,
        viewing: Callable[[], bool],
        send: Send,
        faults: Faults,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._viewing, self._send, self._faults = viewing, send, faults
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._viewed_at = float("-inf")
        self._is_open = False
        self._lines: deque[tuple[str, float]] = deque(maxlen=MOST_WAITING)
        self._left_out = 0
        self._last_ts = 0.0

    def take(self, line: str) -> None:
        """Take a line that was sent or received. Called for each one: costs nothing while off."""
        if self._is_open and line:  # a read that timed out gives an empty one
            with self._lock:
                self._left_out += len(self._lines) == MOST_WAITING
                self._lines.append((line, self._wall()))

    def toggle(self, wanted: str) -> bool:
        """Do what the app wants (`arguments.switch`); return whether the feed is on then."""
        with self._lock:
            if wanted == "on":
                self._switch_on()
            elif wanted == "off":
                self._switch_off()
            return self._stop is not None

    def stop(self, timeout_s: float) -> None:
        """Switch off, and wait for the thread up to so many seconds."""
        self.toggle("off")
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _switch_on(self) -> None:
        self._viewed_at = self._clock()
        if self._stop is not None:
            return
        stop = threading.Event()
        run = self._faults.guarded(PART, lambda: self._run(stop), stop)
        self._thread = threading.Thread(target=run, name="obico-terminal", daemon=True)
        self._thread.start()
        self._stop, self._is_open = stop, self._viewing()

    def _switch_off(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._stop, self._is_open = None, False
        self._lines.clear()
        self._left_out = 0

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(TURN_S):
            self._turn()

    def _turn(self) -> None:
        """Send what waits, where somebody views; switch off where nobody has for long."""
        viewing, now = self._viewing(), self._clock()
        with self._lock:
            if viewing:
                self._viewed_at = now
            elif now - self._viewed_at >= UNWATCHED_S:
                self._switch_off()
            else:
                self._lines.clear()
                self._left_out = 0
            self._is_open = viewing and self._stop is not None
        if viewing:
            self._send_lines()

    def _send_lines(self) -> None:
        for _ in range(MOST_PER_TURN):
            with self._lock:
                if not self._lines:
                    return
                line, at = self._lines.popleft()
                left_out, self._left_out = self._left_out, 0
            if left_out:
                self._say(f"... {left_out} lines left out", at)
            queued = self._say(_shown(line), at)
            if queued is None or queued >= _MOST_QUEUED:
                return

    def _say(self, text: str, at: float) -> int | None:
        self._last_ts = max(at, self._last_ts + _LEAST_APART_S)
        return self._send({"passthru": {"terminal_feed": {"msg": text, "_ts": self._last_ts}}})


def _shown(line: str) -> str:
    """A line as the app may have it: one line, bounded, without what is secret."""
    text = "".join(char if char.isprintable() else " " for char in line[:MOST_LENGTH]).strip()
    code = text[:4].upper()
    return f"{code} (not shown)" if code in _SECRET else text
