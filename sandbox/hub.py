"""All WebSockets of the server: who may open one, and what is relayed between them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from sandbox import replies
from sandbox.breaker import Breaker
from sandbox.faults import SERVER_FAULTS, WEBSOCKET, Fault
from sandbox.host import reset_connection
from sandbox.records import ConnectionRecord, FrameRecord, Records, RequestRecord
from sandbox.sockets import AgentSocket, ViewerSocket
from sandbox.state import Printer, Registry
from sandbox.timing import Timing

AGENT_PATH = "/ws/dev/"
VIEWER_PATH = re.compile(r"/ws/token/web/([^/]+)/")
REPLACED = 4321
# Every message of the server but the greeting carries it.
TYPE = {"type": "printer.message"}
# In this order; the first key that is there decides, none of them means a status.
NOT_STATUS = ("janus", "http.tunnelv2", "ws.tunnel", "passthru")
# Faults that close a socket: delay (a field of Timing, None: at once), code for a socket
# that opens during the fault, code for one that was open before.
FATES: Mapping[str, tuple[str | None, int, int]] = MappingProxyType(
    {
        "ws_closed": (None, 1000, 1011),
        "ws_dropped": ("ws_dropped_after_s", 1011, 1011),
        "copied_token": ("rival_after_s", REPLACED, REPLACED),
    }
)


class Hub:
    """Used in the server's loop only."""

    def __init__(
        self, registry: Registry, records: Records, breaker: Breaker, timing: Timing
    ) -> None:
        self._registry = registry
        self._records = records
        self._breaker = breaker
        self._timing = timing
        self._agents: dict[int, AgentSocket] = {}
        self._open: set[AgentSocket] = set()
        self._viewers: dict[int, set[ViewerSocket]] = {}
        self._last_connection_id = 0

    async def handle(self, request: web.Request, record: RequestRecord) -> web.StreamResponse:
        """Answer a WebSocket handshake and serve the socket until it ends."""
        viewer = VIEWER_PATH.fullmatch(request.path)
        if viewer:
            printer = self._registry.by_token(viewer.group(1))
            if printer is None:
                return _forbidden()
            return await self._serve_viewer(request, printer, record)
        if request.path != AGENT_PATH:
            return replies.server_error_page()
        refusal = await self._broken_handshake(request)
        if refusal is not None:
            return refusal
        found = self._authenticate(request.headers.getall("Authorization", []))
        if isinstance(found, web.Response):
            return found
        return await self._serve_agent(request, found, record)

    # orders of the sandbox's user

    def connected(self, printer_id: int) -> bool:
        return printer_id in self._agents

    def send(self, message: dict[str, Any], printer_id: int | None = None) -> int:
        """Send to that printer's agent, or to all; the number of agents reached."""
        ids = self._agents.keys() if printer_id is None else self._agents.keys() & {printer_id}
        for each in ids:
            self._agents[each].send({**message, **TYPE})
        return len(ids)

    def send_binary(self, data: bytes) -> int:
        """Send a binary frame to all agents; the number of those reached."""
        for agent in self._agents.values():
            agent.send_binary(data)
        return len(self._agents)

    def close_agents(self, code: int) -> int:
        """Close all agents' sockets with that code; their number."""
        for agent in self._open:
            agent.close(code)
        return len(self._open)

    def fault_began(self, fault: Fault) -> None:
        """Let a fault act on the sockets that are open."""
        if fault.channel == WEBSOCKET and fault.cuts:
            for agent in self._open:
                agent.reset()
        self._doom(self._open, fault, code_index=2)

    def viewing(self, printer: Printer) -> bool:
        return printer.forced_viewing or bool(self._viewers.get(printer.id))

    def remote_status(self, printer: Printer) -> dict[str, bool]:
        return {"viewing": self.viewing(printer), "should_watch": printer.should_watch}

    # agents

    def _authenticate(self, headers: list[str]) -> Printer | web.Response:
        """The printer of the first `bearer` credential, which has to be lower case."""
        credentials = [part.strip() for header in headers for part in header.split(",")]
        tokens = [
            token.strip()
            for scheme, _, token in (credential.partition(" ") for credential in credentials)
            if scheme == "bearer" and token.strip()
        ]
        if not tokens:
            return replies.server_error_page()
        return self._registry.by_token(tokens[0]) or _forbidden()

    async def _broken_handshake(self, request: web.Request) -> web.Response | None:
        """Let a WebSocket fault act on the handshake; None where it is to go on."""
        breaker = self._breaker
        if breaker.is_active("ws_silent"):
            await breaker.until(lambda: not breaker.is_active("ws_silent"))
        if breaker.is_active("ws_reset"):
            reset_connection(request.transport)
            # Never done: the lost connection cancels this handler.
            await asyncio.get_running_loop().create_future()
        return breaker.canned(WEBSOCKET)

    async def _serve_agent(
        self, request: web.Request, printer: Printer, record: RequestRecord
    ) -> web.StreamResponse:
        self._last_connection_id += 1
        now = self._registry.clock()
        connection = ConnectionRecord(self._last_connection_id, printer.id, now)
        agent = AgentSocket(connection, self._records, self._breaker, self._timing, self._on_frame)
        await agent.open(request)
        self._records.update(record, status=101)
        self._enter(agent, printer)
        try:
            return await agent.serve()
        finally:
            self._leave(agent, printer)

    def _enter(self, agent: AgentSocket, printer: Printer) -> None:
        """Greet the new socket, and close the older one of the same printer."""
        older = self._agents.get(printer.id)
        self._agents[printer.id] = agent
        self._open.add(agent)
        if not self._breaker.is_active("ws_closed"):
            agent.send({"remote_status": self.remote_status(printer)})
        if older is not None:
            older.close(REPLACED)
        for fault_id in filter(None, self._breaker.active().values()):
            self._doom({agent}, SERVER_FAULTS[fault_id], code_index=1)
        self._records.add("connections", agent.record)

    def _leave(self, agent: AgentSocket, printer: Printer) -> None:
        """The stored status goes with the socket."""
        self._open.discard(agent)
        if self._agents.get(printer.id) is agent:
            del self._agents[printer.id]
            self._registry.change(printer.id, status=None)

    def _doom(self, agents: set[AgentSocket], fault: Fault, code_index: int) -> None:
        fate = FATES.get(fault.id)
        if fate is None:
            return
        delay_s = 0.0 if fate[0] is None else float(getattr(self._timing, fate[0]))
        for agent in agents:
            agent.close_after(delay_s, int(fate[code_index] or 0))

    def _on_frame(self, agent: AgentSocket, data: Any) -> None:
        printer = self._registry.printer(agent.record.printer_id)
        now = self._registry.clock()
        self._records.add("frames", FrameRecord(now, printer.id, agent.record.id, data))
        if not isinstance(data, dict):
            return
        kind = next((key for key in NOT_STATUS if key in data), "status")
        if kind == "passthru":
            self._tell_viewers(printer, {"passthru": data["passthru"]})
        elif kind == "status" and printer.deleted:
            agent.close(1000)
        elif kind == "status":
            self._store_status(printer, data, now)

    def _store_status(self, printer: Printer, data: dict[str, Any], now: float) -> None:
        status = data.get("status")
        if not status:
            self._registry.change(printer.id, status=None)
        elif isinstance(status, dict) and "_ts" in status:
            self._registry.change(printer.id, status=status, status_at=now)
        settings = data.get("settings")
        if isinstance(settings, dict):
            # An absent list of webcams keeps the former one; all else is replaced.
            kept = {k: v for k, v in printer.settings.items() if k == "webcams"}
            self._registry.change(printer.id, settings={**kept, **settings})
        self._tell_viewers(printer, replies.printer_object(printer, self._registry))

    # viewers

    async def _serve_viewer(
        self, request: web.Request, printer: Printer, record: RequestRecord
    ) -> web.StreamResponse:
        viewer = ViewerSocket(self._breaker, lambda body: self.send({"passthru": body}, printer.id))
        await viewer.open(request)
        self._records.update(record, status=101)
        self._viewers.setdefault(printer.id, set()).add(viewer)
        self._viewer_came_or_went(printer)
        viewer.send(replies.printer_object(printer, self._registry))
        try:
            return await viewer.serve()
        finally:
            self._viewers[printer.id].discard(viewer)
            self._viewer_came_or_went(printer)

    def _viewer_came_or_went(self, printer: Printer) -> None:
        self.send({"remote_status": {"viewing": self.viewing(printer)}}, printer.id)

    def _tell_viewers(self, printer: Printer, message: dict[str, Any]) -> None:
        for viewer in self._viewers.get(printer.id, ()):
            viewer.send(message)


def _forbidden() -> web.Response:
    return replies.html_page("Forbidden", "Access denied.", 403)
