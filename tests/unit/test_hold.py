"""How long pictures are held back after the server has refused one."""

from __future__ import annotations

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.webcam.hold import Hold


class Clock:
    """Monotonic and Unix seconds, which a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.unix = 1_800_000_000.0  # the beginning of a minute

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.unix += seconds


def failed(cause: Cause, clock: Clock, retry_after: float | None = None) -> Hold:
    hold = Hold(lambda: clock.now, lambda: clock.unix)
    assert hold.over
    error = ChannelError(cause, Stage.RESPONSE, "", retry_after=retry_after)
    hold.failed(error, watched=False)
    return hold


@pytest.mark.parametrize("into", [0.0, 0.5, 20.0, 59.9])
def test_too_many_pictures_wait_for_the_next_minute(into: float) -> None:
    """PROTOCOL 2.8: the server counts by the minute of the clock, and names no time."""
    clock = Clock()
    clock.pass_by(into)
    hold = failed(Cause.THROTTLED, clock)
    clock.pass_by(59.9 - into)
    assert not hold.over
    clock.pass_by(2.0)
    assert hold.over


def test_a_time_that_is_named_counts() -> None:
    clock = Clock()
    hold = failed(Cause.THROTTLED, clock, retry_after=300.0)
    clock.pass_by(299.0)
    assert not hold.over
    clock.pass_by(1.0)
    assert hold.over


def test_but_not_for_days() -> None:
    clock = Clock()
    hold = failed(Cause.THROTTLED, clock, retry_after=86400.0)
    clock.pass_by(3600.0)
    assert hold.over


def test_a_refused_token_is_not_hammered() -> None:
    clock = Clock()
    hold = failed(Cause.CREDENTIALS_INVALID, clock)
    clock.pass_by(59.0)
    assert not hold.over
    clock.pass_by(200.0)
    assert hold.over


@pytest.mark.parametrize("cause", [Cause.SERVER_ERROR, Cause.CONNECTION_REFUSED])
def test_a_failing_server_gets_the_next_picture_in_time(cause: Cause) -> None:
    assert failed(cause, Clock()).over


def test_another_link_ends_it() -> None:
    hold = failed(Cause.THROTTLED, Clock())
    hold.end()
    assert hold.over
