"""An aiohttp application on a port of its own, which can be made to vanish and to come back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from sandbox.loopthread import LoopThread

T = TypeVar("T")
H = TypeVar("H", bound="Hosted")

LISTEN_BACKLOG = 128
_TURNS = 5
SHUTDOWN_TIMEOUT_S = 0.3
# l_onoff = 1, l_linger = 0 seconds: close() sends a reset instead of a FIN.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset_connection(transport: asyncio.BaseTransport | None) -> None:
    """Drop a TCP connection with a reset, without sending what is still buffered."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


async def unlisten(server: asyncio.AbstractServer) -> None:
    """Close a listening server; every connection that it has accepted reaches its protocol.

    asyncio loses, with its socket left open, what it has accepted but not yet handed over when the
    server is closed: so it accepts no more first, and hands over what it has.
    """
    loop = asyncio.get_running_loop()
    for sock in getattr(server, "sockets", ()):
        loop.remove_reader(sock.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    server.close()


class HttpHost:
    """Serves one application from a thread of its own.

    `build` is called inside the loop. The port is taken by `start` (0: any free one) and kept
    until `stop`, also while connections are refused.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], web.Application],
        address: tuple[str, int],
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._build = build
        self._address = address
        self._ssl_context = ssl_context
        self._thread = LoopThread(name)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.AbstractServer | None = None
        self._placeholder: socket.socket | None = None
        self._started = False
        self._stopped = False

    @property
    def url(self) -> str:
        """Scheme, host and port, without a trailing slash. Valid once started."""
        host, port = self._address
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def port(self) -> int:
        return self._address[1]

    def start(self) -> None:
        """Take the port and serve. Raises OSError where the port is in use. Idempotent."""
        if self._started:
            return
        sock = _bound_socket(self._address)
        self._address = (self._address[0], sock.getsockname()[1])
        self._started = True
        self._thread.start()
        self.call(self._open(sock))

    def stop(self) -> None:
        """Abort all connections and give the port back, within about 2 s. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        if self._started:
            with contextlib.suppress(TimeoutError):
                self.call(self._close(), timeout_s=2.0)
        self._thread.stop()

    def call(self, coro: Coroutine[Any, Any, T], timeout_s: float = 5.0) -> T:
        """Run `coro` in the server's loop and wait for its result."""
        if not self._started:
            coro.close()
            raise RuntimeError("not started")
        return self._thread.call(coro, timeout_s)

    async def refuse(self) -> None:
        """Stop listening and reset every connection; the port stays reserved."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        await unlisten(listener)
        # Bound but not listening: connects are refused, and no other process gets the port.
        with contextlib.suppress(OSError):
            self._placeholder = _bound_socket(self._address)
        self.reset_all()

    async def accept(self) -> None:
        """Listen again, on the same port, after `refuse`."""
        if self._listener is None:
            sock, self._placeholder = self._placeholder, None
            await self._listen(sock or _bound_socket(self._address))

    def reset_all(self) -> None:
        """Reset every open connection. To be called in the loop."""
        if self._runner is None or self._runner.server is None:
            return
        for connection in self._runner.server.connections:
            reset_connection(connection.transport)

    async def _open(self, sock: socket.socket) -> None:
        # Cancellation: a handler that is held by a fault ends as soon as its client has gone.
        self._runner = web.AppRunner(
            self._build(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        )
        await self._runner.setup()
        await self._listen(sock)

    async def _listen(self, sock: socket.socket) -> None:
        assert self._runner is not None and self._runner.server is not None
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._runner.server, sock=sock, ssl=self._ssl_context, backlog=LISTEN_BACKLOG
        )

    async def _close(self) -> None:
        if self._listener is not None:
            await unlisten(self._listener)
        if self._placeholder is not None:
            self._placeholder.close()
        self.reset_all()
        if self._runner is not None:
            await self._runner.cleanup()


class Hosted:
    """What the sandbox's three servers have in common: a life, an address, a ``with``."""

    _host: HttpHost

    def start(self: H) -> H:
        """Listen. Raises OSError where the port is in use."""
        self._host.start()
        return self

    def stop(self) -> None:
        """Reset all connections and give the port back, within about 2 s. Idempotent."""
        self._host.stop()

    def __enter__(self: H) -> H:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """E.g. `http://127.0.0.1:49152`. Valid once started."""
        return self._host.url

    @property
    def port(self) -> int:
        return self._host.port


def _bound_socket(address: tuple[str, int]) -> socket.socket:
    """A TCP socket bound to `address` that does not listen yet. Raises OSError."""
    host, port = address
    family, kind, proto, _, sockaddr = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        # Else a restart within the minute finds the port "in use" by its own dead connections.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(sockaddr)
    except OSError:
        sock.close()
        raise
    return sock
