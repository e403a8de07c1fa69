"""One WebSocket: every way in which its handshake and its life can go wrong."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from octoprint_obico.server import websocket as ws
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.websocket import Closed, Connection, Message, Pong
from sandbox import SandboxServer

from . import faults as f
from . import wsfaults as w
from .live import AGENT, TOKEN

Serve = Callable[[f.Behaviour], f.FaultServer]
HTML = b"<html><title>403 Forbidden</title></html>"


@contextlib.contextmanager
def opening(url: str, token: str = TOKEN, timeout_s: float = f.LIMIT_S) -> Iterator[Connection]:
    connection = ws.open_connection(parse_address(url), token, AGENT, timeout_s)
    try:
        yield connection
    finally:
        connection.close()


def refusal(url: str, token: str = TOKEN, timeout_s: float = f.LIMIT_S) -> ChannelError:
    """The error with which opening fails."""
    with pytest.raises(ChannelError) as caught, opening(url, token, timeout_s):
        pass
    return caught.value


def next_event(connection: Connection) -> ws.Event:
    """The next event; the test fails where none comes."""
    end = time.monotonic() + f.LIMIT_S
    while time.monotonic() < end:
        event = connection.poll(end - time.monotonic())
        if event is not None:
            return event
    raise AssertionError("no event came")


def wrong_accept(peer: f.Peer) -> None:
    peer.read_head()
    peer.send(w.switching(b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
    peer.hold()


def no_accept(peer: f.Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    peer.hold()


HANDSHAKES = {
    "reset": (f.reset_after_request, "websocket_reset"),
    "close": (f.close_after_request, "websocket_reset"),
    "wrong accept": (wrong_accept, "websocket_invalid_handshake"),
    "no accept": (no_accept, "websocket_invalid_handshake"),
    "ssh": (f.banner(), "websocket_invalid_handshake"),
    "garbage": (f.raw(b"\x00\xff\r\n\r\n"), "websocket_invalid_handshake"),
    "empty lines": (f.raw(b"\r\n\r\n"), "websocket_invalid_handshake"),
    "endless headers": (
        f.endless(b"HTTP/1.1 101 OK\r\n", b"X-A: " + b"a" * 8000 + b"\r\n"),
        "websocket_invalid_handshake",
    ),
    "endless line": (
        f.endless(b"HTTP/1.1 101 OK\r\nX: ", b"a" * 8000),
        "websocket_invalid_handshake",
    ),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_that_fails_has_its_cause(serve: Serve, name: str) -> None:
    behaviour, cause = HANDSHAKES[name]
    error = refusal(serve(behaviour).url, timeout_s=4.0)
    assert error.stage is Stage.HANDSHAKE
    assert error.cause.value == cause
    assert error.facts["host"] == f.LOOPBACK


@pytest.mark.parametrize(
    "status",
    ["200 OK", "301 Moved", "302 Found", "307 Temporary Redirect", "400 Bad Request"]
    + ["401 Unauthorized", "403 Forbidden", "404 Not Found", "426 Upgrade Required"]
    + ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"],
)
def test_a_refused_handshake_tells_the_status(serve: Serve, status: str) -> None:
    server = serve(f.answer(status, HTML, "Server: nginx", "Location: /elsewhere"))
    error = refusal(server.url)
    assert (error.cause.value, error.facts["status"]) == ("websocket_refused", int(status[:3]))
    assert server.connections == 1, "redirects are not followed"


def test_a_refusal_tells_who_refused_and_no_secret(serve: Serve) -> None:
    body = f"<html>token {TOKEN} for bearer {TOKEN}".encode()
    error = refusal(serve(f.answer("403 Forbidden", body, "Server: nginx")).url)
    assert error.facts["server"] == "nginx"
    assert error.facts["body"]
    assert TOKEN not in f"{error} {error.facts}"


def test_a_token_alone_in_the_body_of_a_refusal_is_not_shown(serve: Serve) -> None:
    error = refusal(serve(f.answer("403 Forbidden", f"no access for {TOKEN}".encode())).url)
    assert TOKEN not in f"{error} {error.facts}"


@pytest.mark.parametrize("behaviour", [f.silence, f.drip_after_request(b"HTTP/1.1 101 O" * 999)])
def test_silence_and_a_drip_in_the_handshake_end_in_time(
    serve: Serve, behaviour: f.Behaviour
) -> None:
    started = time.monotonic()
    error = refusal(serve(behaviour).url, timeout_s=0.5)
    assert error.cause.value == "websocket_handshake_timed_out"
    assert time.monotonic() - started < 1.5


def test_the_body_of_a_refusal_cannot_hold_us(serve: Serve) -> None:
    """A body that is announced and never comes."""
    server = serve(f.raw(b"HTTP/1.1 403 No\r\nContent-Length: 5000\r\n\r\nabc"))
    started = time.monotonic()
    refusal(server.url, timeout_s=0.5)
    assert time.monotonic() - started < 1.5


def test_the_token_stands_only_in_its_header(serve: Serve) -> None:
    server = serve(w.opened(w.answer_pings))
    with opening(server.url):
        head = server.heads[0].decode()
    assert f"Authorization: bearer {TOKEN}\r\n" in head
    assert head.count(TOKEN) == 1
    assert head.startswith("GET /ws/dev/ HTTP/1.1\r\n")
    assert "origin:" not in head.lower()


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a b", "tökén", "x" * 300])
def test_a_token_that_no_server_gives_is_not_sent(serve: Serve, token: str) -> None:
    """A line break in it would add headers of somebody's choice."""
    server = serve(w.opened(w.answer_pings))
    error = refusal(server.url, token)
    assert error.cause.value == "credentials_invalid"
    assert not any(b"X-Evil" in head or b"bearer" in head for head in server.heads)


