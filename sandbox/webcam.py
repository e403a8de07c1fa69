"""The sandbox webcam: JPEG snapshots and an MJPEG stream, which can be broken on purpose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from sandbox.faults import WEBCAM_FAULTS, Fault, find_fault
from sandbox.host import Hosted, HttpHost
from sandbox.picture import PictureSource, encoded
from sandbox.replies import html_page

FPS = 5.0
BOUNDARY = "frame"
MULTIPART = f"multipart/x-mixed-replace;boundary={BOUNDARY}"
NO_CACHE = {"Cache-Control": "no-store"}
TOO_LARGE_BYTES = 5 * 1024 * 1024 + 64 * 1024
DRIP_BYTES = 8
DRIP_INTERVAL_S = 0.25
# These concern the whole webcam; the others only what is sent as a snapshot.
STREAM_FAULTS = frozenset({"silent", "unauthorized", "not_found", "error", "slow_drip"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SandboxWebcam(Hosted):
    """A webcam on loopback. Thread-safe; a context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = HttpHost("sandbox-webcam", self._build, (host, port))
        self._source = PictureSource(FPS)
        self._fault: Fault | None = None
        self._changed = threading.Condition()
        self._snapshots = 0
        self._fault_handlers: Mapping[str, Handler] = {
            "silent": self._never,
            "unauthorized": self._unauthorized,
            "not_found": self._not_found,
            "error": self._error,
            "html": self._html,
            "png": self._png,
            "stream_as_snapshot": self._stream,
            "corrupt": self._corrupt,
            "empty": self._empty,
            "too_large": self._too_large,
            "slow_drip": self._slow_drip,
        }

    @property
    def snapshot_url(self) -> str:
        return f"{self.url}/snapshot"

    @property
    def stream_url(self) -> str:
        return f"{self.url}/stream"

    @property
    def snapshot_count(self) -> int:
        """Requests for a snapshot so far, answered or not."""
        return self._snapshots

    def wait_for(self, predicate: Callable[[], object], timeout: float = 5.0) -> bool:
        """Wait until the predicate is true, asked at each snapshot; False after `timeout` s."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: bool(predicate()), timeout))

    # faults

    @property
    def fault(self) -> str | None:
        """The active fault's id, or None."""
        return self._fault.id if self._fault else None

    def set_fault(self, fault_id: str) -> None:
        """Break the webcam; replaces the former fault. Raises UnknownFault."""
        self._host.call(self._apply(find_fault(WEBCAM_FAULTS, fault_id)))

    def clear(self) -> None:
        self._host.call(self._apply(None))

    async def _apply(self, fault: Fault | None) -> None:
        self._fault = fault
        if fault is not None and fault.id == "unreachable":
            await self._host.refuse()
            return
        await self._host.accept()
        if fault is None or fault.id in STREAM_FAULTS:
            self._host.reset_all()  # ends what the former fault holds, and running streams

    # requests

    def _build(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._by_action)
        app.router.add_get("/snapshot", self._answer_snapshot)
        app.router.add_get("/stream", self._answer_stream)
        return app

    async def _by_action(self, request: web.Request) -> web.StreamResponse:
        """The URLs of a well-known streamer: `/?action=snapshot` and `/?action=stream`."""
        action = request.query.get("action")
        if action == "snapshot":
            return await self._answer_snapshot(request)
        if action == "stream":
            return await self._answer_stream(request)
        return html_page("Webcam", '<img src="/stream" alt="live picture">')

    async def _answer_snapshot(self, request: web.Request) -> web.StreamResponse:
        with self._changed:
            self._snapshots += 1
            self._changed.notify_all()
        handler = self._fault_handlers.get(self.fault or "", self._snapshot)
        return await handler(request)

    async def _answer_stream(self, request: web.Request) -> web.StreamResponse:
        fault_id = self.fault
        if fault_id in STREAM_FAULTS:
            return await self._fault_handlers[str(fault_id)](request)
        return await self._stream(request)

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        return _jpeg(self._source.jpeg())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """MJPEG, about 5 pictures a second, until the client goes."""
        response = web.StreamResponse(headers={"Content-Type": MULTIPART, **NO_CACHE})
        await response.prepare(request)
        while True:
            jpeg = self._source.jpeg()
            head = (
                f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            )
            await response.write(head.encode() + jpeg + b"\r\n")
            await asyncio.sleep(1 / FPS)  # the frame rate

    # broken answers

    async def _never(self, request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().create_future()  # until the connection is lost
        raise AssertionError("unreachable")

    async def _unauthorized(self, request: web.Request) -> web.StreamResponse:
        challenge = {"WWW-Authenticate": 'Basic realm="webcam"'}
        return html_page("401 Unauthorized", "Log in, please.", 401, challenge)

    async def _not_found(self, request: web.Request) -> web.StreamResponse:
        return html_page("404 Not Found", "No such page.", 404)

    async def _error(self, request: web.Request) -> web.StreamResponse:
        return html_page("500 Internal Server Error", "The camera cannot be opened.", 500)

    async def _html(self, request: web.Request) -> web.StreamResponse:
        return html_page("Webcam", '<img src="/stream" alt="live picture">')

    async def _png(self, request: web.Request) -> web.StreamResponse:
        picture = encoded(self._source.draw(asyncio.get_running_loop().time()), "PNG")
        return web.Response(body=picture, content_type="image/png", headers=NO_CACHE)

    async def _corrupt(self, request: web.Request) -> web.StreamResponse:
        jpeg = self._source.jpeg()
        return _jpeg(jpeg[: len(jpeg) * 2 // 3])

    async def _empty(self, request: web.Request) -> web.StreamResponse:
        return _jpeg(b"")

    async def _too_large(self, request: web.Request) -> web.StreamResponse:
        """A good JPEG followed by padding before its end marker."""
        jpeg = self._source.jpeg()
        return _jpeg(jpeg[:-2] + bytes(TOO_LARGE_BYTES - len(jpeg)) + jpeg[-2:])

    async def _slow_drip(self, request: web.Request) -> web.StreamResponse:
        """8 bytes every quarter of a second: a picture takes minutes."""
        jpeg = self._source.jpeg()
        headers = {"Content-Type": "image/jpeg", "Content-Length": str(len(jpeg)), **NO_CACHE}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for start in range(0, len(jpeg), DRIP_BYTES):
            await response.write(jpeg[start : start + DRIP_BYTES])
            await asyncio.sleep(DRIP_INTERVAL_S)  # the fault itself
        await response.write_eof()
        return response


def _jpeg(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="image/jpeg", headers=NO_CACHE)
