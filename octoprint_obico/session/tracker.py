"""The error tracker: every attempt of this session, counted. The one source for all that is shown.

Nothing is kept across restarts of OctoPrint. Memory is bounded whatever happens: `buckets.py`,
`recent.py` and `episodes.py` say what is kept, `benchmarks/session_record.md` what it takes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from ..server.errors import Attempt
from .buckets import MINUTE_S
from .clock import Clock
from .figures import LONGEST_NAME, OTHER_WEBCAMS, PARTS, WEBCAM, Series, Session, part_of
from .handing_out import dated
from .recent import Kept
from .records import ChannelRecord, PartRecord
from .series import series_of, window_of

MOST_WEBCAMS = 7
"""Channels of webcams: their names are people's, and must not let the table grow for ever. With
http, websocket and plugin, ten channels."""


class Tracker:
    """Takes attempts from all threads and answers with immutable figures."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._moment = 0.0
        self._channels: dict[str, ChannelRecord] = {}
        self._parts = {name: PartRecord(name) for name in PARTS}

    def record(self, attempt: Attempt) -> None:
        """Count one finished attempt."""
        if attempt.ok:
            with self._lock:
                channel = self._channel(attempt.channel)
                if channel.succeeded(self._now()):
                    self._parts[part_of(channel.name)].follow(self._moment)
            return
        kept = Kept(attempt)
        with self._lock:
            channel = self._channel(attempt.channel)
            began = channel.failed(kept, self._now(), attempt.down_for_s)
            self._parts[part_of(channel.name)].failed(kept.cause, began, self._moment)

    def rest(self, channel: str) -> None:
        """From now on the channel is neither up nor down, until its next attempt."""
        with self._lock:
            record = self._channels.get(channel[:LONGEST_NAME])
            if record is not None:
                record.uptime.turn(self._now(), None)
                self._parts[part_of(record.name)].follow(self._moment)

    def session(self) -> Session:
        """Return the figures of all channels and parts as they are now."""
        with self._lock:
            now, start = self._now(), self._clock.start()
            channels = {name: record.figures(now) for name, record in self._channels.items()}
            parts = {
                name: part.figures(now, [channels[item.name] for item in part.channels])
                for name, part in self._parts.items()
            }
        return Session(
            start,
            start + now,
            {name: dated(figures, start) for name, figures in channels.items()},
            {name: dated(figures, start) for name, figures in parts.items()},
        )

    def series(self, seconds: float | None, most: int) -> Mapping[str, Series]:
        """The figures of each channel over time, the last `seconds` or the whole session (None).

        Args:
            most: how many steps there may be at the most; each takes a whole number of minutes.
        """
        with self._lock:
            now, start = self._now(), self._clock.start()
            window = window_of(now, seconds, most)
            columns = {}
            for name, record in self._channels.items():
                record.uptime.settle(now)
                kept = record.minutes if window.base_s == MINUTE_S else record.hours
                columns[name] = kept.copy()
        return {name: series_of(item, window, start) for name, item in columns.items()}

    def _now(self) -> float:
        """Seconds since the session's start; never less than before, whatever the clock does."""
        self._moment = max(self._moment, self._clock.moment())
        return self._moment

    def _channel(self, name: str) -> ChannelRecord:
        """The record of a channel, made where it is new and not one webcam too many."""
        name = name[:LONGEST_NAME]
        record = self._channels.get(name)
        if record is None:
            part = self._parts[part_of(name)]
            if part.name == WEBCAM and len(part.channels) >= MOST_WEBCAMS - 1:
                name = OTHER_WEBCAMS
            record = self._channels.get(name)
            if record is None:
                record = self._channels[name] = ChannelRecord(name)
                part.channels.append(record)
        return record
