"""A line to a server that can be broken, and a ledger of what was broken on it.

Each connection through the line ends in one of two ways: it served its purpose, or it was broken,
which the client must then have noticed as one error. What is broken stays so: a frozen connection
is never thawed, so that it does not depend on the clock whether it counts. Requests of HTTP have a
connection each (the line asks the server to close it), so that one broken is one request that
failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.host import unlisten

HOST = "127.0.0.1"
LIMIT_S = 10.0
HTTP, WEBSOCKET = "http", "websocket"

_SETTLED_S = 0.5
_PIECE = 65536
_HEAD_LIMIT = 65536
_END, _ASKED_TO_CLOSE = b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""l_onoff = 1, l_linger = 0: close() sends a reset in place of a FIN (socket(7))."""

_HALF_A_FRAME = b"\x81\x64" + b"x" * 10
"""A text frame of 100 bytes, of which ten come (RFC 6455 section 5.2)."""

_BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nServer: line\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

T = TypeVar("T")


@dataclass(eq=False)
class Passage:
    """One connection through the line.

    Attributes:
        kind: what it is used for; empty until its request's head has come.
        broken: by what; empty while nothing was. Set once.
        answered_at: when the first bytes of the server went through, in monotonic seconds.
        over: whether the client has closed its end, or lost it.
    """

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    kind: str = ""
    broken: str = ""
    answered_at: float | None = None
    over: bool = False
    is_frozen: bool = False
    is_cut: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def can_break(self) -> bool:
        """Whether to break it now is noticed for sure: an answer that has begun may be whole."""
        started = self.kind == HTTP and self.answered_at is not None
        return bool(self.kind) and not self.broken and not self.over and not started

    def reset(self) -> None:
        """End both ends, the client's with a reset."""
        sock = self.client.transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.client.transport.abort()
        self.close_server()

    def close_server(self) -> None:
        if self.server is not None:
            self.server.close()


@dataclass(frozen=True)
class Counts:
    """How many connections of each kind were broken, and how many are still open."""

    http: int
    websocket: int
    by_fault: dict[str, int]
    pending: int


