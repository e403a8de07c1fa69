"""The live WebSocket channel: connects, proves itself, notices its end and comes back."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

import pytest

from octoprint_obico.server import supervisor as s
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.channel_state import WEBSOCKET_TRANSITIONS, State
from octoprint_obico.server.journal import MOST_LINES
from octoprint_obico.server.status_pace import STATUS_INTERVAL_S
from octoprint_obico.server.websocket import CLOSE_REPLACED
from sandbox import SandboxServer

from . import faults as f
from . import wsfaults as w
from .live import Live, Move, all_moves, connected, failed_with, until

Serve = Callable[[f.Behaviour], f.FaultServer]


def statuses(server: SandboxServer) -> list[dict[str, object]]:
    return [frame.data for frame in server.frames if "status" in frame.data]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.fixture
def quick_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same proportions as in life, thirty times as fast."""
    monkeypatch.setattr(s, "PING_INTERVAL_S", 0.25)
    monkeypatch.setattr(s, "PONG_TIMEOUT_S", 0.2)
    monkeypatch.setattr(s, "FIRST_MESSAGE_TIMEOUT_S", 0.3)


# ---- life ------------------------------------------------------------------------------------


def test_it_connects_and_sends_the_status_with_the_settings_first(
    sandbox: SandboxServer, live: Live
) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    assert sandbox.wait_for(lambda: statuses(sandbox))
    channel.send_status()
    assert sandbox.wait_for(lambda: len(statuses(sandbox)) == 2)
    first, second = statuses(sandbox)
    assert "settings" in first
    assert "settings" not in second
    assert live.records.causes() == [None]
    now = channel.snapshot()
    assert (now.error, now.down_since, now.attempts) == (None, None, 1)


def test_what_the_server_says_is_handed_on(sandbox: SandboxServer, live: Live) -> None:
    until(live.connect(sandbox.url, sandbox.printer.token), connected)
    sandbox.send_command("pause")
    sandbox.set_remote_status(viewing=True)
    greeting, pause, status = live.wait_for_messages(3)
    assert greeting.remote_status is not None
    assert [command.name for command in pause.commands] == ["pause"]
    assert status.remote_status is not None
    assert status.remote_status.viewing is True


