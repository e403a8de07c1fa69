"""A session whose clocks stand still until told."""

from __future__ import annotations

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.clock import Clock
from octoprint_obico.session.figures import Figures
from octoprint_obico.session.tracker import Tracker

STARTED_AT = 1_769_860_800.0
"""2026-01-31 12:00 UTC."""


class Time:
    """Two clocks: one that only ever grows, and the time of day, which may be set."""

    def __init__(self, started_at: float = STARTED_AT) -> None:
        self.passed = 0.0
        self.wall = started_at

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.passed += seconds
        self.wall += seconds

    def set_clock(self, by: float) -> None:
        """Set the time of day."""
        self.wall += by

    def clock(self) -> Clock:
        return Clock(lambda: 5000.0 + self.passed, lambda: self.wall)


class Story:
    """A tracker, and what happens to it."""

    def __init__(self, started_at: float = STARTED_AT) -> None:
        self.time = Time(started_at)
        self.tracker = Tracker(self.time.clock())

    def go(self, seconds: float) -> Story:
        self.time.go(seconds)
        return self

    def fails(
        self,
        channel: str = "http",
        cause: Cause = Cause.SERVER_ERROR,
        down_for_s: float = 0.0,
        **facts: object,
    ) -> Story:
        error = ChannelError(
            cause, Stage.RESPONSE, "HTTP 500", {"status": 500, **facts}, down_for_s=down_for_s
        )
        self.tracker.record(Attempt.failure(channel, error))
        return self

    def succeeds(self, channel: str = "http") -> Story:
        self.tracker.record(Attempt.success(channel))
        return self

    def rests(self, channel: str = "http") -> Story:
        self.tracker.rest(channel)
        return self

    def tells(self, outcomes: str, every_s: float = 1.0, channel: str = "http") -> Story:
        """Attempts some seconds apart: `+` succeeds, `-` fails."""
        for outcome in outcomes:
            self.go(every_s)
            _ = self.succeeds(channel) if outcome == "+" else self.fails(channel)
        return self

    def channel(self, name: str = "http") -> Figures:
        return self.tracker.session().channel(name)

    def part(self, name: str = "server") -> Figures:
        return self.tracker.session().parts[name]
