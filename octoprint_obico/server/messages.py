"""What travels over the WebSocket, as data: the server's messages read, ours written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

COMMANDS = frozenset({"pause", "resume", "cancel"})
"""The printer commands that a server sends (PROTOCOL 6.1)."""

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


def parse_message(text: str) -> ServerMessage | None:
    """Return what a text frame of the server says; None where it is not a JSON object."""
    try:
        value = json.loads(text)
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
    )


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


def encode(message: Mapping[str, Any]) -> str:
    """A message as the text of a frame. Raises ValueError for what JSON cannot say (NaN)."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
