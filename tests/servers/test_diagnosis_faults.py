"""Every fault of name, connection, proxy, TLS and HTTP: cause, verdict, and the layers above."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any

import pytest

from octoprint_obico.server import transport
from octoprint_obico.webcam.snapshot import Webcam, url_webcam
from tests.provoked import provokes, provoking

from . import faults as f
from . import wsfaults as w
from .certificates import Certificates
from .live import TOKEN
from .results import assert_filled_in, assert_one_root, evidence_of, outcome_of, run

Serve = Callable[[f.Behaviour], f.FaultServer]
NO_CONTACT = "failed_to_contact_server"


def assert_cause(result: dict[str, Any], cause: str, check: str) -> None:
    """That root cause, found by that check, and not a word of the layers above."""
    assert (result["verdict"], result["cause"]) == (NO_CONTACT, cause), result["checks"]
    assert outcome_of(result, check) == "failed"
    assert_one_root(result)
    assert result["channels"]["http"] == "failed"
    order = ["address", "dns", "connect", "tls", "http"]
    for above in order[order.index(check) + 1 :]:
        assert outcome_of(result, above) == "skipped"


def causes_in(table: Mapping[str, tuple[Any, str]]) -> dict[str, str]:
    """The cause of each row."""
    return {name: cause for name, (_, cause) in table.items()}


# ---- address -----------------------------------------------------------------------------------


ADDRESSES = {
    "": "address_missing",
    "   ": "address_missing",
    "ftp://server": "address_malformed",
    "http://server:99999": "address_malformed",
    "http://ser ver": "address_malformed",
    "https://app.thespaghettidetective.com": "address_retired",
}


@pytest.mark.parametrize("address", provoking(ADDRESSES))
def test_an_address_that_cannot_be_used(address: str) -> None:
    result = run(address, TOKEN)
    assert_cause(result, ADDRESSES[address], "address")
    assert outcome_of(result, "websocket") == "skipped"


# ---- name --------------------------------------------------------------------------------------

RESOLVER = {
    "EAI_NONAME": "dns_name_not_found",
    "EAI_NODATA": "dns_no_address",
    "EAI_AGAIN": "dns_timeout",
    "EAI_FAIL": "dns_server_failure",
}


@pytest.mark.parametrize("name", RESOLVER)
def test_what_the_resolver_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(getattr(socket, name), "said the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    result = run("https://obico.example", TOKEN)
    assert_cause(result, RESOLVER[name], "dns")
    assert "obico.example" in result["explanation"]
    assert "TLS" not in result["explanation"]


@pytest.fixture
def stuck_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that does not answer while the test runs."""
    free = threading.Event()

    def wait(*_: Any, **__: Any) -> Any:
        free.wait(f.LIMIT_S)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield
    free.set()


def test_a_resolver_that_does_not_answer(stuck_resolver: None) -> None:
    started = time.monotonic()
    result = run("https://obico.example", TOKEN, deadline_s=2.0)
    assert time.monotonic() - started <= 2.0
    assert_cause(result, "dns_timeout", "dns")


@pytest.mark.parametrize("ip", ["0.0.0.0", "127.0.0.1"])
def test_a_blocked_name(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])
    result = run("https://obico.example", TOKEN)
    assert (result["verdict"], result["cause"]) == (NO_CONTACT, "dns_blocked")
    assert_one_root(result)
    assert ip in result["explanation"]


# ---- connecting --------------------------------------------------------------------------------


@provokes("connection_refused")
def test_refused() -> None:
    with f.refused_port() as port:
        result = run(f"http://127.0.0.1:{port}", TOKEN)
    assert_cause(result, "connection_refused", "connect")
    assert str(port) in result["explanation"]
    assert "127.0.0.1: ECONNREFUSED" in evidence_of(result, "connect")["addresses"]


@provokes("connection_timed_out")
def test_a_black_hole_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with f.black_hole() as port:
        started = time.monotonic()
        result = run(f"http://127.0.0.1:{port}", TOKEN, deadline_s=2.0)
    assert time.monotonic() - started <= 2.0
    assert_cause(result, "connection_timed_out", "connect")
    assert evidence_of(result, "connect")["addresses"], "what each address answered"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENETUNREACH, "network_down"),
        (errno.EHOSTUNREACH, "host_unreachable"),
        (errno.ETIMEDOUT, "connection_timed_out"),
        (errno.ECONNRESET, "connection_reset"),
    ],
)
def test_what_the_network_says(number: int, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: number)
    assert_cause(run("http://127.0.0.1:9", TOKEN), cause, "connect")


