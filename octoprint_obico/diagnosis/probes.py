"""Two ways to prove the WebSocket: a connection of our own, or the live channel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..server.address import parse_address
from ..server.causes import Cause
from ..server.channel_state import State
from ..server.deadline import Deadline
from ..server.errors import AddressError, ChannelError, Stage
from ..server.supervisor import Supervisor
from ..server.trust import NO_EXTRA, Trust
from ..server.websocket import CLOSE_REPLACED, Closed, Connection, Message, Pong, open_connection
from .progress import Progress

_PING = b"diagnosis"
_CHECK_ID = "websocket"
_WATCH_SHARE = 0.15
"""A healthy run may take 1.5 times its round trips, and computing takes its part as well."""
_LEAST_WATCH_S = 0.1
"""Since it was opened; on a quick line, where round trips are next to nothing."""
_LONGEST_WATCH_S = 3.0
_LONG_RUN_S = 6.0
"""A run that has taken so long has somebody waiting, and has watched meanwhile."""
_LOOK_S = 0.05
"""How often it is looked whether the other checks have ended."""
_ENOUGH = 3
"""Connections that lived equally long, before that is called a pattern."""
_WITHIN_SECONDS_S = 5.0
"""A connection that was dropped so soon makes its successor suspect at once."""
_SHARED_TRUST_S = 60.0
"""A connection that a rival leaves alone for so long counts as working, with a warning."""

Probe = Callable[[Deadline, Progress], Mapping[str, Any]]


def own_connection_probe(
    address_text: str, token: str, user_agent: str, trust: Trust = NO_EXTRA
) -> Probe:
    """A probe that opens its own socket with the token, for the stand-alone command.

    The server thereby closes an older socket of the same token (PROTOCOL 4.2), so a running plugin
    loses its connection for a moment.

    What it has proved it goes on watching, as far as that costs next to nothing: while other checks
    run, and then for a part of the time that the run has taken. A server that drops connections, or
    a second user of the token, shows only then. Not for long: a plugin that we have thrown out
    gives way for 5 s, then it comes back.
    """

    def probe(deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        try:
            address = parse_address(address_text)
        except AddressError as error:
            raise ChannelError(error.cause, Stage.ADDRESS, error, error.facts) from error
        started = time.monotonic()
        connection = open_connection(address, token, user_agent, deadline.remaining(), trust=trust)
        try:
            opened_ms = round((time.monotonic() - started) * 1000)
            round_trip_ms = _proved(connection, deadline, address.facts)
            _watch(connection, deadline, progress, address.facts)
            seconds = round(connection.age_s, 1)
        finally:
            connection.close()
        return {
            "opened_ms": opened_ms,
            "round_trip_ms": round_trip_ms,
            "watched_s": seconds,
            "live": False,
        }

    return probe


def _proved(connection: Connection, deadline: Deadline, facts: Mapping[str, Any]) -> int:
    """Wait for the server's first message and for a pong; return the ping's milliseconds."""
    greeted, answered_ms = False, None
    connection.ping(_PING)
    pinged = time.monotonic()
    while not (greeted and answered_ms is not None):
        event = None if deadline.over else connection.poll(deadline.remaining())
        if isinstance(event, Message):
            greeted = True
        elif isinstance(event, Pong):
            answered_ms = round((time.monotonic() - pinged) * 1000)
        elif isinstance(event, Closed):
            raise _closed(event, connection, facts)
        elif deadline.over:
            seen = {**facts, "seconds": round(connection.age_s, 1)}
            raise ChannelError(
                Cause.WEBSOCKET_UNRESPONSIVE, Stage.OPEN, "opened, but nothing comes back", seen
            )
    return answered_ms


def _watch(
    connection: Connection, deadline: Deadline, progress: Progress, facts: Mapping[str, Any]
) -> None:
    """Go on looking whether it stays open; raise what closes it."""
    end: Deadline | None = None
    deadline = deadline.within(_LONGEST_WATCH_S)
    while not deadline.over:
        if end is None and progress.is_last(_CHECK_ID):
            least = _LEAST_WATCH_S - connection.age_s
            took_s = progress.elapsed_s
            share = _WATCH_SHARE * took_s if took_s < _LONG_RUN_S else 0.0
            end = deadline.within(max(least, share))
        if end is not None and end.over:
            return
        event = connection.poll(min(_LOOK_S, (end or deadline).remaining()))
        if isinstance(event, Closed):
            raise _closed(event, connection, facts)


def _closed(event: Closed, connection: Connection, facts: Mapping[str, Any]) -> ChannelError:
    seen = {
        **facts,
        "seconds": round(connection.age_s, 1),
        "reason": event.reason,
        "code": event.code if event.code is not None else "none",
    }
    # We are the second user of the token ourselves: whoever replaces us is a third
    cause = Cause.CREDENTIALS_SHARED if event.code == CLOSE_REPLACED else Cause.WEBSOCKET_DROPPED
    return ChannelError(cause, Stage.OPEN, f"closed with code {seen['code']}", seen)


def live_probe(supervisor: Supervisor) -> Probe:
    """A probe of the running channel: it is asked for a pong, or for an attempt if it is down."""

    def probe(deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        _be_connected(supervisor, deadline)
        try:
            evidence = _live_pong(supervisor, deadline)
        except ChannelError as error:
            if not _says_nothing_yet(error):
                raise
            _be_connected(supervisor, deadline)
            evidence = _live_pong(supervisor, deadline)
        _outlive_the_last(supervisor, deadline)
        return evidence

    return probe


def _says_nothing_yet(error: ChannelError) -> bool:
    """Whether the connection has just ended under our hands: why shows when it is opened anew.

    Not where another one took over: he may be the stand-alone command, which is given way to.
    """
    dropped = error.cause is Cause.WEBSOCKET_DROPPED
    return dropped and error.facts.get("code") != CLOSE_REPLACED


def _be_connected(supervisor: Supervisor, deadline: Deadline) -> None:
    """Have the channel connected: where it is not, by an attempt. Raises what that failed with."""
    before = supervisor.snapshot()
    if before.state is State.CONNECTED:
        return
    supervisor.retry_now(counted=False)
    after = supervisor.wait(
        lambda now: now.attempts > before.attempts or now.state is State.STOPPED,
        deadline.remaining(),
    )
    if after.state is State.CONNECTED:
        return
    if after.attempts > before.attempts and after.error is not None:
        raise after.error  # not an older one: that was another attempt's
    raise ChannelError(
        Cause.WEBSOCKET_HANDSHAKE_TIMED_OUT, Stage.HANDSHAKE, "no attempt ended in time"
    )


def _outlive_the_last(supervisor: Supervisor, deadline: Deadline) -> None:
    """Trust a connection whose predecessors were dropped within seconds only once it lives longer.

    What lives for minutes cannot be waited for: it is called dropped where the last ones all lived
    equally long, as an idle time-out of a proxy lets them.
    """
    now = supervisor.snapshot()
    drop = now.last_drop
    if drop is None or not now.lived_s:
        return
    needed_s = now.lived_s[-1] * 1.5 + 1.0 - (time.time() - now.since)
    if now.lived_s[-1] <= _WITHIN_SECONDS_S:
        if needed_s > 0:
            patience_s = min(needed_s, deadline.remaining())
            now = supervisor.wait(lambda seen: seen.state is not State.CONNECTED, patience_s)
        if now.state is not State.CONNECTED:
            raise now.last_drop or drop
    elif needed_s > 0 and _alike(now.lived_s):
        raise drop


def _alike(lifetimes: tuple[float, ...]) -> bool:
    return len(lifetimes) >= _ENOUGH and max(lifetimes) - min(lifetimes) <= 0.1 * max(lifetimes)


def _live_pong(supervisor: Supervisor, deadline: Deadline) -> Mapping[str, Any]:
    before = supervisor.snapshot()
    started = time.monotonic()
    supervisor.ping_now()
    after = supervisor.wait(
        lambda now: now.last_pong_at != before.last_pong_at or now.state is not State.CONNECTED,
        deadline.remaining(),
    )
    if after.state is not State.CONNECTED and after.error is not None:
        raise after.error
    if after.last_pong_at == before.last_pong_at:
        raise ChannelError(
            Cause.WEBSOCKET_UNRESPONSIVE,
            Stage.OPEN,
            "open, but no answer to a ping",
            {"seconds": round(time.monotonic() - started, 1)},
        )
    open_for_s = time.time() - after.since
    if after.shared and open_for_s < _SHARED_TRUST_S:
        raise ChannelError(
            Cause.CREDENTIALS_SHARED, Stage.OPEN, "replaced again and again in the last minutes"
        )
    return {
        "round_trip_ms": round((time.monotonic() - started) * 1000),
        "open_for_s": round(open_for_s),
        "live": True,
        "shared": after.shared,
    }
