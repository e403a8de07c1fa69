"""The Plugin Status: what follows from the channels and the session's figures."""

from __future__ import annotations

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.channel_state import Snapshot, State, follow
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session import status as s
from octoprint_obico.session.clock import Clock
from octoprint_obico.session.tracker import Tracker


def error(cause: Cause = Cause.SERVER_ERROR) -> ChannelError:
    return ChannelError(cause, Stage.RESPONSE, "x", {"status": 500})


class World:
    """A clock, a tracker and the two channels as they are now."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tracker = Tracker(Clock(lambda: self.now, lambda: self.now))
        self.http = Snapshot(State.OFFLINE, 1000.0, down_since=1000.0)
        self.snapshot = Snapshot(State.CONNECTED, 1000.0, last_pong_at=1000.0)
        self.configured_at = 0.0
        self.linked = True

    def succeed(self, channel: str = "http") -> None:
        self.tracker.record(Attempt.success(channel))
        if channel == "http":
            self._http_is(State.CONNECTED, None)

    def fail(self, channel: str = "http", cause: Cause = Cause.SERVER_ERROR) -> None:
        self.tracker.record(Attempt.failure(channel, error(cause)))
        if channel == "http":
            self._http_is(State.WAITING, error(cause))

    def _http_is(self, state: State, failure: ChannelError | None) -> None:
        self.http = follow(self.http, self.now, attempt=True, state=state, error=failure)

    def http_status(self) -> s.ChannelStatus:
        return s.http_status(self.http, self.tracker.session().channel("http"))

    def row(self) -> s.ServerStatus:
        session = self.tracker.session()
        http = self.http_status()
        websocket = s.websocket_status(self.snapshot, session.channel("websocket"))
        return s.server_status(self.linked, http, websocket, session, self.configured_at)


@pytest.fixture
def world() -> World:
    made = World()
    made.succeed("http")
    made.succeed("websocket")
    return made


def test_both_up_and_quiet_is_okay(world: World) -> None:
    row = world.row()
    assert (row.state, row.reason, row.since) == (s.ServerState.OKAY, "up", 1000.0)
    assert row.cause is None


def test_not_linked_comes_first(world: World) -> None:
    world.linked = False
    world.fail()
    row = world.row()
    assert (row.state, row.cause) == (s.ServerState.NOT_LINKED, Cause.NOT_LINKED)


@pytest.mark.parametrize("state", [State.OFFLINE, State.CONNECTING, State.WAITING, State.STOPPED])
def test_without_the_websocket_it_is_disconnected(world: World, state: State) -> None:
    world.snapshot = Snapshot(state, 1100.0, down_since=1050.0, error=error(Cause.WEBSOCKET_RESET))
    row = world.row()
    assert (row.state, row.reason) == (s.ServerState.DISCONNECTED, "websocket_down")
    assert (row.cause, row.since) == (Cause.WEBSOCKET_RESET, 1050.0)


def test_before_the_first_attempt_it_is_connecting(world: World) -> None:
    world.snapshot = Snapshot(State.CONNECTING, 1000.0, down_since=1000.0)
    row = world.row()
    assert (row.state, row.reason) == (s.ServerState.DISCONNECTED, "connecting")
    assert row.cause is None


def test_the_lower_layer_names_the_cause(world: World) -> None:
    world.fail("http", Cause.CREDENTIALS_INVALID)
    world.snapshot = Snapshot(State.WAITING, 1100.0, 1050.0, error(Cause.WEBSOCKET_REFUSED))
    assert world.row().cause is Cause.CREDENTIALS_INVALID


def test_connected_but_http_fails_is_an_error(world: World) -> None:
    world.now = 1010.0
    world.fail()
    world.now = 1020.0
    world.fail()
    row = world.row()
    assert (row.state, row.reason, row.since) == (s.ServerState.ERROR, "failing", 1010.0)
    assert row.cause is Cause.SERVER_ERROR


@pytest.mark.parametrize("channel", ["http", "websocket"])
def test_one_glitch_heals_after_two_minutes(world: World, channel: str) -> None:
    world.now = 1010.0
    world.fail(channel)
    world.now = 1011.0
    world.succeed(channel)
    row = world.row()
    assert (row.state, row.reason) == (s.ServerState.ERROR, "recovering")
    assert (row.since, row.heals_at, row.recent_errors) == (1010.0, 1130.0, 1)
    world.now = 1129.9
    assert world.row().state is s.ServerState.ERROR
    world.now = 1130.1
    assert world.row().state is s.ServerState.OKAY


def test_errors_that_keep_occurring_keep_it_red(world: World) -> None:
    for _ in range(10):
        world.now += 60
        world.fail()
        world.now += 1
        world.succeed()
    row = world.row()
    assert (row.state, row.recent_errors) == (s.ServerState.ERROR, 2)


def test_a_webcam_does_not_colour_the_server(world: World) -> None:
    world.fail("webcam:a")
    assert world.row().state is s.ServerState.OKAY


def test_what_failed_before_another_address_was_set_does_not_count(world: World) -> None:
    world.now = 1010.0
    world.fail()
    world.now = 1020.0
    world.configured_at = 1020.0
    world.succeed()
    assert world.row().state is s.ServerState.OKAY
    world.fail("websocket")
    assert world.row().state is s.ServerState.ERROR


def test_the_http_channel() -> None:
    world = World()
    assert world.http_status().state == "unknown"
    world.fail()
    failing = world.http_status()
    assert (failing.state, failing.since, failing.cause) == (
        "failing",
        1000.0,
        Cause.SERVER_ERROR,
    )
    world.now = 1005.0
    world.succeed()
    okay = world.http_status()
    assert (okay.state, okay.since, okay.last_success_at) == ("okay", 1005.0, 1005.0)


@pytest.mark.parametrize(
    ("state", "failure", "word"),
    [
        (State.OFFLINE, None, "unknown"),
        (State.CONNECTING, None, "unknown"),
        (State.WAITING, None, "unknown"),
        (State.STOPPED, None, "unknown"),
        (State.CONNECTED, None, "okay"),
        (State.CONNECTING, error(), "failing"),
        (State.WAITING, error(), "failing"),
    ],
)
def test_the_words_of_the_contract_follow_from_the_state(
    state: State, failure: ChannelError | None, word: str
) -> None:
    figures = World().tracker.session().channel("http")
    row = s.http_status(Snapshot(state, 2.0, 1.0, failure, 0.5), figures)
    assert (row.state, row.cause) == (word, failure.cause if failure else None)
    assert row.since == {"okay": 2.0, "failing": 1.0}.get(word)
    assert row.round_trip_s == (0.5 if word == "okay" else None)


def test_without_a_channel_http_has_the_fault_of_the_address() -> None:
    figures = World().tracker.session().channel("http")
    assert s.http_status(None, figures).state == "unknown"
    malformed = ChannelError(Cause.ADDRESS_MALFORMED, Stage.ADDRESS, "x")
    row = s.http_status(None, figures, malformed)
    assert (row.state, row.cause) == ("failing", Cause.ADDRESS_MALFORMED)


def test_the_websocket_channel() -> None:
    world = World()
    figures = world.tracker.session().channel("websocket")
    assert s.websocket_status(None, figures).state == "stopped"
    up = s.websocket_status(Snapshot(State.CONNECTED, 1000.0, last_pong_at=1010.0), figures)
    assert (up.state, up.since, up.last_pong_at, up.cause) == ("connected", 1000.0, 1010.0, None)
    down = s.websocket_status(Snapshot(State.WAITING, 1100.0, 1050.0, error()), figures)
    assert (down.state, down.since, down.cause) == ("waiting", 1050.0, Cause.SERVER_ERROR)


def test_the_webcam_rows() -> None:
    world = World()
    world.fail("webcam:bad", Cause.WEBCAM_NOT_FOUND)
    world.succeed("webcam:good")
    names = [("bad", True), ("good", True), ("new", True), ("none", False)]
    rows = s.webcam_rows(names, world.tracker.session())
    assert [(row.name, row.state, row.cause) for row in rows] == [
        ("bad", "error", Cause.WEBCAM_NOT_FOUND),
        ("good", "okay", None),
        ("new", "unknown", None),
        ("none", "not_configured", Cause.WEBCAM_NOT_CONFIGURED),
    ]
    assert [row.since for row in rows] == [1000.0, 1000.0, None, None]


def test_which_channels_are_in_trouble_just_now() -> None:
    world = World()
    world.fail("webcam:bad", Cause.WEBCAM_NOT_FOUND)
    world.succeed("webcam:good")
    world.snapshot = Snapshot(State.WAITING, 1100.0, 1050.0, error())
    session = world.tracker.session()
    world.fail()
    http = world.http_status()
    websocket = s.websocket_status(world.snapshot, session.channel("websocket"))
    rows = s.webcam_rows([("bad", True), ("good", True), ("none", False)], session)
    status = s.Status(world.row(), http, websocket, rows)
    assert s.failing_channels(status) == {"http", "websocket", "webcam:bad"}
    calm = World()
    calm.succeed()
    fine = calm.http_status()
    up = s.websocket_status(calm.snapshot, calm.tracker.session().channel("websocket"))
    assert s.failing_channels(s.Status(calm.row(), fine, up, ())) == set()
