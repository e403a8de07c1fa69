"""Interfaces, addresses, default routes and the router, as the kernel has them."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import run_command

PROC_NET = Path("/proc/net")

_COMMAND_S = 1.0

# linux/sockios.h, linux/if.h, linux/route.h
_SIOCGIFFLAGS = 0x8913
_SIOCGIFADDR = 0x8915
_SIOCGIFNETMASK = 0x891B
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
_RTF_UP = 0x1
_RTF_GATEWAY = 0x2
_RTF_REJECT = 0x200
# net/if_inet6.h of the kernel: an address that is still tentative or a duplicate cannot be used
_SCOPE_LINK = 0x20
_UNUSABLE = 0x40 | 0x08


@dataclass(frozen=True)
class Interface:
    """An interface that is up and has addresses, each with its prefix: "192.168.1.5/24"."""

    name: str
    addresses: tuple[str, ...]

    @property
    def ips(self) -> tuple[str, ...]:
        """The addresses alone."""
        return tuple(address.partition("/")[0] for address in self.addresses)


@dataclass(frozen=True)
class Network:
    """How this computer is connected.

    Attributes:
        interfaces: those that are up with an address, without loopback.
        gateway: the default router's address: IPv4 where there is one, else IPv6.
        gateway_interface: the interface that the default route uses, also where it needs no router
            (a modem, a VPN).
        has_ipv6_route: whether anything beyond the own network can be reached by IPv6.
    """

    interfaces: tuple[Interface, ...]
    gateway: str | None
    gateway_interface: str | None
    has_ipv6_route: bool

    def is_near(self, ip: str) -> bool:
        """Whether an address is reached without the router: this computer's own, or a neighbour."""
        address = ipaddress.ip_address(ip.partition("%")[0])
        if address.is_loopback or address.is_link_local or address.is_unspecified:
            return True
        own = (one for interface in self.interfaces for one in interface.addresses)
        return any(address in ipaddress.ip_network(one, strict=False) for one in own)


@dataclass(frozen=True)
class Route:
    """A default route; of several, that with the lowest metric is used."""

    gateway: str | None
    interface: str
    metric: int


def read_network() -> Network | None:
    """How this computer is connected, or None where that cannot be told.

    On Linux from the kernel's own files, which costs no process and needs no command; where they
    cannot be read, from `ip`. On macOS only the default route is told by a command, and no list of
    interfaces without guessing, so it cannot be told there.
    """
    if sys.platform != "linux":
        return None
    return _from_kernel() or _from_ip_command()


def _from_kernel() -> Network | None:
    route4, route6 = _read("route"), _read("ipv6_route") or ""
    if route4 is None:
        return None
    addresses = ipv4_addresses()
    addresses += parse_if_inet6(_read("if_inet6") or "")
    return build_network(addresses, parse_route(route4), parse_ipv6_route(route6))


def _from_ip_command() -> Network | None:
    addresses = _ip_json("addr")
    if addresses is None:
        return None
    routes4 = ip_default_routes(_ip_json("route") or [])
    routes6 = ip_default_routes(_ip_json("-6", "route") or [])
    return build_network(ip_addresses(addresses), routes4, routes6)


def _read(name: str) -> str | None:
    try:
        return (PROC_NET / name).read_text(encoding="ascii", errors="replace")
    except OSError:  # no IPv6 in this kernel, or hidden from us
        return None


def build_network(
    addresses: Iterable[tuple[str, str]], routes4: Iterable[Route], routes6: Iterable[Route]
) -> Network:
    """Put together what was read: pairs of interface and address, and the default routes."""
    by_name: dict[str, list[str]] = {}
    for name, address in addresses:
        if address not in by_name.setdefault(name, []):
            by_name[name].append(address)
    interfaces = tuple(Interface(name, tuple(found)) for name, found in by_name.items())
    best4, best6 = _best(routes4), _best(routes6)
    best = best4 or best6
    return Network(
        interfaces,
        best.gateway if best else None,
        best.interface if best else None,
        best6 is not None,
    )


def _best(routes: Iterable[Route]) -> Route | None:
    return min(routes, key=lambda route: route.metric, default=None)


# ---- the kernel's files --------------------------------------------------------------------------