# ---- TLS ---------------------------------------------------------------------------------------

HANDSHAKES: dict[str, tuple[Callable[[Certificates], f.Behaviour], str]] = {
    "self-signed": (lambda c: f.over_tls(c.self_signed(), f.silence), "tls_self_signed"),
    "unknown": (lambda c: f.over_tls(c.unknown_issuer(), f.silence), "tls_untrusted_issuer"),
    "expired": (lambda c: f.over_tls(c.expired(), f.silence), "tls_certificate_expired"),
    "future": (lambda c: f.over_tls(c.not_yet_valid(), f.silence), "tls_certificate_not_yet_valid"),
    "name": (lambda c: f.over_tls(c.wrong_name(), f.silence), "tls_hostname_mismatch"),
    "plain HTTP": (
        lambda c: _hello_then(lambda peer: peer.send(f.http_bytes("400 Bad Request"))),
        "tls_not_spoken",
    ),
    "plain at once": (lambda c: f.banner(f.http_bytes("400 Bad Request")), "tls_not_spoken"),
    "SSH": (lambda c: f.banner(), "tls_not_spoken"),
    "reset": (lambda c: _hello_then(f.reset_at_once), "tls_handshake_failed"),
    "close": (lambda c: _hello_then(f.close_at_once), "tls_handshake_failed"),
    "silence": (lambda c: f.silence, "tls_handshake_failed"),
    "version": (lambda c: f.tls_alert(70), "tls_version_unsupported"),
    "cipher": (lambda c: f.tls_alert(40), "tls_version_unsupported"),
    "client certificate": (lambda c: f.tls_alert(116), "tls_client_certificate_required"),
}


def _hello_then(end: f.Behaviour) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        peer.sock.recv(65536)
        end(peer)

    return behave


@pytest.mark.parametrize("name", provoking(causes_in(HANDSHAKES)))
def test_a_handshake_that_fails(serve: Serve, trusted: Certificates, name: str) -> None:
    behaviour, cause = HANDSHAKES[name]
    server = serve(behaviour(trusted))
    result = run(f"https://localhost:{server.port}", TOKEN, deadline_s=3.0)
    assert_cause(result, cause, "tls")


