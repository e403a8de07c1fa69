"""Takes OctoPrint's events to the server: through the outbox, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .printer.bell import Bell
from .server.errors import Attempt
from .server.link import Link
from .server.messages import printer_event
from .server.outbox import Outbox, OutboxState
from .server.outbox_events import Kind

PICTURE_WITHIN_S = 20.0
"""An event waits so long for its picture, then it goes without."""

PictureTaker = Callable[[Callable[[bytes | None], object]], None]
"""Has a picture taken soon, and hands it over on another thread; None where there is none."""


class EventKeeper:
    """Owns the outbox and the bell.

    Args:
        path: the outbox's file; None: events are sent, and kept nowhere.
        link: the channels of now, or None.
        take_picture: for events that carry one.
    """

    def __init__(
        self,
        path: Path | None,
        record: Callable[[Attempt], None],
        on_state: Callable[[], None],
        link: Callable[[], Link | None],
        take_picture: PictureTaker,
    ) -> None:
        self._link, self._take_picture = link, take_picture
        self._bell = Bell()
        self.outbox = None
        if path is not None:
            self.outbox = Outbox(path, record=record, on_due=self._on_due, on_state=on_state)

    def start(self) -> None:
        if self.outbox is not None:
            self.outbox.start()

    def close(self, timeout_s: float) -> None:
        """Bring all to the disk and end, waiting up to so many seconds."""
        if self.outbox is not None:
            self.outbox.close(timeout_s)

    def use(self, link: str | None) -> None:
        """Events are from now on for this link (`link_name`); those of a former one wait for it."""
        if self.outbox is not None:
            self.outbox.use(link)

    def state(self) -> OutboxState | None:
        """How it stands; None where none are kept."""
        return self.outbox.state() if self.outbox is not None else None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message over the WebSocket, kept until it has arrived. Never waits."""
        kept = self.outbox.put(Kind.SOCKET, message) if self.outbox is not None else None
        link = self._link()
        if kept is None and link is not None:
            link.supervisor.send(message)

    def ring(self, name: str, payload: Mapping[str, Any] | None) -> None:
        """Take one of OctoPrint's events that may be one for the bell in the app. Never waits."""
        fields, outbox = self._bell.on_event(name, payload), self.outbox
        if fields is None:
            return
        link = self._link()
        if link is not None:  # who views the printer is told at once (PROTOCOL 5.6)
            link.send_live(printer_event(fields))
        if outbox is None:
            return
        number = outbox.put(Kind.HTTP, fields, snapshot_within_s=PICTURE_WITHIN_S)
        if number is not None:
            self._take_picture(lambda picture: outbox.attach(number, picture))

    def store(self, fields: Mapping[str, str]) -> None:
        """Keep a printer event (PROTOCOL 2.5) until it has arrived. Never waits."""
        if self.outbox is not None:
            self.outbox.put(Kind.HTTP, fields)

    def _on_due(self, kind: Kind) -> None:
        link = self._link()
        if link is not None:
            link.events_due(kind)
