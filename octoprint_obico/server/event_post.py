"""Brings the outbox's events over HTTP: one at a time, each until the server has taken it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .backoff import Backoff
from .errors import ChannelError
from .http import expect_ok
from .http_channel import HttpChannel
from .outbox import Outbox
from .outbox_events import Entry, Kind
from .retry_policy import HTTP

log = logging.getLogger("octoprint.plugins.obico.outbox")

PATH = "/api/v1/octo/printer_events/"
TIMEOUT_S = 30.0
"""For an event with its picture, over a slow uplink."""

LATE_S = 60.0
"""The server dates an event by its arrival: one that comes later than this says when it was."""

_NEVER = float("inf")
_UNWANTED = (400, 405, 413, 415, 422)
"""Statuses after which the same event would be refused again."""


class EventPost:
    """Belongs to the thread that asks it to send.

    Args:
        link: whose events these are (`link_name`).
        watched: whether somebody looks at the status: then pauses are short.
    """

    def __init__(
        self, channel: HttpChannel, outbox: Outbox | None, link: str, watched: Callable[[], bool]
    ) -> None:
        self._channel, self._outbox, self._link = channel, outbox, link
        self._watched = watched
        self._backoff = Backoff(HTTP)
        self._not_before = float("-inf")

    def retry_now(self) -> None:
        """End a pause: what is due goes out when it is next asked to send."""
        self._not_before = float("-inf")

    def send_due(self) -> float:
        """Send what is due; return the seconds until it is to be asked again."""
        while self._outbox is not None:
            left = self._not_before - time.monotonic()
            if left > 0:
                return left
            entry = self._outbox.take(Kind.HTTP, self._link)
            if entry is None:
                break
            self._send(self._outbox, entry)
        return _NEVER

    def _send(self, outbox: Outbox, entry: Entry) -> None:
        began = time.monotonic()
        try:
            self._post(outbox, entry)
        except ChannelError as error:
            if error.facts.get("status") in _UNWANTED:
                log.warning("The server does not want an event: %s", error)
                outbox.refused(entry.number)
                return
            outbox.give_back(entry)
            took_s = time.monotonic() - began
            delay_s = self._backoff.failed(error, watched=self._watched(), took_s=took_s)
            self._not_before = time.monotonic() + delay_s
        except Exception:  # a fault of ours, which the thread's owner notes
            outbox.refused(entry.number)
            raise
        else:
            self._backoff.proven()
            outbox.confirmed(entry.number)

    def _post(self, outbox: Outbox, entry: Entry) -> None:
        """Post it; a picture that the server does not take costs the picture, not the event."""
        picture = outbox.snapshot(entry.number) if entry.has_snapshot else None
        data = _dated(entry, time.time())
        if picture is not None:
            try:
                self._call(data, files={"snapshot": ("snapshot.jpg", picture, "image/jpeg")})
                return
            except ChannelError as error:
                if error.facts.get("status") not in _UNWANTED:
                    raise
                log.warning("The server does not take the picture of an event: %s", error)
        self._call(data)

    def _call(self, data: dict[str, Any], **more: Any) -> None:
        self._channel.call("POST", PATH, expect_ok, timeout_s=TIMEOUT_S, data=data, **more)


def _dated(entry: Entry, now: float) -> dict[str, Any]:
    """The fields; where it comes late, with the time at which it happened."""
    fields = entry.content
    if now - entry.happened_at > LATE_S:
        at = datetime.fromtimestamp(entry.happened_at, timezone.utc)
        fields["event_text"] = f"{fields.get('event_text', '')} ({at:%Y-%m-%d %H:%M} UTC)"
    return fields