def test_a_message_a_pong_and_a_ping(serve: Serve) -> None:
    answers: list[tuple[int, bytes]] = []

    def behave(peer: f.Peer) -> None:
        peer.send(w.frame(w.PING, b"you?") + w.frame(w.TEXT, b"{}"))
        answers.append(w.read_frame(peer))
        w.answer_pings(peer)

    with opening(serve(w.opened(behave)).url) as connection:
        assert next_event(connection) == Message(w.GREETING.decode())
        assert next_event(connection) == Message("{}")
        connection.ping(b"7")
        assert next_event(connection) == Pong(b"7")
    assert answers == [(w.PONG, b"you?")]


def test_fragments_and_binary_messages_are_put_together(serve: Serve) -> None:
    def behave(peer: f.Peer) -> None:
        peer.send(w.frame(w.TEXT, b"one ", final=False))
        peer.send(w.frame(w.PING, b"between"))
        peer.send(w.frame(0, "zwö".encode()))
        peer.send(w.frame(w.BINARY, b"\x00\xff"))
        peer.send(w.frame(w.TEXT, b"\xff"))
        peer.hold()

    with opening(serve(w.opened(behave, greeting=None)).url) as connection:
        assert next_event(connection) == Message("one zwö")
        assert next_event(connection) == Message(b"\x00\xff")
        assert isinstance(next_event(connection), Message)


def test_a_message_of_a_megabyte_passes(serve: Serve) -> None:
    big = b"x" * (1 << 20)
    server = serve(w.opened(w.say(w.frame(w.TEXT, big)), greeting=None))
    with opening(server.url) as connection:
        event = next_event(connection)
    assert isinstance(event, Message)
    assert len(event.data) == len(big)


def test_a_message_beyond_the_cap_ends_the_connection(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "MESSAGE_CAP", 64 * 1024)
    huge = w.frame(w.TEXT, b"x" * (1 << 20))
    with opening(serve(w.opened(w.say(huge), greeting=None)).url) as connection:
        event = next_event(connection)
    assert isinstance(event, Closed)
    assert event.code is None


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4000, ws.CLOSE_REPLACED])
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset behind it"])
def test_the_close_code_is_told(serve: Serve, code: int, reset: bool) -> None:
    server = serve(w.opened(w.close_with(code, reset=reset), greeting=None))
    with opening(server.url) as connection:
        assert next_event(connection) == Closed(code)


def test_the_close_code_survives_a_reset_and_a_message_before_it(serve: Serve) -> None:
    """The server waits a second for our answer, then resets: late readers must not lose it."""
    server = serve(w.opened(w.close_with(ws.CLOSE_REPLACED, reset=True)))
    with opening(server.url) as connection:
        assert isinstance(next_event(connection), Message)
        assert next_event(connection) == Closed(ws.CLOSE_REPLACED)


def test_a_close_frame_is_answered(serve: Serve) -> None:
    answers: list[tuple[int, bytes]] = []

    def behave(peer: f.Peer) -> None:
        peer.send(w.close_frame(1000))
        answers.append(w.read_frame(peer))
        peer.server.note(b"answered")

    server = serve(w.opened(behave, greeting=None))
    with opening(server.url) as connection:
        assert next_event(connection) == Closed(1000)
        assert server.wait_for(lambda: b"answered" in server.heads)
    assert answers[0][0] == w.CLOSE


