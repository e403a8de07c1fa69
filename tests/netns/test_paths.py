"""No way to the server beyond the router: firewalls, and a machine that declines or is gone."""

from __future__ import annotations

import pytest

from tests.provoked import provokes

from .judging import assert_fails
from .lab import HTTP, HTTPS, NAME, SERVER, Lab

CLIENT_HELLO = f"-p tcp --dport 443 -m string --algo bm --string {NAME}"


@pytest.mark.parametrize("reason", ["icmp-host-unreachable", "icmp-admin-prohibited"])
@provokes("host_unreachable")
def test_the_router_says_that_the_host_is_unreachable(lab: Lab, reason: str) -> None:
    lab.router.filter(f"-A FORWARD -d {SERVER} -j REJECT --reject-with {reason}")
    assert_fails(lab.diagnose(HTTP), "host_unreachable", NAME)


@provokes("connection_timed_out")
def test_a_firewall_that_swallows_connections(lab: Lab) -> None:
    lab.drop(f"-p tcp -d {SERVER}")
    assert_fails(lab.diagnose(HTTP), "connection_timed_out", NAME, "80")


@provokes("connection_refused")
def test_nobody_listens_at_the_port(lab: Lab) -> None:
    assert_fails(lab.diagnose(f"{HTTP}:3334"), "connection_refused", NAME, "3334", within_ms=3000)


@pytest.mark.parametrize("reply", ["tcp-reset", "icmp-port-unreachable"])
@provokes("connection_refused")
def test_a_firewall_that_declines_connections(lab: Lab, reply: str) -> None:
    lab.router.filter(f"-A FORWARD -p tcp -d {SERVER} -j REJECT --reject-with {reply}")
    assert_fails(lab.diagnose(HTTP), "connection_refused", NAME, "80", within_ms=3000)


@pytest.mark.parametrize("target", ["DROP", "REJECT --reject-with tcp-reset"])
@provokes("tls_handshake_failed")
def test_a_firewall_that_filters_tls_by_name(lab: Lab, target: str) -> None:
    """The name stands in clear in the first message of TLS (RFC 6066 section 3)."""
    lab.router.filter(f"-A FORWARD {CLIENT_HELLO} -j {target}")
    assert_fails(lab.diagnose(HTTPS), "tls_handshake_failed", NAME, "443")
