"""What stands beside the layers: large packets, a dead IPv6, and what a name leads to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from octoprint_obico.diagnosis.engine import SERVER_ORDER
from tests.provoked import provokes

from . import faults as f
from .certificates import Certificates
from .live import TOKEN
from .results import assert_one_root, evidence_of, outcome_of, run

Serve = Callable[[f.Behaviour], f.FaultServer]
JSON = "Content-Type: application/json"
PRINTER = f.http_bytes("200 OK", b'{"printer": {"id": 1, "name": "x"}, "user": {}}', JSON)
PAGE = b"<!DOCTYPE html><html><title>My blog</title><body>hello</body></html>"
FRAME = 1500
"""What one Ethernet frame holds, in bytes."""


def works(*_: Any) -> dict[str, Any]:
    """A WebSocket that works: it is not what these tests are about."""
    return {"round_trip_ms": 1}


def small_only(peer: f.Peer) -> None:
    """Swallow every request that does not fit into one frame."""
    while head := peer.read_head():
        if len(head) > FRAME:
            peer.hold()
            return
        peer.send(PRINTER)


def small_segments_only(behaviour: f.Behaviour) -> f.Behaviour:
    """Answer only where TCP has agreed on small segments, as a path that drops large ones does."""

    def behave(peer: f.Peer) -> None:
        if peer.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > FRAME:
            peer.hold()
        else:
            behaviour(peer)

    return behave


def printer(peer: f.Peer) -> None:
    while peer.read_head():
        peer.send(PRINTER)


# ---- large packets -----------------------------------------------------------------------------


@provokes("mtu_blackhole")
def test_small_requests_pass_and_large_ones_get_lost(serve: Serve) -> None:
    result = run(serve(small_only).url, TOKEN, websocket=works)
    assert (result["verdict"], result["cause"]) == ("failed_to_contact_server", "mtu_blackhole")
    assert_one_root(result)
    assert outcome_of(result, "http") == "passed"
    assert "4000 bytes" in result["explanation"]
    assert evidence_of(result, "size")["large_request"] == "no answer"
    assert result["duration_ms"] <= 8000


@provokes("mtu_blackhole")
def test_answers_that_come_only_in_small_segments(serve: Serve) -> None:
    """Nothing comes back at all: the answer itself is what gets lost."""
    result = run(serve(small_segments_only(printer)).url, TOKEN, websocket=works)
    assert result["cause"] == "mtu_blackhole", result["checks"]
    assert evidence_of(result, "size")["segments_of_536_bytes"] == "answered"
    assert result["duration_ms"] <= 8000


@provokes("mtu_blackhole")
def test_a_certificate_that_gets_lost(serve: Serve, trusted: Certificates) -> None:
    """Over TLS the certificate is the first large packet."""
    behaviour = small_segments_only(f.over_tls(trusted.good(), printer))
    url = f"https://localhost:{serve(behaviour).port}"
    result = run(url, TOKEN, websocket=works)
    assert result["cause"] == "mtu_blackhole", result["checks"]
    assert outcome_of(result, "tls") == "failed"
    assert result["duration_ms"] <= 8000


def _refusing_large(data: bytes) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            peer.send(data if len(head) > FRAME else PRINTER)

    return behave


def test_a_refusal_has_arrived_as_well(serve: Serve) -> None:
    server = serve(_refusing_large(f.http_bytes("431 Request Header Fields Too Large")))
    result = run(server.url, TOKEN, websocket=works)
    assert (result["verdict"], outcome_of(result, "size")) == ("succeeded", "passed")


def test_a_reset_is_an_error_and_no_black_hole(serve: Serve) -> None:
    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            if len(head) > FRAME:
                peer.reset()
                return
            peer.send(PRINTER)

    result = run(serve(behave).url, TOKEN, websocket=works)
    assert (result["verdict"], outcome_of(result, "size")) == ("succeeded", "skipped")


def test_silence_is_not_blamed_on_large_packets(serve: Serve) -> None:
    result = run(serve(f.silence).url, TOKEN, websocket=works)
    assert result["cause"] == "response_timed_out"
    assert outcome_of(result, "size") == "skipped"
    assert result["duration_ms"] <= 8000


def test_a_slow_server_is_not_blamed_on_large_packets(serve: Serve) -> None:
    """It needs longer than the check waits before it looks for another way."""

    def behave(peer: f.Peer) -> None:
        while peer.read_head():
            if peer.pause(3.0):
                return
            peer.send(PRINTER)

    result = run(serve(behave).url, TOKEN, websocket=works)
    assert result["verdict"] == "succeeded", result["checks"]


def test_the_large_request_holds_no_line_breaks_of_a_token(serve: Serve) -> None:
    server = serve(f.answer("200 OK", b'{"printer": {}}', JSON))
    run(server.url, "a\r\nX-Evil: 1", websocket=works)
    assert not any(b"X-Evil" in head for head in server.heads)


# ---- IPv6 --------------------------------------------------------------------------------------


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """Let every name have these addresses."""

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in ip else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (ip, port, 0, 0) if ":" in ip else (ip, port),
            )
            for ip in ips
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@provokes("ipv6_broken")
def test_an_ipv6_that_refuses_is_a_warning(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    port = serve(printer).port
    _resolve_to(monkeypatch, "::1", "127.0.0.1")
    started = time.monotonic()
    result = run(f"http://obico.example:{port}", TOKEN, websocket=works)
    assert result["verdict"] == "succeeded"
    assert [warning["cause"] for warning in result["warnings"]] == ["ipv6_broken"]
    assert evidence_of(result, "ipv6")["ipv6"] == ["::1"]
    assert time.monotonic() - started < 3.0


def test_localhost_need_not_answer_on_both(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    port = serve(printer).port
    _resolve_to(monkeypatch, "::1", "127.0.0.1")
    result = run(f"http://localhost:{port}", TOKEN, websocket=works)
    assert (result["verdict"], result["warnings"]) == ("succeeded", [])


# ---- what the name leads to --------------------------------------------------------------------


@provokes("dns_blocked")
@pytest.mark.parametrize("status", ["404 Not Found", "200 OK"])
def test_a_public_name_that_leads_to_another_server_of_ours(
    serve: Serve, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where OctoPrint's own web server answers in the Obico Server's place."""
    port = serve(f.answer(status, PAGE, "Content-Type: text/html")).port
    _resolve_to(monkeypatch, "127.0.0.1")
    result = run(f"http://obico.example:{port}", TOKEN, websocket=works)
    assert result["cause"] == "dns_blocked"
    assert_one_root(result)
    assert "127.0.0.1" in result["explanation"]


