"""Reading the network's state from what kernels and commands really write."""

from __future__ import annotations

import json
import sys

import pytest

from octoprint_obico.diagnosis.local.network import (
    Interface,
    Network,
    Route,
    build_network,
    ip_addresses,
    ip_default_routes,
    parse_if_inet6,
    parse_ipv6_route,
    parse_route,
    read_network,
)
from octoprint_obico.diagnosis.local.router import (
    Neighbour,
    parse_arp,
    parse_ip_neighbours,
    parse_ping_counts,
)

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the texts are from such ones")

ROUTE_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ROUTES = (
    ROUTE_HEAD
    + "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0  \n"
    + "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0  \n"
    + "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0  \n"
)


@little_endian
def test_the_default_routes_of_the_kernel() -> None:
    wifi, cable = parse_route(ROUTES)
    assert wifi == Route("192.168.1.1", "wlan0", 600)
    assert cable == Route("192.168.1.1", "eth0", 100)
    assert build_network([], [wifi, cable], []).gateway_interface == "eth0"


@pytest.mark.parametrize(
    ("line", "routes"),
    [
        ("ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0", [Route(None, "ppp0", 0)]),
        ("eth0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0", []),  # not up
        ("*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0", []),  # rejects
        # the lower half of all addresses, as a VPN takes it, is no default route
        ("tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0", []),
        ("", []),
    ],
)
def test_other_routes(line: str, routes: list[Route]) -> None:
    assert parse_route(ROUTE_HEAD + line) == routes


ZERO, ONES = "0" * 32, "f" * 8
IPV6_ROUTES = f"""\
{"fd00" + "0" * 28} 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001     eth0
{ZERO} 00 {ZERO} 00 fe80000000000000e228 6dfffe000001 00000400 00000003 00000000 00000003     eth0
{ZERO} 00 {ZERO} 00 {ZERO} {ONES} 00000001 00000000 00200200       lo
""".replace("e228 6d", "e2286d")


def test_the_ipv6_default_route_of_the_kernel() -> None:
    (route,) = parse_ipv6_route(IPV6_ROUTES)
    assert route == Route("fe80::e228:6dff:fe00:1%eth0", "eth0", 0x400)
    only_rejecting = IPV6_ROUTES.splitlines()[-1]
    assert parse_ipv6_route(only_rejecting) == []


def test_ipv6_addresses_that_can_be_used() -> None:
    text = """\
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000005 02 40 00 00     eth0
20010db8000000000000000000000006 02 40 00 40     eth0
20010db8000000000000000000000007 02 40 00 c8     eth0
"""
    assert parse_if_inet6(text) == [("eth0", "2001:db8::5/64")]


IP_ADDR = """[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"operstate":"UNKNOWN",
 "addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifindex":2,"ifname":"eth0","flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"],
 "operstate":"DOWN",
 "addr_info":[{"family":"inet","local":"10.0.0.9","prefixlen":24,"scope":"global"}]},
{"ifindex":3,"ifname":"wlan0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"operstate":"UP",
 "addr_info":[{"family":"inet","local":"192.168.1.5","prefixlen":24,"scope":"global"},
              {"family":"inet6","local":"2001:db8::5","prefixlen":64,"scope":"global"},
              {"family":"inet6","local":"2001:db8::6","prefixlen":64,"scope":"global",
               "tentative":true},
              {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]},{}]"""

IP_ROUTE = """[
{"dst":"default","gateway":"192.168.1.1","dev":"wlan0","protocol":"dhcp","metric":600,"flags":[]},
{"dst":"192.168.1.0/24","dev":"wlan0","protocol":"kernel","scope":"link","flags":[]},
{"type":"unreachable","dst":"default","dev":"lo","metric":4294967295,"flags":[]},
{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"wlan0","flags":[]},
{"dst":"default","metric":20,"flags":[],
 "nexthops":[{"gateway":"10.0.0.1","dev":"eth0","weight":1,"flags":[]}]}]"""


