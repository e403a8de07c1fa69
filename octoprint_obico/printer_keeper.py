"""Everything that follows the printer and acts on it, behind one door.

OctoPrint calls from its own threads (events, G-code, scripts): nothing here waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from .event_keeper import EventKeeper
from .host import Host
from .printer.commands import Lines, Pauses, perform
from .printer.filament import CHANGE, FilamentWatch
from .printer.status import NOT_PRINTING
from .printer.teller import Teller
from .server.errors import Attempt
from .server.faults import Faults
from .server.link import Link
from .server.messages import ServerMessage
from .settings import FILAMENT_NUDGE_S

if TYPE_CHECKING:
    from .printer.functions import Function
    from .printer.passthru import Passthru
    from .printer.pause_script import PausedAt
    from .printer.print_files import PrintFiles
    from .printer.terminal_feed import TerminalFeed

PART = "following the printer"


class PrinterKeeper:
    """Owns what is known of the print, the calls of the app, and the options of a pause.

    Args:
        record: takes the plugin's own faults as attempts.
        link: the channels of now, or None.
        events: brings printer events to the server.
        on_change: called when the status is another; sends it as soon as possible.
        viewing: whether somebody views the printer, by the server's last word.
    """

    def __init__(
        self,
        host: Host,
        record: Callable[[Attempt], None],
        faults: Faults,
        link: Callable[[], Link | None],
        events: EventKeeper,
        on_change: Callable[[], object],
        viewing: Callable[[], bool],
    ) -> None:
        self._printer, self._link = host.printer, link
        self._events, self._on_change = events, on_change
        self._filament = FilamentWatch(
            host.printer, lambda name: events.ring(name, None), on_change, FILAMENT_NUDGE_S
        )
        self._teller = Teller(host, record, on_change, lambda: self._filament.waits)
        self._pauses = Pauses(host.printer)
        self._viewing = viewing
        self._faults, self._lock = faults, threading.RLock()
        self._files: PrintFiles | None = None
        self._passthru: Passthru | None = None
        self._feed: TerminalFeed | None = None

    def stop(self, timeout_s: float) -> None:
        """End, waiting up to so many seconds."""
        self._teller.stop()
        if self._files is not None:
            self._files.stop()
        for part in (self._feed, self._passthru):
            if part is not None:
                part.stop(timeout_s / 2)

    # ---- OctoPrint ----------------------------------------------------------------------------

    def on_event(self, name: str, payload: Mapping[str, Any] | None) -> bool:
        """Take one of OctoPrint's events; return whether the status is another now."""
        message, is_new = self._teller.on_event(name, payload)
        if message is not None:
            if self._files is not None:
                message = self._files.complete(message, may_begin=False)
            self._events.send(message)
        if is_new:
            self._on_change()  # the state that follows; after an end, without the print
        self._filament.on_event(name)
        if name != CHANGE:  # of that the watch judges
            self._events.ring(name, payload)
        return is_new

    def on_gcode(self, gcode: str | None, command: str) -> None:
        """Take a command on its way to the printer."""
        try:
            self._pauses.on_gcode(gcode)
            self._teller.on_gcode(gcode, command)
        except Exception as error:  # nothing of ours may disturb the line to the printer
            self._faults.note(PART, error)

    def on_sent(self, gcode: str | None, command: str, tags: Collection[str] | None) -> None:
        """Take a command that the printer was just sent."""
        try:
            if self._feed is not None:
                self._feed.take(command)
            self._filament.on_sent(gcode, tags)
        except Exception as error:  # nothing of ours may disturb the line to the printer
            self._faults.note(PART, error)

    def on_received(self, line: str) -> None:
        """Take a line of the printer."""
        try:
            if self._feed is not None:
                self._feed.take(line)
            self._filament.on_line(line)
        except Exception as error:  # nothing of ours may disturb the line to the printer
            self._faults.note(PART, error)

    def look(self, nudge_s: float) -> None:
        """Remind of what the printer waits for, at most every so many seconds; called regularly."""
        self._filament.look(nudge_s)

    def _is_viewed(self) -> bool:
        link = self._link()  # without one the server's last word is an old one
        return link is not None and link.is_connected and self._viewing()

    def _send_live(self, message: Mapping[str, Any]) -> int | None:
        link = self._link()
        return link.send_live(message) if link is not None else None

    def on_script(self, name: str, at: Callable[[], PausedAt]) -> Lines | None:
        """What to add to one of OctoPrint's G-code scripts; see :meth:`Pauses.on_script`."""
        return self._pauses.on_script(name, at)

    # ---- the server ---------------------------------------------------------------------------

    def status(self, first: bool) -> Mapping[str, Any]:
        """The status message as it is now; `first`: of its connection."""
        message = self._teller.status(first)
        prints = (message.get("current_print_ts") or NOT_PRINTING) != NOT_PRINTING
        if self._files is None and not prints:
            return message
        return self._print_files().complete(message, may_begin=True)

    def on_message(self, message: ServerMessage) -> None:
        """Carry out what a message asks of the printer."""
        for command in message.commands:
            perform(command, self._printer, self._pauses)
        link = self._link()
        if message.passthru is not None and link is not None:
            self._calls().take(message.passthru, link.supervisor.send)

    def _calls(self) -> Passthru:
        """Made at the first call: most sessions see none."""
        with self._lock:  # a link that has just been replaced may still read
            if self._passthru is None:
                from .printer.passthru import Passthru

                self._passthru = Passthru(
                    self._printer, self._faults, self._on_change, more=self._more_calls()
                )
            return self._passthru

    def _print_files(self) -> PrintFiles:
        """Made with the first print or call, on a thread of ours."""
        with self._lock:
            if self._files is None:
                from .printer.print_files import PrintFiles

                self._files = PrintFiles(
                    self._printer, self._link, self._faults, self._events.store, self._on_change
                )
            return self._files

    def _more_calls(self) -> Mapping[tuple[str, str], Function]:
        from .printer.functions import terminal_function
        from .printer.terminal_feed import TerminalFeed

        feed = self._feed = TerminalFeed(self._is_viewed, self._send_live, self._faults)
        toggle = ("gcode_hooks", "toggle_terminal_feed")
        return {**self._print_files().functions(), toggle: terminal_function(feed.toggle)}
