"""The faults that are timed: all that can be made on loopback, one for each cause or more.

Faults of names and networks need networks of their own: tests/netns has them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sandbox import SandboxServer, SandboxWebcam
from sandbox.faults import SERVER_FAULTS, WEBCAM_FAULTS
from tests.servers import faults as f
from tests.servers import wsfaults as w
from tests.servers.certificates import Certificates

TOKEN = "0123456789abcdef0123"


@dataclass(frozen=True)
class Scene:
    """What to diagnose while a fault is on: an address, a token, and more of the command line."""

    url: str
    token: str = TOKEN
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


Stage = Callable[[Certificates], contextlib.AbstractContextManager[Scene]]


@dataclass(frozen=True)
class Fault:
    """One row: what is broken, how, and the cause that is right."""

    title: str
    cause: str
    stage: Stage


def _address(url: str) -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        yield Scene(url)

    return stage


def _served(behaviour: f.Behaviour, path: str = "") -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        with f.FaultServer(behaviour) as server:
            yield Scene(server.url + path)

    return stage


def _over_tls(behaviour: Callable[[Certificates], f.Behaviour]) -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        with f.FaultServer(behaviour(certificates)) as server:
            trust = {"REQUESTS_CA_BUNDLE": str(certificates.ca_file)}
            yield Scene(f"https://localhost:{server.port}", environment=trust)

    return stage


def _proxied(behaviour: f.Behaviour) -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        with f.FaultServer(behaviour) as proxy:
            yield Scene("https://obico.example", environment={"HTTPS_PROXY": proxy.url})

    return stage


@contextlib.contextmanager
def _no_proxy_there(certificates: Certificates) -> Iterator[Scene]:
    with f.refused_port() as port:
        yield Scene(
            "https://obico.example", environment={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}
        )


@contextlib.contextmanager
def _refused(certificates: Certificates) -> Iterator[Scene]:
    with f.refused_port() as port:
        yield Scene(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def _black_hole(certificates: Certificates) -> Iterator[Scene]:
    with f.black_hole() as port:
        yield Scene(f"http://127.0.0.1:{port}")


def _sandbox(fault: str) -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        with SandboxServer() as server:
            server.set_fault(fault)
            yield Scene(server.url, server.printer.token)

    return stage


def _webcam(fault: str) -> Stage:
    @contextlib.contextmanager
    def stage(certificates: Certificates) -> Iterator[Scene]:
        with SandboxServer() as server, SandboxWebcam() as webcam:
            webcam.set_fault(fault)
            yield Scene(server.url, server.printer.token, ("--webcam", webcam.snapshot_url))

    return stage


def _after_hello(end: f.Behaviour) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        peer.sock.recv(65536)
        end(peer)

    return behave


def _closed_with(code: int) -> f.Behaviour:
    """The API is well, and so is the WebSocket until it is closed with this code."""

    def shake_hands(peer: f.Peer, head: bytes) -> None:
        peer.send(w.switching(w.accept_key(head)) + w.frame(w.TEXT, w.GREETING))
        peer.send(w.close_frame(code))
        peer.finish()

    return w.beside_api(shake_hands)


def _moved(peer: f.Peer) -> None:
    """The API is elsewhere on the same host, and says so."""
    while head := peer.read_head():
        there = "Location: /obico/api/v1/octo/printer/"
        is_there = head.startswith(b"GET /obico/")
        peer.send(w.PRINTER if is_there else f.http_bytes("301 Moved Permanently", b"", there))


def _plain_http(peer: f.Peer) -> None:
    """Answers what it takes for a bad request."""
    peer.send(f.http_bytes("400 Bad Request"))
    peer.finish()


def _old_server(peer: f.Peer) -> None:
    """It has a health page, and no API."""
    while head := peer.read_head():
        healthy = head.startswith(b"GET /hc/ ")
        peer.send(f.http_bytes("200 OK", b"okay") if healthy else f.http_bytes("404 Not Found"))


JSON = "Content-Type: application/json"
LOGIN = b'<!DOCTYPE html><title>Guest</title><form><input type="password"></form>'
PAGE = b"<!DOCTYPE html><html><title>My router</title><body>hello</body></html>"
BASIC = 'WWW-Authenticate: Basic realm="x"'
HTTPS_WANTED = b"<title>400 The plain HTTP request was sent to HTTPS port</title>"

_OWN: tuple[Fault, ...] = (
    Fault("no address", "address_missing", _address("")),
    Fault("port 99999", "address_malformed", _address("http://server:99999")),
    Fault("former address", "address_retired", _address("https://app.thespaghettidetective.com")),
    Fault(
        "redirect to another path",
        "address_redirected",
        _served(_moved),
    ),
    Fault("too much path", "address_path_wrong", _served(_old_server, "/some/path")),
    Fault(
        "http to an https port",
        "https_required",
        _served(f.answer("400 Bad Request", HTTPS_WANTED)),
    ),
    Fault("closed port", "connection_refused", _refused),
    Fault("black hole", "connection_timed_out", _black_hole),
    Fault("reset after the request", "connection_reset", _served(f.reset_after_request)),
    Fault("no proxy there", "proxy_unreachable", _no_proxy_there),
    Fault(
        "proxy wants a password",
        "proxy_authentication_required",
        _proxied(f.raw(f.http_bytes("407 Proxy Authentication Required"))),
    ),
    Fault("proxy forbids", "proxy_refused", _proxied(f.raw(f.http_bytes("403 Forbidden")))),
    Fault("silent proxy", "proxy_unreachable", _proxied(f.silence)),
    Fault(
        "expired certificate",
        "tls_certificate_expired",
        _over_tls(lambda c: f.over_tls(c.expired(), f.silence)),
    ),
    Fault(
        "certificate of the future",
        "tls_certificate_not_yet_valid",
        _over_tls(lambda c: f.over_tls(c.not_yet_valid(), f.silence)),
    ),
    Fault(
        "certificate for another name",
        "tls_hostname_mismatch",
        _over_tls(lambda c: f.over_tls(c.wrong_name(), f.silence)),
    ),
    Fault(
        "self-signed certificate",
        "tls_self_signed",
        _over_tls(lambda c: f.over_tls(c.self_signed(), f.silence)),
    ),
    Fault(
        "unknown authority",
        "tls_untrusted_issuer",
        _over_tls(lambda c: f.over_tls(c.unknown_issuer(), f.silence)),
    ),
    Fault(
        "https to an http port", "tls_not_spoken", _over_tls(lambda c: _after_hello(_plain_http))
    ),
    Fault("TLS version alert", "tls_version_unsupported", _over_tls(lambda c: f.tls_alert(70))),
    Fault(
        "client certificate wanted",
        "tls_client_certificate_required",
        _over_tls(lambda c: f.over_tls(c.client_certificate_wanted(), f.silence)),
    ),
    Fault(
        "reset in the handshake",
        "tls_handshake_failed",
        _over_tls(lambda c: _after_hello(f.reset_at_once)),
    ),
    Fault("silent handshake", "tls_handshake_failed", _over_tls(lambda c: f.silence)),
    Fault("silent server", "response_timed_out", _served(f.silence)),
    Fault(
        "answer that drips",
        "response_timed_out",
        _served(f.drip_after_request(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9999)),
    ),
    Fault("SSH server", "not_http", _served(f.banner())),
    Fault(
        "login page",
        "captive_portal",
        _served(f.answer("200 OK", LOGIN, "Content-Type: text/html")),
    ),
    Fault(
        "router's page",
        "not_an_obico_server",
        _served(f.answer("200 OK", PAGE, "Content-Type: text/html")),
    ),
    Fault("old server", "server_too_old", _served(_old_server)),
    Fault(
        "password before the server",
        "access_denied",
        _served(f.answer("401 Unauthorized", b"<html>", BASIC)),
    ),
    Fault("filter", "access_denied", _served(f.answer("403 Forbidden", PAGE))),
    Fault("page with status 500", "server_error", _served(f.answer("500 Oops", PAGE))),
    Fault(
        "body without an end",
        "invalid_response",
        _served(f.endless(b"HTTP/1.1 200 OK\r\n" + JSON.encode() + b"\r\n\r\n", b"[1]," * 999)),
    ),
    Fault("closed with 4321", "credentials_shared", _served(_closed_with(4321))),
    Fault("closed with 1011", "websocket_dropped", _served(_closed_with(1011))),
    Fault("status 418", "unknown_error", _served(f.answer("418 I'm a teapot", b"tea"))),
)

#: These show themselves to a channel that stays open, not to one look.
_LATER = frozenset({"copied_token", "ws_dropped"})


def _all() -> Iterator[Fault]:
    yield from _OWN
    for server in SERVER_FAULTS.values():
        if server.cause is not None and server.id not in _LATER:
            yield Fault(server.title, server.cause, _sandbox(server.id))
    for webcam in WEBCAM_FAULTS.values():
        if webcam.cause is not None:
            yield Fault(f"webcam: {webcam.title}", webcam.cause, _webcam(webcam.id))


FAULTS: tuple[Fault, ...] = tuple(_all())
