"""What the server is told of the printer: its status, and the events of a print."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..host import Host
from ..server.errors import PLUGIN_CHANNEL, Attempt
from ..server.faults import Faults
from .current import job_file
from .job import STATE_EVENTS, PrintJob
from .settings_section import SettingsSection
from .status import NOT_PRINTING, Part, build_status_message
from .tuning import KEYS, Tuning

if TYPE_CHECKING:
    from .print_file import PrintFile

log = logging.getLogger("octoprint.plugins.obico")


class Teller:
    """Follows the print and builds the messages. Thread-safe.

    Args:
        record: takes each message built as an attempt of the plugin's own channel.
        on_change: called when more is known of the printed file, from a thread of its own.
        needs_user: whether the printer waits for somebody.
    """

    def __init__(
        self,
        host: Host,
        record: Callable[[Attempt], None],
        on_change: Callable[[], object] = lambda: None,
        needs_user: Callable[[], bool] = lambda: False,
    ) -> None:
        self._host, self._record, self._needs_user = host, record, needs_user
        self._job = PrintJob()
        self._section = SettingsSection()
        self._tuning = Tuning()
        self._broken = Faults(record, log)
        self._file: PrintFile | None = None
        self._on_change = on_change
        self._faults: frozenset[str] = frozenset()

    def stop(self) -> None:
        """End what runs; waits for nothing."""
        if self._file is not None:
            self._file.stop()

    def on_gcode(self, gcode: str | None, command: str) -> None:
        """Take a line on its way to the printer."""
        self._tuning.on_gcode(gcode, command)

    def on_event(
        self, name: str, payload: Mapping[str, Any] | None
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """Take one of OctoPrint's events; waits for nothing.

        Returns:
            The message to send, or None where the server does not care, and whether the status is
            another now.
        """
        self._tuning.on_event(name)
        if self._file is not None:
            self._file.on_event(name, payload)
        if self._section.on_event(name, payload):
            return None, True
        told = self._job.on_event(name, payload, time.time())
        if told is None:
            return None, name in STATE_EVENTS
        print_ts, event = told
        return self._build(self._host.printer.current_data(), print_ts, event=event), True

    def status(self, first: bool) -> Mapping[str, Any]:
        """The status message as it is now; `first`: of its connection."""
        print_ts = self._job.current_ts(self._host.printer.is_printing(), time.time())
        settings, error = self._section.due(first, self._host.server_settings)
        if error is not None:
            self._broken.note("building the settings section", error)
        current = self._host.printer.current_data()
        self._follow_file(current, print_ts)
        return self._build(current, print_ts, settings=settings)

    def _follow_file(self, current: Mapping[str, Any], print_ts: int | None) -> None:
        is_open = print_ts is not None and print_ts != NOT_PRINTING
        try:
            if self._file is None and job_file(current).get("path"):
                from .print_file import PrintFile  # of no use before

                self._file = PrintFile(self._host.printer, self._broken, self._on_change)
            if self._file is not None:
                self._file.follow(current, is_open)
        except Exception as error:  # odd data, or no thread left: the status goes without it
            self._broken.note("following the job's file", error)

    def _extras(self, current: Mapping[str, Any]) -> tuple[Part, ...]:
        """What is known of the print beside OctoPrint's current data. Memory only."""
        file = self._file
        of_file: tuple[Part, ...] = ()
        if file is not None:
            layer = partial(file.layer, current)
            of_file = (("file_metadata", file.metadata), ("currentLayerHeight", layer))
        return (
            *of_file,
            *((key, partial(self._tuning.get, key)) for key in KEYS),
            ("user_interaction_required", lambda: bool(self._needs_user())),
        )

    def _build(
        self, current: Mapping[str, Any], print_ts: int | None, **more: Any
    ) -> dict[str, Any]:
        more["extras"] = self._extras(current)
        temperatures = self._host.printer.temperatures()
        message, faults = build_status_message(current, temperatures, print_ts, time.time(), **more)
        if frozenset(faults) != self._faults:
            self._faults = frozenset(faults)
            log.warning("Parts of the status could not be built: %s", ", ".join(faults) or "none")
        fault = Attempt.fault("building the status", "; ".join(faults)) if faults else None
        self._record(fault or Attempt.success(PLUGIN_CHANNEL))
        return message
