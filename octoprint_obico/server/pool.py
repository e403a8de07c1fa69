"""Puts `requests` on our own transport: the same name resolution, connecting and trust as the
WebSocket's, so that one path is used and diagnosed."""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .causes import Cause
from .deadline import Deadline
from .errors import ChannelError, Stage, proxy_refusal
from .redact import redact
from .transport import connect, resolve, tls_failure
from .trust import NO_EXTRA, Trust, build_ssl_context

_TIMEOUT_S = 10.0
"""Where urllib3 has been given none."""


def _new_socket(connection: HTTPConnection) -> Any:
    """Connect as the WebSocket does: one time limit for the name and all addresses together."""
    timeout = _seconds(connection.timeout)
    deadline = Deadline(timeout)
    host, port = connection.host.strip("[]"), int(connection.port or 0)
    try:
        sock, _ = connect(resolve(host, port, deadline), host, port, deadline)
    except ChannelError as error:
        if getattr(connection, "proxy", None) is None:
            raise
        facts = {"proxy": f"{host}:{port}"}
        raise ChannelError(Cause.PROXY_UNREACHABLE, Stage.PROXY, error.message, facts) from error
    # The time limit from here on is urllib3's: for the TLS handshake and each read
    sock.settimeout(timeout)
    return sock


def _seconds(timeout: Any) -> float:
    return float(timeout) if isinstance(timeout, (int, float)) else _TIMEOUT_S


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline, however many small reads that takes."""

    def __init__(self, timed: TimedSocket, raw: io.RawIOBase) -> None:
        super().__init__()
        self._timed, self._raw = timed, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._timed.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class TimedSocket:
    """A socket whose time-out counts for all that follows, not for each read anew.

    A server that drips would otherwise hold a request for ever: http.client reads header lines and
    chunks in many reads. urllib3 sets the time-out anew for each request.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._deadline = Deadline(_TIMEOUT_S)

    def settimeout(self, seconds: float | None) -> None:
        self._deadline = Deadline(_TIMEOUT_S if seconds is None else seconds)

    def arm(self) -> None:
        """Give the next operation what is left. Raises socket.timeout where nothing is."""
        left = self._deadline.remaining()
        if left <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(left)

    def sendall(self, data: Any) -> None:
        self.arm()
        self._sock.sendall(data)

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        raw = self._sock.makefile("rb", buffering=0)
        return io.BufferedReader(_TimedReader(self, raw))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Connection(HTTPConnection):
    def _new_conn(self) -> Any:
        return _new_socket(self)

    def connect(self) -> None:
        super().connect()
        self.sock = TimedSocket(self.sock)


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> Any:
        return _new_socket(self)

    def _tunnel(self) -> None:
        """Ask the proxy to connect; what goes wrong here is the proxy's, not the server's."""
        raw = self.sock
        timed = TimedSocket(raw)
        timed.settimeout(_seconds(self.timeout))
        try:
            self.sock = timed
            super()._tunnel()
        except (OSError, http.client.HTTPException) as error:
            raise _tunnel_failure(error, self.host, self.port) from error
        finally:
            self.sock = raw if self.sock is timed else self.sock

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:  # connecting and the proxy have errors of their own
            raise tls_failure(error, self.host) from error
        self.sock = TimedSocket(self.sock)


_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")


def _tunnel_failure(error: Exception, host: str, port: int | None) -> ChannelError:
    facts = {"proxy": f"{host}:{port}"}
    found = _TUNNEL_STATUS.search(str(error))  # http.client says it in words only
    if found:
        return proxy_refusal(int(found.group(1)), facts)
    return ChannelError(Cause.PROXY_UNREACHABLE, Stage.PROXY, error, facts)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _WithoutCodes(logging.Filter):
    """Keeps the link code out of urllib3's debug log: the server wants it in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                redact(item) if isinstance(item, str) and "code=" in item else item
                for item in record.args
            )
        return True


_WITHOUT_CODES = _WithoutCodes()

_POOLS = {"http": _Pool, "https": _TLSPool}


class TransportAdapter(HTTPAdapter):
    """requests on our connections and our trust store, without retries of its own."""

    def __init__(self, tls: bool, proxy_tls: bool = False, trust: Trust = NO_EXTRA) -> None:
        """`tls`, `proxy_tls`: whether TLS is spoken to the server, and to a proxy; reading the
        trust store takes a moment that plain HTTP need not wait for."""
        logging.getLogger("urllib3.connectionpool").addFilter(_WITHOUT_CODES)
        self._proxy_context = build_ssl_context(trust.of_others) if proxy_tls else None
        # what is plain to the server goes as it is to the proxy, over the proxy's TLS
        self._context = build_ssl_context(trust) if tls else self._proxy_context
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, **self._checks})
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        of_proxy = {"proxy_ssl_context": self._proxy_context} if self._proxy_context else {}
        manager = super().proxy_manager_for(proxy, **{**kwargs, **self._checks, **of_proxy})
        manager.pool_classes_by_scheme = _POOLS
        return manager

    @property
    def _checks(self) -> dict[str, Any]:
        """How urllib3 verifies: by our context, and nothing on top of it.

        Where OpenSSL does not check the name, the context itself does (see :mod:`.trust`); urllib3
        would once more, without knowing of the certificate that was accepted.
        """
        if self._context is None or self._context.check_hostname:
            return {"ssl_context": self._context}
        return {"ssl_context": self._context, "assert_hostname": False}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Always verify, with the context's own trust (requests would add certifi each time)."""
        conn.cert_reqs = "CERT_REQUIRED"
