"""The error tracker: every attempt of this session, counted. The one source for all that is shown.

Nothing is kept across restarts of OctoPrint. Memory is constant: counters, and a ring of the most
recent failures per channel.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..server.causes import Cause
from ..server.errors import Attempt
from .pattern import Pattern, classify

RECENT = 100
"""Failures per channel that are kept with their messages."""

SERVER, WEBCAM = "server", "webcam"
"""The two parts of the report; each attempt counts into its channel and into its part."""

_MAX_CHANNELS = 32
"""Webcams have names that people choose; a runaway must not grow the table."""


def part_of(channel: str) -> str:
    """The part of the report that a channel belongs to."""
    return WEBCAM if channel.startswith("webcam:") else SERVER


@dataclass(frozen=True)
class Failure:
    """A failed attempt and when it happened (Unix seconds)."""

    at: float
    channel: str
    cause: Cause
    stage: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What is known of a channel, or of a part, at one moment. Times are Unix seconds or None."""

    name: str
    attempts: int
    errors: int
    episodes: int
    first_error_at: float | None
    last_error_at: float | None
    last_success_at: float | None
    failing: Failure | None
    """The most recent failure, while nothing has succeeded since."""
    failing_since: float | None
    """When the failures that go on now began."""
    okay_since: float | None
    """The first success after the most recent failure; None while failing or never tried."""
    causes: Mapping[Cause, int]
    recent: tuple[Failure, ...]

    @property
    def error_rate(self) -> float:
        """Failed attempts per attempt, 0 to 1."""
        return self.errors / self.attempts if self.attempts else 0.0

    @property
    def pattern(self) -> Pattern:
        return classify(self.attempts, self.errors, self.episodes)

    def errors_since(self, moment: float) -> int:
        """Failures after `moment` (Unix seconds), as far as the ring reaches back."""
        return sum(1 for failure in self.recent if failure.at >= moment)


class _Counts:
    """The growing figures behind Figures. Guarded by the tracker's lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attempts = self.errors = self.episodes = 0
        self.first_error_at: float | None = None
        self.last_error_at: float | None = None
        self.last_success_at: float | None = None
        self.failing: Failure | None = None
        self.failing_since: float | None = None
        self.okay_since: float | None = None
        self.causes: Counter[Cause] = Counter()
        self.recent: deque[Failure] = deque(maxlen=RECENT)

    def succeeded(self, now: float) -> None:
        self.attempts += 1
        self.last_success_at = now
        if self.okay_since is None:
            self.okay_since = now
        self.failing = self.failing_since = None

    def failed(self, failure: Failure) -> None:
        self.attempts += 1
        self.errors += 1
        if self.failing is None:
            self.episodes += 1
            self.failing_since = failure.at
        if self.first_error_at is None:
            self.first_error_at = failure.at
        self.last_error_at = failure.at
        self.failing, self.okay_since = failure, None
        self.causes[failure.cause] += 1
        self.recent.append(failure)

    def figures(self) -> Figures:
        return Figures(
            self.name,
            self.attempts,
            self.errors,
            self.episodes,
            self.first_error_at,
            self.last_error_at,
            self.last_success_at,
            self.failing,
            self.failing_since,
            self.okay_since,
            dict(self.causes),
            tuple(self.recent),
        )


@dataclass(frozen=True)
class Session:
    """The whole session at one moment: nobody sees the living counters."""

    started_at: float
    now: float
    channels: Mapping[str, Figures]
    parts: Mapping[str, Figures]

    def channel(self, name: str) -> Figures:
        """The figures of a channel; those of a new one where nothing was tried yet."""
        return self.channels.get(name) or _Counts(name).figures()


class Tracker:
    """Takes attempts from all threads and answers with immutable figures."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._started_at = now()
        self._channels: dict[str, _Counts] = {}
        self._parts = {name: _Counts(name) for name in (SERVER, WEBCAM)}

    def record(self, attempt: Attempt) -> None:
        """Count one finished attempt."""
        now = self._now()
        with self._lock:
            counts = self._channels.get(attempt.channel)
            if counts is None:
                if len(self._channels) >= _MAX_CHANNELS:
                    return
                counts = self._channels[attempt.channel] = _Counts(attempt.channel)
            both = (counts, self._parts[part_of(attempt.channel)])
            if attempt.ok:
                for item in both:
                    item.succeeded(now)
                return
            failure = Failure(
                now,
                attempt.channel,
                attempt.cause or Cause.UNKNOWN_ERROR,
                str(attempt.stage or ""),
                attempt.message,
                dict(attempt.facts),
            )
            for item in both:
                item.failed(failure)

    def session(self) -> Session:
        """Return the figures of all channels and parts as they are now."""
        with self._lock:
            return Session(
                self._started_at,
                self._now(),
                {name: counts.figures() for name, counts in self._channels.items()},
                {name: counts.figures() for name, counts in self._parts.items()},
            )
