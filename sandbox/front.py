"""The server's front door: records each request, lets the active fault act, then answers."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sandbox.breaker import Breaker
from sandbox.faults import SERVER
from sandbox.http_api import HttpApi
from sandbox.hub import Hub
from sandbox.records import HIDDEN, Records, RequestRecord
from sandbox.state import Registry
from sandbox.timing import Timing

MAX_BODY_BYTES = 64 * 1024 * 1024
VIEWER_PREFIX = "/ws/token/web/"


class Front:
    """Handles every path and method, HTTP and WebSocket."""

    def __init__(
        self,
        registry: Registry,
        records: Records,
        breaker: Breaker,
        api: HttpApi,
        hub: Hub,
        timing: Timing,
    ) -> None:
        self._registry = registry
        self._records = records
        self._breaker = breaker
        self._api = api
        self._hub = hub
        self._timing = timing

    def build(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self.handle)
        app.on_response_prepare.append(_hide_library)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        record = self._record(request)
        response = await self._answer(request, record)
        self._records.update(record, status=response.status)
        return response

    async def _answer(self, request: web.Request, record: RequestRecord) -> web.StreamResponse:
        breaker = self._breaker
        if breaker.is_active("silent"):
            await request.read()
            await breaker.until(lambda: not breaker.is_active("silent"))
        if breaker.is_active("slow"):
            # The delay is the fault itself; nothing waits for its end by chance.
            await asyncio.sleep(self._timing.slow_s)
        canned = breaker.canned(SERVER)
        if canned is not None:
            return canned
        if breaker.is_active("auth_stripped"):
            request = _without_authorization(request)
        if _is_websocket(request):
            return await self._hub.handle(request, record)
        response = await self._api.handle(request)
        return _cut_off(response) if breaker.is_active("truncated_json") else response

    def _record(self, request: web.Request) -> RequestRecord:
        path = self._registry.redact(request.path)
        if path.startswith(VIEWER_PREFIX):
            # Unknown tokens are secrets as well: they may be those of another server.
            path = f"{VIEWER_PREFIX}{HIDDEN}/"
        record = RequestRecord(
            at=self._registry.clock(),
            method=request.method,
            path=path,
            query={k: self._registry.redact(v) for k, v in request.query.items()},
            header_names=tuple(sorted({name.lower() for name in request.headers})),
            token_sent="Authorization" in request.headers,
        )
        return self._records.add("requests", record)


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _without_authorization(request: web.Request) -> web.Request:
    headers = request.headers.copy()
    headers.popall("Authorization", None)
    return request.clone(headers=headers)


def _cut_off(response: web.Response) -> web.Response:
    """The first half of a JSON answer, as a whole HTTP answer; others unchanged."""
    if response.content_type != "application/json" or not response.text:
        return response
    half = response.text[: len(response.text) // 2].encode()
    return web.Response(body=half, status=response.status, content_type="application/json")


async def _hide_library(request: web.Request, response: web.StreamResponse) -> None:
    """Drop the library's own Server header: a diagnosis might build on it."""
    if "aiohttp" in response.headers.get("Server", ""):
        del response.headers["Server"]
