"""From an address to a connected socket: names, addresses, proxies, TLS, for both channels."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from octoprint_obico.server import transport as t
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.trust import build_ssl_context

from . import faults as f
from . import wsfaults as w
from .certificates import Certificates
from .openers import BOTH, Opener, error_of, open_websocket

Serve = Callable[[f.Behaviour], f.FaultServer]


def answers(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, int]) -> None:
    """Let every name have these addresses and ports, in this order."""
    found = [
        (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
        for ip, port in entries
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


# ---- names ---------------------------------------------------------------------------------------


@BOTH
def test_both_channels_say_the_same_of_a_name(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = error_of(opener, "http://obico.example:3334")
    assert (error.cause.value, error.stage) == ("dns_name_not_found", Stage.NAME)
    assert (error.facts["host"], error.facts["port"]) == ("obico.example", 3334)


@BOTH
def test_a_stuck_resolver_ends_in_time(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: free.wait(f.LIMIT_S) and [])
    started = time.monotonic()
    error = error_of(opener, "http://obico.example", 0.4)
    free.set()
    assert error.cause.value == "dns_timeout"
    assert time.monotonic() - started < 1.5


def test_an_odd_name_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise UnicodeError("label too long")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ChannelError) as caught:
        t.resolve("x" * 80, 80, Deadline(1.0))
    assert caught.value.cause.value == "dns_name_not_found"


def test_repeated_addresses_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ("127.0.0.1", 9), ("127.0.0.1", 9), ("127.0.0.2", 9))
    targets = t.resolve("obico.example", 9, Deadline(1.0))
    assert [target.ip for target in targets] == ["127.0.0.1", "127.0.0.2"]


# ---- connecting ----------------------------------------------------------------------------------


@BOTH
def test_refused(opener: Opener) -> None:
    with f.refused_port() as port:
        error = error_of(opener, f"http://127.0.0.1:{port}")
    assert (error.cause.value, error.stage) == ("connection_refused", Stage.CONNECT)
    assert error.facts["addresses"] == ["127.0.0.1: ECONNREFUSED"]


@BOTH
def test_a_black_hole_ends_in_time(opener: Opener) -> None:
    started = time.monotonic()
    with f.black_hole() as port:
        error = error_of(opener, f"http://127.0.0.1:{port}", 0.5)
    assert (error.cause.value, error.stage) == ("connection_timed_out", Stage.CONNECT)
    assert time.monotonic() - started < 2.0
    assert error.facts["addresses"] == ["127.0.0.1: no answer"]


@BOTH
@pytest.mark.parametrize("dead", ["silent", "refusing"])
def test_a_dead_first_address_costs_little(
    serve: Serve, opener: Opener, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with IPv6 that goes nowhere: the second address is tried beside the first."""
    server = serve(w.opened(w.answer_pings) if opener is open_websocket else f.answer())
    holes = f.black_hole() if dead == "silent" else f.refused_port()
    with holes as port:
        answers(monkeypatch, (f.LOOPBACK, port), (f.LOOPBACK, server.port))
        started = time.monotonic()
        opener(f"http://localhost:{server.port}", 5.0)
    assert time.monotonic() - started < 1.5
    assert server.connections == 1


def test_each_address_tells_what_it_answered() -> None:
    with f.refused_port() as refused, f.black_hole() as silent:
        targets = [
            t.Target(socket.AF_INET, (f.LOOPBACK, refused)),
            t.Target(socket.AF_INET, (f.LOOPBACK, silent)),
        ]
        with pytest.raises(ChannelError) as caught:
            t.connect(targets, "h", 1, Deadline(0.6))
    assert sorted(caught.value.facts["addresses"]) == [
        "127.0.0.1: ECONNREFUSED",
        "127.0.0.1: no answer",
    ]
    assert caught.value.cause.value == "connection_timed_out"


