"""The sandbox Obico Server: the object that tests and `make serve` hold."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.breaker import Breaker
from sandbox.discovery import Announcement, Discovery
from sandbox.faults import SERVER, SERVER_FAULTS, WEBSOCKET, Fault, find_fault
from sandbox.front import Front
from sandbox.host import Hosted, HttpHost
from sandbox.http_api import HttpApi
from sandbox.hub import Hub
from sandbox.records import (
    LIMITS,
    ConnectionRecord,
    EventRecord,
    FrameRecord,
    PictureRecord,
    Records,
    RequestRecord,
)
from sandbox.state import Printer, Registry
from sandbox.timing import Timing

FIRST_PRINTER_NAME = "Sandbox Printer"
COMMANDS = ("pause", "resume", "cancel")
DEFAULT_WAIT_S = 5.0

Result = TypeVar("Result")


class SandboxServer(Hosted):
    """A small Obico Server on loopback, with one linked printer, that can be broken on purpose.

    All methods may be called from any thread but the server's own. It is a context manager.
    ssl_context: serve https with it. clock: Unix seconds, for the dates of codes and records.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ssl_context: ssl.SSLContext | None = None,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.time,
        printer_name: str = FIRST_PRINTER_NAME,
    ) -> None:
        timing = timing or Timing()
        self._registry = Registry(clock, timing)
        self._records = Records(self._registry.changed, self._registry.redact, clock)
        self._breaker = Breaker()
        self._discovery = Discovery(self._registry.changed, clock, timing)
        self._hub = Hub(self._registry, self._records, self._breaker, timing)
        self._api = api = HttpApi(
            self._registry,
            self._records,
            self._discovery,
            linking_throttled=lambda: self._breaker.is_active("verify_throttled"),
        )
        front = Front(self._registry, self._records, self._breaker, api, self._hub, timing)
        self._host = HttpHost("sandbox-server", front.build, (host, port), ssl_context)
        self.printer = self._registry.add_printer(printer_name)

    # printers and linking

    def add_printer(self, name: str = "Another Printer") -> Printer:
        return self._registry.add_printer(name)

    def printers(self) -> list[Printer]:
        return self._registry.printers()

    def new_code(self, printer_id: int | None = None) -> str:
        """A 6-digit code for a new printer, or to link `printer_id` again."""
        return self._registry.new_code(printer_id)

    def archive(self, printer_id: int) -> None:
        self._registry.change(printer_id, archived=True)

    def unarchive(self, printer_id: int) -> None:
        self._registry.change(printer_id, archived=False)

    def delete(self, printer_id: int) -> None:
        self._registry.change(printer_id, deleted=True)

    def undelete(self, printer_id: int) -> None:
        self._registry.change(printer_id, deleted=False)

    def relink(self, printer_id: int) -> str:
        """Give the printer a new token, as if another agent had been linked; the new token."""
        return self._registry.relink(printer_id)

    def announced(self) -> list[Announcement]:
        """Unlinked agents that a user would see now."""
        return self._discovery.announced()

    def send_verify_code(self, device_id: str, secret: str, printer_id: int | None = None) -> str:
        """Link an announced agent: leave it a message with a new code; the code."""
        code = self.new_code(printer_id)
        self._discovery.send_verify_code(device_id, code, secret)
        return code

    def enter_passcode(self, passcode: str, printer_id: int | None = None) -> str:
        """Type an agent's one-time passcode into the app; the code which it then gets."""
        code = self.new_code(printer_id)
        self._discovery.enter_passcode(passcode, code)
        return code

    # G-code files

    def add_cloud_file(
        self, filename: str, safe_filename: str, content: bytes, site: str | None = None
    ) -> dict[str, Any]:
        """Upload a file to the server; its record, as the app hands it to the agent.

        site: the site address that an administrator has set, where it is not the server's own.
        """
        now, add = self._registry.clock(), self._api.gcodes.add_to_cloud
        begin = site or self.url
        return self._in_loop(lambda: dict(add(filename, safe_filename, content, begin, now)))

    @property
    def gcode_files(self) -> list[dict[str, Any]]:
        """Copies of all records."""
        return self._in_loop(lambda: [dict(record) for record in self._api.gcodes.all()])

    # what goes to the agent

    def send(self, message: dict[str, Any], printer_id: int | None = None) -> int:
        """Send any message, to one printer's agent or to all; how many were reached."""
        return self._in_loop(lambda: self._hub.send(message, printer_id))

    def send_binary(self, data: bytes) -> int:
        """Send a binary frame to all agents; how many were reached."""
        return self._in_loop(lambda: self._hub.send_binary(data))

    def send_command(
        self, cmd: str, args: dict[str, Any] | None = None, printer_id: int | None = None
    ) -> int:
        """Send `pause`, `resume` or `cancel`; how many agents were reached. Raises ValueError.

        Unlike the real server it does so without a current print, too.
        """
        if cmd not in COMMANDS:
            raise ValueError(f"unknown command {cmd!r}; known: {', '.join(COMMANDS)}")
        if args is None:
            args = self._pause_arguments() if cmd == "pause" else {}
        command = {"cmd": cmd, "args": args, "initiator": "api"}
        return self.send({"commands": [command]}, printer_id)

    def send_passthru(self, passthru: dict[str, Any], printer_id: int | None = None) -> int:
        return self.send({"passthru": passthru}, printer_id)

    def set_remote_status(
        self, viewing: bool | None = None, should_watch: bool | None = None
    ) -> int:
        """Set one or both flags for all printers and tell the agents; how many were reached."""
        wanted = {"viewing": viewing, "should_watch": should_watch}
        told = {name: value for name, value in wanted.items() if value is not None}
        if not told:
            return 0
        fields = {"viewing": "forced_viewing", "should_watch": "should_watch"}
        for printer in self._registry.printers():
            self._registry.change(printer.id, **{fields[k]: v for k, v in told.items()})
        return self.send({"remote_status": told})

    def kick(self, code: int = 1000) -> int:
        """Close all agents' sockets with that close code; how many there were."""
        return self._in_loop(lambda: self._hub.close_agents(code))

    # faults

    def set_fault(self, fault_id: str) -> None:
        """Break the server; a fault replaces the one of its channel. Raises UnknownFault."""
        fault = find_fault(SERVER_FAULTS, fault_id)
        self._host.call(self._apply(fault.channel, fault))

    def clear(self, channel: str | None = None) -> None:
        """Mend one channel ("server" or "websocket"), or both."""
        for each in (SERVER, WEBSOCKET) if channel is None else (channel,):
            self._host.call(self._apply(each, None))

    @property
    def faults(self) -> dict[str, str | None]:
        """The active fault's id, or None, by channel."""
        return self._breaker.active()

    async def _apply(self, channel: str, fault: Fault | None) -> None:
        was_unreachable = self._breaker.is_active("unreachable")
        self._breaker.set(channel, fault)
        if channel == SERVER:
            self._registry.end_fault()
            if was_unreachable:
                await self._host.accept()
        if fault is None:
            return
        self._registry.begin_fault(fault.id)
        if fault.id == "unreachable":
            await self._host.refuse()
        elif fault.channel == SERVER and fault.cuts:
            self._host.reset_all()
        self._hub.fault_began(fault)

    # what came from the agent

    @property
    def requests(self) -> list[RequestRecord]:
        return self._records.copies("requests")

    @property
    def frames(self) -> list[FrameRecord]:
        return self._records.copies("frames")

    @property
    def pictures(self) -> list[PictureRecord]:
        return self._records.copies("pictures")

    @property
    def events(self) -> list[EventRecord]:
        return self._records.copies("events")

    @property
    def connections(self) -> list[ConnectionRecord]:
        return self._records.copies("connections")

    def received(self, kind: str, limit: int = 50) -> list[dict[str, Any]]:
        """The newest records, ready for JSON, tokens hidden. Raises ValueError."""
        if kind not in LIMITS:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(LIMITS)}")
        return self._records.as_json(kind, limit)

    def forget(self) -> None:
        """Empty the records; open connections stay listed."""
        self._records.forget()

    @property
    def agent_connected(self) -> bool:
        """At least one agent's WebSocket is open."""
        return any(connection.is_open for connection in self.connections)

    def wait_for(self, predicate: Callable[[], object], timeout: float = DEFAULT_WAIT_S) -> bool:
        """Wait until the predicate is true; False after `timeout` seconds.

        It is asked again on each change of the records, the printers and the codes.
        """
        with self._registry.changed:
            return bool(self._registry.changed.wait_for(lambda: bool(predicate()), timeout))

    def snapshot(self) -> dict[str, Any]:
        """The state for the control page: JSON, without any token."""
        with self._registry.changed:
            return {
                "url": self.url,
                "faults": self.faults,
                "agent_connected": self.agent_connected,
                "printers": [self._printer_row(printer) for printer in self.printers()],
                "connections": self.received("connections", limit=5),
                "counts": {kind: len(self._records.copies(kind)) for kind in LIMITS},
            }

    def _printer_row(self, printer: Printer) -> dict[str, Any]:
        status = self._registry.current_status(printer) or {}
        state = status.get("state")
        row = {
            "id": printer.id,
            "name": printer.name,
            "archived": printer.archived,
            "deleted": printer.deleted,
            "connected": self._hub.connected(printer.id),
            "state_text": state.get("text") if isinstance(state, dict) else None,
            **self._hub.remote_status(printer),
        }
        return {name: self._records.presentable(value) for name, value in row.items()}

    def _pause_arguments(self) -> dict[str, Any]:
        printer = self.printer
        arguments: dict[str, Any] = {
            "retract": printer.retract_on_pause,
            "lift_z": printer.lift_z_on_pause,
        }
        heaters = {"tools_off": printer.tools_off_on_pause, "bed_off": printer.bed_off_on_pause}
        arguments.update({name: True for name, off in heaters.items() if off})
        return arguments

    def _in_loop(self, function: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return function()

        return self._host.call(run())
