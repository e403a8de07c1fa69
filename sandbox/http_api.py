"""The server's HTTP endpoints for agents, without any fault: what a healthy server answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox import replies
from sandbox.bodies import (
    FORM,
    JSON,
    MULTIPART,
    BadBody,
    CorruptedImage,
    UnsupportedType,
    inspect_picture,
    read_body,
)
from sandbox.discovery import Discovery
from sandbox.gcodes import GcodeFiles
from sandbox.records import EventRecord, PictureRecord, Records
from sandbox.state import PATCHABLE, Printer, Registry

MAX_CODE_LENGTH = 64
RETRY_AFTER_S = 30

OpenHandler = Callable[[web.Request], Awaitable[web.Response]]
TokenHandler = Callable[[web.Request, Printer], Awaitable[web.Response]]


class ServerFault(Exception):
    """A request that the real server does not check and fails on: 500 with an HTML page."""


@dataclass(frozen=True)
class Endpoint:
    """A path and its methods. with_token: the handlers get the authenticated printer."""

    path: str
    methods: Mapping[str, OpenHandler | TokenHandler]
    with_token: bool = True
    throttled: bool = False

    def matches(self, path: str) -> bool:
        return re.fullmatch(self.path, path) is not None


class HttpApi:
    """Finds the endpoint, authenticates, and answers. Does not know of faults."""

    def __init__(
        self,
        registry: Registry,
        records: Records,
        discovery: Discovery,
        linking_throttled: Callable[[], bool],
    ) -> None:
        self._registry = registry
        self._records = records
        self._discovery = discovery
        self._linking_throttled = linking_throttled
        self.gcodes = GcodeFiles()
        self._endpoints = self._table()

    def _table(self) -> tuple[Endpoint, ...]:
        who, pic, event = self._who_am_i, self._post_picture, self._post_event
        verify, unlinked, api = self._verify, self._announce, "/api/v1/octo"
        gcodes = {"GET": self._list_gcodes, "POST": self._post_gcode}
        return (
            Endpoint("/", {"GET": self._root}, with_token=False),
            Endpoint("/hc/", {"GET": self._health}, with_token=False),
            Endpoint("/media/gcode/[0-9]+", {"GET": self._get_gcode}, with_token=False),
            Endpoint(f"{api}/verify/", {"GET": verify, "POST": verify}, False, True),
            Endpoint(f"{api}/unlinked/", {"POST": unlinked}, False, True),
            Endpoint(f"{api}/printer/", {"GET": who, "PATCH": self._patch_printer}),
            Endpoint(f"{api}/ping/", {"GET": who}),
            Endpoint(f"{api}/pic/", {"POST": pic}),
            Endpoint(f"{api}/printer_events/", {"POST": event}),
            Endpoint(f"{api}/g_code_files/", gcodes),
            Endpoint(f"{api}/g_code_files/[0-9]+/", {"PATCH": self._patch_gcode}),
        )

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request but a WebSocket handshake."""
        endpoint = self._find(request.path)
        if endpoint is None:
            return self._no_endpoint(request)
        try:
            return await self._answer(endpoint, request)
        except BadBody as exc:
            return replies.json_reply({"detail": str(exc)}, status=400)
        except UnsupportedType as exc:
            return replies.json_reply({"detail": str(exc)}, status=415)
        except CorruptedImage as exc:
            return replies.json_reply([str(exc)], status=400)
        except ServerFault:
            return replies.server_error_page()

    def _find(self, path: str) -> Endpoint | None:
        return next((e for e in self._endpoints if e.matches(path)), None)

    def _no_endpoint(self, request: web.Request) -> web.Response:
        """301 to the same path with a slash, where that exists; else the 404 page."""
        if self._find(request.path + "/") is None:
            return replies.not_found_page()
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(status=301, headers={"Location": f"{request.path}/{query}"})

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        """Authentication, then throttle, then method: the order of the real server."""
        arguments: tuple[Any, ...] = (request,)
        if endpoint.with_token:
            printer = self._authenticate(request)
            if isinstance(printer, web.Response):
                return printer
            arguments = (request, printer)
        if endpoint.throttled and self._linking_throttled():
            return replies.throttled(RETRY_AFTER_S)
        method = "GET" if request.method == "HEAD" else request.method
        handler: Callable[..., Awaitable[web.Response]] | None = endpoint.methods.get(method)
        if handler is None:
            return replies.json_reply(
                {"detail": f'Method "{request.method}" not allowed.'},
                status=405,
                headers={"Allow": ", ".join(endpoint.methods)},
            )
        return await handler(*arguments)

    def _authenticate(self, request: web.Request) -> Printer | web.Response:
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "token":
            return replies.unauthorized(detail=replies.NOT_PROVIDED)
        token = token.strip()
        if not token:
            return replies.unauthorized(detail=replies.TOKEN_MISSING)
        if " " in token:
            return replies.unauthorized(detail=replies.TOKEN_WITH_SPACE)
        return self._registry.by_token(token) or replies.invalid_token()

    # without a token

    async def _root(self, request: web.Request) -> web.Response:
        return replies.html_page("Obico", "This is the sandbox's Obico Server.")

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="Okay", content_type="text/html")

    async def _verify(self, request: web.Request) -> web.Response:
        code = request.query.get("code")
        problem = _code_problem(code)
        if code is None or problem:
            return replies.json_reply({"code": [problem]}, status=400)
        linked = self._registry.redeem(code)
        if linked is None:
            return replies.json_reply({"detail": "Requested resource does not exist"}, status=404)
        return replies.json_reply(replies.verified(*linked, self._registry))

    async def _announce(self, request: web.Request) -> web.Response:
        body = await read_body_or_fault(request, JSON)
        try:
            return replies.json_reply(self._discovery.announce(body.fields))
        except KeyError as exc:
            raise ServerFault(f"field missing: {exc}") from exc

    # with a token

    async def _who_am_i(self, request: web.Request, printer: Printer) -> web.Response:
        return replies.json_reply(replies.who_am_i(printer))

    async def _patch_printer(self, request: web.Request, printer: Printer) -> web.Response:
        body = await read_body(request, JSON, FORM, MULTIPART)
        before = replies.json_reply(replies.who_am_i(printer))
        changes = body.fields
        if request.content_type != JSON:
            # What the real server stores of a form: the notation of a list of texts.
            changes = {name: str([value]) for name, value in changes.items()}
        if not PATCHABLE.issuperset(changes):
            raise ServerFault("unknown field")
        self._registry.change(printer.id, **changes)
        return before

    async def _post_picture(self, request: web.Request, printer: Printer) -> web.Response:
        body = await read_body(request, MULTIPART)
        if "pic" not in body.files:
            return web.Response(status=400)
        data = body.files["pic"]
        try:
            info = inspect_picture(data)
        except OSError as exc:
            raise ServerFault("JPEG header cut off") from exc
        is_primary = body.flag("is_primary_camera", default=True)
        if is_primary:
            self._registry.change(printer.id, last_picture=data)
        record = PictureRecord(
            at=self._registry.clock(),
            printer_id=printer.id,
            size=len(data),
            width=info.width,
            height=info.height,
            format=info.format,
            viewing_boost=body.flag("viewing_boost"),
            is_primary_camera=is_primary,
            is_nozzle_camera=body.flag("is_nozzle_camera"),
            camera_name=str(body.fields.get("camera_name", "")),
        )
        self._records.add("pictures", record)
        return replies.json_reply({"result": "ok"})

    async def _post_event(self, request: web.Request, printer: Printer) -> web.Response:
        body = await read_body(request, JSON, FORM, MULTIPART)
        if not body.fields.keys() >= {"event_type", "event_class", "event_text"}:
            raise ServerFault("field missing")
        snapshot = body.files.get("snapshot")
        try:
            body.flag("notify")
            if snapshot is not None:
                inspect_picture(snapshot)
        except (OSError, TypeError) as exc:
            raise ServerFault(str(exc)) from exc
        size = None if snapshot is None else len(snapshot)
        at = self._registry.clock()
        self._records.add("events", EventRecord(at, printer.id, body.fields, size))
        return replies.json_reply({"result": "ok"})

    async def _get_gcode(self, request: web.Request) -> web.Response:
        """A file as the server's storage gives it: for whoever has the signed address."""
        try:
            content = self.gcodes.content(int(request.path.rpartition("/")[2]))
        except KeyError:
            return replies.not_found_page()
        return web.Response(body=content, content_type="application/octet-stream")

    async def _list_gcodes(self, request: web.Request, printer: Printer) -> web.Response:
        return replies.json_reply(self.gcodes.all())

    async def _post_gcode(self, request: web.Request, printer: Printer) -> web.Response:
        body = await read_body(request, JSON, FORM, MULTIPART)
        try:
            record, is_new = self.gcodes.upsert(printer.id, body.fields, self._registry.clock())
        except KeyError as exc:
            raise ServerFault(f"field missing: {exc}") from exc
        return replies.json_reply(record, status=201 if is_new else 200)

    async def _patch_gcode(self, request: web.Request, printer: Printer) -> web.Response:
        body = await read_body(request, JSON, FORM, MULTIPART)
        file_id = int(request.path.rstrip("/").rpartition("/")[2])
        try:
            record = self.gcodes.patch(file_id, body.fields, self._registry.clock())
        except KeyError as exc:
            raise ServerFault(f"no file or field: {exc}") from exc
        return replies.json_reply(record)


async def read_body_or_fault(request: web.Request, *accepted: str) -> Any:
    """Like `read_body`, for the endpoint that fails on any other content type."""
    try:
        return await read_body(request, *accepted)
    except UnsupportedType as exc:
        raise ServerFault(str(exc)) from exc


def _code_problem(code: str | None) -> str | None:
    if code is None:
        return "This field is required."
    if not code.strip():
        return "This field may not be blank."
    if len(code) > MAX_CODE_LENGTH:
        return f"Ensure this field has no more than {MAX_CODE_LENGTH} characters."
    return None