def test_what_the_command_ip_tells() -> None:
    assert ip_addresses(json.loads(IP_ADDR)) == [
        ("wlan0", "192.168.1.5/24"),
        ("wlan0", "2001:db8::5/64"),
    ]
    assert ip_default_routes(json.loads(IP_ROUTE)) == [
        Route("192.168.1.1", "wlan0", 600),
        Route("fe80::1%wlan0", "wlan0", 0),
        Route("10.0.0.1", "eth0", 20),
    ]


def test_put_together() -> None:
    network = build_network(
        [("eth0", "192.168.1.5/24"), ("eth0", "2001:db8::5/64"), ("eth0", "192.168.1.5/24")],
        [Route("192.168.1.1", "eth0", 100)],
        [Route("fe80::1%eth0", "eth0", 1024)],
    )
    eth0 = Interface("eth0", ("192.168.1.5/24", "2001:db8::5/64"))
    assert network == Network((eth0,), "192.168.1.1", "eth0", True)
    assert eth0.ips == ("192.168.1.5", "2001:db8::5")


def test_a_network_with_ipv6_alone() -> None:
    network = build_network([], [], [Route("fe80::1%eth0", "eth0", 1024)])
    assert network == Network((), "fe80::1%eth0", "eth0", True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_kernel_and_command_agree_on_this_computer() -> None:
    from octoprint_obico.diagnosis.local import network

    by_kernel, by_command = network._from_kernel(), network._from_ip_command()
    assert by_kernel is not None and read_network() == by_kernel
    if by_command is not None:  # the kernel's interface tells the first IPv4 address only
        assert by_kernel.gateway == by_command.gateway
        for mine in by_kernel.interfaces:
            theirs = next(i for i in by_command.interfaces if i.name == mine.name)
            assert set(mine.addresses) <= set(theirs.addresses)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('[{"dst":"10.0.0.1","lladdr":"02:00:00:00:00:05","state":["REACHABLE"]}]', "there"),
        ('[{"dst":"10.0.0.1","lladdr":"02:00:00:00:00:05","state":["STALE"]}]', "unknown"),
        ('[{"dst":"10.0.0.1","state":["FAILED"]}]', "not there"),
        ('[{"dst":"10.0.0.1","state":["INCOMPLETE"]}]', "not there"),
        ("[]", None),
        ("[{}]", None),
        ('{"a":1}', None),
        ("10.0.0.1 lladdr 02:00:00:00:00:05 REACHABLE", None),  # an old ip without -j
    ],
)
def test_the_neighbour_table_of_ip(text: str, state: str | None) -> None:
    assert parse_ip_neighbours(text) == (Neighbour(state) if state else None)


ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         02:fc:00:00:00:05     *        eth0
192.168.1.2      0x1         0x0         00:00:00:00:00:00     *        eth0
192.168.1.1      0x1         0x0         00:00:00:00:00:00     *        wlan0
"""


def test_the_neighbour_table_of_the_kernel() -> None:
    assert parse_arp(ARP, "192.168.1.1", "eth0") is Neighbour.UNKNOWN
    assert parse_arp(ARP, "192.168.1.2", "eth0") is Neighbour.NOT_THERE
    assert parse_arp(ARP, "192.168.1.1", "wlan0") is Neighbour.NOT_THERE
    assert parse_arp(ARP, "192.168.1.3", "eth0") is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("20 packets transmitted, 17 received, 15% packet loss, time 3850ms", (20, 17)),
        ("20 packets transmitted, 20 packets received, 0% packet loss", (20, 20)),  # busybox
        ("5 packets transmitted, 0 received, +4 errors, 100% packet loss, time 4080ms", (5, 0)),
        ("3 packets transmitted, 3 packets received, 0.0% packet loss", (3, 3)),  # macOS
        ("ping: bad address", None),
    ],
)
def test_what_ping_counts(text: str, counts: tuple[int, int] | None) -> None:
    assert parse_ping_counts(text) == counts
