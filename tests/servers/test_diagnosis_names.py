"""The check of the name: each way a name does not resolve, from the resolvers to the words."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from octoprint_obico.diagnosis import resolver_inquiry
from octoprint_obico.diagnosis.resolvers import Origin, Resolver

from . import dnsserver as d
from . import faults as f
from .live import TOKEN
from .results import assert_one_root, evidence_of, outcome_of, run

HOST = "obico.example"
URL = f"https://{HOST}"
Serve = Callable[[d.Rule], d.DnsServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start name servers that end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda rule: stack.enter_context(d.DnsServer(rule))


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the operating system fail like this, after so many seconds."""

    def says(code: str, text: str = "said the system", seconds: float = 0.0) -> None:
        never = threading.Event()

        def fail(*_: Any, **__: Any) -> Any:
            never.wait(seconds)
            raise socket.gaierror(getattr(socket, code), text)

        monkeypatch.setattr(socket, "getaddrinfo", fail)

    return says


def assert_cause(result: dict[str, Any], cause: str) -> dict[str, Any]:
    """That root cause, in the row of the name; returns the row."""
    assert (result["verdict"], result["cause"]) == ("failed_to_contact_server", cause)
    assert outcome_of(result, "dns") == "failed"
    assert outcome_of(result, "connect") == "skipped"
    assert_one_root(result)
    row = next(check for check in result["checks"] if check["id"] == "dns")
    assert row["cause"] == cause
    assert HOST in row["summary"]
    assert "–" not in row["summary"]
    return dict(row)


CAUSES = {
    "NXDOMAIN": "dns_name_not_found",
    "no address": "dns_no_address",
    "SERVFAIL": "dns_server_failure",
    "REFUSED": "dns_server_failure",
    "FORMERR": "dns_server_failure",
    "NOTIMP": "dns_server_failure",
}


@pytest.mark.parametrize("text", CAUSES)
def test_each_failure_is_told_apart(system: Callable[..., None], serve: Serve, text: str) -> None:
    """The operating system says the same to all of them."""
    system("EAI_AGAIN", "Temporary failure in name resolution")
    server = serve(d.RULES[text])
    result = run(URL, TOKEN, resolvers=[server.resolver])
    row = assert_cause(result, CAUSES[text])
    (seen,) = row["evidence"]["resolvers"]
    assert (seen["A"], seen["AAAA"]) == (text, text)
    assert (seen["server"], seen["origin"]) == (server.resolver.shown, "configured")
    assert row["evidence"]["os"] == "Temporary failure in name resolution"
    assert row["evidence"]["host"] == HOST
    assert f"{server.resolver.shown} ({text})" in row["summary"]
    assert row["duration_ms"] < 900


def test_a_port_that_refuses(system: Callable[..., None]) -> None:
    system("EAI_AGAIN")
    with d.refusing() as resolver:
        result = run(URL, TOKEN, resolvers=[resolver])
    assert_cause(result, "dns_unavailable")
    assert resolver.shown in result["explanation"]


def test_no_resolver_is_configured(system: Callable[..., None]) -> None:
    system("EAI_NONAME")
    with d.refusing() as free:
        resolver = Resolver(free.ip, free.port, Origin.ASSUMED)
        result = run(URL, TOKEN, resolvers=[resolver])
    assert_cause(result, "dns_unavailable")
    assert "none configured" in result["explanation"]


def test_a_black_hole_of_resolvers_is_named_in_time(
    system: Callable[..., None], serve: Serve
) -> None:
    """Contract: a black hole within 8 s; the system itself takes 10 s and more to say so."""
    system("EAI_AGAIN", seconds=f.LIMIT_S)
    servers = [serve(d.silence), serve(d.silence)]
    result = run(URL, TOKEN, resolvers=[server.resolver for server in servers])
    row = assert_cause(result, "dns_timeout")
    assert 5000 <= row["duration_ms"] <= 6300
    assert result["duration_ms"] <= 8000
    assert [seen["A"] for seen in row["evidence"]["resolvers"]] == ["no answer"] * 2
    for server in servers:
        assert server.asked.count(("A", "udp")) == 3


def test_a_slow_system_is_explained(system: Callable[..., None], serve: Serve) -> None:
    """The resolvers are asked beside it, so that its failure is explained at once."""
    system("EAI_AGAIN", seconds=2.5)
    result = run(URL, TOKEN, resolvers=[serve(d.servfail).resolver])
    row = assert_cause(result, "dns_server_failure")
    assert 2400 <= row["duration_ms"] <= 3200


