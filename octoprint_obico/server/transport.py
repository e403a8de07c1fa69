"""From a host's name to a connected socket: name, connect, TLS.

The live WebSocket, the live HTTP connections and the diagnosis all come through here, so that what
is diagnosed is what is used. Every step has a time limit and raises ChannelError with its stage.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from .address import LOCAL_SUFFIXES, literal_ip
from .causes import Cause
from .deadline import Deadline
from .errors import (
    ChannelError,
    Stage,
    cause_of_os_error,
    cause_of_resolver_error,
    cause_of_tls_error,
)
from .tls_in_tls import TlsInTls

# Deadline.SLICE_S is also how long one address is tried alone before the next is tried beside it
# (RFC 8305 section 8 recommends 250 ms)

CONNECT_TIMEOUT_S = 6.0
"""Longest wait for a TCP connection. A lost SYN is sent again after 1 and 3 s; both fit in."""


class Target(NamedTuple):
    """One address of a host that can be connected to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        return str(self.sockaddr[0])


class Tried(NamedTuple):
    """How connecting to one address ended. `error` is None for the one that was taken."""

    ip: str
    seconds: float
    error: str | None


def resolve(host: str, port: int, deadline: Deadline) -> list[Target]:
    """Return the addresses of `host` in the operating system's order of preference.

    getaddrinfo cannot be interrupted, so it runs in a thread of its own that is left behind when
    the time is up (it ends with the resolver's own time-outs).

    Raises:
        ChannelError: one of the dns_* causes, at stage NAME.
    """
    outcome: list[Any] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=look_up, name="obico-resolve", daemon=True).start()
    facts = {"host": host, "port": port}
    while not done.wait(deadline.slice()) and not deadline.over:
        pass  # looks whether it was cancelled
    if not done.is_set():
        raise ChannelError(Cause.DNS_TIMEOUT, Stage.NAME, "no answer in time", facts)
    answer = outcome[0]
    if isinstance(answer, socket.gaierror):
        raise ChannelError(cause_of_resolver_error(answer), Stage.NAME, answer, facts) from answer
    if isinstance(answer, Exception):
        raise ChannelError(Cause.DNS_NAME_NOT_FOUND, Stage.NAME, answer, facts) from answer
    targets = list(dict.fromkeys(Target(entry[0], tuple(entry[4])) for entry in answer))
    return _checked_targets(host, targets, facts)


def _checked_targets(host: str, targets: list[Target], facts: dict[str, Any]) -> list[Target]:
    """Refuse an answer that names no machine (0.0.0.0, ::), as ad blockers give it."""
    if not targets:
        raise ChannelError(Cause.DNS_NO_ADDRESS, Stage.NAME, "no address", facts)
    if literal_ip(host) is not None or not all(_ip(target).is_unspecified for target in targets):
        return targets
    raise _blocked(targets, facts)


def _blocked(targets: Sequence[Target], facts: Mapping[str, Any]) -> ChannelError:
    seen = {**facts, "addresses": [target.ip for target in targets]}
    return ChannelError(Cause.DNS_BLOCKED, Stage.NAME, "the answer names no machine", seen)


def _ip(target: Target) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(target.ip.partition("%")[0])


def is_sent_home(host: str, targets: Sequence[Target]) -> bool:
    """Whether a public name was answered with this very computer, another blockers' habit."""
    public = "." in host and not host.endswith(LOCAL_SUFFIXES) and literal_ip(host) is None
    return public and bool(targets) and all(_ip(target).is_loopback for target in targets)


