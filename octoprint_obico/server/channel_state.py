"""The WebSocket channel's state, as everybody but its owner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .errors import ChannelError


class State(str, Enum):
    """Where the channel is (DIAGNOSIS contract, channel states)."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Snapshot:
    """The channel's state for everybody else. Times are Unix seconds."""

    state: State
    since: float
    down_since: float | None = None
    """Since when it is not connected; None while it is."""
    error: ChannelError | None = None
    last_pong_at: float | None = None
    attempts: int = 0
    """Finished attempts to connect; changes whenever one ends, however it ends."""
    drops: int = 0
    """Connections in a row that were open and soon closed again, without a failed attempt."""
    last_drop: ChannelError | None = None
    """How the last of them ended."""
    last_lived_s: float = 0.0
    """How long it had been open, in seconds."""
    shared: bool = False
    """Replaced again and again by another user of the token."""
