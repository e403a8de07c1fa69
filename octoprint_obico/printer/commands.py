"""The server's commands to the printer (PROTOCOL 6.1)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Optional

from ..host import PrinterHost
from ..server.messages import Command
from .current import flags_of, job_file
from .modes import MODES, modes_after

if TYPE_CHECKING:
    from .pause_script import PausedAt, PauseOptions, PauseScripts

log = logging.getLogger("octoprint.plugins.obico.printer")

# Optional: evaluated at run time, where Python 3.9 knows no `|` between types
Lines = tuple[Optional[list[str]], Optional[list[str]]]
"""G-code lines before and after the user's own script, as OctoPrint's hook wants them."""

_ENDS_THE_PAUSE = frozenset({"beforePrintStarted", "afterPrintCancelled", "afterPrintDone"})
_CONNECTION_IS_NEW = frozenset({"afterPrinterConnected", "beforePrinterDisconnected"})


class Pauses:
    """Carries the options of a pause to OctoPrint's G-code scripts and undoes them at its resume.

    One pause of the server is one pair of scripts; a pause by hand has none. OctoPrint calls from
    threads of its own; the lock guards memory only.
    """

    def __init__(self, printer: PrinterHost) -> None:
        self._printer = printer
        self._lock = threading.Lock()
        self._asked: PauseOptions | None = None
        self._undo: tuple[str, ...] = ()
        self._modes: tuple[str, ...] = ()

    def pause(self, options: PauseOptions) -> None:
        """Pause the current job with these options; does nothing where it pauses already."""
        if self._pauses() is True:
            return
        self._set(options)
        self._printer.pause_print()
        if self._pauses() is False:
            self._set(None)  # no job, no pause: the next one is somebody else's

    def on_gcode(self, gcode: str | None) -> None:
        """Take a command on its way to the printer: G90, M83 and their like set a mode."""
        if gcode in MODES:
            with self._lock:
                self._modes = modes_after(self._modes, gcode)

    def on_script(self, name: str, at: Callable[[], PausedAt]) -> Lines | None:
        """What to add to one of OctoPrint's G-code scripts.

        Args:
            name: as OctoPrint calls the script.
            at: tells where the printer stands; asked only after a pause of the server.
        """
        if name == "afterPrintPaused":
            return self._after_pause(at)
        if name == "beforePrintResumed":
            undo = self._forget()
            return (list(undo), None) if undo else None
        if name in _ENDS_THE_PAUSE:
            self._forget()
        elif name in _CONNECTION_IS_NEW:
            self._forget()
            with self._lock:
                self._modes = ()
        return None

    def _after_pause(self, at: Callable[[], PausedAt]) -> Lines | None:
        with self._lock:
            options, self._asked, self._undo = self._asked, None, ()
            modes = self._modes
        if options is None or not any(options):
            return None
        from .pause_script import pause_scripts  # loaded already, by whoever has asked

        streamed = self._origin() == "local"
        scripts = pause_scripts(
            options, self._printer.temperatures(), modes if streamed else None, at()
        )
        _log(options, scripts)
        with self._lock:
            self._undo = scripts.resumed
        # after the user's own lines, as the undoing comes before them: an inner pair of brackets
        return None, list(scripts.paused)

    def _set(self, options: PauseOptions | None) -> None:
        with self._lock:
            self._asked = options

    def _forget(self) -> tuple[str, ...]:
        with self._lock:
            undo, self._undo, self._asked = self._undo, (), None
        return undo

    def _pauses(self) -> bool | None:
        """Whether the job is paused or about to be; None where that is not known."""
        flags = flags_of(self._printer.current_data())
        if not flags:
            return None
        return bool(flags.get("pausing") or flags.get("paused"))

    def _origin(self) -> object:
        return job_file(self._printer.current_data()).get("origin")


def _log(options: PauseOptions, scripts: PauseScripts) -> None:
    sent = ", ".join(scripts.paused) or "nothing"
    log.info("Pause with %s; the printer is sent: %s", options, sent)


def _options(command: Command) -> PauseOptions:
    from .pause_script import pause_options  # of no use before

    return pause_options(command.args)


def perform(command: Command, printer: PrinterHost, pauses: Pauses) -> None:
    """Carry out one command. The effect shows in the next status; nobody waits for an answer."""
    log.info("The server asks the printer to %s (%s)", command.name, command.initiator)
    actions: Mapping[str, Callable[[], None]] = {
        "pause": lambda: pauses.pause(_options(command)),
        "resume": printer.resume_print,
        "cancel": printer.cancel_print,
    }
    actions[command.name]()
