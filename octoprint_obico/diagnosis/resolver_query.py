"""One question to one name server, over UDP and where it has to be over TCP (RFC 1035, RFC 7766).

The system's own resolver cannot be asked what went wrong: it says "try again" for nearly all. The
sockets are ours because each wait needs a hard limit, and because only a connected UDP socket
hears that a port refuses.
"""

from __future__ import annotations

import errno
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..server.deadline import Deadline
from ..server.words import Word
from .dns_message import NOERROR, NXDOMAIN, Message, Question, Unreadable, read
from .resolvers import Resolver

_PATIENCE_S = (1.0, 1.5, math.inf)
"""How long to wait after each sending: a question is sent again after 1 s and after 2.5 s."""
_MAX_UDP = 4096
_SHOWN = 4


class Said(Word):
    """What an answer, or the lack of one, means for the name."""

    ADDRESSES = "addresses"
    NOT_FOUND = "not_found"
    EMPTY = "empty"
    FAILURE = "failure"
    SILENT = "silent"
    REFUSED = "refused"
    """The port refuses: no name server runs there. (REFUSED as an answer is a FAILURE.)"""
    NO_ROUTE = "no_route"


@dataclass(frozen=True)
class Reply:
    """How one question ended.

    Attributes:
        text: the same for people and for the evidence, e.g. "NXDOMAIN" or the addresses.
    """

    said: Said
    text: str
    ms: int = 0
    addresses: tuple[str, ...] = ()


_NO_ROUTE = (Said.NO_ROUTE, "no route")
_OF_ERRNO: Mapping[int, tuple[Said, str]] = {
    errno.ECONNREFUSED: (Said.REFUSED, "port refuses"),
    errno.EHOSTUNREACH: (Said.SILENT, "unreachable"),
    errno.EPERM: (Said.SILENT, "sending not permitted"),  # what a firewall on this computer drops
    errno.EACCES: (Said.SILENT, "sending not permitted"),
    errno.ENETUNREACH: _NO_ROUTE,
    errno.ENETDOWN: _NO_ROUTE,
    errno.ENODEV: _NO_ROUTE,
    errno.EADDRNOTAVAIL: _NO_ROUTE,
    errno.EAFNOSUPPORT: _NO_ROUTE,  # no IPv6 in this kernel
    errno.EINVAL: _NO_ROUTE,  # a link-local address without its interface
}

NO_ANSWER = "no answer"


class _Unusable(Exception):
    """Something came, but nothing that answers the question."""


def ask(resolver: Resolver, host: str, kind: str, deadline: Deadline) -> Reply:
    """Ask one resolver for the records of one kind ("A", "AAAA") of `host`, taken as absolute.

    Takes up to the deadline. Never an exception for what a network or a server can do; ValueError
    for a host that is no name.
    """
    query = Question.about(host, kind)
    started = time.monotonic()
    try:
        said, text, addresses = _meaning(_exchange(resolver, query, deadline), kind)
    except socket.timeout:
        said, text, addresses = Said.SILENT, NO_ANSWER, ()
    except _Unusable as error:
        said, text, addresses = Said.SILENT, str(error), ()
    except OSError as error:
        unknown = errno.errorcode.get(error.errno or 0, NO_ANSWER)
        (said, text), addresses = _OF_ERRNO.get(error.errno or 0, (Said.SILENT, unknown)), ()
    return Reply(said, text, round((time.monotonic() - started) * 1000), addresses)


def _meaning(answer: Message, kind: str) -> tuple[Said, str, tuple[str, ...]]:
    if answer.code == NXDOMAIN:
        return Said.NOT_FOUND, answer.code_name, ()
    if answer.code != NOERROR:
        return Said.FAILURE, answer.code_name, ()
    addresses = answer.addresses(kind)
    if not addresses:
        return Said.EMPTY, "no address", ()
    return Said.ADDRESSES, ", ".join(addresses[:_SHOWN]), addresses


def _exchange(resolver: Resolver, query: Question, deadline: Deadline) -> Message:
    """Return the answer. Raises socket.timeout, another OSError, or _Unusable."""
    answer = _over_udp(resolver, query, deadline)
    if answer is not None:
        return answer
    try:
        return _over_tcp(resolver, query, deadline)
    except OSError as error:
        # UDP has answered, so neither the port nor the route is missing
        raise _Unusable("too long for UDP, and TCP fails") from error


def _over_udp(resolver: Resolver, query: Question, deadline: Deadline) -> Message | None:
    """Return the answer, None where it is truncated; raise as `_exchange` does.

    The socket is connected: the kernel drops what others send, and tells when the port refuses.
    """
    unusable = False
    with socket.socket(resolver.family, socket.SOCK_DGRAM) as sock:
        sock.connect(resolver.sockaddr())
        for patience_s in _PATIENCE_S:
            sock.send(query.wire)
            wait = deadline.within(patience_s)
            while not wait.over:
                sock.settimeout(max(wait.slice(), 0.001))
                try:
                    wire = sock.recv(_MAX_UDP)
                except socket.timeout:
                    continue
                if query.is_cut_off_in(wire):
                    return None
                answer = _read(query, wire)
                if answer is not None:
                    return answer
                unusable = True  # the right one may still come
            if deadline.over:
                break
    if unusable:
        raise _Unusable("unusable answer")
    raise socket.timeout(NO_ANSWER)


def _over_tcp(resolver: Resolver, query: Question, deadline: Deadline) -> Message:
    """Return the answer; raise as `_exchange` does. Each message follows its length in 2 bytes."""
    with socket.socket(resolver.family, socket.SOCK_STREAM) as sock:
        sock.settimeout(max(deadline.remaining(), 0.001))
        sock.connect(resolver.sockaddr())
        sock.sendall(len(query.wire).to_bytes(2, "big") + query.wire)
        length = int.from_bytes(_receive(sock, 2, deadline), "big")
        answer = _read(query, _receive(sock, length, deadline))
    if answer is None:
        raise _Unusable("unusable answer")
    return answer


def _receive(sock: socket.socket, size: int, deadline: Deadline) -> bytes:
    data = b""
    while len(data) < size:
        if deadline.over:  # each byte of a drip would be in time
            raise socket.timeout(NO_ANSWER)
        sock.settimeout(max(deadline.remaining(), 0.001))
        part = sock.recv(size - len(data))
        if not part:
            raise _Unusable("unusable answer")
        data += part
    return data


def _read(query: Question, wire: bytes) -> Message | None:
    """The answer to the query; None for what cannot be read, or answers something else."""
    try:
        message = read(wire)
    except Unreadable:
        return None
    return message if query.is_answered_by(message) else None
