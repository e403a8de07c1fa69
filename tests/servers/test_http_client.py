"""The HTTP client: bounded in time and size, careful with the token."""

from __future__ import annotations

import contextlib
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.http import API_BODY_CAP, PRINTER_PATH, HttpClient
from octoprint_obico.server.responses import Reply

from . import faults as f
from .certificates import Certificates
from .live import AGENT, TOKEN, in_time

Serve = Callable[[f.Behaviour], f.FaultServer]
JSON = "Content-Type: application/json"


@contextlib.contextmanager
def client_of(url: str) -> Iterator[HttpClient]:
    client = HttpClient(parse_address(url), AGENT)
    try:
        yield client
    finally:
        client.close()


def get(url: str, **options: Any) -> Reply:
    with client_of(url) as client:
        return client.request("GET", PRINTER_PATH, token=TOKEN, **options)


FAILURES = {
    "reset": (f.reset_after_request, "connection_reset"),
    "reset at once": (f.reset_at_once, "connection_reset"),
    "close": (f.close_after_request, "connection_reset"),
    "close at once": (f.close_at_once, "connection_reset"),
    "ssh": (f.banner(), "not_http"),
    "binary": (f.raw(b"\x00\x01\x02\r\n\r\n"), "not_http"),
    "long line": (f.raw(b"H" * 70_000 + b"\r\n"), "not_http"),
    "tls alert": (f.raw(b"\x15\x03\x03\x00\x02\x02\x46"), "https_required"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_no_answer_has_its_cause(serve: Serve, name: str) -> None:
    behaviour, cause = FAILURES[name]
    with pytest.raises(ChannelError) as caught:
        get(serve(behaviour).url, timeout_s=3.0)
    assert caught.value.cause.value == cause
    assert TOKEN not in str(caught.value)


SLOW = {
    "silence": f.silence,
    "drip of the status line": f.drip_after_request(b"HTTP/1.1 200 " + b"O" * 9999),
    "drip of the headers": f.drip_after_request(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 999),
    "drip of the body": f.drip_after_request(f.http_bytes("200 OK", b"{" + b" " * 9999)),
    "drip of chunks": f.drip_after_request(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 999
    ),
    "drip of a redirect": f.drip_after_request(
        f.http_bytes("302 Found", b" " * 9999, "Location: /elsewhere")
    ),
}


def _hold_after(data: bytes) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        peer.read_head()
        peer.send(data)
        peer.hold()

    return behave


SLOW["silence in the body"] = _hold_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")


@pytest.mark.parametrize("name", SLOW)
def test_the_time_limit_is_kept_whatever_drips(serve: Serve, name: str) -> None:
    server = serve(SLOW[name])
    started = time.monotonic()
    error = in_time(lambda: get(server.url, timeout_s=0.4), 1.5)
    assert isinstance(error, ChannelError), error
    assert error.cause.value == "response_timed_out"
    assert time.monotonic() - started < 1.2, "one time limit for all of it"


def test_one_time_limit_for_connecting_and_answering(serve: Serve, trusted: Certificates) -> None:
    """Half of it goes into the handshake; what is left is for the answer, not the whole again."""

    def behave(peer: f.Peer) -> None:
        peer.pause(0.7)
        f.over_tls(trusted.good(), f.silence)(peer)

    server = serve(behave)
    started = time.monotonic()
    in_time(lambda: get(f"https://localhost:{server.port}", timeout_s=1.0), 4.0)
    assert time.monotonic() - started < 1.4


def test_a_truncated_body_is_not_complete(serve: Serve) -> None:
    reply = get(serve(f.truncated(b'{"a": 1', 10)).url)
    assert (reply.complete, reply.body) == (False, b'{"a": 1')


def test_a_chunked_body_that_breaks_off_is_not_complete(serve: Serve) -> None:
    def behave(peer: f.Peer) -> None:
        peer.read_head()
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n')

    reply = get(serve(behave).url)
    assert reply.complete is False
    assert reply.body in (b'{"a":', b"")


def test_a_body_of_200_kb_is_cut_at_the_cap(serve: Serve) -> None:
    reply = get(serve(f.answer("200 OK", b"x" * 200_000)).url)
    assert len(reply.body) == API_BODY_CAP
    assert reply.complete is False


def test_a_body_of_exactly_the_cap_is_kept_whole(serve: Serve) -> None:
    reply = get(serve(f.answer("200 OK", b"x" * 1000)).url, cap=2000)
    assert (len(reply.body), reply.complete) == (1000, True)


ENDLESS = {
    "body": b"HTTP/1.1 200 OK\r\n\r\n",
    "error": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_body_costs_little_time_and_memory(serve: Serve, name: str) -> None:
    server = serve(f.endless(ENDLESS[name], b"x" * 65536))
    tracemalloc.start()
    try:
        reply = in_time(lambda: get(server.url, timeout_s=1.0), 2.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(reply, Reply)
    assert len(reply.body) == API_BODY_CAP
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
def test_redirects_are_answers_with_their_body(serve: Serve, status: str) -> None:
    elsewhere = serve(f.answer())
    server = serve(f.answer(status, b"<title>Sign in</title>", f"Location: {elsewhere.url}/x"))
    reply = get(server.url)
    assert reply.status == int(status[:3])
    assert elsewhere.connections == 0
    assert reply.title == "Sign in", "what a redirect says of itself is evidence"


def test_the_token_travels_in_its_header_alone(serve: Serve) -> None:
    server = serve(f.answer())
    get(server.url, params={"a": "b"})
    head = server.heads[0].decode()
    assert head.startswith("GET /api/v1/octo/printer/?a=b HTTP/1.1\r\n")
    assert f"Authorization: Token {TOKEN}\r\n" in head
    assert head.count(TOKEN) == 1
    assert f"User-Agent: {AGENT}\r\n" in head


def test_no_token_no_header(serve: Serve) -> None:
    server = serve(f.answer())
    with client_of(server.url) as client:
        client.request("GET", "/")
    assert b"authorization" not in server.heads[0].lower()


def test_a_netrc_is_not_read(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(f.answer())
    get(server.url)
    assert f"Authorization: Token {TOKEN}".encode() in server.heads[0]


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "tökén", "x" * 257, "\x00"])
def test_a_token_that_no_server_gives_is_not_sent(serve: Serve, token: str) -> None:
    server = serve(f.answer())
    with client_of(server.url) as client, pytest.raises(ChannelError) as caught:
        client.request("GET", "/", token=token)
    assert (caught.value.cause.value, caught.value.stage) == ("credentials_invalid", Stage.REQUEST)
    assert server.connections == 0
    assert token not in str(caught.value)


def once_then(end: f.Behaviour) -> f.Behaviour:
    """Answer the first request, then end the kept connection at the second."""

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        peer.send(f.http_bytes("200 OK", b"{}"))
        if peer.server.connections == 1:
            peer.read_head()
            end(peer)
        else:
            f.answer("200 OK", b"{}")(peer)

    return behave


@pytest.mark.parametrize("end", [f.close_at_once, f.reset_at_once])
def test_a_kept_connection_that_has_died_is_no_fault(serve: Serve, end: f.Behaviour) -> None:
    server = serve(once_then(end))
    with client_of(server.url) as client:
        assert client.request("GET", "/").status == 200
        assert client.request("GET", "/").status == 200
    assert server.connections == 2


@pytest.mark.parametrize(
    "end", [f.close_at_once, f.reset_at_once, f.close_after_request, f.reset_after_request]
)
def test_a_fresh_connection_that_dies_is_one_fault(serve: Serve, end: f.Behaviour) -> None:
    """Trying again would hide what the server does to its clients."""
    server = serve(end)
    with pytest.raises(ChannelError) as caught:
        get(server.url)
    assert caught.value.cause.value == "connection_reset"
    assert server.connections == 1


def test_the_second_try_is_a_fresh_one_and_has_no_third(serve: Serve) -> None:
    def behave(peer: f.Peer) -> None:
        if peer.server.connections == 1:
            peer.read_head()
            peer.send(f.http_bytes("200 OK", b"{}"))
            peer.read_head()
        peer.reset()

    server = serve(behave)
    with client_of(server.url) as client:
        client.request("GET", "/")
        with pytest.raises(ChannelError):
            client.request("GET", "/")
    assert server.connections == 2


def test_which_connection_was_kept_is_known_for_each_thread(serve: Serve) -> None:
    """While one thread's kept connection dies, another opens one: the first tries again."""
    has_opened = threading.Event()

    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            if head.startswith(b"GET /dies"):
                if peer.server.connections == 1:
                    assert has_opened.wait(f.LIMIT_S)
                    return
            elif head.startswith(b"GET /other"):
                has_opened.set()
            peer.send(f.http_bytes("200 OK", b"{}"))

    server = serve(behave)
    with client_of(server.url) as client, ThreadPoolExecutor(1) as pool:
        client.request("GET", "/")
        dies = pool.submit(client.request, "GET", "/dies")
        assert server.wait_for(lambda: len(server.heads) == 2)
        assert client.request("GET", "/other").status == 200
        assert dies.result(f.LIMIT_S).status == 200


def test_what_would_do_something_twice_is_not_repeated(serve: Serve) -> None:
    server = serve(once_then(f.reset_at_once))
    with client_of(server.url) as client:
        client.request("GET", "/")
        with pytest.raises(ChannelError):
            client.request("POST", "/", data={"a": "b"})
    assert server.connections == 1


def test_a_connection_is_kept(serve: Serve) -> None:
    server = serve(f.answer("200 OK", b"{}"))
    with client_of(server.url) as client:
        for _ in range(3):
            client.request("GET", "/")
    assert server.connections == 1


def test_a_plain_request_goes_through_the_proxy(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(f.answer("200 OK", b"{}"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert get("http://obico.example").status == 200
    assert proxy.heads[0].startswith(b"GET http://obico.example/api/v1/octo/printer/ HTTP/1.1")


def test_secrets_that_the_server_sends_back_are_not_kept(serve: Serve) -> None:
    page = f"<title>{TOKEN}</title><p>{TOKEN} Cookie: session=abcdef123</p>".encode()
    headers = (f"Server: {TOKEN}", f"Content-Type: text/html; x={TOKEN}", "Set-Cookie: s=t0psecret")
    reply = get(serve(f.answer("200 OK", page, *headers)).url)
    assert TOKEN not in str(reply.facts)
    assert "abcdef123" not in str(reply.facts)
    assert "t0psecret" not in str(reply.facts)
    assert TOKEN not in repr(reply.facts) + repr(reply.body_start)
