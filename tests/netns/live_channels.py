"""The live channels, run in the client's namespace, for tests to watch.

``python -m tests.netns.live_channels once URL`` opens each of the two once and says as one line of
JSON how many seconds that took. ``... hold URL`` keeps the WebSocket up as the plugin does, with a
line of JSON for each change of its state; ``... patient URL`` too, with pauses of an hour. The
token comes in OBICO_TOKEN.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.http import PRINTER_PATH, HttpClient
from octoprint_obico.server.supervisor import Supervisor
from octoprint_obico.server.websocket import Message, open_connection

_AGENT = "test/1"
_GREETING_LIMIT_S = 5.0


def once(url: str, token: str) -> None:
    """One request, and one WebSocket up to its first message."""
    address = parse_address(url)
    seconds = {}
    client, began = HttpClient(address, _AGENT), time.monotonic()
    status = client.request("GET", PRINTER_PATH, token=token).status
    seconds["http"] = time.monotonic() - began
    client.close()
    began = time.monotonic()
    connection = open_connection(address, token, _AGENT)
    greeted = isinstance(connection.poll(_GREETING_LIMIT_S), Message)
    seconds["websocket"] = time.monotonic() - began
    connection.close()
    print(json.dumps({"status": status, "greeted": greeted, "seconds": seconds}), flush=True)


def hold(url: str, token: str) -> None:
    """The live WebSocket with its supervisor, until the process is ended."""

    def status(with_settings: bool) -> Mapping[str, Any]:
        return {"status": {"_ts": time.time(), "state": {"text": "Operational", "flags": {}}}}

    def tell() -> None:
        now = supervisor.snapshot()
        cause = now.error.cause.value if now.error is not None else None
        print(json.dumps({"state": now.state.value, "cause": cause}), flush=True)

    supervisor = Supervisor(
        parse_address(url),
        token,
        _AGENT,
        record=lambda attempt: None,
        on_state=tell,
        on_message=lambda message: None,
        status=status,
        watched=lambda: True,
    )
    supervisor.start()
    threading.Event().wait()


def patient(url: str, token: str) -> None:
    """The same, where nothing but an event ends a pause."""
    Backoff.failed = lambda *_, **__: 3600.0  # type: ignore[method-assign]
    hold(url, token)


if __name__ == "__main__":
    {"once": once, "hold": hold, "patient": patient}[sys.argv[1]](
        sys.argv[2], os.environ["OBICO_TOKEN"]
    )