def test_a_message_that_cannot_be_carried_out_does_not_end_the_connection(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = live.build(sandbox.url, sandbox.printer.token)
    monkeypatch.setattr(channel, "_on_message", lambda message: 1 / 0)
    channel.start()
    try:
        assert sandbox.wait_for(lambda: statuses(sandbox))
        sandbox.send_command("pause")
        channel.send_status()
        assert sandbox.wait_for(lambda: len(statuses(sandbox)) >= 2)
        assert channel.snapshot().state is State.CONNECTED
    finally:
        channel.stop()


def test_events_go_out_before_the_next_status(sandbox: SandboxServer, live: Live) -> None:
    """An event that ends a print must arrive before a status without it (PROTOCOL 5.5)."""
    channel = live.build(sandbox.url, sandbox.printer.token)
    channel.send({"status": {"_ts": 1}, "event": {"event_type": "PrintDone"}})
    channel.send_status()
    channel.start()
    try:
        assert sandbox.wait_for(lambda: len(sandbox.frames) >= 2)
    finally:
        channel.stop()
    assert ["event" in frame.data for frame in sandbox.frames][:2] == [True, False]


def test_the_outbox_is_bounded_and_loses_the_oldest(sandbox: SandboxServer, live: Live) -> None:
    channel = live.build(sandbox.url, sandbox.printer.token)
    for number in range(500):
        channel.send({"passthru": {"ref": str(number)}})
    channel.start()
    try:
        assert sandbox.wait_for(lambda: statuses(sandbox))
    finally:
        channel.stop()
    refs = [frame.data["passthru"]["ref"] for frame in sandbox.frames if "passthru" in frame.data]
    assert refs == [str(number) for number in range(400, 500)]


def test_pings_are_sent_and_pongs_are_counted(
    sandbox: SandboxServer, live: Live, quick_pings: None
) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    first = until(channel, connected).last_pong_at
    until(channel, lambda now: now.last_pong_at != first)
    attempts = live.records.wait_for(lambda seen: len(seen) >= 3)
    assert all(attempt.ok for attempt in attempts)


def test_a_status_that_json_cannot_say_is_not_the_end(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours must not end the thread; the channel comes back."""
    answers = iter([{"status": {"_ts": float("nan")}}])
    channel = live.build(sandbox.url, sandbox.printer.token)
    good = channel._status
    monkeypatch.setattr(channel, "_status", lambda due: next(answers, None) or good(due))
    channel.start()
    try:
        assert sandbox.wait_for(lambda: statuses(sandbox))
        until(channel, connected)
    finally:
        channel.stop()


# ---- its end, and coming back ------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1011, 3000])
def test_it_comes_back_after_a_close(sandbox: SandboxServer, live: Live, code: int) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    before = until(channel, connected).attempts
    sandbox.kick(code)
    until(channel, lambda now: connected(now) and now.attempts >= before + 2)
    assert live.records.causes() == [None, "websocket_dropped", None]
    assert live.records.attempts[1].facts["code"] == code
    assert live.records.attempts[1].facts["host"] == "127.0.0.1"


def test_it_comes_back_after_a_reset(serve: Serve, live: Live) -> None:

    def behave(peer: f.Peer) -> None:
        w.read_frame(peer)
        peer.reset()

    server = serve(w.opened(behave))
    live.connect(server.url)
    attempts = live.records.wait_for(lambda seen: len(seen) >= 4)
    assert [attempt.ok for attempt in attempts][:4] == [True, False, True, False]
    assert attempts[1].cause == "websocket_dropped"


def test_a_drop_always_tells_after_how_long_and_with_which_code(serve: Serve, live: Live) -> None:
    """Also where it is a write that notices first: the texts need both."""
    live.connect(serve(w.opened(lambda peer: peer.reset())).url)
    for attempt in live.records.wait_for(lambda seen: len(seen) >= 12):
        if not attempt.ok:
            assert {"seconds", "code", "host", "port"} <= set(attempt.facts), attempt


def test_it_outlives_a_restart_of_the_server(sandbox: SandboxServer, live: Live) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.set_fault("unreachable")
    down = until(channel, failed_with("connection_refused"))
    assert down.down_since is not None
    sandbox.clear()
    until(channel, connected)


def test_down_since_is_that_of_the_first_failure(sandbox: SandboxServer, live: Live) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.set_fault("unreachable")
    first = until(channel, failed_with("connection_refused"))
    later = until(channel, lambda now: now.attempts >= first.attempts + 2)
    assert later.down_since == first.down_since
    assert later.since >= first.since


@pytest.mark.parametrize("fault", ["ws_403", "ws_404", "ws_refused", "revoked"])
def test_a_refusal_is_recorded_and_healed(sandbox: SandboxServer, live: Live, fault: str) -> None:
    sandbox.set_fault(fault)
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, failed_with("websocket_refused"))
    sandbox.clear()
    until(channel, connected)


def test_a_frozen_line_is_noticed(sandbox: SandboxServer, live: Live, quick_pings: None) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.set_fault("ws_frozen")
    started = time.monotonic()
    error = until(channel, failed_with("websocket_unresponsive")).error
    assert time.monotonic() - started < 2.0
    assert error is not None and error.facts["seconds"] >= 0.2


def test_a_frozen_line_is_noticed_within_15_seconds_in_life() -> None:
    assert s.PING_INTERVAL_S + s.PONG_TIMEOUT_S <= 15
    assert s.FIRST_MESSAGE_TIMEOUT_S <= 15
    assert STATUS_INTERVAL_S <= 50


def test_an_open_socket_without_a_greeting_is_not_connected(
    serve: Serve, live: Live, quick_pings: None
) -> None:
    channel = live.connect(serve(w.opened(w.answer_pings, greeting=None)).url)
    until(channel, failed_with("websocket_unresponsive"))
    assert None not in live.records.causes()


def test_a_slow_message_is_a_sign_of_life(serve: Serve, live: Live, quick_pings: None) -> None:
    """Data that keeps coming shows that the line lives, though a pong is stuck behind it."""
    slow = w.frame(w.TEXT, b"{}" + b" " * 40)

    def behave(peer: f.Peer) -> None:
        w.read_frame(peer)
        peer.drip(slow, 0.02)
        w.answer_pings(peer)

    channel = live.connect(serve(w.opened(behave)).url)
    pong = until(channel, connected).last_pong_at
    until(channel, lambda now: now.last_pong_at != pong or now.error is not None)
    assert live.records.causes().count("websocket_unresponsive") == 0


# ---- a copied token --------------------------------------------------------------------------


def test_a_token_in_use_elsewhere_is_named_when_it_happens_again(
    sandbox: SandboxServer, live: Live, prompt_return: None
) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.kick(CLOSE_REPLACED)
    again = until(channel, lambda now: connected(now) and now.attempts >= 3)
    assert not again.shared, "once is no proof: the diagnosis does it as well"
    sandbox.kick(CLOSE_REPLACED)
    assert until(channel, failed_with("credentials_shared")).shared
    assert live.records.causes() == [None, "websocket_dropped", None, "credentials_shared"]


def test_the_code_is_read_even_where_a_write_notices_the_end_first(
    serve: Serve, live: Live, prompt_return: None
) -> None:
    """The rival's code waits in our buffer while the connection is reset behind it."""
    live.connect(serve(w.opened(w.close_with(CLOSE_REPLACED, reset=True))).url)
    live.records.wait_for(lambda seen: "credentials_shared" in [item.cause for item in seen])
    assert [cause for cause in live.records.causes() if cause] == [
        "websocket_dropped",
        "credentials_shared",
    ]


def test_it_does_not_fight_with_the_rival(
    sandbox: SandboxServer, live: Live, prompt_return: None
) -> None:
    """After that it waits for minutes; a person who looks again makes it try at once."""
    sandbox.set_fault("copied_token")
    channel = live.connect(sandbox.url, sandbox.printer.token)
    shared = until(channel, failed_with("credentials_shared"))
    assert channel.wait(lambda now: now.attempts > shared.attempts, 0.5) == shared
    sandbox.clear()
    channel.retry_now()
    until(channel, connected)


def test_closes_far_apart_are_no_copied_token(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s, "SHARED_WINDOW_S", 0.0)
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 0.05)
    sandbox.set_fault("copied_token")
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, lambda now: now.attempts >= 4)
    assert "credentials_shared" not in live.records.causes()


