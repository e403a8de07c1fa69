"""The sandbox server's time constants; tests shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """All in seconds. The defaults are those of a real Obico Server, as it was observed."""

    ping_after_s: float = 20.0
    """Silence of the agent (no data frame) after which the server sends a ping."""
    drop_after_s: float = 30.0
    """Wait for the pong, after which the connection is reset."""
    close_wait_s: float = 1.0
    """Wait for the agent's half of the close handshake, after which the connection is reset."""
    max_age_s: float = 24 * 3600.0
    """Age at which a socket is closed with 1000."""
    code_lifetime_s: float = 2 * 3600.0
    """How long a 6-digit code is valid."""
    status_lifetime_s: float = 120.0
    """Age at which a stored status is forgotten: the printer then shows as offline."""
    announcement_s: float = 4.0
    """How long an unlinked agent's announcement is remembered."""
    message_s: float = 60.0
    """How long a message to an unlinked agent waits to be fetched."""

    slow_s: float = 1.5
    """Fault `slow`: delay of every answer."""
    ws_dropped_after_s: float = 2.0
    """Fault `ws_dropped`: life of a socket."""
    rival_after_s: float = 1.0
    """Fault `copied_token`: time until the rival connects and the socket is closed with 4321."""
