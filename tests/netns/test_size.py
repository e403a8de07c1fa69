"""A path that swallows large packets without a word, as a wrong MTU of a VPN does."""

from __future__ import annotations

import pytest

from tests.provoked import provokes

from .judging import assert_fails, assert_healthy
from .lab import HTTP, HTTPS, Lab

TOO_LARGE = "-m length --length 1301:65535"


@pytest.mark.parametrize("url", [HTTP, HTTPS])
@provokes("mtu_blackhole")
def test_large_packets_are_swallowed(lab: Lab, url: str) -> None:
    lab.drop(TOO_LARGE)
    assert_fails(lab.diagnose(url), "mtu_blackhole", "obico.example", "eth0")


def test_a_small_mtu_that_is_told_is_no_trouble(lab: Lab) -> None:
    """The router sends "fragmentation needed", as it should (RFC 1191)."""
    lab.router.configure("link set wan mtu 1300")
    lab.server.configure("link set eth0 mtu 1300")
    try:
        assert_healthy(lab.diagnose(HTTPS))
    finally:
        lab.router.configure("link set wan mtu 1500")
        lab.server.configure("link set eth0 mtu 1500")