@pytest.mark.parametrize("end", [f.reset_at_once, f.close_at_once])
def test_an_end_without_a_close_frame_has_no_code(serve: Serve, end: f.Behaviour) -> None:
    with opening(serve(w.opened(end, greeting=None)).url) as connection:
        event = next_event(connection)
    assert isinstance(event, Closed)
    assert event.code is None


def test_an_empty_close_frame_has_no_code(serve: Serve) -> None:
    server = serve(w.opened(w.say(w.frame(w.CLOSE)), greeting=None))
    with opening(server.url) as connection:
        assert next_event(connection) == Closed(None)


def test_a_violation_of_the_protocol_is_an_error_with_its_facts(serve: Serve) -> None:
    """Reserved bits set: no extension was agreed on."""
    server = serve(w.opened(w.say(b"\xf1\x01x"), greeting=None))
    with opening(server.url) as connection, pytest.raises(ChannelError) as caught:
        next_event(connection)
    assert caught.value.cause.value == "websocket_invalid_handshake"
    assert caught.value.facts["detail"]


def test_silence_within_a_frame_is_noticed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "_IO_TIMEOUT_S", 0.3)
    half = w.frame(w.TEXT, b"x" * 100)[:50]
    server = serve(w.opened(w.say(half), greeting=None))
    with opening(server.url) as connection, pytest.raises(ChannelError) as caught:
        next_event(connection)
    assert caught.value.cause.value == "websocket_unresponsive"


def test_closing_says_good_bye_and_can_be_repeated(serve: Serve) -> None:
    frames: list[int] = []

    def behave(peer: f.Peer) -> None:
        frames.append(w.read_frame(peer)[0])
        peer.server.note(b"closed")

    server = serve(w.opened(behave, greeting=None))
    with opening(server.url) as connection:
        connection.close()
        assert server.wait_for(lambda: b"closed" in server.heads)
    assert frames == [w.CLOSE]


def test_the_good_bye_is_not_lost_behind_messages_that_nobody_read(serve: Serve) -> None:
    """Closing a socket with unread bytes resets it; the server would take us for lost."""
    ends: list[str] = []

    def behave(peer: f.Peer) -> None:
        for _ in range(50):
            peer.send(w.frame(w.TEXT, b"{}" * 50))
        peer.server.note(b"sent")
        opcode, payload = w.read_frame(peer)
        for _ in range(50):
            peer.send(w.frame(w.TEXT, b"{}" * 50))
        peer.send(w.frame(opcode, payload))
        peer.sock.shutdown(socket.SHUT_WR)
        ends.append("reset" if reset(peer) else "closed")
        peer.server.note(b"end")

    def reset(peer: f.Peer) -> bool:
        try:
            return peer.sock.recv(1) != b""
        except ConnectionError:
            return True

    server = serve(w.opened(behave))
    with opening(server.url) as connection:
        assert server.wait_for(lambda: b"sent" in server.heads)
        connection.close(f.LIMIT_S)
        assert server.wait_for(lambda: b"end" in server.heads)
    assert ends == ["closed"]


@pytest.mark.parametrize("answer", [b"", w.frame(w.TEXT, b"{}" * 50)])
def test_a_server_that_does_not_close_cannot_hold_us(serve: Serve, answer: bytes) -> None:
    def behave(peer: f.Peer) -> None:
        while not peer.pause(0.01):
            peer.send(answer)

    server = serve(w.opened(behave))
    with opening(server.url) as connection:
        started = time.monotonic()
        connection.close(0.2)
        assert time.monotonic() - started < 2.0


def test_sending_into_a_dead_connection_is_told_by_the_next_poll(serve: Serve) -> None:
    """With the close code that had arrived before the write failed."""
    server = serve(w.opened(w.close_with(ws.CLOSE_REPLACED, reset=True), greeting=None))
    with opening(server.url) as connection:
        assert server.wait_for(lambda: server.heads != [])
        for _ in range(50):
            connection.send_text("{}")
        assert next_event(connection) == Closed(ws.CLOSE_REPLACED)
        assert isinstance(next_event(connection), Closed), "it stays closed"


def test_the_real_handshake(sandbox: SandboxServer) -> None:
    with opening(sandbox.url, sandbox.printer.token) as connection:
        assert isinstance(next_event(connection), Message)
        assert sandbox.wait_for(lambda: sandbox.agent_connected)
    assert refusal(sandbox.url, "0" * 20).facts["status"] == 403
