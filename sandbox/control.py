"""The control page's server: the sandbox driven by a browser or by HTTP calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.faults import SERVER_FAULTS, WEBCAM_FAULTS
from sandbox.host import Hosted, HttpHost
from sandbox.obico_server import SandboxServer
from sandbox.replies import json_reply
from sandbox.webcam import SandboxWebcam

PAGE = Path(__file__).with_name("control.html")
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_LIMIT = 200
DEFAULT_LIMIT = 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTENT_POLICY = "default-src 'self' 'unsafe-inline'; img-src * data:; frame-ancestors 'none'"


class BadCall(ValueError):
    """The call cannot be understood: 400 with the message."""


class ControlServer(Hosted):
    """Drives a sandbox server and webcam. Never shows a token. A context manager."""

    def __init__(
        self,
        server: SandboxServer,
        webcam: SandboxWebcam,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._server = server
        self._webcam = webcam
        self._host = HttpHost("sandbox-control", self._build, (host, port))

    def _build(self) -> web.Application:
        app = web.Application(middlewares=[_guard, _errors])
        app.router.add_get("/", self._page)
        app.router.add_get("/api/state", self._in_thread(self._state))
        app.router.add_get("/api/faults", self._in_thread(self._faults))
        app.router.add_get("/api/received", self._received)
        calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "fault": self._set_fault,
            "webcam-fault": self._set_webcam_fault,
            "command": self._command,
            "remote-status": self._remote_status,
            "code": self._code,
            "kick": self._kick,
            "forget": self._forget,
        }
        for name, call in calls.items():
            app.router.add_post(f"/api/{name}", self._in_thread(call))
        return app

    @staticmethod
    def _in_thread(call: Callable[[dict[str, Any]], Any]) -> Handler:
        """A handler that runs the blocking call in a worker thread and answers its result."""

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await _json_body(request) if request.method == "POST" else {}
            return json_reply(await asyncio.to_thread(call, body))

        return handle

    async def _page(self, request: web.Request) -> web.StreamResponse:
        html = await asyncio.to_thread(PAGE.read_text, encoding="utf-8")
        headers = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": "no-store"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _received(self, request: web.Request) -> web.StreamResponse:
        kind = request.query.get("kind", "")
        limit = request.query.get("limit", str(DEFAULT_LIMIT))
        if not limit.isdecimal():
            raise BadCall("limit must be a number from 0 to 200")
        records = await asyncio.to_thread(self._server.received, kind, min(int(limit), MAX_LIMIT))
        return json_reply({"kind": kind, "received": records})

    # calls; each takes the JSON body and gives the answer

    def _state(self, _body: dict[str, Any]) -> dict[str, Any]:
        webcam = self._webcam
        return {
            **self._server.snapshot(),
            "webcam": {
                "snapshot_url": webcam.snapshot_url,
                "stream_url": webcam.stream_url,
                "fault": webcam.fault,
                "snapshots": webcam.snapshot_count,
            },
        }

    def _faults(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {
            "faults": [fault.as_json() for fault in SERVER_FAULTS.values()],
            "webcam_faults": [fault.as_json() for fault in WEBCAM_FAULTS.values()],
        }

    def _set_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        fault = _field(body, "fault", (str, type(None)))
        if fault is None:
            self._server.clear()
        else:
            self._server.set_fault(fault)
        return {"faults": self._server.faults}

    def _set_webcam_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        fault = _field(body, "fault", (str, type(None)))
        if fault is None:
            self._webcam.clear()
        else:
            self._webcam.set_fault(fault)
        return {"fault": self._webcam.fault}

    def _command(self, body: dict[str, Any]) -> dict[str, Any]:
        cmd = _field(body, "cmd", (str,))
        args = _field(body, "args", (dict, type(None)), None)
        return {"reached": self._server.send_command(cmd, args)}

    def _remote_status(self, body: dict[str, Any]) -> dict[str, Any]:
        flag = (bool, type(None))
        viewing = _field(body, "viewing", flag, None)
        should_watch = _field(body, "should_watch", flag, None)
        return {"reached": self._server.set_remote_status(viewing, should_watch)}

    def _code(self, body: dict[str, Any]) -> dict[str, Any]:
        printer_id = _field(body, "printer_id", (int, type(None)), None)
        return {"code": self._server.new_code(printer_id)}

    def _kick(self, body: dict[str, Any]) -> dict[str, Any]:
        code = _field(body, "code", (int,), 1000)
        if not 1000 <= code <= 4999:
            raise BadCall("code must be a close code from 1000 to 4999")
        return {"closed": self._server.kick(code)}

    def _forget(self, _body: dict[str, Any]) -> dict[str, Any]:
        self._server.forget()
        return {}


_REQUIRED = object()


def _field(
    body: dict[str, Any], name: str, types: tuple[type, ...], default: Any = _REQUIRED
) -> Any:
    """A field of the body. Raises BadCall where it is missing or of another type."""
    value = body.get(name, default)
    if value is _REQUIRED:
        raise BadCall(f"field {name!r} is missing")
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        names = " or ".join("null" if t is type(None) else t.__name__ for t in types)
        raise BadCall(f"field {name!r} must be {names}")
    return value


async def _json_body(request: web.Request) -> dict[str, Any]:
    """The body's JSON object; empty for an empty body. Raises BadCall."""
    text = await request.text()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as exc:
        raise BadCall(f"the body is no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise BadCall("the body must be a JSON object")
    return body


def _is_local(address: str) -> bool:
    """Whether a URL's host, with any port, is one of this computer's loopback names."""
    try:
        return urlsplit(address).hostname in LOCAL_NAMES
    except ValueError:
        return False


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other sites' pages: by Host (DNS rebinding) and by Origin (cross-site calls)."""
    origin = request.headers.get("Origin")
    if not _is_local(f"//{request.headers.get('Host', '')}"):
        return json_reply({"error": "foreign Host"}, status=403)
    if origin is not None and not _is_local(origin):
        return json_reply({"error": "foreign Origin"}, status=403)
    return await handler(request)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a caller did wrong into a JSON error."""
    try:
        return await handler(request)
    except (BadCall, ValueError, KeyError) as exc:
        return json_reply({"error": str(exc.args[0] if exc.args else exc)}, status=400)
    except web.HTTPException as exc:
        return json_reply({"error": exc.reason}, status=exc.status)
