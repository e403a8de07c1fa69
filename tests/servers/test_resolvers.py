"""Questions to name servers that fail in every way."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octoprint_obico.diagnosis.resolver_inquiry import Inquiry
from octoprint_obico.diagnosis.resolver_query import Reply, Said, ask
from octoprint_obico.diagnosis.resolvers import Resolver
from octoprint_obico.server.deadline import Cancel, Deadline

from . import dnsserver as d
from . import faults as f

HOST = "obico.example"
Serve = Callable[[d.Rule], d.DnsServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start name servers that end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda rule: stack.enter_context(d.DnsServer(rule))


def asked(server: d.DnsServer, kind: str = "A", seconds: float = 5.0) -> Reply:
    return ask(server.resolver, HOST, kind, Deadline(seconds))


# ---- one question ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", d.RULES)
@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_what_a_resolver_says(serve: Serve, text: str, kind: str) -> None:
    server = serve(d.RULES[text])
    reply = asked(server, kind)
    said = {"NXDOMAIN": Said.NOT_FOUND, "no address": Said.EMPTY}.get(text, Said.FAILURE)
    assert (reply.said, reply.text, reply.addresses) == (said, text, ())
    assert server.asked == [(kind, "udp")]
    assert server.names == {HOST + "."}


def test_addresses(serve: Serve) -> None:
    ips = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    for rule in (d.addresses(*ips), d.addresses(*ips, alias="cdn.example.")):
        server = serve(rule)
        a, aaaa = asked(server), asked(server, "AAAA")
        assert (a.said, sorted(a.addresses)) == (Said.ADDRESSES, [*ips[:2]])
        assert (aaaa.said, aaaa.text) == (Said.ADDRESSES, "2001:db8::1")
    alone = serve(d.addresses("192.0.2.1", alias="cdn.example."))
    assert asked(alone, "AAAA").said is Said.EMPTY, "an alias alone is no address"


def test_over_ipv6() -> None:
    with d.DnsServer(d.nxdomain, "::1") as server:
        assert asked(server).said is Said.NOT_FOUND


def test_a_refusing_port_is_told_at_once() -> None:
    with d.refusing() as resolver:
        started = time.monotonic()
        reply = ask(resolver, HOST, "A", Deadline(5.0))
    assert (reply.said, reply.text) == (Said.REFUSED, "port refuses")
    assert time.monotonic() - started < 0.9


def test_an_interface_that_is_gone() -> None:
    reply = ask(Resolver("fe80::1%nosuchif"), HOST, "A", Deadline(5.0))
    assert (reply.said, reply.text) == (Said.NO_ROUTE, "no route")


def test_a_lost_question_is_sent_again(serve: Serve) -> None:
    server = serve(d.deaf(1, d.nxdomain))
    reply = asked(server)
    assert reply.said is Said.NOT_FOUND
    assert 950 <= reply.ms < 2400
    assert server.asked == [("A", "udp")] * 2


def test_silence_ends_with_the_deadline(serve: Serve) -> None:
    server = serve(d.silence)
    reply = asked(server, seconds=1.3)
    assert (reply.said, reply.text) == (Said.SILENT, "no answer")
    assert 1250 <= reply.ms < 1800
    assert len(server.asked) == 2


@pytest.mark.parametrize("rule", [d.garbage, d.wrong_id(d.nxdomain), d.other_question])
def test_what_does_not_answer_the_question(serve: Serve, rule: d.Rule) -> None:
    """Neither taken for an answer nor the end of the wait: the right one may still come."""
    reply = asked(serve(rule), seconds=0.4)
    assert (reply.said, reply.text) == (Said.SILENT, "unusable answer")
    assert reply.ms >= 350


def test_the_right_answer_after_a_wrong_one(serve: Serve) -> None:
    wrong = iter([d.wrong_id(d.addresses("192.0.2.66")), d.garbage])
    server = serve(lambda question: next(wrong, d.nxdomain)(question))
    assert asked(server).said is Said.NOT_FOUND
    assert len(server.asked) == 3


@pytest.mark.parametrize("length", [12, 40, 470])
def test_a_truncated_answer_is_asked_for_over_tcp(serve: Serve, length: int) -> None:
    server = serve(d.truncated(d.addresses("192.0.2.1"), length))
    assert asked(server).addresses == ("192.0.2.1",)
    assert server.asked == [("A", "udp"), ("A", "tcp")]


@pytest.mark.parametrize("over_tcp", [d.silence, d.wrong_id(d.nxdomain), d.garbage])
def test_tcp_that_fails(serve: Serve, over_tcp: d.Rule) -> None:
    reply = asked(serve(d.truncated(over_tcp)), seconds=1.0)
    assert reply.said is Said.SILENT
    assert reply.text in ("unusable answer", "too long for UDP, and TCP fails")


def test_a_drip_over_tcp_ends_with_the_deadline() -> None:
    def drip(peer: f.Peer) -> None:
        peer.drip(b"\x20\x00" + b"\x00" * 9999, 0.05)

    with d.DnsServer(d.truncated(d.silence)) as server, f.FaultServer(drip) as tcp:
        started = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Resolver, "sockaddr", lambda self: _ports(self, server, tcp))
            reply = asked(server, seconds=1.0)
        assert reply.said is Said.SILENT
        assert time.monotonic() - started < 1.6


def _ports(resolver: Resolver, udp: d.DnsServer, tcp: f.FaultServer) -> tuple[str, int]:
    """UDP first, TCP afterwards: at two ports, for each has a server of its own here."""
    return (resolver.ip, tcp.port if udp.asked else udp.port)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tail=st.binary(max_size=200), flags=st.binary(min_size=2, max_size=2))
def test_random_answers_are_survived(tail: bytes, flags: bytes) -> None:
    """Bytes behind the right number: whatever they say, a reply in time."""

    def rule(question: d.Question) -> bytes:
        return question.message.id.to_bytes(2, "big") + flags + tail

    with d.DnsServer(rule) as server:
        assert asked(server, seconds=0.1).ms < 1000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.integers(0, 120), byte=st.integers(0, 255))
def test_answers_with_an_error_in_them_are_survived(where: int, byte: int) -> None:
    whole = d.addresses("192.0.2.1", "2001:db8::1", alias="cdn.example.")

    def rule(question: d.Question) -> bytes:
        wire = bytearray(whole(question) or b"")
        wire[where % len(wire)] = byte
        return bytes(wire)

    with d.DnsServer(rule) as server:
        assert asked(server, seconds=0.1).ms < 1000


# ---- all resolvers -----------------------------------------------------------------------------


def test_all_are_asked_side_by_side(serve: Serve) -> None:
    servers = [serve(d.late(0.4, rule)) for rule in (d.servfail, d.refused, d.nxdomain)]
    started = time.monotonic()
    answers = Inquiry(HOST, lambda: [s.resolver for s in servers], Deadline(5.0)).wait()
    assert time.monotonic() - started < 1.1
    assert [answer.text for answer in answers] == ["SERVFAIL", "REFUSED", "NXDOMAIN"]
    for server in servers:
        assert sorted(server.asked) == [("A", "udp"), ("AAAA", "udp")]


def test_the_silent_are_not_waited_for_when_one_has_answered(serve: Serve) -> None:
    servers = [serve(d.silence), serve(d.nxdomain)]
    started = time.monotonic()
    answers = Inquiry(HOST, lambda: [s.resolver for s in servers], Deadline(5.0)).wait()
    assert time.monotonic() - started < 2.2
    assert [answer.text for answer in answers] == ["no answer", "NXDOMAIN"]
    assert answers[0].evidence["ms"] >= 1400, "how long it was silent"


def test_an_error_is_no_reason_to_stop_waiting(serve: Serve) -> None:
    servers = [serve(d.servfail), serve(d.late(1.8, d.nxdomain))]
    answers = Inquiry(HOST, lambda: [s.resolver for s in servers], Deadline(5.0)).wait()
    assert [answer.text for answer in answers] == ["SERVFAIL", "NXDOMAIN"]


def test_waiting_ends_when_it_is_cancelled(serve: Serve) -> None:
    server, cancel = serve(d.silence), Cancel()
    inquiry = Inquiry(HOST, lambda: [server.resolver], Deadline(5.0, cancel))
    threading.Timer(0.3, cancel.cancel).start()
    started = time.monotonic()
    assert [answer.text for answer in inquiry.wait()] == ["no answer"]
    assert time.monotonic() - started < 1.2


def test_only_one_inquiry_is_made(serve: Serve) -> None:
    server = serve(d.nxdomain)
    inquiry = Inquiry(HOST, lambda: [server.resolver, server.resolver], Deadline(5.0))
    assert (inquiry.started, inquiry.answers()) == (False, [])
    inquiry.start()
    inquiry.wait()
    assert [answer.text for answer in inquiry.wait()] == ["NXDOMAIN"]
    assert sorted(server.asked) == [("A", "udp"), ("AAAA", "udp")]


def test_nobody_is_asked_for_an_address() -> None:
    def never() -> list[Resolver]:
        raise AssertionError("there is nothing to ask")

    assert Inquiry("192.0.2.1", never, Deadline(5.0)).wait() == []
