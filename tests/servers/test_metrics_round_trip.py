"""Round-trip times: what is measured, and what is not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from octoprint_obico.server import supervisor as s
from octoprint_obico.server import websocket as ws
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.channel_state import Snapshot, State
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.http import expect_ok, expect_printer
from octoprint_obico.server.http_channel import HttpChannel
from octoprint_obico.session.figures import Figures
from octoprint_obico.session.status import http_status, websocket_status

from . import faults as f
from . import wsfaults as w
from .live import AGENT, TOKEN, Live, connected, until

Serve = Callable[[f.Behaviour], f.FaultServer]
DELAY_S = 0.2


def delay() -> None:
    """A slow line, as far as the client can tell."""
    threading.Event().wait(DELAY_S)


def is_plausible(seconds: float | None) -> bool:
    return seconds is not None and DELAY_S <= seconds < f.LIMIT_S


def slow_pong(*unasked: bytes) -> f.Behaviour:
    """Answer each ping late, after pongs that belong to none."""

    def behave(peer: f.Peer) -> None:
        while True:
            opcode, payload = w.read_frame(peer)
            if opcode == w.PING:
                for each in unasked:
                    peer.send(w.frame(w.PONG, each))
                delay()
                peer.send(w.frame(w.PONG, payload))

    return behave


def next_pong(connection: ws.Connection) -> bytes:
    for _ in range(10):
        event = connection.poll(f.LIMIT_S)
        if isinstance(event, ws.Pong):
            return event.payload
    raise AssertionError("no pong came")


def test_only_the_pong_of_the_ping_counts(serve: Serve) -> None:
    """A pong may come unasked (RFC 6455 section 5.5.3)."""
    server = serve(w.opened(slow_pong(b"", b"another")))
    connection = ws.open_connection(parse_address(server.url), TOKEN, AGENT, f.LIMIT_S)
    try:
        connection.ping(b"mine")
        assert next_pong(connection) == b""
        assert next_pong(connection) == b"another"
        before = connection.round_trip_s
        assert next_pong(connection) == b"mine"
        assert (before, is_plausible(connection.round_trip_s)) == (None, True)
    finally:
        connection.close()


def test_the_channel_keeps_the_last_one(
    serve: Serve, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s, "PING_INTERVAL_S", 0.1)
    channel = live.connect(serve(w.opened(slow_pong())).url)
    assert until(channel, connected).round_trip_s is None
    measured = until(channel, lambda now: now.round_trip_s is not None)
    assert is_plausible(measured.round_trip_s)


@pytest.mark.parametrize("state", list(State))
def test_an_old_one_is_not_shown(state: State) -> None:
    """While the channel is down there is nothing that goes there and back."""
    snapshot = Snapshot(state, 0.0, round_trip_s=0.1)
    shown = websocket_status(snapshot, Figures("websocket")).round_trip_s
    assert shown == (0.1 if state is State.CONNECTED else None)


def test_http_measures_questions_and_not_uploads(serve: Serve) -> None:
    def answer(peer: f.Peer) -> None:
        while head := peer.read_head():
            delay()
            body = b'{"result": "ok"}' if head.startswith(b"POST") else b'{"printer": {}}'
            peer.send(f.http_bytes("200 OK", body, "Content-Type: application/json"))

    attempts: list[Attempt] = []
    address = parse_address(serve(answer).url)
    channel = HttpChannel(address, TOKEN, AGENT, attempts.append, lambda before, after: None)
    try:
        channel.call("POST", "/api/v1/octo/pic/", expect_ok)
        before = channel.snapshot().round_trip_s
        channel.call("GET", "/api/v1/octo/printer/", expect_printer)
        now = channel.snapshot()
        assert (before, is_plausible(now.round_trip_s)) == (None, True)
        assert [attempt.ok for attempt in attempts] == [True, True]
        figures = Figures("http", attempts=2, last_success_at=1.0)
        assert http_status(now, figures).round_trip_s == now.round_trip_s
    finally:
        channel.close()
