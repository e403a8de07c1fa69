"""Puts `requests` on our own transport: the same name resolution, connecting, proxies and trust as
the WebSocket's, so that one path is used and diagnosed."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .deadline import Deadline
from .redact import redact

_TIMEOUT_S = 10.0
"""Where urllib3 has been given none."""


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


OpenSocket = Callable[[Deadline], Any]
"""Opens what requests are written to, within a time limit; TLS is spoken already where wanted."""


def _pools(open_socket: OpenSocket) -> dict[str, type[HTTPConnectionPool]]:
    """The pools for both schemes, with connections that `open_socket` makes.

    urllib3 makes its connections by their class alone, so the classes are made here.
    """

    def connect(connection: HTTPConnection) -> None:
        timeout = _seconds(connection.timeout)
        connection.sock = TimedSocket(open_socket(Deadline(timeout)))
        connection.sock.settimeout(timeout)

    class Plain(HTTPConnection):
        def connect(self) -> None:
            connect(self)

    class Verified(HTTPSConnection):
        is_verified = True  # open_socket verifies, or raises

        def connect(self) -> None:
            connect(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class VerifiedPool(HTTPSConnectionPool):
        ConnectionCls = Verified

    return {"http": PlainPool, "https": VerifiedPool}


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


class TransportAdapter(HTTPAdapter):
    """requests on our connections, without retries of its own."""

    def __init__(self, open_socket: OpenSocket) -> None:
        logging.getLogger("urllib3.connectionpool").addFilter(_WITHOUT_CODES)
        self._pools = _pools(open_socket)
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the socket comes verified; requests would read certifi's file each time."""
