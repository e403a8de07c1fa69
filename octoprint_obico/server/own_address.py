"""Addresses of the local network: this computer's own, and whether a caller's is one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, Union

_RANKS = (
    ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
    ("fc00::/7",),  # RFC 4193
    ("169.254.0.0/16",),  # RFC 3927
)
"""The networks of homes and offices, those that a browser there reaches best first. An IPv6 address
that needs its interface's name beside it (fe80::/10) is none that could be told to a browser."""

_OTHERS_NEAR = ("127.0.0.0/8", "::1/128", "fe80::/10")

_ANYWHERE = "192.0.2.1"
"""An address that is nobody's (RFC 5737): all that matters is which way it would go."""

_DISCARD = 9

_Ip = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class InNetwork(NamedTuple):
    """Where a browser in the local network finds OctoPrint, and which printer it has.

    Attributes:
        host: what an administrator has set as OctoPrint's address for others; "" where nothing.
        port: the one to open in a browser.
        profile, model: of the printer, as its profile has them.
    """

    host: str
    port: int
    profile: str
    model: str


def parse_ip(text: str | None) -> _Ip | None:
    """The address that a text is, without an interface's name, or None where it is none.

    An IPv4 address in IPv6 form (::ffff:192.168.1.5, RFC 4291 section 2.5.5.2) is the IPv4 one: a
    server that listens on both sees its callers like that.
    """
    try:
        found = ipaddress.ip_address((text or "").strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_near(text: str | None) -> bool:
    """Whether an address is of this computer or its local network; False where it is none.

    The networks are listed, because what Python calls private has changed between its versions and
    includes some that are nobody's home.
    """
    address = parse_ip(text)
    near = (*(network for rank in _RANKS for network in rank), *_OTHERS_NEAR)
    return address is not None and _is_in(address, near)


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this computer itself."""
    address = parse_ip(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def best_address(candidates: Iterable[str | None]) -> str | None:
    """The one of this computer's addresses to tell a browser in the local network, or None.

    Of equals the first. IPv4 comes before IPv6, which not every local network carries.
    """
    found = [address for address in map(parse_ip, candidates) if address is not None]
    for rank in _RANKS:
        for address in found:
            if _is_in(address, rank):
                return str(address)
    return None


def _is_in(address: _Ip, networks: Iterable[str]) -> bool:
    return any(address in ipaddress.ip_network(network) for network in networks)


def source_address(host: str = _ANYWHERE) -> str | None:
    """This computer's address on the way to an IP address; None where it is none, or has no way.

    A UDP socket that is only connected sends nothing: the kernel just chooses the way.
    """
    address = parse_ip(host)
    if address is None:
        return None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((str(address), _DISCARD))
        return str(sock.getsockname()[0])
    return None
