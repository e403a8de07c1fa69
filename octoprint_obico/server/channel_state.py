"""The WebSocket channel's state, as everybody but its owner sees it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from .errors import ChannelError
from .words import Word

log = logging.getLogger("octoprint.plugins.obico.websocket")


class State(Word):
    """Where the channel is (DIAGNOSIS contract, channel states)."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Snapshot:
    """The channel's state for everybody else. Times are Unix seconds."""

    state: State
    since: float
    down_since: float | None = None
    """Since when it is not connected; None while it is."""
    error: ChannelError | None = None
    last_pong_at: float | None = None
    round_trip_s: float | None = None
    """Seconds that the last ping was answered in; None before one was."""
    attempts: int = 0
    """Finished attempts to connect; changes whenever one ends, however it ends."""
    last_drop: ChannelError | None = None
    """How the last connection ended that was soon closed again."""
    lived_s: tuple[float, ...] = ()
    """For how many seconds the last three of such connections in a row, without a failed attempt
    between them, were open; the latest last."""
    shared: bool = False
    """Replaced again and again by another user of the token."""


def log_transition(before: Snapshot, after: Snapshot) -> None:
    """Write one line for a change of state; what merely repeats goes to DEBUG."""
    error = after.error
    again = error is not None and before.error is not None and error.cause is before.error.cause
    level = logging.DEBUG if again or after.state is State.CONNECTING else logging.INFO
    reason = f": {error}" if error is not None and after.state is State.WAITING else ""
    log.log(level, "WebSocket: %s -> %s%s", before.state, after.state, reason)