class _Race:
    """Connects to several addresses, each with a head start over the next (RFC 8305)."""

    def __init__(self, targets: Sequence[Target], deadline: Deadline, mss: int | None) -> None:
        self._waiting = list(targets)
        self._mss = mss
        self._deadline = deadline
        self._selector = selectors.DefaultSelector()
        self._started: dict[socket.socket, tuple[Target, float]] = {}
        self.tried: list[Tried] = []
        self.errors: list[OSError] = []

    def run(self) -> socket.socket | None:
        """Return the first connected socket, or None where none connected in time."""
        try:
            while (self._waiting or self._started) and not self._deadline.over:
                winner = self._start_next() if self._waiting else None
                winner = winner or self._wait()
                if winner is not None:
                    return winner
            return None
        finally:
            for sock, (target, start) in self._started.items():
                seconds = start - self._deadline.remaining()
                self.tried.insert(0, Tried(target.ip, seconds, "no answer"))  # the winner is last
                sock.close()
            self._selector.close()

    def _start_next(self) -> socket.socket | None:
        target, left = self._waiting.pop(0), self._deadline.remaining()
        try:
            sock = socket.socket(target.family, socket.SOCK_STREAM)
        except OSError as error:  # no IPv6 in this kernel
            self._note(target, left, error)
            return None
        sock.setblocking(False)
        if self._mss is not None:
            with suppress(OSError):  # macOS takes none above its default
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self._mss)
        code = sock.connect_ex(target.sockaddr)
        if code == 0:
            return self._won(sock, target, left)
        if code not in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            sock.close()
            self._note(target, left, OSError(code, os.strerror(code)))
            return None
        self._started[sock] = (target, left)
        self._selector.register(sock, selectors.EVENT_WRITE)
        return None

    def _wait(self) -> socket.socket | None:
        if not self._started:
            return None
        patience = self._deadline.slice()  # no longer than the next one's head start
        for key, _ in self._selector.select(patience):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            self._selector.unregister(sock)
            target, start = self._started.pop(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return self._won(sock, target, start)
            sock.close()
            self._note(target, start, OSError(code, os.strerror(code)))
        return None

    def _won(self, sock: socket.socket, target: Target, start: float) -> socket.socket:
        self.tried.append(Tried(target.ip, start - self._deadline.remaining(), None))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _note(self, target: Target, start: float, error: OSError) -> None:
        self.errors.append(error)
        name = errno.errorcode.get(error.errno or 0, str(error))
        self.tried.append(Tried(target.ip, start - self._deadline.remaining(), name))


def connect(
    targets: Sequence[Target], host: str, port: int, deadline: Deadline, mss: int | None = None
) -> tuple[socket.socket, list[Tried]]:
    """Return a connected socket to the first address that takes the connection, and all tries.

    The last of the tries is the one that was taken.

    The socket blocks, with a time limit of what is left of the deadline. `mss` is the largest TCP
    segment in bytes that both sides may send (only the diagnosis wants smaller ones than usual).

    Raises:
        ChannelError: at stage CONNECT, with what each address answered in its facts.
    """
    race = _Race(targets, deadline.within(CONNECT_TIMEOUT_S), mss)
    winner = race.run()
    if winner is not None:
        winner.settimeout(max(deadline.remaining(), 0.01))
        deadline.watch(winner)
        return winner, race.tried
    seen = [f"{tried.ip}: {tried.error}" for tried in race.tried]
    facts = {"host": host, "port": port, "addresses": seen, "ips": [t.ip for t in race.tried]}
    if is_sent_home(host, targets):  # only where nothing answers: one's own server may live here
        raise _blocked(targets, {"host": host, "port": port})
    raise ChannelError(_connect_cause(race), Stage.CONNECT, "; ".join(seen), facts)


def _connect_cause(race: _Race) -> Cause:
    """One cause for many addresses: what a silent or refusing one says outranks a missing route."""
    if any(tried.error == "no answer" for tried in race.tried):
        return Cause.CONNECTION_TIMED_OUT
    causes = {cause_of_os_error(error) or Cause.UNKNOWN_ERROR for error in race.errors}
    telling = causes - {Cause.NETWORK_DOWN} or causes
    if len(telling) == 1:
        return telling.pop()
    for cause in (Cause.CONNECTION_TIMED_OUT, Cause.CONNECTION_REFUSED, Cause.HOST_UNREACHABLE):
        if cause in telling:
            return cause
    return Cause.CONNECTION_TIMED_OUT if not telling else Cause.UNKNOWN_ERROR


def start_tls(
    sock: socket.socket | TlsInTls, host: str, context: ssl.SSLContext, deadline: Deadline
) -> ssl.SSLSocket | TlsInTls:
    """Return `sock` wrapped in TLS; `sock` is closed when that fails.

    It may be wrapped already: by a proxy's TLS, where that is an https:// one.

    Raises:
        ChannelError: at stage TLS.
    """
    sock.settimeout(max(deadline.remaining(), 0.01))
    wrapped: Any = sock
    try:
        wrapped = _wrap(sock, host, context)
        deadline.watch(wrapped)
        wrapped.do_handshake()
    except (OSError, ValueError) as error:  # ssl.SSLError and time-outs are OSErrors
        # cipher and version were agreed on before the server broke off: it misses our certificate
        agreed = wrapped is not sock and wrapped.cipher() is not None
        wrapped.close()
        raise tls_failure(error, host, agreed) from error
    tls: ssl.SSLSocket | TlsInTls = wrapped
    return tls


def _wrap(sock: socket.socket | TlsInTls, host: str, context: ssl.SSLContext) -> Any:
    if isinstance(sock, ssl.SSLSocket):
        return TlsInTls(sock, context, host)
    plain: Any = sock  # or it would be the first case
    try:
        plain.getpeername()
    except OSError as error:  # reset meanwhile: ssl would lose the socket, still open (3.11)
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def tls_failure(error: BaseException, host: str, agreed: bool = False) -> ChannelError:
    """The ChannelError for a handshake that failed with `error`.

    `agreed`: version and cipher had been chosen. TLS 1.2 has no alert of its own for a missing
    client certificate (RFC 5246 7.4.6): it is a handshake_failure, but only after that.
    """
    facts: dict[str, Any] = {"host": host}
    if isinstance(error, ssl.SSLCertVerificationError):
        facts["reason"] = redact_reason(error.verify_message)
    elif isinstance(error, socket.timeout):
        facts["reason"] = "no answer to the TLS handshake"
    else:
        facts["reason"] = redact_reason(getattr(error, "reason", None) or error)
    cause = cause_of_tls_error(error)
    if agreed and "HANDSHAKE_FAILURE" in str(getattr(error, "reason", "")).upper():
        cause = Cause.TLS_CLIENT_CERTIFICATE_REQUIRED
    return ChannelError(cause, Stage.TLS, error, facts)


def redact_reason(reason: object) -> str:
    """A library's reason as a short text for people."""
    return str(reason or "").replace("_", " ").lower()[:120]