def ipv4_addresses() -> list[tuple[str, str]]:
    """Interfaces that run, with their first IPv4 address, without loopback (netdevice(7))."""
    import fcntl  # not on Windows, where this module is only imported

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:

        def ask(question: int, name: str) -> bytes:
            return fcntl.ioctl(sock, question, struct.pack("256s", name.encode()[:15]))

        for _, name in socket.if_nameindex():
            try:
                flags = int.from_bytes(ask(_SIOCGIFFLAGS, name)[16:18], sys.byteorder)
                address = socket.inet_ntoa(ask(_SIOCGIFADDR, name)[20:24])
                mask = socket.inet_ntoa(ask(_SIOCGIFNETMASK, name)[20:24])
            except OSError:  # it has no IPv4 address, or has just gone
                continue
            if flags & _IFF_UP and flags & _IFF_RUNNING and not _is_loopback(address):
                prefix = ipaddress.ip_network(f"0.0.0.0/{mask}").prefixlen
                found.append((name, f"{address}/{prefix}"))
    return found


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def parse_if_inet6(text: str) -> list[tuple[str, str]]:
    """Interface and address from /proc/net/if_inet6; link-local ones reach no server and are out.

    A line: address in hex, index, prefix length, scope and flags in hex, interface.
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 6 or not re.fullmatch(r"[0-9a-f]{32}", words[0]):
            continue
        address = _ipv6_text(words[0])
        usable = not int(words[4], 16) & _UNUSABLE and int(words[3], 16) != _SCOPE_LINK
        if usable and not _is_loopback(address):
            found.append((words[5], f"{address}/{int(words[2], 16)}"))
    return found


def _ipv6_text(digits: str) -> str:
    return str(ipaddress.IPv6Address(int(digits, 16)))


def parse_route(text: str) -> list[Route]:
    """The IPv4 default routes of /proc/net/route: the addresses in hex in the machine's order."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 8 or int(words[1], 16) or int(words[7], 16):
            continue
        flags = int(words[3], 16)
        if not flags & _RTF_UP or flags & _RTF_REJECT:
            continue
        gateway = socket.inet_ntoa(struct.pack("=I", int(words[2], 16)))
        found.append(Route(gateway if flags & _RTF_GATEWAY else None, words[0], int(words[6])))
    return found


def parse_ipv6_route(text: str) -> list[Route]:
    """The IPv6 default routes of /proc/net/ipv6_route.

    A line: destination, length, source, length, next hop, metric, uses, flags, interface; all hex.
    The kernel's own "unreachable" entry is a default route at `lo`, and rejects.
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 10 or int(words[0], 16) or int(words[1], 16):
            continue
        flags, interface = int(words[8], 16), words[9]
        if not flags & _RTF_UP or flags & _RTF_REJECT or interface == "lo":
            continue
        gateway = _with_zone(_ipv6_text(words[4]), interface) if flags & _RTF_GATEWAY else None
        found.append(Route(gateway, interface, int(words[5], 16)))
    return found


def _with_zone(address: str, interface: str) -> str:
    """A link-local address means something only together with its interface."""
    return f"{address}%{interface}" if ipaddress.ip_address(address).is_link_local else address


# ---- the command ip ------------------------------------------------------------------------------


def _ip_json(*arguments: str) -> list[Any] | None:
    """What `ip -j` tells; None where it is missing or too old (before iproute2 4.13) to know -j."""
    text = run_command(["ip", "-j", *arguments], _COMMAND_S)
    try:
        told = json.loads(text or "null")
    except ValueError:
        return None
    return told if isinstance(told, list) else None


def ip_addresses(told: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Interface and address from `ip -j addr`, for those that run, without loopback."""
    found = []
    for interface in told:
        flags = interface.get("flags", ())
        if "LOOPBACK" in flags or "UP" not in flags or "NO-CARRIER" in flags:
            continue
        for address in interface.get("addr_info", ()):
            blocked = address.get("tentative") or address.get("dadfailed")
            if address.get("scope") != "link" and address.get("local") and not blocked:
                local = f"{address['local']}/{address.get('prefixlen', '')}".rstrip("/")
                found.append((str(interface["ifname"]), local))
    return found


def ip_default_routes(told: Iterable[Mapping[str, Any]]) -> list[Route]:
    """The default routes of `ip -j route` or `ip -j -6 route`."""
    found = []
    for route in told:
        if route.get("dst") != "default" or route.get("type", "unicast") != "unicast":
            continue
        # several next hops at once: the first will do
        hop = {**route, **(route["nexthops"][0] if route.get("nexthops") else {})}
        gateway = hop.get("gateway") or (hop.get("via") or {}).get("host")
        interface = str(hop.get("dev", ""))
        gateway = _with_zone(str(gateway), interface) if gateway else None
        found.append(Route(gateway, interface, int(route.get("metric", 0))))
    return found