def test_a_good_certificate_and_its_evidence(serve: Serve, trusted: Certificates) -> None:
    api = f.answer("200 OK", b'{"printer": {"id": 1, "name": "P"}}')
    server = serve(f.over_tls(trusted.good(), api))
    result = run(f"https://localhost:{server.port}", None)
    assert outcome_of(result, "tls") == "passed"
    seen = evidence_of(result, "tls")
    assert seen["version"].startswith("TLSv1")
    assert seen["certificate"]["issuer"].startswith("O=Test Authority")
    assert seen["certificate"]["not_after"]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_trust_by_environment(
    serve: Serve, certificates: Certificates, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(f.over_tls(certificates.good(), f.answer("200 OK", b'{"printer": {}}')))
    url = f"https://localhost:{server.port}"
    assert run(url, None)["cause"] == "tls_untrusted_issuer"
    monkeypatch.setenv(variable, str(certificates.ca_file))
    assert outcome_of(run(url, None), "http") == "passed"


@provokes("tls_client_certificate_required")
def test_a_client_certificate_that_we_have_not(serve: Serve, trusted: Certificates) -> None:
    """With TLS 1.3 the refusal comes after the handshake."""
    server = serve(f.over_tls(trusted.client_certificate_wanted(), f.silence))
    result = run(f"https://localhost:{server.port}", TOKEN, deadline_s=3.0)
    assert result["cause"] == "tls_client_certificate_required"
    assert result["verdict"] == NO_CONTACT


def test_a_wrong_name_lists_the_names_of_the_certificate(
    serve: Serve, trusted: Certificates
) -> None:
    """DIAGNOSIS: the certificate is for other names: list them."""
    server = serve(f.over_tls(trusted.wrong_name(), f.silence))
    result = run(f"https://localhost:{server.port}", TOKEN, deadline_s=3.0)
    assert "other.example" in str(result)


# ---- HTTP --------------------------------------------------------------------------------------

LOGIN = b'<!DOCTYPE html><title>Guest</title><form><input type="password"></form>'
PAGE = b"<!DOCTYPE html><html><title>My router</title><body>hello</body></html>"
JSON = "Content-Type: application/json"
TLS_WANTED = (
    b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>"
)

ANSWERS: dict[str, tuple[f.Behaviour, str]] = {
    "reset": (f.reset_after_request, "connection_reset"),
    "close": (f.close_after_request, "connection_reset"),
    "silence": (f.silence, "response_timed_out"),
    "drip of the head": (
        f.drip_after_request(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9999),
        "response_timed_out",
    ),
    "drip of the body": (
        f.drip_after_request(f.http_bytes("200 OK", b"{" + b" " * 9999, JSON)),
        "response_timed_out",
    ),
    "no body": (f.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), "invalid_response"),
    "truncated": (f.truncated(b'{"printer": {"id"', 20), "invalid_response"),
    "oversized": (f.answer("200 OK", b'{"a": "' + b"x" * 200_000, JSON), "invalid_response"),
    "undecodable": (f.answer("200 OK", b"\xff\xfe{", JSON), "invalid_response"),
    "deep": (f.answer("200 OK", b"[" * 60_000, JSON), "invalid_response"),
    "gzip that is none": (
        f.answer("200 OK", b"not gzip", JSON, "Content-Encoding: gzip"),
        "invalid_response",
    ),
    "ssh": (f.banner(), "not_http"),
    "tls alert": (f.raw(b"\x15\x03\x03\x00\x02\x02\x46"), "https_required"),
    "nginx's 400": (f.answer("400 Bad Request", TLS_WANTED), "https_required"),
    "go's 400": (
        f.answer("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
        "https_required",
    ),
    "login": (f.answer("200 OK", LOGIN, "Content-Type: text/html"), "captive_portal"),
    "511": (f.answer("511 Network Authentication Required"), "captive_portal"),
    "elsewhere": (f.answer("302 Found", b"", "Location: http://portal.example/"), "captive_portal"),
    "under https": (
        f.answer("301 Moved Permanently", b"", "Location: https://127.0.0.1/api/v1/octo/printer/"),
        "address_redirected",
    ),
    "another path": (
        f.answer("308 Permanent Redirect", b"", "Location: /obico/api/v1/octo/printer/"),
        "address_redirected",
    ),
    "page": (f.answer("200 OK", PAGE, "Content-Type: text/html"), "not_an_obico_server"),
    "other API": (f.answer("200 OK", b'{"version": "1.2"}', JSON), "not_an_obico_server"),
    "404": (f.answer("404 Not Found", PAGE), "not_an_obico_server"),
    "405": (f.answer("405 Method Not Allowed", b"{}", JSON), "not_an_obico_server"),
    "401 basic": (
        f.answer("401 Unauthorized", b"<html>", 'WWW-Authenticate: Basic realm="x"'),
        "access_denied",
    ),
    "403": (f.answer("403 Forbidden", PAGE, "Server: cloud"), "access_denied"),
    "451": (f.answer("451 Unavailable For Legal Reasons"), "access_denied"),
    "429": (f.answer("429 Too Many Requests", b"", "Retry-After: 30"), "throttled"),
    "500": (f.answer("500 Internal Server Error", PAGE), "server_error"),
    "502": (f.answer("502 Bad Gateway", PAGE), "server_unavailable"),
    "599": (f.answer("599 Odd", b""), "server_error"),
    "418": (f.answer("418 I'm a teapot", b"tea"), "unknown_error"),
}


@pytest.mark.parametrize("name", provoking(causes_in(ANSWERS)))
def test_an_answer_that_is_not_the_api(serve: Serve, name: str) -> None:
    behaviour, cause = ANSWERS[name]
    result = run(serve(behaviour).url, TOKEN, deadline_s=2.0)
    assert_cause(result, cause, "http")
    assert evidence_of(result, "http")


def test_the_wait_that_the_server_asks_for_is_told(serve: Serve) -> None:
    """DIAGNOSIS: 429; say when to try again (Retry-After)."""
    server = serve(f.answer("429 Too Many Requests", b"", "Retry-After: 47"))
    result = run(server.url, TOKEN)
    assert evidence_of(result, "http")["retry_after"] == 47
    assert "47" in " ".join([result["explanation"], *result["remedy"]])


def test_an_unknown_error_shows_what_was_seen(serve: Serve) -> None:
    result = run(serve(f.answer("418 I'm a teapot", b"tea")).url, TOKEN)
    assert "418" in result["explanation"]
    assert evidence_of(result, "http")["body"] == "tea"


@provokes("clock_wrong", "not_linked")
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_wrong_clock_is_a_warning_where_the_connection_works(serve: Serve, seconds: int) -> None:
    date = formatdate(time.time() - seconds, usegmt=True)
    body = b'{"detail": "Authentication credentials were not provided."}'
    server = serve(f.answer("401 Unauthorized", body, JSON, f"Date: {date}"))
    result = run(server.url, None)
    assert result["cause"] == "not_linked"
    (warning,) = result["warnings"]
    assert warning["cause"] == "clock_wrong"
    assert "60 minutes" in warning["explanation"]


def _obico(path: bytes, api: str) -> f.Behaviour:
    """A server whose health page stands at `path`, and whose API answers with that status."""

    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            healthy = head.startswith(b"GET " + path + b" ")
            peer.send(f.http_bytes("200 OK", b"okay") if healthy else f.http_bytes(api, PAGE))

    return behave


@provokes("server_too_old", "address_path_wrong")
def test_an_old_server_and_a_wrong_path(serve: Serve) -> None:
    old = serve(_obico(b"/hc/", "404 Not Found"))
    assert run(old.url, TOKEN)["cause"] == "server_too_old"
    result = run(old.url + "/some/path", TOKEN)
    assert_cause(result, "address_path_wrong", "http")
    assert old.url in result["remedy"][0]


def test_the_time_limit_of_connecting_is_below_that_of_a_run() -> None:
    assert transport.CONNECT_TIMEOUT_S < 14.5


# ---- WebSocket ---------------------------------------------------------------------------------

WRONG_KEY = w.switching(b"A" * 28)
HANDSHAKES_OF_WEBSOCKETS: dict[str, tuple[bytes, str]] = {
    "wrong key": (WRONG_KEY, "websocket_invalid_handshake"),
    "no key": (
        WRONG_KEY.replace(b"Sec-WebSocket-Accept", b"X-Nothing"),
        "websocket_invalid_handshake",
    ),
    "other protocol": (
        WRONG_KEY.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        "websocket_invalid_handshake",
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n", "websocket_invalid_handshake"),
    "login page": (f.http_bytes("200 OK", LOGIN), "websocket_refused"),
}


@pytest.mark.parametrize("name", provoking(causes_in(HANDSHAKES_OF_WEBSOCKETS)))
def test_a_handshake_that_is_not_answered_rightly(serve: Serve, name: str) -> None:
    data, cause = HANDSHAKES_OF_WEBSOCKETS[name]

    def shake_hands(peer: f.Peer, head: bytes) -> None:
        peer.send(data)
        peer.finish()

    result = run(serve(w.beside_api(shake_hands)).url, TOKEN, deadline_s=4.0)
    assert (result["verdict"], result["cause"]) == ("websocket_failed", cause), result["checks"]
    assert result["channels"] == {"http": "okay", "websocket": "failed"}
    assert_one_root(result)


# ---- webcam ------------------------------------------------------------------------------------

UNUSABLE_WEBCAMS: dict[str, tuple[Webcam, str]] = {
    "no snapshots": (Webcam("Cam", None, None), "webcam_not_configured"),
    "no URL": (url_webcam("Cam", "the camera"), "webcam_url_malformed"),
    "no host": (url_webcam("Cam", "http://:80/"), "webcam_url_malformed"),
}


@pytest.mark.parametrize("name", provoking(causes_in(UNUSABLE_WEBCAMS)))
def test_a_webcam_that_cannot_be_asked(serve: Serve, name: str) -> None:
    webcam, cause = UNUSABLE_WEBCAMS[name]
    result = run(serve(f.answer("502 Bad Gateway")).url, TOKEN, [webcam])
    assert result["cause"] == "server_unavailable", "a webcam never changes the verdict"
    (seen,) = result["webcams"]
    assert seen["cause"] == cause
    assert_filled_in(seen, seen["evidence"])
