"""The growing figures of one channel, and of one part. Guarded by the tracker's lock.

Moments are seconds since the session's start, also where the figures have Unix seconds: they are
turned into those when they are handed out.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from itertools import chain

from ..server.causes import Cause
from .buckets import DAY_S, HOUR_S, HOURS, MINUTE_S, MINUTES, Counts, Seconds
from .episodes import Episodes
from .figures import Failure, Figures
from .pattern import Evidence
from .recent import RECENT, Kept, Recent
from .uptime import DAY_MINUTES, Uptime

LIFETIMES = 50
"""Connections whose lifetime is kept."""


class Columns:
    """A channel's figures per minute, or per hour."""

    def __init__(self, step_s: int, most: int) -> None:
        self.attempts, self.errors = Counts(step_s, most), Counts(step_s, most)
        self.down = Seconds(step_s, most)

    def copy(self) -> Columns:
        """A copy that does not change any more."""
        twin = Columns.__new__(Columns)
        twin.attempts, twin.errors = self.attempts.copy(), self.errors.copy()
        twin.down = self.down.copy()
        return twin


class ChannelRecord:
    """One channel: what happened to it, and when."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attempts = self.errors = self.runs = 0
        self.first_error: float | None = None
        self.last_error: float | None = None
        self.last_success: float | None = None
        self.failing: Failure | None = None
        self.failing_since: float | None = None
        self.okay_since: float | None = None
        self.causes: Counter[Cause] = Counter()
        self.recent = Recent()
        self.lifetimes: deque[float] = deque(maxlen=LIFETIMES)
        self.by_hour = array("Q", bytes(24 * 8))
        self.episodes = Episodes()
        self.minutes, self.hours = Columns(MINUTE_S, MINUTES), Columns(HOUR_S, HOURS)
        self.uptime = Uptime((self.minutes.down, self.hours.down))
        self._last = 0.0

    def succeeded(self, moment: float) -> bool:
        """Count a success; return whether the channel was not up before."""
        self._tried(moment)
        self.last_success = moment
        if self.okay_since is None:
            self.okay_since = moment
        if self.failing is not None:
            self.failing = self.failing_since = None
            self.episodes.recovered(moment)
        if self.uptime.up:
            return False
        self.uptime.turn(moment, True)
        return True

    def failed(self, kept: Kept, moment: float, down_for_s: float) -> float:
        """Count a failure; return when the outage began, as far as that is known.

        It cannot have begun before the last attempt, which was a sign of life, nor while the
        channel was not up.

        Args:
            down_for_s: how long the channel had been down when that was noticed.
        """
        failure, cause = kept.at(moment, self.name), kept.cause
        began = max(moment - max(down_for_s, 0.0), self._last) if self.uptime.up else moment
        self._tried(moment)
        self.errors += 1
        self.minutes.errors.add(moment)
        self.hours.errors.add(moment)
        self.episodes.failed(moment, began, cause, was_down=self.uptime.up is False)
        if self.uptime.up is not False:  # a rest ends a run as a success does
            self.runs += 1
        if self.failing is None:
            self.failing_since = began
        if self.first_error is None:
            self.first_error = moment
        self.last_error = moment
        self.failing, self.okay_since = failure, None
        self.causes[cause] += 1
        self.recent.append(failure, kept.size)
        lived_s = failure.facts.get("seconds")
        if cause is Cause.WEBSOCKET_DROPPED and isinstance(lived_s, (int, float)):
            self.lifetimes.append(float(lived_s))
        self.uptime.turn(moment, False, began)
        return began

    def _tried(self, moment: float) -> None:
        self._last = moment
        self.attempts += 1
        self.minutes.attempts.add(moment)
        self.hours.attempts.add(moment)
        self.by_hour[int(moment % DAY_S) // HOUR_S] += 1

    def figures(self, moment: float) -> Figures:
        """Everything up to a moment, which is now."""
        self.uptime.settle(moment)
        episodes = self.episodes.recent()
        evidence = Evidence(
            self.name,
            self.attempts,
            self.errors,
            self.runs,
            self.episodes.count,
            tuple(self.lifetimes),
            tuple(episode.start for episode in episodes),
            tuple(self.by_hour),
        )
        return Figures(
            self.name,
            self.attempts,
            self.errors,
            self.runs,
            self.episodes.count,
            episodes,
            self.first_error,
            self.last_error,
            self.last_success,
            self.failing,
            self.failing_since,
            self.okay_since,
            self.uptime.up,
            dict(self.causes),
            self.recent.failures(),
            self.uptime.down_s,
            self.uptime.observed_s,
            self.uptime.availability(),
            self.uptime.availability_24h(moment),
            (evidence,),
        )


class PartRecord:
    """Several channels as one: down while any of them is, observed while any of them is.

    Keeps only what cannot be added up from its channels.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.channels: list[ChannelRecord] = []
        self.episodes = Episodes()
        self.uptime = Uptime((Seconds(MINUTE_S, DAY_MINUTES),))

    def failed(self, cause: Cause, began: float, moment: float) -> None:
        """Take a failure that one of its channels has counted."""
        self.episodes.failed(moment, began, cause, was_down=self.uptime.up is False)
        self.uptime.turn(moment, False, began)

    def follow(self, moment: float) -> None:
        """Follow its channels after one of them succeeded or went to rest."""
        states = [channel.uptime.up for channel in self.channels]
        up = False if False in states else True if True in states else None
        if self.uptime.up is False and up is not False:
            self.episodes.recovered(moment)
        self.uptime.turn(moment, up)

    def figures(self, moment: float, channels: Sequence[Figures]) -> Figures:
        """Everything up to a moment, which is now.

        Args:
            channels: the figures of its channels at the same moment.
        """
        self.uptime.settle(moment)
        return _added_up(self.name, channels)._replace(
            episodes=self.episodes.count,
            recent_episodes=self.episodes.recent(),
            up=self.uptime.up,
            down_s=self.uptime.down_s,
            observed_s=self.uptime.observed_s,
            availability=self.uptime.availability(),
            availability_24h=self.uptime.availability_24h(moment),
        )


def _added_up(name: str, channels: Sequence[Figures]) -> Figures:
    """What of a part follows from its channels alone."""
    causes: Counter[Cause] = Counter()
    for channel in channels:
        causes.update(channel.causes)
    recent = sorted(chain(*(item.recent for item in channels)), key=_at)
    failing = [item.failing for item in channels if item.failing is not None]
    okay_since = None if failing else max(_known(c.okay_since for c in channels), default=None)
    return Figures(
        name,
        attempts=sum(item.attempts for item in channels),
        errors=sum(item.errors for item in channels),
        runs=sum(item.runs for item in channels),
        first_error_at=min(_known(c.first_error_at for c in channels), default=None),
        last_error_at=max(_known(c.last_error_at for c in channels), default=None),
        last_success_at=max(_known(c.last_success_at for c in channels), default=None),
        failing=max(failing, key=_at, default=None),
        failing_since=min(_known(c.failing_since for c in channels), default=None),
        okay_since=okay_since,
        causes=causes,
        recent=tuple(recent[-RECENT:]),
        evidence=tuple(chain(*(item.evidence for item in channels))),
    )


def _at(failure: Failure) -> float:
    return failure.at


def _known(moments: Iterable[float | None]) -> list[float]:
    return [moment for moment in moments if moment is not None]
