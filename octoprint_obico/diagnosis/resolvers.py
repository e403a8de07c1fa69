"""Which name servers this computer asks: what the C library reads, read the same way."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..server.words import Word

DNS_PORT = 53

_CONFIGURATION = Path("/etc/resolv.conf")
_BEHIND_SYSTEMD = Path("/run/systemd/resolve/resolv.conf")
_SYSTEMD_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
"""systemd-resolved's own addresses (systemd-resolved.service(8)): it only passes questions on."""
_MOST = 3
"""The C library asks no more of them (resolv.conf(5), MAXNS)."""
_ASSUMED = "127.0.0.1"
"""What it asks where none is configured (resolv.conf(5))."""


class Origin(Word):
    """How we know of a resolver."""

    CONFIGURED = "configured"
    UPSTREAM = "upstream"
    """Asked by systemd-resolved, not by the programs of this computer."""
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Resolver:
    """A name server.

    Attributes:
        ip: IPv4 or IPv6, the latter with its scope where it has one (`fe80::1%eth0`).
    """

    ip: str
    port: int = DNS_PORT
    origin: Origin = Origin.CONFIGURED

    @property
    def shown(self) -> str:
        """For people; the port only where it is not the usual one."""
        if self.port == DNS_PORT:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    @property
    def family(self) -> int:
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    def sockaddr(self) -> tuple[Any, ...]:
        """What to connect a socket of this family to; OSError where its interface is gone."""
        if self.family == socket.AF_INET:
            return (self.ip, self.port)
        ip, _, scope = self.ip.partition("%")
        return (ip, self.port, 0, _scope_id(scope))


def _scope_id(scope: str) -> int:
    """The number of an interface that is given by its name or number; 0 for none."""
    if not scope or scope.isdecimal():
        return int(scope or 0)
    try:
        return socket.if_nametoindex(scope)
    except OSError as error:  # without a number on some versions of Python
        raise OSError(errno.ENODEV, f"no interface {scope}") from error


def read_resolvers(
    configuration: Path = _CONFIGURATION, behind_systemd: Path = _BEHIND_SYSTEMD
) -> tuple[Resolver, ...]:
    """Return the resolvers in the order in which they are asked; never empty, never an error.

    Where systemd-resolved stands in between, the resolvers behind it follow as `upstream`: it
    answers for them, and they are where a failure comes from.
    """
    named = _name_servers(configuration)
    if not named:
        return (Resolver(_ASSUMED, origin=Origin.ASSUMED),)
    found = [Resolver(ip) for ip in named]
    if set(named) <= _SYSTEMD_STUBS:
        behind = [ip for ip in _name_servers(behind_systemd) if ip not in _SYSTEMD_STUBS]
        found += [Resolver(ip, origin=Origin.UPSTREAM) for ip in behind]
    return tuple(found)


def _name_servers(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there, or not for us: the C library does without it as well
        return []
    return list(dict.fromkeys(_addresses(text)))[:_MOST]


def _addresses(text: str) -> Iterator[str]:
    """The `nameserver` lines (the keyword begins its line) that hold an IP address."""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("nameserver") and len(words) > 1 and words[0] == "nameserver":
            try:
                ipaddress.ip_address(words[1].partition("%")[0])
            except ValueError:
                continue
            yield words[1]
