"""Proxies on the way to the server: http://, https:// and SOCKS, for both channels and in TEST."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server import socks
from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.errors import Stage
from octoprint_obico.server.proxy import parse_proxy, proxy_for
from sandbox import SandboxServer
from tests.provoked import provokes, provoking

from . import faults as f
from . import proxies as p
from . import wsfaults as w
from .certificates import Certificates
from .live import TOKEN
from .openers import BOTH, Opener, error_of, open_http, open_websocket
from .results import evidence_of, outcome_of, run
from .test_diagnosis_faults import assert_cause, causes_in

Serve = Callable[[f.Behaviour], f.FaultServer]
PASSWORD = "s3cret-pw"


def behaviour_for(opener: Opener) -> f.Behaviour:
    return w.opened(w.answer_pings) if opener is open_websocket else f.answer()


def requests_at(server: f.FaultServer) -> list[bytes]:
    """What was asked; a connection that was only opened and closed has asked nothing."""
    return [head for head in server.heads if head]


# ---- what the environment names ------------------------------------------------------------------


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", ".home,192.168.0.0/16")
    assert proxy_for(Address("https", "server.home", 443)) is None
    assert proxy_for(Address("https", "192.168.1.5", 443)) is None
    assert proxy_for(Address("http", "obico.example", 80)) is None
    found = proxy_for(Address("https", "obico.example", 443))
    assert found is not None and (found.scheme, str(found)) == ("http", "proxy.example:3128")


PROXIES = {
    "http://a:b@proxy.example:3128": ("http", "proxy.example:3128", "a", "b", ""),
    "proxy.example": ("http", "proxy.example:8080", None, None, ""),
    "HTTPS://proxy.example": ("https", "proxy.example:443", None, None, ""),
    "socks5h://me:p%40ss@[::1]:9": ("socks5h", "[::1]:9", "me", "p@ss", ""),
    "socks4://old.example": ("socks4", "old.example:1080", None, None, ""),
    "http://": ("http", "?", None, None, "its address has no host name"),
    "http://h:0": ("http", "h", None, None, "there is no port 0"),
    "http://u:pw@h:99999": ("http", "h:99999", None, None, "its address cannot be read"),
    "http://u:pw@h:notaport": ("http", "h:notaport", None, None, "its address cannot be read"),
    "http://[::1": ("http", "[::1", None, None, "its address cannot be read"),
    "ftp://h:21": ("ftp", "h:21", None, None, "ftp:// proxies are not supported"),
}


@pytest.mark.parametrize("url", PROXIES)
def test_an_address_is_taken_apart(url: str) -> None:
    found = parse_proxy(url)
    seen = (found.scheme, str(found), found.user, found.password, found.problem)
    assert seen == PROXIES[url]
    assert "pw" not in repr(found) and "p@ss" not in repr(found)


@given(st.text(max_size=60))
def test_any_text_is_a_proxy_or_a_problem(text: str) -> None:
    found = parse_proxy(text)
    assert found.problem or (found.host and 0 < found.port < 65536)
    assert len(str(found)) < 120


@provokes("proxy_unreachable")
@pytest.mark.parametrize("url", [url for url, seen in PROXIES.items() if seen[-1]])
def test_a_proxy_setting_that_makes_no_sense(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the environment is a proxy that cannot be used, and says why."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    for opener in (open_http, open_websocket):
        error = error_of(opener, "https://obico.example", 1.0)
        assert (error.cause.value, error.stage) == ("proxy_unreachable", Stage.PROXY)
    result = run("https://obico.example", TOKEN, deadline_s=4.0)
    assert result["cause"] == "proxy_unreachable"
    assert PROXIES[url][-1] in result["explanation"]
    assert PROXIES[url][1] in result["explanation"]
    assert "pw@" not in str(result)


# ---- proxies that work ---------------------------------------------------------------------------


@BOTH
def test_a_proxy_passes_both_channels(
    serve: Serve, trusted: Certificates, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(f.over_tls(trusted.good(), behaviour_for(opener)))
    proxy = serve(f.working_proxy)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa%20ss@127.0.0.1:{proxy.port}")
    opener(f"https://localhost:{server.port}", f.LIMIT_S)
    head = proxy.heads[0].decode()
    assert head.startswith(f"CONNECT localhost:{server.port} HTTP/1.")
    assert "Proxy-Authorization: Basic bWU6cGEgc3M=" in head
    assert TOKEN not in head


@BOTH
@pytest.mark.parametrize("to_server", ["http", "https"])
def test_tls_is_spoken_to_a_proxy_and_within_it_to_the_server(
    serve: Serve,
    trusted: Certificates,
    opener: Opener,
    to_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = behaviour_for(opener)
    server = serve(plain if to_server == "http" else f.over_tls(trusted.good(), plain))
    forwards = to_server == "http" and opener is open_http
    passes_on = p.forwarding_proxy if forwards else f.working_proxy
    proxy = serve(f.over_tls(trusted.good(), passes_on))
    monkeypatch.setenv("ALL_PROXY", f"https://localhost:{proxy.port}")
    opener(f"{to_server}://localhost:{server.port}", f.LIMIT_S)
    assert len(requests_at(server)) == 1
    words = proxy.heads[0].split(b" ")
    assert words[0] == (b"GET" if forwards else b"CONNECT")
    if to_server == "https":
        assert TOKEN.encode() not in b"".join(proxy.heads)


@BOTH
@pytest.mark.parametrize("to_server", ["http", "https"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a"])
def test_socks_passes_both_channels(
    serve: Serve,
    trusted: Certificates,
    opener: Opener,
    to_server: str,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = behaviour_for(opener)
    server = serve(plain if to_server == "http" else f.over_tls(trusted.good(), plain))
    proxy = serve(p.socks4() if scheme.startswith("socks4") else p.socks5())
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
    opener(f"{to_server}://localhost:{server.port}", f.LIMIT_S)
    assert len(requests_at(server)) == 1
    assert proxy.heads[-1].endswith(f"connect localhost:{server.port}".encode())
    opener(f"http://127.0.0.1:{serve(plain).port}", f.LIMIT_S)  # an IP address goes as such


def test_socks_5_with_a_password(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(f.answer())
    proxy = serve(p.socks5(method=2))
    monkeypatch.setenv("HTTP_PROXY", f"socks5://me:pa%20ss@127.0.0.1:{proxy.port}")
    open_http(server.url)
    assert proxy.heads[:2] == [b"methods \x00\x02", b"sign in me/pa ss"]


def address_of(sandbox: SandboxServer, serve: Serve, trusted: Certificates, to_server: str) -> str:
    """The sandbox server's address, also behind a reverse proxy that speaks TLS."""
    if to_server == "http":
        return sandbox.url
    port = parse_address(sandbox.url).port
    return f"https://localhost:{serve(p.tls_in_front(trusted.good(), port)).port}"


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_healthy_run_through_a_proxy(
    serve: Serve,
    trusted: Certificates,
    sandbox: SandboxServer,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {
        "http": f.working_proxy,
        "https": f.over_tls(trusted.good(), f.working_proxy),
        "socks5": p.socks5(),
    }
    proxy = serve(kinds[scheme])
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://localhost:{proxy.port}")
    result = run(address_of(sandbox, serve, trusted, "https"), sandbox.printer.token)
    assert result["verdict"] == "succeeded", result
    assert proxy.connections >= 2
    assert outcome_of(result, "dns") == "skipped"


# ---- real proxies --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tinyproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real proxy that wants a password."""
    with p.tinyproxy(tmp_path_factory.mktemp("tinyproxy"), PASSWORD) as port:
        yield port


@pytest.mark.parametrize("to_server", ["http", "https"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_healthy_run_through_tinyproxy(
    serve: Serve,
    tinyproxy: int,
    trusted: Certificates,
    sandbox: SandboxServer,
    scheme: str,
    to_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It forwards plain requests and opens tunnels; the https:// one has TLS in front of it."""
    url, port = address_of(sandbox, serve, trusted, to_server), tinyproxy
    if scheme == "https":
        port = serve(p.tls_in_front(trusted.good(), tinyproxy)).port
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:{PASSWORD}@localhost:{port}")
    result = run(url, sandbox.printer.token)
    assert result["verdict"] == "succeeded", result
    assert PASSWORD not in str(result)


@provokes("proxy_authentication_required", "proxy_refused")
def test_tinyproxy_refuses(tinyproxy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password; a server behind it that nobody serves."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong@127.0.0.1:{tinyproxy}")
    with f.refused_port() as port:
        result = run(f"https://127.0.0.1:{port}", TOKEN)
        assert_cause(result, "proxy_authentication_required", "connect")
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{tinyproxy}")
        result = run(f"https://127.0.0.1:{port}", TOKEN)
    assert_cause(result, "proxy_refused", "connect")
    assert evidence_of(result, "connect")["status"] >= 500


@pytest.mark.parametrize("to_server", ["http", "https"])
def test_a_healthy_run_through_microsocks(
    serve: Serve,
    trusted: Certificates,
    sandbox: SandboxServer,
    to_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = address_of(sandbox, serve, trusted, to_server)
    with p.microsocks(tmp_path, "-u", "me", "-P", PASSWORD) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:{port}")
        result = run(url, sandbox.printer.token)
        assert result["verdict"] == "succeeded", result
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:wrong@127.0.0.1:{port}")
        refused = run(url, sandbox.printer.token)
    assert_cause(refused, "proxy_authentication_required", "connect")
    assert PASSWORD not in f"{result} {refused}"


# ---- proxies that do not -------------------------------------------------------------------------

CONNECT_FAULTS = {
    "407": (
        f.raw(f.http_bytes("407 Proxy Authentication Required")),
        "proxy_authentication_required",
    ),
    "403": (f.raw(f.http_bytes("403 Forbidden", b"<html>blocked</html>")), "proxy_refused"),
    "502": (f.raw(f.http_bytes("502 Bad Gateway")), "proxy_refused"),
    "garbage": (f.banner(b"220 mail ready\r\n\r\n"), "proxy_unreachable"),
    "closed": (f.close_at_once, "proxy_unreachable"),
    "closed late": (f.close_after_request, "proxy_unreachable"),
    "reset": (f.reset_after_request, "proxy_unreachable"),
    "drip": (f.drip_after_request(b"HTTP/1.1 200 OK" * 99, 0.05), "proxy_unreachable"),
    "endless": (f.endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 99), "proxy_unreachable"),
    "silence": (f.silence, "proxy_unreachable"),
}
SOCKS_FAULTS = {
    "no method": (p.socks5(method=255), "proxy_authentication_required"),
    "wrong password": (p.socks5(method=2, accepted=False), "proxy_authentication_required"),
    "method not offered": (p.socks5(method=7), "proxy_unreachable"),
    "not socks": (f.banner(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proxy_unreachable"),
    "another version": (p.socks5(greeting=4), "proxy_unreachable"),
    "closed": (f.close_at_once, "proxy_unreachable"),
    "silence": (f.silence, "proxy_unreachable"),
    "cut off": (p.socks5(reply=b"\x05\x00"), "proxy_unreachable"),
    "odd address": (p.socks5(reply=b"\x05\x00\x00\x09"), "proxy_unreachable"),
    "waits in vain": (p.waits_in_vain, "connection_timed_out"),
    **{
        f"reply {code}": (p.socks5(reply=p.socks5_reply(code)), "proxy_refused")
        for code in (1, 2, 3, 4, 5, 6, 7, 8, 99)
    },
}
SOCKS_4_FAULTS = {
    "rejected": (p.socks4(91), "proxy_refused"),
    "ident": (p.socks4(92), "proxy_authentication_required"),
    "another version": (f.banner(b"HTTP/1.1"), "proxy_unreachable"),
}
FAULTS = {
    f"{scheme} {name}": (scheme, *fault)
    for scheme, table in (
        ("http", CONNECT_FAULTS),
        ("socks5", SOCKS_FAULTS),
        ("socks4", SOCKS_4_FAULTS),
    )
    for name, fault in table.items()
}


@BOTH
@pytest.mark.parametrize("name", FAULTS)
def test_both_channels_say_the_same_of_a_proxy(
    serve: Serve, opener: Opener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, behaviour, cause = FAULTS[name]
    proxy = serve(behaviour)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://me:{PASSWORD}@127.0.0.1:{proxy.port}")
    started = time.monotonic()
    error = error_of(opener, "https://obico.example", 0.8)
    assert time.monotonic() - started < 2.5
    assert (error.cause.value, error.stage) == (cause, Stage.PROXY)
    assert error.facts["proxy"] == f"127.0.0.1:{proxy.port}"
    assert PASSWORD not in f"{error} {error.facts}"


@pytest.mark.parametrize("name", provoking({n: cause for n, (_, _, cause) in FAULTS.items()}))
def test_a_proxy_that_does_not_connect(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scheme, behaviour, cause = FAULTS[name]
    proxy = serve(behaviour)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://user:{PASSWORD}@127.0.0.1:{proxy.port}")
    result = run("https://obico.example", TOKEN, deadline_s=3.0)
    assert_cause(result, cause, "connect")
    if cause != "connection_timed_out":
        assert f"127.0.0.1:{proxy.port}" in result["explanation"]
    assert PASSWORD not in str(result)


@provokes("proxy_unreachable")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_is_not_there(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with f.refused_port() as port:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{port}")
        for opener in (open_http, open_websocket):
            assert error_of(opener, "https://obico.example").cause.value == "proxy_unreachable"
        result = run("https://obico.example", TOKEN)
    assert_cause(result, "proxy_unreachable", "connect")
    assert f"127.0.0.1:{port}" in result["explanation"]


@BOTH
@pytest.mark.parametrize("to_server", ["http", "https"])
def test_a_proxy_whose_certificate_is_refused(
    serve: Serve,
    certificates: Certificates,
    opener: Opener,
    to_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not spoken to at all: neither the password nor the token goes out."""
    proxy = serve(f.over_tls(certificates.unknown_issuer(), f.working_proxy))
    monkeypatch.setenv("ALL_PROXY", f"https://me:{PASSWORD}@localhost:{proxy.port}")
    error = error_of(opener, f"{to_server}://obico.example")
    assert (error.cause.value, error.stage) == ("proxy_unreachable", Stage.PROXY)
    assert error.facts["reason"].startswith("encryption: ")
    assert proxy.heads == []


@BOTH
def test_the_servers_certificate_counts_within_the_proxys(
    serve: Serve, trusted: Certificates, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(f.over_tls(trusted.unknown_issuer(), behaviour_for(opener)))
    proxy = serve(f.over_tls(trusted.good(), f.working_proxy))
    monkeypatch.setenv("ALL_PROXY", f"https://localhost:{proxy.port}")
    error = error_of(opener, f"https://localhost:{server.port}")
    assert (error.cause.value, error.stage) == ("tls_untrusted_issuer", Stage.TLS)
    assert server.heads == []


@provokes("tls_self_signed")
def test_a_refused_certificate_is_shown_through_an_encrypted_proxy(
    serve: Serve, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(f.over_tls(trusted.home_made.context(), f.answer()))
    proxy = serve(f.over_tls(trusted.good(), f.working_proxy))
    monkeypatch.setenv("ALL_PROXY", f"https://localhost:{proxy.port}")
    result = run(f"https://localhost:{server.port}", TOKEN)
    assert_cause(result, "tls_self_signed", "tls")
    assert evidence_of(result, "tls")["certificate"]["sha256"]


SERVERS_BEHIND = {
    "silent": (f.silence, "tls_handshake_failed"),
    "plain": (f.banner(f.http_bytes("400 Bad Request")), "tls_not_spoken"),
    "closed": (f.close_at_once, "tls_handshake_failed"),
    "drip": (p.drips(b"\x16\x03\x03\x40\x00" + bytes(9999), 0.05), "tls_handshake_failed"),
}


@BOTH
@pytest.mark.parametrize("name", SERVERS_BEHIND)
def test_a_server_that_does_not_speak_tls_behind_an_encrypted_proxy(
    serve: Serve, trusted: Certificates, opener: Opener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour, cause = SERVERS_BEHIND[name]
    server = serve(behaviour)
    proxy = serve(f.over_tls(trusted.good(), f.working_proxy))
    monkeypatch.setenv("ALL_PROXY", f"https://localhost:{proxy.port}")
    started = time.monotonic()
    error = error_of(opener, f"https://localhost:{server.port}", 1.0)
    assert time.monotonic() - started < 2.5
    assert (error.cause.value, error.stage) == (cause, Stage.TLS)


# ---- whose silence it is -------------------------------------------------------------------------

FORWARDERS = {
    "silent": (f.silence, "proxy_unreachable"),
    "waits for the server": (p.answers_only_nonsense, "response_timed_out"),
    "closes": (f.close_after_request, "proxy_unreachable"),
    "resets": (f.reset_after_request, "proxy_unreachable"),
    "another protocol": (f.banner(b"220 mail ready\r\n"), "proxy_unreachable"),
    "server not reached": (f.raw(f.http_bytes("504 Gateway Timeout")), "server_unavailable"),
    "wants a password": (
        f.raw(f.http_bytes("407 Proxy Authentication Required")),
        "proxy_authentication_required",
    ),
}


@pytest.mark.parametrize("name", provoking(causes_in(FORWARDERS)))
def test_a_plain_server_behind_a_proxy(
    serve: Serve, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour, cause = FORWARDERS[name]
    proxy = serve(behaviour)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    result = run("http://obico.example", TOKEN, deadline_s=4.0)
    assert_cause(result, cause, "http")


@provokes("connection_timed_out")
def test_a_proxy_that_waits_for_the_server_is_not_blamed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(p.answers_only_nonsense)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    result = run("https://obico.example", TOKEN, deadline_s=4.0)
    assert_cause(result, "connection_timed_out", "connect")


# ---- SOCKS, alone --------------------------------------------------------------------------------


@given(st.binary(max_size=64), st.sampled_from([socks.socks4, socks.socks5]))
def test_any_answer_is_a_connection_or_an_error(
    answer: bytes, negotiate: Callable[..., None]
) -> None:
    rest = [answer]

    def read(size: int) -> bytes:
        piece, rest[0] = rest[0][:size], rest[0][size:]
        if len(piece) < size:
            raise ValueError("the proxy closed the connection")
        return piece

    with contextlib.suppress(ValueError, socks.Refused):
        negotiate(lambda data: None, read, socks.Target(None, "obico.example", 443), "u", "p")


def test_what_socks_cannot_carry_is_an_error() -> None:
    nobody = socks.Target(bytes(16), "::", 443)
    with pytest.raises(ValueError, match="no IPv6"):
        socks.socks4(lambda data: None, lambda size: b"", nobody, None, None)
    with pytest.raises(ValueError, match="too long"):
        socks.socks5(lambda data: None, lambda size: b"", nobody, "u" * 256, None)
    with pytest.raises(ValueError, match="too long"):
        target = socks.Target(None, "a" * 256, 443)
        socks.socks5(lambda data: None, lambda size: b"\x05\x00", target, None, None)
