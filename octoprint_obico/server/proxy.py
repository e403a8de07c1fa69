"""The way to the server through a proxy: HTTP CONNECT, an https:// proxy, and SOCKS.

The environment names the proxy. Live channels and diagnosis come through here, so that the same
proxy serves both, with the same faults. The server's name is always left to the proxy to resolve.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from .address import Address, literal_ip
from .causes import Cause
from .deadline import Deadline
from .errors import ChannelError, Stage, proxy_refusal
from .redact import redact
from .transport import connect, resolve, start_tls
from .trust import NO_EXTRA, Trust, build_ssl_context

_DEFAULT_PORTS: Mapping[str, int] = {
    "http": 8080,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}
"""What is spoken to proxies, and the port where their address names none."""

_MAX_ANSWER = 16 * 1024
_ADDRESS_LIMIT = 8
_SHOWN_LENGTH = 80


class Proxy(NamedTuple):
    """A proxy as the environment names it.

    Attributes:
        problem: why its address makes no sense, or "".
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None
    problem: str = ""

    def __repr__(self) -> str:  # without the password
        return f"Proxy({str(self)!r})"

    def __str__(self) -> str:
        if not self.port:  # it was not understood
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_tls(self) -> bool:
        """Whether TLS is spoken to the proxy itself."""
        return self.scheme == "https"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def facts(self) -> dict[str, Any]:
        return {"proxy": str(self)}

    def forwards(self, address: Address) -> bool:
        """Whether it is sent plain requests as they are (RFC 9112 3.2.2), in place of a tunnel."""
        return not address.is_tls and not self.is_socks

    @property
    def url_for_headers(self) -> str:
        """Its address as `requests` wants it, with user name and password. Never show it."""
        if self.user is None:
            return f"http://{self}"
        return f"http://{quote(self.user, safe='')}:{quote(self.password or '', safe='')}@{self}"


def proxy_for(address: Address) -> Proxy | None:
    """Return the proxy that the environment names for this server, or None.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read as `requests` reads them; the
    WebSocket uses the proxy of its scheme's HTTP twin.
    """
    url = select_proxy(address.url, get_environ_proxies(address.url))
    return parse_proxy(url) if url else None


