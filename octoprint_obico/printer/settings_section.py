"""Which status carries the settings section (PROTOCOL 5.3), in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .plain import plain

EVERY_S = 1800.0
"""Again now and then, though nothing has changed."""

# OctoPrint's events after which something in it may be another
_MAY_CHANGE = frozenset({"SettingsUpdated", "FirmwareData", "PrinterProfileModified"})

_MOST_FIRMWARE = 50
"""Entries of what a printer tells of itself."""


class SettingsSection:
    """Owns when it was sent last and what was in it, and what the printer says of itself.

    OctoPrint's event thread notes, the WebSocket's thread asks.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent_at = float("-inf")
        self._sent: Mapping[str, Any] | None = None
        self._look = True
        self._firmware: Mapping[str, Any] = {}  # the event's payload, not looked at before use

    def on_event(self, name: str, payload: Mapping[str, Any] | None) -> bool:
        """Take one of OctoPrint's events; return whether a status should look at the section."""
        if name not in _MAY_CHANGE:
            return False
        if name == "FirmwareData":
            self._firmware = payload if isinstance(payload, Mapping) else {}
        self._look = True
        return True

    def due(
        self, first: bool, build: Callable[[], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any] | None, Exception | None]:
        """The section where it goes with this status: with a connection's first, when something in
        it has changed, and every half an hour.

        Args:
            first: whether this is the first status of a connection.
            build: makes what the host tells.

        Returns:
            The section, or None: not due, or it could not be built; and then why. It is tried again
            with the next status.
        """
        now = self._clock()
        anyway = first or now - self._sent_at >= EVERY_S
        if not anyway and not self._look:
            return None, None
        self._look = False  # before looking: what changes meanwhile is seen the next time
        try:
            section = plain({**build(), **self._of_the_printer()})
        except Exception as error:  # a status goes without it; it is recorded
            self._look = True
            if anyway:
                self._sent_at = float("-inf")
            return None, error
        if not anyway and section == self._sent:
            return None, None
        self._sent_at, self._sent = now, section
        return section, None

    def _of_the_printer(self) -> dict[str, Any]:
        known = _firmware(self._firmware)
        return {"printer_metadata": known} if known else {}


def _firmware(told: Mapping[str, Any]) -> dict[str, Any]:
    """What M115 brought: FIRMWARE_NAME, MACHINE_TYPE and so on."""
    data = told.get("data")
    known = dict(list(data.items())[:_MOST_FIRMWARE]) if isinstance(data, Mapping) else {}
    name = told.get("name")
    if isinstance(name, str) and name:
        known.setdefault("FIRMWARE_NAME", name)
    return known
