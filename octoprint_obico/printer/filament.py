"""Notices that the printer waits for a change of its filament, and when it goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..host import PrinterHost
from .current import flags_of

if TYPE_CHECKING:
    from .filament_signs import Sign

CHANGE = "FilamentChange"
"""The bell's name for it, and that of OctoPrint's event."""

STOPPED = "PausedByPrinter"
"""The bell's name for a printer that has paused and does not say why."""

TELLING = ("echo:", "//", "busy:", "fsensor_update")
"""How lines begin that can be a sign; nearly all others are answers to commands."""

COMMANDS = frozenset({"M600", "M701", "M702"})

log = logging.getLogger("octoprint.plugins.obico.printer")

_FADES_S = 30.0
"""A printer that says every two seconds that it waits (Marlin's M113), and is silent for so long,
does not wait any more."""

_GOES_ON_AFTER = 2
"""Lines of the file: one may have been sent just before the sign, and be told of after it; only the
next one shows that the printer answers."""

_ENDS = frozenset(
    {
        "PrintResumed",
        "PrintDone",
        "PrintFailed",
        "PrintCancelling",
        "PrintCancelled",
        "Disconnected",
    }
)
_UNDER_WAY = ("printing", "paused", "pausing", "resuming")
_NOT_RUNNING = ("paused", "pausing", "cancelling", "finishing")


class FilamentWatch:
    """Owns whether the printer waits. OctoPrint calls from threads of its own; nothing here waits.

    Without a print it rings at most, and does not wait: nobody would tell when that is over.

    Args:
        ring: rings the bell; takes the bell's name for what it is.
        on_change: called when the printer begins or ends to wait.
        nudge_s: how often the bell may ring, until `look` says otherwise.
        clock: monotonic seconds; for tests.
    """

    def __init__(
        self,
        printer: PrinterHost,
        ring: Callable[[str], object],
        on_change: Callable[[], object],
        nudge_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._printer, self._ring, self._on_change = printer, ring, on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._nudge_s = nudge_s
        self._waits: str | None = None
        self._fades_at = float("inf")
        self._lines_left = 0
        self._rang = float("-inf")
        self._sees_commands = False

    @property
    def waits(self) -> bool:
        """Whether a print waits for somebody at the printer."""
        return self._waits is not None

    def on_event(self, name: str) -> None:
        """Take one of OctoPrint's events."""
        if name == CHANGE:
            # fired for M701 and M702 as well; who sees the commands knows better, but in a print
            if not self._sees_commands or _runs(self._flags()):
                self._take_one("event", name)
        elif name in _ENDS and self._is_over(name):
            self._end()
        if name == "Disconnected":
            self._sees_commands = False  # the next printer's connector may have no hooks

    def on_sent(self, gcode: str | None, tags: Collection[str] | None) -> None:
        """Take a command that the printer was just sent; each one, so at no cost."""
        self._sees_commands = True
        if gcode in COMMANDS:
            self._take_one("sent", str(gcode))
        elif self._waits is not None and tags and "source:file" in tags and _runs(self._flags()):
            self._lines_left -= 1
            if self._lines_left <= 0:
                self._end()

    def on_line(self, line: str) -> None:
        """Take a line of the printer; each one, so at no cost."""
        if not line.startswith(TELLING):
            return
        from .filament_signs import goes_on, sign_in

        sign = sign_in(line)
        if sign is not None:
            self._take(sign)
        elif self._waits is not None and goes_on(line):
            self._end()

    def look(self, nudge_s: float) -> None:
        """Remind where it is time; called every few seconds.

        Args:
            nudge_s: how often the bell may ring, from now on.
        """
        with self._lock:
            self._nudge_s = nudge_s
            waits, faded = self._waits, self._clock() >= self._fades_at
        if waits is None:
            return
        flags = self._flags()
        if not flags:
            return
        if not _is_under_way(flags) or (faded and not flags.get("paused")):
            self._end()
        elif self._is_due():
            self._ring(waits)

    def _is_over(self, event: str) -> bool:
        """Whether that is so now; an event can come late, when the next pause or print is on."""
        flags = self._flags()
        if event == "PrintResumed":
            return not (flags.get("paused") or flags.get("pausing"))
        return not _is_under_way(flags)

    def _take_one(self, where: str, name: str) -> None:
        from .filament_signs import sign_of

        self._take(sign_of(where, name))

    def _take(self, sign: Sign) -> None:
        flags = self._flags()
        if sign.running and not _runs(flags):
            return
        if _is_under_way(flags):
            self._begin(sign)
        if self._is_due():
            self._ring(sign.ring)

    def _begin(self, sign: Sign) -> None:
        with self._lock:
            is_new, self._lines_left = self._waits is None, _GOES_ON_AFTER
            if is_new or sign.ring != STOPPED:
                self._waits = sign.ring
            if not sign.fades:
                self._fades_at = float("inf")
            elif is_new or self._fades_at < float("inf"):
                self._fades_at = self._clock() + _FADES_S
        if is_new:
            log.info("The print waits for somebody at the printer (%s)", " ".join(sign.words))
            self._on_change()

    def _end(self) -> None:
        with self._lock:
            waited, self._waits = self._waits is not None, None
            self._fades_at = float("inf")
        if waited:
            log.info("The print waits for nobody any more")
            self._on_change()

    def _is_due(self) -> bool:
        """Whether the bell may ring; it is taken to have rung then."""
        with self._lock:
            now = self._clock()
            due = now - self._rang >= self._nudge_s
            if due:
                self._rang = now
            return due

    def _flags(self) -> Mapping[str, Any]:
        return flags_of(self._printer.current_data())


def _runs(flags: Mapping[str, Any]) -> bool:
    """Whether a print runs, not paused by OctoPrint, which a printer may say as well."""
    # OctoPrint 2.0 says of a paused printer that it prints as well
    return bool(flags.get("printing")) and not any(map(flags.get, _NOT_RUNNING))


def _is_under_way(flags: Mapping[str, Any]) -> bool:
    return any(map(flags.get, _UNDER_WAY)) and not flags.get("cancelling")
