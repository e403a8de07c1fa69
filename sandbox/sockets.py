"""One WebSocket of an agent, and one of a viewer, as the server handles them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from sandbox.breaker import Breaker
from sandbox.host import reset_connection
from sandbox.records import ConnectionRecord, Records
from sandbox.timing import Timing

ABNORMAL_CLOSURE = 1006
NO_CODE = 1005
# The library's own limit on the close handshake, kept out of the way of ours.
LIBRARY_CLOSE_TIMEOUT_S = 3600.0


class Writer:
    """Sends queued frames in order, and none while the sockets are frozen."""

    def __init__(self, socket: web.WebSocketResponse, breaker: Breaker) -> None:
        self._socket = socket
        self._breaker = breaker
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._run())

    def send(self, message: dict[str, Any]) -> None:
        self._queue.put_nowait(json.dumps(message))

    def send_binary(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            frame = await self._queue.get()
            await self._breaker.thaw()
            try:
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)
            except ConnectionError:
                return  # the reader notices as well, and ends the socket


class KeepAlive:
    """Asks for a ping after silence, and for a drop where the pong stays out."""

    def __init__(self, timing: Timing, ping: Callable[[], None], drop: Callable[[], None]):
        self._timing = timing
        self._ping = ping
        self._drop = drop
        self._loop = asyncio.get_running_loop()
        self._next_ping: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.on_data()

    def on_data(self) -> None:
        """A data frame came: the silence starts anew. It does not stand for a pong."""
        if self._next_ping is not None:
            self._next_ping.cancel()
        self._next_ping = self._loop.call_later(self._timing.ping_after_s, self._send_ping)

    def on_pong(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def stop(self) -> None:
        self.on_pong()
        if self._next_ping is not None:
            self._next_ping.cancel()

    def _send_ping(self) -> None:
        self._ping()
        if self._deadline is None:
            self._deadline = self._loop.call_later(self._timing.drop_after_s, self._drop)
        self.on_data()


class AgentSocket:
    """Serves one agent until either side closes. `on_frame` gets parsed JSON or bytes."""

    def __init__(
        self,
        record: ConnectionRecord,
        records: Records,
        breaker: Breaker,
        timing: Timing,
        on_frame: Callable[[AgentSocket, Any], None],
    ) -> None:
        self.record = record
        self._records = records
        self._breaker = breaker
        self._timing = timing
        self._on_frame = on_frame
        self._socket = web.WebSocketResponse(
            timeout=LIBRARY_CLOSE_TIMEOUT_S,
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=0,
        )
        self._loop = asyncio.get_running_loop()
        self._close_order: asyncio.Future[int] = self._loop.create_future()
        self._timers: list[asyncio.TimerHandle] = []
        self._pings: set[asyncio.Future[None]] = set()
        self._transport: asyncio.BaseTransport | None = None
        self._writer: Writer | None = None
        self._keepalive: KeepAlive | None = None

    async def open(self, request: web.Request) -> None:
        """Answer the handshake with 101."""
        self._transport = request.transport
        await self._socket.prepare(request)
        self._writer = Writer(self._socket, self._breaker)
        self._keepalive = KeepAlive(self._timing, self._ping, self.reset)
        self.close_after(self._timing.max_age_s, 1000)

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message for the agent."""
        if self._writer is not None:
            self._writer.send(message)

    def send_binary(self, data: bytes) -> None:
        """Queue a binary frame for the agent."""
        if self._writer is not None:
            self._writer.send_binary(data)

    def close(self, code: int) -> None:
        """Order the closing with that code; only the first order counts."""
        if not self._close_order.done():
            self._close_order.set_result(code)

    def close_after(self, delay_s: float, code: int) -> None:
        self._timers.append(self._loop.call_later(delay_s, self.close, code))

    def reset(self) -> None:
        """Drop the connection without a close frame; a frozen one stays as it is."""
        if not self._breaker.frozen:
            reset_connection(self._transport)

    async def serve(self) -> web.WebSocketResponse:
        """Read until the socket is closed, then note how it ended."""
        reader = asyncio.ensure_future(self._read())
        try:
            ends: set[asyncio.Future[Any]] = {reader, self._close_order}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._close_order.done() and not reader.done():
                reader.cancel()
                await asyncio.wait({reader})
                await self._close_handshake(self._close_order.result())
        finally:
            await self._wind_up(reader)
        return self._socket

    async def _wind_up(self, reader: asyncio.Future[None]) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._keepalive is not None:
            self._keepalive.stop()
        self._ended("lost", ABNORMAL_CLOSURE)
        reader.cancel()
        for ping in self._pings:
            ping.cancel()
        if self._writer is not None:
            await self._writer.stop()

    async def _close_handshake(self, code: int) -> None:
        """Send the close frame, wait about 1 s for the agent's, then reset."""
        await self._breaker.thaw()
        if self._keepalive is not None:
            self._keepalive.stop()
        self._ended("server", code)
        closing = asyncio.ensure_future(self._socket.close(code=code))
        done, _ = await asyncio.wait({closing}, timeout=self._timing.close_wait_s)
        if not done:
            reset_connection(self._transport)
            closing.cancel()

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            await self._breaker.thaw()
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return
            if message.type is WSMsgType.CLOSE:
                self._ended("agent", message.data or NO_CODE)
                await self._socket.close(code=message.data or 1000)
                return
            await self._take(message)

    async def _take(self, message: WSMessage) -> None:
        assert self._keepalive is not None
        if message.type is WSMsgType.PING:
            self._records.count(self.record, "pings_received")
            with contextlib.suppress(ConnectionError):
                await self._socket.pong(message.data)
        elif message.type is WSMsgType.PONG:
            self._keepalive.on_pong()
            self._records.count(self.record, "pongs_received")
        else:
            self._keepalive.on_data()
            self._records.count(self.record, "frames")
            self._on_frame(self, _parsed(message.data))

    def _ping(self) -> None:
        if self._breaker.frozen:
            return
        task = asyncio.ensure_future(self._socket.ping())
        self._pings.add(task)
        task.add_done_callback(self._ping_sent)

    def _ping_sent(self, task: asyncio.Future[None]) -> None:
        self._pings.discard(task)
        if not task.cancelled():
            task.exception()  # a connection that has just gone: the reader notices as well

    def _ended(self, closed_by: str, code: int) -> None:
        """Note the end; only the first call counts."""
        if self.record.is_open:
            self._records.update(
                self.record,
                closed_at=self._records.now(),
                close_code=code,
                closed_by=closed_by,
            )


class ViewerSocket:
    """A web or phone client that watches one printer. `on_passthru` gets what it sends."""

    def __init__(self, breaker: Breaker, on_passthru: Callable[[dict[str, Any]], object]) -> None:
        self._breaker = breaker
        self._on_passthru = on_passthru
        self._socket = web.WebSocketResponse(compress=False)
        self._writer: Writer | None = None

    async def open(self, request: web.Request) -> None:
        await self._socket.prepare(request)
        self._writer = Writer(self._socket, self._breaker)

    def send(self, message: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.send(message)

    async def serve(self) -> web.WebSocketResponse:
        try:
            async for message in self._socket:
                await self._breaker.thaw()
                data = _parsed(message.data)
                if isinstance(data, dict) and isinstance(data.get("passthru"), dict):
                    self._on_passthru(data["passthru"])
        finally:
            if self._writer is not None:
                await self._writer.stop()
        return self._socket


def _parsed(data: Any) -> Any:
    """Parsed JSON; the text itself where it is none; bytes unchanged."""
    if isinstance(data, str):
        with contextlib.suppress(ValueError):
            return json.loads(data)
    return data
