"""What the server is told of the printer: its status, and the events of a print."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..host import Host
from ..server.errors import PLUGIN_CHANNEL, Attempt
from .job import STATE_EVENTS, PrintJob
from .status import build_status_message

log = logging.getLogger("octoprint.plugins.obico")


class Teller:
    """Follows the print and builds the messages. Thread-safe.

    Args:
        record: takes each message built as an attempt of the plugin's own channel.
    """

    def __init__(self, host: Host, record: Callable[[Attempt], None]) -> None:
        self._host, self._record = host, record
        self._job = PrintJob()
        self._faults: frozenset[str] = frozenset()

    def on_event(
        self, name: str, payload: Mapping[str, Any] | None
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """Take one of OctoPrint's events; waits for nothing.

        Returns:
            The message to send, or None where the server does not care, and whether the status is
            another now.
        """
        told = self._job.on_event(name, payload, time.time())
        if told is None:
            return None, name in STATE_EVENTS
        print_ts, event = told
        return self._build(print_ts, event=event), True

    def status(self, with_settings: bool) -> Mapping[str, Any]:
        """The status message as it is now."""
        print_ts = self._job.current_ts(self._host.printer.is_printing(), time.time())
        settings = self._host.server_settings() if with_settings else None
        return self._build(print_ts, settings=settings)

    def _build(self, print_ts: int | None, **more: Any) -> dict[str, Any]:
        printer = self._host.printer
        message, faults = build_status_message(
            printer.current_data(), printer.temperatures(), print_ts, time.time(), **more
        )
        if frozenset(faults) != self._faults:
            self._faults = frozenset(faults)
            log.warning("Parts of the status could not be built: %s", ", ".join(faults) or "none")
        fault = Attempt.fault("building the status", "; ".join(faults)) if faults else None
        self._record(fault or Attempt.success(PLUGIN_CHANNEL))
        return message
