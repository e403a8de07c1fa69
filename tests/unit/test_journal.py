"""What a channel writes to the log over a long time."""

from __future__ import annotations

import logging

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.channel_state import (
    HTTP_TRANSITIONS,
    WEBSOCKET_TRANSITIONS,
    Snapshot,
    State,
    Transitions,
    follow,
)
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.journal import MOST_LINES, SUMMARY_EVERY_S, Journal, Line, Once, write

REFUSED = ChannelError(Cause.CONNECTION_REFUSED, Stage.CONNECT, "refused")
DROPPED = ChannelError(Cause.WEBSOCKET_DROPPED, Stage.OPEN, "closed after 20 s")


class Channel:
    """A channel without a network, on a clock of its own; it keeps the lines that it wrote."""

    def __init__(self, table: Transitions = WEBSOCKET_TRANSITIONS) -> None:
        self.now = 1000.0
        self.lines: list[Line] = []
        self._journal = Journal("X", table, lambda: self.now)
        self._snapshot = Snapshot(State.OFFLINE, self.now, down_since=self.now)

    def be(self, state: State, error: ChannelError | None = None, *, failed: bool = False) -> None:
        before = self._snapshot
        self._snapshot = follow(before, self.now, attempt=failed, state=state, error=error)
        self.lines += self._journal.note(before, self._snapshot, failed=failed)

    def fail(self, error: ChannelError = REFUSED, after_s: float = 1.0) -> None:
        """One attempt that fails."""
        self.be(State.CONNECTING, self._snapshot.error)
        self.now += after_s
        self.be(State.WAITING, error, failed=True)

    def connect(self) -> None:
        self.be(State.CONNECTING, self._snapshot.error)
        self.be(State.CONNECTED)

    def told(self) -> list[str]:
        """What a log at its usual level shows."""
        return [text for level, text in self.lines if level >= logging.INFO]


def test_an_outage_is_its_beginning_its_causes_and_its_end() -> None:
    channel = Channel()
    channel.connect()
    channel.be(State.WAITING, DROPPED)
    for _ in range(14):
        channel.fail(after_s=12.0)
    channel.now += 12.0
    channel.connect()
    assert channel.told() == [
        "X: connected",
        f"X: connected -> waiting: {DROPPED}",
        f"X: connecting -> waiting: {REFUSED}",
        "X: connected after 180 s and 14 failed attempts",
    ]


def test_what_repeats_is_for_debugging() -> None:
    channel = Channel()
    channel.fail()
    before = len(channel.lines)
    channel.fail()
    assert channel.lines[before:] == [
        (logging.DEBUG, "X: waiting -> connecting"),
        (logging.DEBUG, "X: connecting -> waiting"),
    ]


def test_a_day_without_the_server_is_a_line_each_hour() -> None:
    channel = Channel()
    while channel.now < 1000.0 + 24 * SUMMARY_EVERY_S:
        channel.fail(after_s=60.0)
    first, *summaries = channel.told()
    assert first == f"X: connecting -> waiting: {REFUSED}"
    assert len(summaries) == 24
    assert summaries[1] == f"X: not connected for 120 min, 120 failed attempts; the last: {REFUSED}"
    assert summaries[-1].startswith("X: not connected for 24 h, 1440 failed attempts")


def test_causes_that_take_turns_are_told_once_each() -> None:
    channel = Channel()
    for error in [REFUSED, DROPPED] * 100:
        channel.fail(error)
    assert len(channel.told()) == 2


def test_a_connection_that_comes_and_goes_all_day_does_not_fill_the_log() -> None:
    channel = Channel()
    hours = 24
    while channel.now < 1000.0 + hours * 3600:
        channel.connect()
        channel.now += 5.0
        channel.be(State.WAITING, DROPPED)
    assert len(channel.told()) <= (hours + 1) * (MOST_LINES + 1)
    assert channel.told()[MOST_LINES - 1].endswith("such lines are left out")


def test_how_many_lines_were_left_out_is_told_when_the_hour_is_over() -> None:
    """By the next sign of life: a connection that has settled changes no more."""
    channel = Channel()
    for _ in range(MOST_LINES):
        channel.connect()
        channel.be(State.WAITING, DROPPED)
    channel.connect()
    shown = len(channel.told())
    assert shown == MOST_LINES
    channel.be(State.CONNECTED)
    assert len(channel.told()) == shown
    channel.now += 3600.0
    channel.be(State.CONNECTED)
    channel.be(State.CONNECTED)
    assert channel.told()[shown:] == [f"X: {MOST_LINES + 1} lines were left out"]


def test_signs_of_life_are_not_written() -> None:
    channel = Channel()
    channel.connect()
    before = len(channel.lines)
    for _ in range(10_000):
        channel.now += 8.0
        channel.be(State.CONNECTED)
    assert len(channel.lines) == before


def test_a_call_that_fails_beside_another_is_counted() -> None:
    channel = Channel(HTTP_TRANSITIONS)
    channel.connect()
    for _ in range(3):
        channel.be(State.CONNECTING, REFUSED, failed=True)
    channel.be(State.CONNECTED)
    assert channel.told() == [
        "X: connected",
        f"X: connected -> connecting: {REFUSED}",
        "X: connected after 0 s and 3 failed attempts",
    ]


def test_one_failed_attempt_is_one() -> None:
    channel = Channel()
    channel.fail()
    channel.connect()
    assert channel.told()[-1] == "X: connected after 1 s and 1 failed attempt"


@pytest.mark.parametrize("state", [State.OFFLINE, State.CONNECTED, State.WAITING])
def test_a_transition_that_should_not_happen_is_a_warning(state: State) -> None:
    channel = Channel()
    channel.be(State.STOPPED)
    channel.be(state)
    assert channel.lines[-1] == (
        logging.WARNING,
        f"X: stopped -> {state}, which should not happen",
    )


def test_stopping_is_told() -> None:
    channel = Channel()
    channel.be(State.STOPPED)
    assert channel.told() == ["X: offline -> stopped"]


def test_a_thing_is_told_once_and_not_too_many() -> None:
    once = Once(most=2)
    told = [once.is_new(thing) for thing in ("a", "a", "b", "c", "c", "b")]
    assert told == [True, False, True, False, False, False]


def test_the_lines_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    channel = Channel()
    channel.fail(ChannelError(Cause.UNKNOWN_ERROR, Stage.REQUEST, "100 %s"))
    log = logging.getLogger("octoprint.plugins.obico.test")
    with caplog.at_level(logging.INFO, log.name):
        write(log, channel.lines)
    assert caplog.messages == ["X: connecting -> waiting: unknown_error at request: 100 %s"]