# ---- trying again now --------------------------------------------------------------------------


def paused(live: Live, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> s.Supervisor:
    """A channel that has failed once and would wait for very long."""
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 3600.0)
    sandbox.set_fault("ws_404")
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, failed_with("websocket_refused"))
    until(channel, lambda now: now.state is State.WAITING)
    return channel


def test_retry_now_ends_the_pause(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = paused(live, sandbox, monkeypatch)
    sandbox.clear()
    channel.retry_now()
    until(channel, connected)
    assert live.records.causes() == ["websocket_refused", None]


def test_an_attempt_for_a_diagnosis_is_not_counted(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = paused(live, sandbox, monkeypatch)
    channel.retry_now(counted=False)
    until(channel, lambda now: now.attempts == 2 and now.state is State.WAITING)
    sandbox.clear()
    channel.retry_now(counted=False)
    until(channel, connected)
    assert live.records.causes() == ["websocket_refused"]


def test_a_ping_for_a_diagnosis_is_not_counted(sandbox: SandboxServer, live: Live) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    pong = until(channel, connected).last_pong_at
    channel.ping_now()
    until(channel, lambda now: now.last_pong_at != pong)
    assert live.records.causes() == [None]


# ---- what it writes to the log -----------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What OctoPrint's log shows of the channel, at its usual level."""
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    return [record.getMessage() for record in lines if record.name == s.log.name]


def test_a_long_outage_is_a_few_lines(
    sandbox: SandboxServer, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, s.log.name)
    channel = live.connect(sandbox.url, sandbox.printer.token)
    up = until(channel, connected)
    sandbox.set_fault("unreachable")
    until(channel, lambda now: now.attempts >= up.attempts + 40)
    down = told(caplog)
    sandbox.clear()
    until(channel, connected)
    channel.stop()
    start, lost, refused = down
    assert start == "WebSocket: connected"
    assert lost.startswith("WebSocket: connected -> waiting: websocket_dropped")
    assert refused.startswith("WebSocket: connecting -> waiting: connection_refused")
    back, stopped = told(caplog)[3:]
    assert re.fullmatch(r"WebSocket: connected after \d+ s and \d{2,} failed attempts", back)
    assert stopped == "WebSocket: connected -> stopped"


def test_a_connection_that_comes_and_goes_writes_a_few_lines(
    serve: Serve, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """The server speaks and closes at once, again and again: each is a change of state."""
    caplog.set_level(logging.DEBUG, s.log.name)
    channel = live.connect(serve(w.opened(lambda peer: peer.reset())).url)
    until(channel, lambda now: now.attempts >= 4 * MOST_LINES)
    assert len(told(caplog)) == MOST_LINES


def test_commands_that_are_not_known_are_told_once(
    sandbox: SandboxServer, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    until(live.connect(sandbox.url, sandbox.printer.token), connected)
    for number in range(100):
        sandbox.send({"commands": [{"cmd": "dance"}, {"cmd": f"dance{number}"}]})
    live.wait_for_messages(101)
    warnings = [text for text in told(caplog) if "not known" in text]
    assert len(warnings) == MOST_LINES
    assert len([text for text in warnings if "'dance'" in text]) == 1


# ---- states and transitions --------------------------------------------------------------------


def a_life(sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    before = until(channel, connected).attempts
    sandbox.kick()
    until(channel, lambda now: connected(now) and now.attempts >= before + 2)
    channel.stop()


def stopped_while_waiting(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused(live, sandbox, monkeypatch).stop()


def stopped_while_connecting(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    with f.black_hole() as port:
        channel = live.connect(f"http://127.0.0.1:{port}")
        until(channel, lambda now: now.state is State.CONNECTING)
        channel.stop()


def stopped_before_it_began(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = live.build(sandbox.url, sandbox.printer.token)
    channel.stop()
    channel.start()
    until(channel, lambda now: now.state is State.STOPPED)


def test_every_transition_happens_and_no_other(
    sandbox: SandboxServer, live: Live, moves: list[Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    for scene in (
        a_life,
        stopped_before_it_began,
        stopped_while_connecting,
        stopped_while_waiting,
    ):
        scene(sandbox, live, monkeypatch)
    assert set(moves) == all_moves("WebSocket", WEBSOCKET_TRANSITIONS)
    assert {move.after for move in moves} | {State.OFFLINE} == set(State)


# ---- stopping ----------------------------------------------------------------------------------


def assert_stops(channel: s.Supervisor) -> None:
    started = time.monotonic()
    channel.stop()
    assert time.monotonic() - started <= 2.0
    assert "obico-websocket" not in threads()
    assert channel.snapshot().state is State.STOPPED


def test_it_stops_while_connected(sandbox: SandboxServer, live: Live) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    assert_stops(channel)
    assert sandbox.wait_for(lambda: not sandbox.agent_connected)
    assert sandbox.connections[0].closed_by == "agent"
    assert live.records.causes() == [None], "stopping is no error"


def test_it_stops_while_waiting(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_stops(paused(live, sandbox, monkeypatch))


@pytest.mark.parametrize("behaviour", [f.silence, f.drip_after_request(b"HTTP/1.1 101 O" * 999)])
def test_it_stops_in_the_handshake(serve: Serve, live: Live, behaviour: f.Behaviour) -> None:
    server = serve(behaviour)
    channel = live.connect(server.url)
    assert server.wait_for(lambda: server.connections == 1)
    assert_stops(channel)
    assert live.records.causes() == []


def test_it_stops_while_connecting(live: Live) -> None:
    with f.black_hole() as port:
        channel = live.connect(f"http://127.0.0.1:{port}")
        until(channel, lambda now: now.state is State.CONNECTING)
        assert_stops(channel)


def test_it_stops_before_the_greeting_and_counts_nothing(serve: Serve, live: Live) -> None:
    """An open socket that has proved nothing is not a success."""
    server = serve(w.opened(w.answer_pings, greeting=None))
    channel = live.connect(server.url)
    assert server.wait_for(lambda: len(server.heads) == 1)
    until(channel, lambda now: now.state is State.CONNECTING)
    assert_stops(channel)
    assert live.records.causes() == []


def test_it_stops_on_a_frozen_line(sandbox: SandboxServer, live: Live) -> None:
    until(channel := live.connect(sandbox.url, sandbox.printer.token), connected)
    sandbox.set_fault("ws_frozen")
    assert_stops(channel)


def test_it_stops_twice_and_without_a_start(sandbox: SandboxServer, live: Live) -> None:
    """OctoPrint may shut down before it has started up."""
    channel = live.build(sandbox.url, sandbox.printer.token)
    try:
        channel.stop()
        channel.stop()
    finally:
        channel._waker.close()