def parse_proxy(url: str) -> Proxy:
    """Take a proxy's URL apart. What makes no sense is said in `problem`: it may hold anything."""
    scheme, _, rest = url.rpartition("://")
    scheme = scheme.lower() or "http"
    try:
        parts = urlsplit(f"http://{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is none, or half an IPv6 address
        shown = redact(rest.rpartition("@")[2])[:_SHOWN_LENGTH]
        return Proxy(scheme, shown or "?", 0, problem="its address cannot be read")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    if scheme not in _DEFAULT_PORTS:
        named = f"{scheme[:20]}:// proxies are not supported"
        return Proxy(scheme, host or "?", port or 0, user, password, named)
    if not host or port == 0:
        missing = "its address has no host name" if not host else "there is no port 0"
        return Proxy(scheme, host or "?", 0, user, password, missing)
    return Proxy(scheme, host, port or _DEFAULT_PORTS[scheme], user, password)


def reach(address: Address, deadline: Deadline, trust: Trust = NO_EXTRA) -> socket.socket:
    """Return a socket that is connected to the server, through the proxy where there is one.

    Raises:
        ChannelError: at stage NAME, CONNECT or PROXY.
    """
    proxy = proxy_for(address)
    if proxy is not None:
        return through_proxy(proxy, address, deadline, trust)
    targets = resolve(address.host, address.port, deadline)
    return connect(targets, address.host, address.port, deadline)[0]


def reach_proxy(proxy: Proxy, deadline: Deadline, trust: Trust = NO_EXTRA) -> socket.socket:
    """Return a socket to the proxy itself; TLS is spoken already where it wants that.

    Raises:
        ChannelError: `proxy_unreachable`.
    """
    if proxy.problem:  # before a password goes over the wire in plain
        raise _unreachable(proxy, proxy.problem, proxy.problem)
    try:
        targets = resolve(proxy.host, proxy.port, deadline)
        sock, _ = connect(targets[:_ADDRESS_LIMIT], proxy.host, proxy.port, deadline)
        if not proxy.is_tls:
            return sock
        tls = start_tls(sock, proxy.host, build_ssl_context(trust.of_others), deadline)
        assert isinstance(tls, ssl.SSLSocket)  # the outermost one
        return tls
    except ChannelError as error:
        why = f"encryption: {error.facts['reason']}" if error.stage is Stage.TLS else ""
        raise _unreachable(proxy, error.message, why) from error


def through_proxy(
    proxy: Proxy, address: Address, deadline: Deadline, trust: Trust = NO_EXTRA
) -> socket.socket:
    """Return a socket that a proxy has connected to the server.

    Raises:
        ChannelError: `proxy_unreachable`, `proxy_authentication_required` or `proxy_refused`; with
            SOCKS also `connection_timed_out`, where the proxy answers and then waits in vain.
    """
    sock = reach_proxy(proxy, deadline, trust)
    open_tunnel = _socks_tunnel if proxy.is_socks else _connect_tunnel
    try:
        open_tunnel(sock, proxy, address, deadline)
    except ChannelError as error:
        sock.close()
        raise error.with_facts(**address.facts) from error.__cause__
    except (OSError, ValueError) as error:
        sock.close()
        raise _unreachable(proxy, error, "").with_facts(**address.facts) from error
    return sock


def answers(proxy: Proxy, deadline: Deadline, trust: Trust = NO_EXTRA) -> bool:
    """Whether an HTTP proxy answers at all, asked for something that is its own to refuse.

    A proxy that is silent because it waits for the server would answer this at once: the request
    names no server (RFC 9112 section 3.2 wants a 400).
    """
    try:
        sock = reach_proxy(proxy, deadline, trust)
    except ChannelError:
        return False
    try:
        sock.settimeout(max(deadline.remaining(), 0.01))
        sock.sendall(b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")
        return _read_status(sock, deadline) > 0
    except (OSError, ValueError):
        return False
    finally:
        sock.close()


def _unreachable(proxy: Proxy, message: object, reason: str) -> ChannelError:
    facts = {**proxy.facts, **({"reason": reason} if reason else {})}
    return ChannelError(Cause.PROXY_UNREACHABLE, Stage.PROXY, message, facts)


# ---- HTTP CONNECT (RFC 9110 section 9.3.6) -------------------------------------------------------


def _connect_tunnel(
    sock: socket.socket, proxy: Proxy, address: Address, deadline: Deadline
) -> None:
    sock.settimeout(max(deadline.remaining(), 0.01))
    sock.sendall(_connect_request(proxy, address))
    status = _read_status(sock, deadline)
    if not 200 <= status < 300:
        raise proxy_refusal(status, proxy.facts)


def _connect_request(proxy: Proxy, address: Address) -> bytes:
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    if proxy.user:
        pair = f"{proxy.user}:{proxy.password or ''}"
        credential = base64.b64encode(pair.encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {credential}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _read_status(sock: socket.socket, deadline: Deadline) -> int:
    """Read a proxy's answer up to its empty line, byte by byte so that nothing after it is lost."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        sock.settimeout(max(deadline.remaining(), 0.01))
        byte = sock.recv(1)
        if not byte or len(answer) > _MAX_ANSWER:
            raise ValueError("the proxy closed the connection or answered with something else")
        answer += byte
    words = answer.split(b"\r\n", 1)[0].split(b" ", 2)
    if not words[0].startswith(b"HTTP/") or len(words) < 2 or not words[1].isdigit():
        raise ValueError("the proxy's answer is not HTTP")
    return int(words[1])


# ---- SOCKS ---------------------------------------------------------------------------------------


def _socks_tunnel(sock: socket.socket, proxy: Proxy, address: Address, deadline: Deadline) -> None:
    from . import socks  # few have such a proxy

    def read(size: int) -> bytes:
        data = b""
        while len(data) < size:
            sock.settimeout(max(deadline.remaining(), 0.01))
            piece = sock.recv(size - len(data))
            if not piece:
                raise ValueError("the proxy closed the connection")
            data += piece
        return data

    sock.settimeout(max(deadline.remaining(), 0.01))
    negotiate = socks.socks4 if proxy.scheme.startswith("socks4") else socks.socks5
    ip = literal_ip(address.host)
    target = socks.Target(ip.packed if ip else None, address.host, address.port)
    try:
        negotiate(sock.sendall, read, target, proxy.user, proxy.password)
    except socks.Refused as refusal:
        cause = Cause.PROXY_AUTHENTICATION_REQUIRED if refusal.for_password else Cause.PROXY_REFUSED
        facts = {**proxy.facts, "status": str(refusal)}
        raise ChannelError(cause, Stage.PROXY, refusal, facts) from refusal
    except socks.Unanswered as silence:
        raise ChannelError(
            Cause.CONNECTION_TIMED_OUT, Stage.PROXY, "the proxy waits in vain", proxy.facts
        ) from silence