class Line:
    """Listens on a free port of loopback, for a server to be named. A context manager.

    Attributes:
        target: the server's port.
    """

    def __init__(self) -> None:
        self.target = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._server: asyncio.Server | None = None
        self._passages: list[Passage] = []
        self._meeting = ""
        self._delay_s = 0.0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Line:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()

    # ---- what can be broken ------------------------------------------------------------------

    def reset(self) -> None:
        """Reset all that is open."""
        self._break("reset", Passage.reset)

    def close(self) -> None:
        """Close all that is open, without a word."""

        def closed(passage: Passage) -> None:
            passage.client.close()
            passage.close_server()

        self._break("closed", closed)

    def truncate(self) -> None:
        """Cut all that is open off in the middle of what the server says."""

        def cut(passage: Passage) -> None:
            if passage.kind == WEBSOCKET:
                passage.client.write(_HALF_A_FRAME)
                passage.client.close()
                passage.close_server()
            else:
                passage.is_cut = True

        self._break("truncated", cut)

    def freeze(self) -> None:
        """Let all that is open fall silent for ever; what comes later passes."""

        def frozen(passage: Passage) -> None:
            passage.is_frozen = True

        self._break("frozen", frozen)

    def meet(self, fault: str) -> None:
        """What new connections meet from now on: "" (they pass), "reset", "silence" or "502"."""
        self._meeting = fault

    def delay(self, seconds: float) -> None:
        """Pass everything on so much later."""
        self._delay_s = seconds

    def refuse(self) -> None:
        """Reset all that is open, and refuse new connections."""
        self._do(self._unlisten())
        self.reset()

    def listen(self) -> None:
        """Take connections again."""
        self._do(self._listen())

    def kicked(self, kick: Callable[[], object]) -> None:
        """Have the server close its WebSockets in order, and note the one that is open."""
        live = self._do(self._mark("kicked", _is_settled))
        if live:
            kick()

    # ---- the ledger --------------------------------------------------------------------------

    def counts(self) -> Counts:
        """What was broken so far."""

        async def count() -> Counts:
            broken = [each for each in self._passages if each.broken]
            by_fault: dict[str, int] = {}
            for each in broken:
                name = f"{each.kind} {each.broken}"
                by_fault[name] = by_fault.get(name, 0) + 1
            kinds = [each.kind for each in broken]
            pending = sum(not each.over for each in broken)
            return Counts(kinds.count(HTTP), kinds.count(WEBSOCKET), by_fault, pending)

        return self._do(count())

    # ---- inside ------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._take, HOST, self.port, limit=_HEAD_LIMIT, reuse_address=True
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _unlisten(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await unlisten(server)

    async def _stop(self) -> None:
        await self._unlisten()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _break(self, name: str, how: Callable[[Passage], None]) -> None:
        async def work() -> None:
            for passage in await self._mark(name, lambda each: True):
                how(passage)

        self._do(work())

    async def _mark(self, name: str, which: Callable[[Passage], bool]) -> list[Passage]:
        found = [each for each in self._passages if each.can_break and which(each)]
        for passage in found:
            passage.broken = name
        return found

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = Passage(writer)
        self._passages.append(passage)
        try:
            head = await reader.readuntil(_END)
            passage.kind = WEBSOCKET if b"pgrade: websocket" in head else HTTP
            if self._meeting:
                passage.broken = f"met {self._meeting}"
                await self._meet(passage, reader)
            else:
                await self._pass(passage, reader, head)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            passage.over = True
            writer.close()
            passage.close_server()

    async def _meet(self, passage: Passage, reader: asyncio.StreamReader) -> None:
        if self._meeting == "reset":
            passage.reset()
            return
        if self._meeting == "502":
            passage.client.write(_BAD_GATEWAY)
            await passage.client.drain()
            passage.client.write_eof()
        await _until_closed(reader)

    async def _pass(self, passage: Passage, reader: asyncio.StreamReader, head: bytes) -> None:
        try:
            far, passage.server = await asyncio.open_connection(HOST, self.target)
        except OSError:
            passage.broken = "server away"
            passage.reset()
            return
        ask = passage.kind == HTTP
        passage.server.write(head.replace(_END, _ASKED_TO_CLOSE) if ask else head)
        up = asyncio.ensure_future(self._up(passage, reader))
        down = asyncio.ensure_future(self._down(passage, far))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if not up.done():  # the server has ended it
                if not passage.is_frozen:
                    self._ended_by_server(passage)
                await up
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    def _ended_by_server(self, passage: Passage) -> None:
        if passage.can_break:
            passage.broken = "ended by the server"
        with contextlib.suppress(OSError, RuntimeError):
            passage.client.write_eof()

    async def _up(self, passage: Passage, reader: asyncio.StreamReader) -> None:
        """Pass on what the client says until it closes its end."""
        assert passage.server is not None
        while data := await reader.read(_PIECE):
            await self._wait(passage)
            if not passage.is_frozen and not passage.server.is_closing():
                passage.server.write(data)
                await passage.server.drain()

    async def _down(self, passage: Passage, far: asyncio.StreamReader) -> None:
        """Pass on what the server says until it closes its end; never ends for a frozen one."""
        while data := await far.read(_PIECE):
            await self._wait(passage)
            if passage.is_cut:
                passage.client.write(data[: len(data) // 2])
                await passage.client.drain()
                passage.reset()
            elif not passage.is_frozen and not passage.client.is_closing():
                passage.answered_at = passage.answered_at or time.monotonic()
                passage.client.write(data)
                await passage.client.drain()
        if passage.is_frozen:
            await asyncio.Event().wait()

    async def _wait(self, passage: Passage) -> None:
        if self._delay_s and not passage.is_frozen:
            await asyncio.sleep(self._delay_s)


def _is_settled(passage: Passage) -> bool:
    """Whether the server knows for sure that it has this WebSocket."""
    at = passage.answered_at
    return passage.kind == WEBSOCKET and at is not None and time.monotonic() - at > _SETTLED_S


async def _until_closed(reader: asyncio.StreamReader) -> None:
    while await reader.read(_PIECE):
        pass
