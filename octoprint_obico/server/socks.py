"""The clients' half of SOCKS: version 5 (RFC 1928, with RFC 1929 for the password) and 4a.

Protocol only, without sockets: whoever calls sends and reads. The libraries for it connect by
themselves, to one address and with time limits of their own, where the live channels must not.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Send = Callable[[bytes], None]
Read = Callable[[int], bytes]

_NO_PASSWORD, _PASSWORD, _NONE_ACCEPTED = 0x00, 0x02, 0xFF
_CONNECT = 0x01
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_LONGEST = 255

_REPLIES_5: Mapping[int, str] = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "expired on the way",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928 section 6."""

_GRANTED_4 = 90
_REPLIES_4: Mapping[int, str] = {
    91: "rejected or failed",
    92: "wants an ident server",
    93: "ident does not match",
}
"""From the description of SOCKS 4 by Ying-Da Lee."""

_WANTS_IDENT = (92, 93)


@dataclass(frozen=True)
class Target:
    """Where the proxy is to connect to. `packed`: the host's bytes where it is an IP address."""

    packed: bytes | None
    host: str
    port: int


class Refused(Exception):
    """The proxy said no.

    Attributes:
        for_password: for want of a user name and password that it accepts.
    """

    def __init__(self, text: str, for_password: bool = False) -> None:
        super().__init__(text)
        self.for_password = for_password


class Unanswered(Exception):
    """The proxy took the request up, and no answer to it came in time."""


def socks5(send: Send, read: Read, target: Target, user: str | None, password: str | None) -> None:
    """Ask for a connection with SOCKS 5.

    Args:
        send, read: all of the bytes, or exactly so many; both raise OSError or ValueError where
            that is not possible.

    Raises:
        Refused, Unanswered, ValueError: what was answered is no SOCKS 5.
    """
    name, secret = (user or "").encode(), (password or "").encode()
    if max(len(name), len(secret)) > _LONGEST:
        raise ValueError("user name or password is too long for SOCKS")
    methods = bytes((_NO_PASSWORD, _PASSWORD) if name else (_NO_PASSWORD,))
    send(bytes((5, len(methods))) + methods)
    version, method = read(2)
    if version != 5:
        raise ValueError("the proxy's answer is not SOCKS 5")
    if method == _NONE_ACCEPTED:
        raise Refused("no accepted way to sign in", for_password=True)
    if method not in methods:
        raise ValueError("the proxy chose a way to sign in that was not offered")
    if method == _PASSWORD:
        send(bytes((1, len(name))) + name + bytes((len(secret),)) + secret)
        if read(2)[1] != 0:
            raise Refused("user name or password not accepted", for_password=True)
    send(bytes((5, _CONNECT, 0)) + _address_5(target) + struct.pack("!H", target.port))
    version, reply, _, kind = _answer(read, 4)
    if version != 5:
        raise ValueError("the proxy's answer is not SOCKS 5")
    if reply != 0:
        raise Refused(f"{reply}: {_REPLIES_5.get(reply, 'unknown')}")
    _skip_bound_address(read, kind)


def _address_5(target: Target) -> bytes:
    if target.packed is not None:
        return bytes((_IPV4 if len(target.packed) == 4 else _IPV6,)) + target.packed
    name = target.host.encode("ascii")
    if len(name) > _LONGEST:
        raise ValueError("the host name is too long for SOCKS")
    return bytes((_NAME, len(name))) + name


def _skip_bound_address(read: Read, kind: int) -> None:
    """Read past the address that the proxy connects from; nothing of the server's may be lost."""
    if kind == _NAME:
        size = read(1)[0]
    elif kind in (_IPV4, _IPV6):
        size = 4 if kind == _IPV4 else 16
    else:
        raise ValueError("the proxy's answer is not SOCKS 5")
    read(size + 2)


def socks4(send: Send, read: Read, target: Target, user: str | None, password: str | None) -> None:
    """Ask for a connection with SOCKS 4, names with the extension 4a. It knows no password.

    Raises:
        Refused, Unanswered, ValueError: as :func:`socks5`.
    """
    if target.packed is not None and len(target.packed) != 4:
        raise ValueError("SOCKS 4 knows no IPv6 address")
    address = target.packed or b"\x00\x00\x00\x01"  # "the name follows"
    name = b"" if target.packed is not None else target.host.encode("ascii") + b"\x00"
    who = (user or "").encode().replace(b"\x00", b"") + b"\x00"
    send(struct.pack("!BBH", 4, _CONNECT, target.port) + address + who + name)
    answer = _answer(read, 8)
    if answer[0] != 0:
        raise ValueError("the proxy's answer is not SOCKS 4")
    if answer[1] != _GRANTED_4:
        text = f"{answer[1]}: {_REPLIES_4.get(answer[1], 'unknown')}"
        raise Refused(text, for_password=answer[1] in _WANTS_IDENT)


def _answer(read: Read, size: int) -> bytes:
    try:
        return read(size)
    except socket.timeout as error:
        raise Unanswered("no answer to the request to connect") from error
