"""Proves the WebSocket beside a running plugin, without throwing its connection out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..server.causes import Cause
from ..server.deadline import Deadline
from ..server.errors import ChannelError
from ..server.live_file import LiveState, read_live
from ..server.words import iso
from .probes import Probe
from .progress import Progress

_LOOK_S = 0.1
"""How often the file is looked at while the plugin connects: nothing announces its change."""
_SETTLE_S = 5.0
"""How long a connection that the plugin is opening just now is waited for."""
_TAKEN_OVER_S = 2.0
"""Until the plugin, whose new connection has ended ours, has written that."""


def running_plugin_probe(path: Path, server: str, own: Probe) -> Probe:
    """A probe that takes the running plugin's word where its connection is up.

    Only where no plugin runs, or its connection is down, or it tells of another server, is a
    connection of our own opened.

    Args:
        path: the plugin's status file (`server.live_file`).
        server: the address to prove, as `Address.url` writes it.
        own: opens a connection of its own.
    """

    def probe(deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        live = _settled(path, server, deadline.within(_SETTLE_S), lambda now: now.is_connecting)
        if live is not None and live.is_up:
            return _evidence(live)
        try:
            return own(deadline, progress)
        except ChannelError as error:
            if error.cause is not Cause.CREDENTIALS_SHARED:
                raise
            # the plugin itself may have come back and taken over: that is no stranger
            wait = deadline.within(_TAKEN_OVER_S)
            after = _settled(path, server, wait, lambda now: not now.is_up)
            if after is None or not after.is_up:
                raise
            return _evidence(after)

    return probe


def _settled(
    path: Path, server: str, deadline: Deadline, is_passing: Callable[[LiveState], bool]
) -> LiveState | None:
    """What the plugin says of this server, once that does not merely pass, or the time is up."""
    never = threading.Event()
    while True:
        live = read_live(path)
        if live is None or live.server != server:
            return None
        if deadline.over or not is_passing(live):
            return live
        never.wait(min(_LOOK_S, deadline.remaining()))


def _evidence(live: LiveState) -> Mapping[str, Any]:
    pong = live.last_pong_at
    return {
        "live": True,
        "running_plugin": True,
        "process": live.pid,
        "since": iso(live.since),
        "open_for_s": max(0, round(time.time() - live.since)),
        "last_pong_at": iso(pong) if pong is not None else None,
        "shared": live.shared,
    }
