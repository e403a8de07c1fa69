"""A home network in which nothing is wrong."""

from __future__ import annotations

import pytest

from .judging import assert_healthy
from .lab import HTTP, HTTPS, SERVER, SERVER_6, SILENT_RESOLVER, Lab

QUICK_MS = 2_000


@pytest.mark.parametrize("url", [HTTP, HTTPS, f"http://{SERVER}", f"http://[{SERVER_6}]"])
def test_it_succeeds_without_a_warning(lab: Lab, url: str) -> None:
    result = lab.diagnose(url)
    assert_healthy(result)
    assert result["duration_ms"] < QUICK_MS


@pytest.mark.parametrize("url", ["http://dual.example", "https://dual.example"])
def test_working_ipv6_beside_ipv4_is_no_trouble(lab: Lab, url: str) -> None:
    assert_healthy(lab.diagnose(url))


def test_ipv6_at_the_server_is_no_trouble_for_a_home_without(lab: Lab) -> None:
    """No global address and no route: most homes."""
    lab.client.configure("route del default via fd77:1::1", "addr del fd77:1::2/64 dev eth0")
    assert_healthy(lab.diagnose("http://dual.example"))


def test_an_address_in_figures_needs_no_name_server(lab: Lab) -> None:
    lab.resolvers(SILENT_RESOLVER)
    result = lab.diagnose(f"http://{SERVER}")
    assert_healthy(result)
    assert result["duration_ms"] < QUICK_MS


def test_a_silent_router_is_no_trouble_as_long_as_it_forwards(lab: Lab) -> None:
    """Many routers answer no ping."""
    lab.router.filter("-A INPUT -p icmp -j DROP")
    assert_healthy(lab.diagnose(HTTP))


def test_not_linked_is_said_of_a_server_that_answers(lab: Lab) -> None:
    result = lab.diagnose(HTTP, linked=False)
    assert (result["verdict"], result["cause"]) == ("invalid_account_credentials", "not_linked")
