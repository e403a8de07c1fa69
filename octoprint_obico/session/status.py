"""The Plugin Status: what is true of the connections just now, derived from what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..server.causes import Cause
from ..server.channel_state import Snapshot, State
from ..server.errors import NO_FACTS, ChannelError
from ..server.http import CHANNEL as HTTP
from ..server.websocket import CHANNEL as WEBSOCKET
from ..server.words import Word
from .figures import Figures, Session

QUIET_S = 120.0
"""Without an error for so long, with both channels up, a connection is Okay again."""


class ServerState(Word):
    """The row "Connection to server"."""

    OKAY = "okay"
    DISCONNECTED = "disconnected"
    ERROR = "error"
    NOT_LINKED = "not_linked"


class ChannelStatus(NamedTuple):
    """One channel. `state` is a word of the DIAGNOSIS contract; times are Unix seconds."""

    state: str
    since: float | None
    cause: Cause | None = None
    facts: Mapping[str, Any] = NO_FACTS
    last_success_at: float | None = None
    last_pong_at: float | None = None
    round_trip_s: float | None = None
    """Seconds that the last ping, or the last question over HTTP, was answered in."""


class ServerStatus(NamedTuple):
    """The connection to the server as one row.

    Attributes:
        reason: why it is in this state: "connecting", "websocket_down", "failing", "recovering",
            "not_linked" or "up"; the text is chosen by it.
        recent_errors: failures within the last `QUIET_S` seconds.
        heals_at: when a recovering connection becomes Okay if nothing fails any more.
    """

    state: ServerState
    reason: str
    since: float | None
    cause: Cause | None = None
    facts: Mapping[str, Any] = NO_FACTS
    recent_errors: int = 0
    heals_at: float | None = None


class WebcamStatus(NamedTuple):
    """The connection to one webcam. state: "okay", "error", "unknown" or "not_configured"."""

    name: str
    state: str
    since: float | None = None
    cause: Cause | None = None
    facts: Mapping[str, Any] = NO_FACTS


class Status(NamedTuple):
    """All rows together."""

    server: ServerStatus
    http: ChannelStatus
    websocket: ChannelStatus
    webcams: tuple[WebcamStatus, ...]


def http_status(
    snapshot: Snapshot | None, figures: Figures, address_error: ChannelError | None = None
) -> ChannelStatus:
    """The HTTP channel, from its snapshot; None where there is no channel.

    Args:
        address_error: why there is none, where it is the address.
    """
    error = snapshot.error if snapshot is not None else address_error
    if error is not None:
        since = snapshot.down_since if snapshot is not None else figures.failing_since
        return ChannelStatus("failing", since, error.cause, error.facts, figures.last_success_at)
    if snapshot is None or snapshot.state is not State.CONNECTED:
        return ChannelStatus("unknown", None, last_success_at=figures.last_success_at)
    return ChannelStatus(
        "okay",
        # the session's times are right even where the clock was set meanwhile; they know nothing
        # of a success that was not counted
        snapshot.since if figures.okay_since is None else figures.okay_since,
        last_success_at=figures.last_success_at,
        round_trip_s=snapshot.round_trip_s,
    )


def websocket_status(snapshot: Snapshot | None, figures: Figures) -> ChannelStatus:
    """The WebSocket channel, from its supervisor's snapshot."""
    if snapshot is None:
        return ChannelStatus(State.STOPPED.value, None)
    error = snapshot.error
    return ChannelStatus(
        snapshot.state.value,
        snapshot.since if snapshot.down_since is None else snapshot.down_since,
        error.cause if error is not None else None,
        error.facts if error is not None else {},
        figures.last_success_at,
        snapshot.last_pong_at,
        snapshot.round_trip_s if snapshot.state is State.CONNECTED else None,
    )


def server_status(
    linked: bool,
    http: ChannelStatus,
    websocket: ChannelStatus,
    session: Session,
    configured_at: float,
) -> ServerStatus:
    """One row out of two channels.

    Disconnected: the WebSocket is down. Error: it is up, but HTTP fails or errors keep occurring.
    Okay: both are up, and nothing failed in the last minutes. What failed before `configured_at`
    (Unix seconds) was another address or token and does not count any more.
    """
    if not linked:
        return ServerStatus(ServerState.NOT_LINKED, "not_linked", None, Cause.NOT_LINKED)
    # HTTP is the lower layer: where it fails, the WebSocket's failure is its echo
    broken = http if http.cause is not None else websocket
    if websocket.state != State.CONNECTED.value:
        reason = "websocket_down" if broken.cause is not None else "connecting"
        return ServerStatus(
            ServerState.DISCONNECTED, reason, websocket.since, broken.cause, broken.facts
        )
    if http.cause is not None:
        return ServerStatus(ServerState.ERROR, "failing", http.since, http.cause, http.facts)
    return _settled(http, websocket, session, configured_at)


def _settled(
    http: ChannelStatus, websocket: ChannelStatus, session: Session, configured_at: float
) -> ServerStatus:
    """Both channels are up: Okay, or not yet quiet for long enough."""
    figures = [session.channel(HTTP), session.channel(WEBSOCKET)]
    start = max(session.now - QUIET_S, configured_at)
    recent = [f for channel in figures for f in channel.recent if f.at >= start]
    if not recent:
        starts = [moment for moment in (http.since, websocket.since) if moment is not None]
        return ServerStatus(ServerState.OKAY, "up", max(starts) if starts else None)
    last = max(recent, key=lambda failure: failure.at)
    first = min(recent, key=lambda failure: failure.at)
    return ServerStatus(
        ServerState.ERROR,
        "recovering",
        first.at,
        last.cause,
        last.facts,
        len(recent),
        last.at + QUIET_S,
    )


def webcam_status(name: str, configured: bool, session: Session) -> WebcamStatus:
    """The row of one webcam, by its most recent picture."""
    if not configured:
        return WebcamStatus(name, "not_configured", None, Cause.WEBCAM_NOT_CONFIGURED)
    figures = session.channel(f"webcam:{name}")
    if figures.failing is not None:
        failure = figures.failing
        return WebcamStatus(name, "error", figures.failing_since, failure.cause, failure.facts)
    if figures.attempts == 0:
        return WebcamStatus(name, "unknown")
    return WebcamStatus(name, "okay", figures.okay_since)


def failing_channels(status: Status) -> frozenset[str]:
    """The names of the channels, as they are recorded, that are in trouble just now."""
    failing = {f"webcam:{webcam.name}" for webcam in status.webcams if webcam.state == "error"}
    if status.http.cause is not None:
        failing.add(HTTP)
    if status.websocket.cause is not None and status.websocket.state != State.CONNECTED.value:
        failing.add(WEBSOCKET)
    return frozenset(failing)


def webcam_rows(webcams: Sequence[tuple[str, bool]], session: Session) -> tuple[WebcamStatus, ...]:
    """The rows of all webcams; each is given as name and whether it has any URL."""
    return tuple(webcam_status(name, configured, session) for name, configured in webcams)
