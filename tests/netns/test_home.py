"""No way out of the home: this computer's own network, its router, and a server at home."""

from __future__ import annotations

import pytest

from tests.provoked import provokes

from .judging import assert_fails
from .lab import HTTP, NAME, NOBODY, ROUTER, ROUTER_6, SERVER, Lab

LITERAL = f"http://{SERVER}"
BOTH = pytest.mark.parametrize(("url", "host"), [(HTTP, NAME), (LITERAL, SERVER)])
NO_DEFAULT_ROUTE = (f"route del default via {ROUTER}", f"route del default via {ROUTER_6}")


@BOTH
@provokes("network_down")
def test_no_interface_but_loopback_is_up(lab: Lab, url: str, host: str) -> None:
    lab.client.configure("link set eth0 down")
    assert_fails(lab.diagnose(url), "network_down", host)


@BOTH
@provokes("network_down")
def test_no_route_to_the_server(lab: Lab, url: str, host: str) -> None:
    lab.client.configure(*NO_DEFAULT_ROUTE)
    assert_fails(lab.diagnose(url), "network_down", host)


@BOTH
@provokes("gateway_unreachable")
def test_the_router_is_gone(lab: Lab, url: str, host: str) -> None:
    """Its address is another's now, or nobody's; the cable is fine."""
    lab.router.configure("addr flush dev lan")
    lab.client.configure("neigh flush dev eth0")
    assert_fails(lab.diagnose(url), "gateway_unreachable", ROUTER, "eth0")


@provokes("gateway_unreachable")
def test_the_router_is_switched_off(lab: Lab) -> None:
    """The interface has its address still, but no carrier."""
    lab.router.configure("link set lan down")
    lab.client.configure("neigh flush dev eth0")
    assert_fails(lab.diagnose(LITERAL), "gateway_unreachable", ROUTER, "eth0")


@provokes("host_unreachable")
def test_the_server_in_the_same_network_is_off(lab: Lab) -> None:
    assert_fails(lab.diagnose(f"http://{NOBODY}:3334"), "host_unreachable", NOBODY)
