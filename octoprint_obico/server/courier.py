"""Brings the outbox's events over the WebSocket: sent when the socket took one and a pong followed.

What a socket took may still be lost with the connection; a pong that answers a later ping proves
that the server's end has read everything before it.
"""

from __future__ import annotations

from contextlib import suppress

from .messages import encode
from .outbox import Outbox
from .outbox_events import Entry, Kind
from .websocket import Connection


class Courier:
    """Belongs to the thread that owns the connection.

    Args:
        outbox: where events wait; None: there are none.
        link: whose events go over this connection (`link_name`).
    """

    def __init__(self, outbox: Outbox | None = None, link: str = "") -> None:
        self._outbox, self._link = outbox, link
        self._under_way: tuple[Entry, int] | None = None
        """The event, and the number of the last ping before it."""

    @property
    def is_behind(self) -> bool:
        """Whether events wait that a status must not overtake: one that says that the print is over
        would close it on the server before the event tells how it ended (PROTOCOL 5.5)."""
        return self._outbox is not None and self._outbox.waiting(Kind.SOCKET) > 0

    def send_next(self, connection: Connection, last_ping: int) -> None:
        """Send the oldest event, unless one is under way."""
        if self._outbox is None or self._under_way is not None:
            return
        entry = self._outbox.take(Kind.SOCKET, self._link)
        if entry is not None:
            self._under_way = (entry, last_ping)  # first: what raises below must not lose it
            connection.send_text(_dated(entry))

    def wants_proof(self, last_ping: int) -> bool:
        """Whether a ping is to be sent now, for the event that is under way."""
        return self._under_way is not None and last_ping <= self._under_way[1]

    def heard(self, payload: bytes) -> None:
        """A pong has come, with the number of its ping."""
        if self._outbox is None or self._under_way is None:
            return
        entry, last_ping = self._under_way
        with suppress(ValueError):  # a pong that answers no ping of ours
            if int(payload) > last_ping:
                self._under_way = None
                self._outbox.confirmed(entry.number)

    def lost(self) -> None:
        """The connection has ended: what was under way may not have arrived."""
        if self._outbox is not None and self._under_way is not None:
            entry, _ = self._under_way
            self._under_way = None
            self._outbox.give_back(entry)


def _dated(entry: Entry) -> str:
    """The message with the time at which it happened, by what the clock says now."""
    message = entry.content
    status = message.get("status")
    if isinstance(status, dict):
        message["status"] = {**status, "_ts": entry.happened_at}
    return encode(message)
