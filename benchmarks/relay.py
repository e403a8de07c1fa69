"""A link with a delay, on loopback: passes bytes on half a round trip later, each way.

A relay cannot delay a TCP connect: the kernel takes the connection before the relay learns of it.
What it can do is to let the first bytes wait for the round trip that connecting would have cost, so
that a connection which is used takes as long as over the real link. One that is only opened and
closed again (the check "Connect") still costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_LIMIT_S = 10.0
_SIZE = 65536


@dataclass
class Passage:
    """One connection through the relay, in monotonic seconds.

    Attributes:
        turns: how often the server answered after the client had spoken: round trips.
    """

    began: float
    ended: float
    turns: int = 0
    asked: bool = field(default=False, repr=False)

    @property
    def round_trips(self) -> int:
        """The round trips that it was charged with: connecting, where it was used, and turns."""
        return self.turns + 1 if self.turns else 0

    def heard(self, from_client: bool, now: float) -> None:
        """Bytes have come from one side."""
        self.turns += self.asked and not from_client
        self.asked, self.ended = from_client, now


class Relay:
    """Listens on a free port of loopback and passes all on to `target`. A context manager."""

    def __init__(self, target: int, round_trip_s: float) -> None:
        self._target, self._half = target, round_trip_s / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self.passages: list[Passage] = []
        self.port = 0

    def __enter__(self) -> Relay:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_LIMIT_S)
        self.port = int(server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_LIMIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT_S)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._pass, "127.0.0.1", 0)

    async def _stop(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now = time.monotonic()
        passage = Passage(now, now)
        self.passages.append(passage)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            for each in (writer, far_writer):
                each.transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
                )
            # the client may speak once it has connected, which it does a round trip too early
            connected = now + 2 * self._half
            await asyncio.gather(
                self._pump(reader, far_writer, passage, True, connected),
                self._pump(far_reader, writer, passage, False, connected),
            )

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passage: Passage,
        from_client: bool,
        connected: float,
    ) -> None:
        """Pass one direction on: what comes now is written half a round trip later."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def write() -> None:
            while True:
                at, data = await due.get()
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()

        writing = asyncio.ensure_future(write())
        data = b"-"
        while data:
            try:
                data = await reader.read(_SIZE)
            except OSError:
                data = b""
            now = time.monotonic()
            if data:
                passage.heard(from_client, now)
            due.put_nowait((max(now, connected) + self._half, data))
        with contextlib.suppress(OSError):
            await writing


@contextlib.contextmanager
def delayed(target: int, round_trip_s: float) -> Iterator[Relay]:
    """A relay to a port of loopback, over a link with that round trip."""
    with Relay(target, round_trip_s) as relay:
        yield relay