def test_the_run_keeps_its_deadline(system: Callable[..., None], serve: Serve) -> None:
    system("EAI_AGAIN", seconds=f.LIMIT_S)
    resolvers = [serve(d.silence).resolver]
    started = time.monotonic()
    result = run(URL, TOKEN, deadline_s=2.0, resolvers=resolvers)
    assert time.monotonic() - started <= 2.0
    row = assert_cause(result, "dns_timeout")
    assert row["evidence"]["resolvers"], "what was seen till then"


def test_ipv6_questions_that_fail(system: Callable[..., None], serve: Serve) -> None:
    """A known fault of routers: A is answered, AAAA is not."""
    system("EAI_AGAIN")
    server = serve(d.by_kind(d.addresses("192.0.2.1"), d.servfail))
    row = assert_cause(run(URL, TOKEN, resolvers=[server.resolver]), "dns_server_failure")
    (seen,) = row["evidence"]["resolvers"]
    assert (seen["A"], seen["AAAA"]) == ("192.0.2.1", "SERVFAIL")
    assert "AAAA: SERVFAIL" in row["summary"]


def test_ipv6_questions_that_get_lost(system: Callable[..., None], serve: Serve) -> None:
    system("EAI_AGAIN")
    server = serve(d.by_kind(d.addresses("192.0.2.1"), d.silence))
    row = assert_cause(run(URL, TOKEN, resolvers=[server.resolver]), "dns_timeout")
    (seen,) = row["evidence"]["resolvers"]
    assert (seen["A"], seen["AAAA"]) == ("192.0.2.1", "no answer")
    assert "not found by this computer (said the system)" in row["summary"]


def test_a_name_that_only_this_computer_does_not_find(
    system: Callable[..., None], serve: Serve
) -> None:
    system("EAI_NONAME", "Name or service not known")
    resolvers = [serve(d.addresses("192.0.2.1")).resolver]
    row = assert_cause(run(URL, TOKEN, resolvers=resolvers), "dns_name_not_found")
    assert "by this computer" in row["summary"]
    assert "192.0.2.1" in row["summary"]


def test_names_of_the_local_network_are_no_business_of_resolvers(
    system: Callable[..., None], serve: Serve
) -> None:
    """RFC 6762: .local belongs to mDNS."""
    system("EAI_NONAME", seconds=1.5)
    server = serve(d.servfail)
    result = run("http://octopi.local", TOKEN, resolvers=[server.resolver])
    assert result["cause"] == "dns_name_not_found"
    assert "avahi" in next(c["summary"] for c in result["checks"] if c["id"] == "dns")
    assert server.asked == []


@pytest.mark.parametrize(
    ("rule", "where"),
    [(d.addresses("0.0.0.0", "::"), "Name servers"), (d.addresses("192.0.2.1"), "/etc/hosts")],
)
def test_who_blocks_a_name(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, rule: d.Rule, where: str
) -> None:
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("0.0.0.0", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])
    row = assert_cause(run(URL, TOKEN, resolvers=[serve(rule).resolver]), "dns_blocked")
    assert "blocked with 0.0.0.0" in row["summary"]
    assert where in row["summary"]
    assert row["evidence"]["addresses"] == ["0.0.0.0"]


def test_a_name_that_resolves_asks_nobody_else(serve: Serve) -> None:
    server = serve(d.nxdomain)
    with f.refused_port() as port:
        result = run(f"http://localhost:{port}", TOKEN, resolvers=[server.resolver])
    assert result["cause"] == "connection_refused"
    assert "resolvers" not in evidence_of(result, "dns")
    assert server.asked == []


def test_who_has_kept_a_slow_name_waiting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is found in the end: the check has passed, and its evidence tells what was slow."""
    monkeypatch.setattr(resolver_inquiry, "HEAD_START_S", 0.2)
    found, answered = socket.getaddrinfo, threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        answered.wait(0.8)
        return found(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    servers = [serve(d.silence), serve(d.addresses("127.0.0.1"))]
    with f.refused_port() as port:
        url = f"http://localhost:{port}"
        result = run(url, TOKEN, resolvers=[server.resolver for server in servers])
    assert result["cause"] == "connection_refused"
    assert outcome_of(result, "dns") == "passed"
    seen = evidence_of(result, "dns")["resolvers"]
    assert [entry["A"] for entry in seen] == ["no answer", "127.0.0.1"]