@pytest.mark.parametrize(
    ("host", "status", "cause"),
    [
        ("obico.example", "502 Bad Gateway", "server_unavailable"),
        ("obico.lan", "404 Not Found", "not_an_obico_server"),
        ("localhost", "404 Not Found", "not_an_obico_server"),
    ],
)
def test_ones_own_server_may_live_here(
    serve: Serve, host: str, status: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = serve(f.answer(status, PAGE)).port
    _resolve_to(monkeypatch, "127.0.0.1")
    assert run(f"http://{host}:{port}", TOKEN, websocket=works)["cause"] == cause


def test_the_front_page_says_what_answers(serve: Serve) -> None:
    """The API path alone gives a bare 404; the page at the root has the name."""

    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            front = head.startswith(b"GET / ")
            body = b"<html><title>FRITZ!Box</title></html>"
            peer.send(f.http_bytes("200 OK", body) if front else f.http_bytes("404 Not Found"))

    result = run(serve(behave).url, TOKEN, websocket=works)
    assert result["cause"] == "not_an_obico_server"
    assert "a FRITZ!Box router" in result["explanation"]
    assert "FRITZ!Box" in str(evidence_of(result, "http")["title"])


# ---- what looks like large packets, and is not ---------------------------------------------------


def _once(first: f.Behaviour, then: f.Behaviour) -> f.Behaviour:
    """The first request is treated in one way, all others in another."""
    asked: list[bytes] = []

    def behave(peer: f.Peer) -> None:
        head = peer.sock.recv(1, socket.MSG_PEEK)
        if not head:
            return  # connected, to see whether that is possible
        asked.append(head)
        (first if len(asked) == 1 else then)(peer)

    return behave


def test_one_request_that_hangs_is_not_blamed_on_large_packets(serve: Serve) -> None:
    """One of a server's workers is stuck; the others answer."""
    result = run(serve(_once(f.silence, printer)).url, TOKEN, websocket=works)
    assert result["cause"] == "response_timed_out", result["checks"]


# ---- a run that ends early -----------------------------------------------------------------------


def test_what_was_not_tried_for_want_of_time_is_no_success(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check has its row, and none that matters is passed over."""

    def slow(host: str, port: int, **_: Any) -> list[Any]:
        blocked.wait(1.85)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    blocked = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    server = serve(f.silence)
    result = run(f"http://obico.example:{server.port}", TOKEN, deadline_s=2.0, websocket=works)
    assert result["verdict"] == "failed_to_contact_server"
    assert [check["id"] for check in result["checks"]] == list(SERVER_ORDER)
