"""Follows the print: its start time is its name on the server (PROTOCOL 5.5)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from .plain import text
from .status import NOT_PRINTING

# The server acts on these (PROTOCOL 5.4); the last three end the print
_REPORTED = frozenset(
    {
        "PrintStarted",
        "PrintPaused",
        "PrintResumed",
        "PrintCancelling",
        "PrintCancelled",
        "PrintFailed",
        "PrintDone",
    }
)
STATE_EVENTS = frozenset({"PrinterStateChanged", "Connected", "Disconnected"})
"""Events after which the status is another, though the server acts on none of them."""

_ENDS = frozenset({"PrintFailed", "PrintDone"})


class PrintJob:
    """The start time of the current print, kept over reconnects. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._print_ts: int | None = None

    def current_ts(self, printing: bool | None, now: float) -> int | None:
        """The value for a status message.

        A print that began before us (the plugin was enabled in the midst of it) gets a start time
        now; while the printer's state is not known (`printing` None), so is this. Once known, only
        events change it: right after a print's end the printer still says that it is printing.
        """
        with self._lock:
            if self._print_ts is None and printing is not None:
                self._print_ts = int(now) if printing else NOT_PRINTING
            return self._print_ts

    def on_event(
        self, name: str, payload: Mapping[str, Any] | None, now: float
    ) -> tuple[int | None, dict[str, Any]] | None:
        """Take one of OctoPrint's events.

        Returns:
            The print's start time and the event section of the message to send, or None where the
            server does not care. The message that tells of a print's end still carries its time.
        """
        if name not in _REPORTED:
            return None
        with self._lock:
            if name == "PrintStarted":
                self._print_ts = int(now)
            print_ts = self._print_ts
            if name in _ENDS:
                self._print_ts = NOT_PRINTING
        file_name = payload.get("name") if isinstance(payload, Mapping) else None
        is_named = isinstance(file_name, str) and file_name
        data = {"name": text(file_name)} if is_named else None
        return print_ts, {"event_type": name, "data": data}
