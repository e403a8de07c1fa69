"""The state of a channel, as everybody but its owner sees it, and what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import ChannelError
from .words import Word


class State(Word):
    """Where the channel is (DIAGNOSIS contract, channel states)."""

    OFFLINE = "offline"
    """Nothing was tried yet."""
    CONNECTING = "connecting"
    """It tries, and what ended last, if anything, was no success."""
    CONNECTED = "connected"
    """The server has spoken, or its last answer over HTTP was good."""
    WAITING = "waiting"
    """The last try failed; the next one comes after a pause."""
    STOPPED = "stopped"


Transitions = Mapping[State, frozenset[State]]

WEBSOCKET_TRANSITIONS: Transitions = {
    State.OFFLINE: frozenset({State.CONNECTING, State.STOPPED}),
    State.CONNECTING: frozenset({State.CONNECTED, State.WAITING, State.STOPPED}),
    State.CONNECTED: frozenset({State.WAITING, State.STOPPED}),
    State.WAITING: frozenset({State.CONNECTING, State.STOPPED}),
    State.STOPPED: frozenset(),
}
"""What may follow each state."""

HTTP_TRANSITIONS: Transitions = {
    **WEBSOCKET_TRANSITIONS,
    # one call fails while another, of another thread, is still under way
    State.CONNECTED: WEBSOCKET_TRANSITIONS[State.CONNECTED] | {State.CONNECTING},
}


class Snapshot(NamedTuple):
    """What a channel tells of itself. Times are Unix seconds."""

    state: State
    since: float
    down_since: float | None = None
    """Since when it is not connected; None while it is."""
    error: ChannelError | None = None
    """What the last try failed with; None after a success, and before the first end of one."""
    round_trip_s: float | None = None
    """Seconds that the last ping, or question over HTTP, was answered in; None before one was."""
    attempts: int = 0
    """Finished attempts to connect, or calls; changes whenever one ends, however it ends."""

    # of the WebSocket only
    last_pong_at: float | None = None
    last_drop: ChannelError | None = None
    """How the last connection ended that was soon closed again."""
    lived_s: tuple[float, ...] = ()
    """For how many seconds the last three of such connections in a row, without a failed attempt
    between them, were open; the latest last."""
    shared: bool = False
    """Replaced again and again by another user of the token."""


def follow(before: Snapshot, now: float, *, attempt: bool, **changes: Any) -> Snapshot:
    """The snapshot after these changes, at a time in Unix seconds.

    Args:
        attempt: whether an attempt has ended with them.
    """
    state = changes.get("state", before.state)
    if state is not before.state:
        changes["since"] = now
    if state is State.CONNECTED:
        changes["down_since"] = None
    elif before.down_since is None:
        changes["down_since"] = now
    return before._replace(attempts=before.attempts + attempt, **changes)