def test_the_winner_is_told_with_its_time(serve: Serve) -> None:
    server = serve(f.silence)
    sock, tried = t.connect(
        [t.Target(socket.AF_INET, (f.LOOPBACK, server.port))], "h", server.port, Deadline(2.0)
    )
    with contextlib.closing(sock):
        assert sock.getpeername() == (f.LOOPBACK, server.port)
        assert sock.gettimeout() == pytest.approx(2.0, abs=0.5)
    ((ip, seconds, error),) = [(one.ip, one.seconds, one.error) for one in tried]
    assert (ip, error) == (f.LOOPBACK, None)
    assert 0 <= seconds < 1


def test_nothing_is_left_of_the_time() -> None:
    with pytest.raises(ChannelError) as caught:
        t.connect([t.Target(socket.AF_INET, (f.LOOPBACK, 9))], "h", 9, Deadline(0.0))
    assert caught.value.cause.value == "connection_timed_out"


# ---- TLS -----------------------------------------------------------------------------------------

HANDSHAKES: dict[str, tuple[Callable[[Certificates], f.Behaviour], str]] = {
    "self-signed": (lambda c: f.over_tls(c.self_signed(), f.silence), "tls_self_signed"),
    "unknown": (lambda c: f.over_tls(c.unknown_issuer(), f.silence), "tls_untrusted_issuer"),
    "expired": (lambda c: f.over_tls(c.expired(), f.silence), "tls_certificate_expired"),
    "future": (lambda c: f.over_tls(c.not_yet_valid(), f.silence), "tls_certificate_not_yet_valid"),
    "name": (lambda c: f.over_tls(c.wrong_name(), f.silence), "tls_hostname_mismatch"),
    "plain": (lambda c: f.banner(f.http_bytes("400 Bad Request")), "tls_not_spoken"),
    "reset": (lambda c: _after_hello(f.Peer.reset), "tls_handshake_failed"),
    "close": (lambda c: _after_hello(lambda peer: None), "tls_handshake_failed"),
    "silence": (lambda c: f.silence, "tls_handshake_failed"),
    "drip": (lambda c: _after_hello(_slow_record), "tls_handshake_failed"),
    "alert": (lambda c: f.tls_alert(70), "tls_version_unsupported"),
}


def _after_hello(end: f.Behaviour) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        peer.sock.recv(65536)
        end(peer)

    return behave


def _slow_record(peer: f.Peer) -> None:
    """The beginning of a ServerHello, a byte at a time."""
    peer.drip(b"\x16\x03\x03\x40\x00\x02" + bytes(9999), 0.05)


@BOTH
@pytest.mark.parametrize("name", HANDSHAKES)
def test_both_channels_say_the_same_of_a_handshake(
    serve: Serve, trusted: Certificates, opener: Opener, name: str
) -> None:
    behaviour, cause = HANDSHAKES[name]
    server = serve(behaviour(trusted))
    started = time.monotonic()
    error = error_of(opener, f"https://localhost:{server.port}", 1.0)
    assert (error.cause.value, error.stage) == (cause, Stage.TLS)
    assert time.monotonic() - started < 2.0


@BOTH
def test_a_handshake_that_fails_names_host_port_and_reason(
    serve: Serve, trusted: Certificates, opener: Opener
) -> None:
    """The texts need them."""
    server = serve(_after_hello(lambda peer: None))
    facts = error_of(opener, f"https://localhost:{server.port}").facts
    assert (facts["host"], facts["port"]) == ("localhost", server.port)
    assert facts["reason"]


@BOTH
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_the_environment_is_trusted(
    serve: Serve,
    certificates: Certificates,
    opener: Opener,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behaviour = w.opened(w.answer_pings) if opener is open_websocket else f.answer()
    server = serve(f.over_tls(certificates.good(), behaviour))
    url = f"https://localhost:{server.port}"
    assert error_of(opener, url).cause.value == "tls_untrusted_issuer"
    monkeypatch.setenv(variable, str(certificates.ca_file))
    opener(url, f.LIMIT_S)


def test_verification_cannot_be_switched_off_by_a_missing_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    context = build_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
