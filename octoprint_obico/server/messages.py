"""What travels over the WebSocket, as data: the server's messages read, ours written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

COMMANDS = frozenset({"pause", "resume", "cancel"})
"""The printer commands that a server sends (PROTOCOL 6.1)."""

_MOST_REF = 200
_MAX_ITEMS = 20
"""Commands taken from one frame; a server sends one or two."""


class Command(NamedTuple):
    """A printer command with its options."""

    name: str
    args: Mapping[str, Any]
    initiator: str


class RemoteStatus(NamedTuple):
    """Who watches and whether failure detection is wanted; None means unchanged (PROTOCOL 6.2)."""

    viewing: bool | None = None
    should_watch: bool | None = None


class ServerMessage(NamedTuple):
    """One frame of the server; it can hold several kinds at once (PROTOCOL 6)."""

    commands: tuple[Command, ...] = ()
    remote_status: RemoteStatus | None = None
    passthru: Mapping[str, Any] | None = None
    rejected: tuple[str, ...] = ()
    tunnel_ref: str | None = None
    """A browser asks for one of OctoPrint's own pages (PROTOCOL 8.1)."""


def parse_message(data: str | bytes) -> ServerMessage | None:
    """Return what a frame of the server says; None where it is neither a JSON object nor BSON."""
    try:
        value = _read(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    commands, rejected = _commands(value.get("commands"))
    passthru = value.get("passthru")
    return ServerMessage(
        commands,
        _remote_status(value.get("remote_status")),
        passthru if isinstance(passthru, dict) else None,
        rejected,
        _tunnel_ref(value.get("http.tunnelv2")),
    )


def _read(data: str | bytes) -> Any:
    if isinstance(data, str):
        return json.loads(data)
    from .bson import read_document  # most servers write none but for the tunnel

    return read_document(data)


def _tunnel_ref(value: Any) -> str | None:
    ref = value.get("ref") if isinstance(value, dict) else None
    return ref if isinstance(ref, str) and 0 < len(ref) <= _MOST_REF else None


def _commands(value: Any) -> tuple[tuple[Command, ...], tuple[str, ...]]:
    accepted, rejected = [], []
    for item in value[:_MAX_ITEMS] if isinstance(value, list) else []:
        name = item.get("cmd") if isinstance(item, dict) else None
        if not isinstance(name, str) or name not in COMMANDS:
            rejected.append(str(name)[:40])
            continue
        args = item.get("args")
        initiator = str(item.get("initiator", "unknown"))[:20]
        accepted.append(Command(name, args if isinstance(args, dict) else {}, initiator))
    return tuple(accepted), tuple(rejected)


def _remote_status(value: Any) -> RemoteStatus | None:
    if not isinstance(value, dict):
        return None
    viewing, should_watch = value.get("viewing"), value.get("should_watch")
    return RemoteStatus(
        viewing if isinstance(viewing, bool) else None,
        should_watch if isinstance(should_watch, bool) else None,
    )


def passthru_answer(ref: str, error: str) -> dict[str, Any]:
    """The answer to a passthru call that is not carried out (PROTOCOL 7.1)."""
    return {"passthru": {"ref": ref, "error": error}}


def passthru_result(ref: str, result: Any) -> dict[str, Any]:
    """The answer to a passthru call that was carried out."""
    return {"passthru": {"ref": ref, "ret": result}}


def printer_event(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A printer event for whoever views the printer just now (PROTOCOL 5.6); nobody keeps it."""
    shown = {key: value for key, value in fields.items() if key != "notify"}
    return {"passthru": {"printer_event": shown}}


def tunnel_refusal(ref: str) -> dict[str, Any]:
    """The answer to a browser that asks for OctoPrint's own pages, which are not carried yet.

    Without it the browser would wait for a minute, and be told that OctoPrint is not there.
    """
    response = {
        "status": 501,
        "headers": {"Content-Type": "text/plain; charset=utf-8"},
        "content": "Obico for OctoPrint does not carry OctoPrint's own pages yet.",
    }
    return {"http.tunnelv2": {"ref": ref, "response": response}}


def encode(message: Mapping[str, Any]) -> str:
    """A message as the text of a frame. Raises ValueError for what JSON cannot say (NaN)."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
