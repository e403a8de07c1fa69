"""Keeps the WebSocket open: connects, proves, pings, notices its end, waits, connects again.

One thread owns the connection. Others talk to it through a queue and a wake-up socket, so nobody
ever waits for the network.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from .address import Address
from .backoff import Backoff
from .causes import Cause
from .channel_state import WEBSOCKET_TRANSITIONS, Snapshot, State, follow
from .courier import Courier
from .deadline import Cancel
from .errors import Attempt, ChannelError, Stage
from .faults import Faults
from .journal import Journal, Once, write
from .messages import ServerMessage, encode, parse_message
from .pause import Pause
from .status_pace import StatusPace
from .trust import NO_EXTRA, Trust
from .waker import Waker
from .websocket import (
    CHANNEL,
    CLOSE_REPLACED,
    Closed,
    Connection,
    Message,
    Pong,
    open_connection,
)

log = logging.getLogger("octoprint.plugins.obico.websocket")

PING_INTERVAL_S = 8.0
PONG_TIMEOUT_S = 5.0
"""A frozen peer is noticed after both together: 13 s at the most."""

FIRST_MESSAGE_TIMEOUT_S = 6.0
"""The server speaks first, at once (PROTOCOL 6.2); an open socket alone proves nothing."""

_ATTEMPT_S, _FIRST_MESSAGE_LEAST_S = 8.0, 2.0
"""A whole attempt, up to that message: the pauses reckon with it. One that was slow to open has a
little more."""

SHORT_LIVED_S = 150.0
"""A connection that ends before this age was dropped soon; idle time-outs are shorter."""

SHARED_WINDOW_S = 600.0
"""Replaced twice (close code 4321) within this time: another printer uses the same token.
Longer than the pause that follows, so that a rival who stays is still found after it."""

SHARED_CLEARED_S = 330.0
"""A connection that lives longer than a rival of our kind pauses: the rival is gone."""

_GOOD_BYE_S = 0.5  # what the server has to close as well, where it is we who stop
_QUEUE, _LIFETIMES = 100, 3


class Supervisor:
    """The live WebSocket channel.

    Args:
        record: takes each finished attempt (not those that a diagnosis asked for).
        on_state: called after each change of state, from the channel's thread.
        on_message: takes what the server says, from the channel's thread; must return soon.
        status: builds the next status message; told whether it is the connection's first.
        viewed: whether somebody views the printer in the app: then it is sent more often.
        watched: whether somebody looks at the status just now: then pauses are short.
        courier: brings printer events over the connection.
    """

    def __init__(
        self,
        address: Address,
        token: str,
        user_agent: str,
        *,
        record: Callable[[Attempt], None],
        on_state: Callable[[], None],
        on_message: Callable[[ServerMessage], None],
        status: Callable[[bool], Mapping[str, Any] | None],
        watched: Callable[[], bool],
        viewed: Callable[[], bool] = lambda: False,
        trust: Trust = NO_EXTRA,
        courier: Courier | None = None,
    ) -> None:
        self._address, self._token, self._user_agent = address, token, user_agent
        self._trust = trust
        self._record, self._on_state, self._on_message = record, on_state, on_message
        self._status, self._watched = status, watched
        self._faults = Faults(record, log)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._snapshot = Snapshot(State.OFFLINE, time.time(), down_since=time.time())
        self._journal = Journal("WebSocket", WEBSOCKET_TRANSITIONS)
        self._odd = Once()
        self._queue: deque[Mapping[str, Any]] = deque(maxlen=_QUEUE)
        self._pace = StatusPace(viewed)
        self._uncounted = False
        self._stop = threading.Event()
        self._cancel = Cancel()
        self._waker = Waker()
        self._pause = Pause(self._waker)
        self._connection: Connection | None = None
        self._proved_at: float | None = None
        self._replaced_at: deque[float] = deque(maxlen=2)
        self._pong_payload = 0
        self._courier = courier or Courier()
        run = self._faults.guarded("the WebSocket channel", self._run, self._stop)
        self._thread = threading.Thread(target=run, name="obico-websocket", daemon=True)

    # ---- for everybody else ------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the connection and the thread, waiting up to `timeout_s` seconds for both."""
        self._stop.set()
        self._pause.end()
        if self._thread.ident is None:
            return  # was never started
        if self._connection is None:
            self._cancel.cancel()
        self._thread.join(timeout_s / 2)
        if self._thread.is_alive():
            self._cancel.cancel()
            self._thread.join(timeout_s / 2)

    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot

    def send(self, message: Mapping[str, Any]) -> int:
        """Queue a message; the oldest is lost where more than a hundred wait. Tells how many do."""
        self._queue.append(message)
        self._waker.wake()
        return len(self._queue)

    def wake(self) -> None:
        """An event waits in the outbox. Never blocks."""
        self._waker.wake()

    def send_status(self) -> None:
        """Send the status as soon as possible; several calls become one message."""
        self._pace.ask()
        self._waker.wake()

    def retry_now(self, *, counted: bool = True) -> None:
        """End a pause between attempts. The next attempt is counted unless said otherwise."""
        if self.snapshot().state is State.WAITING:
            self._uncounted = not counted
            self._pause.end()

    def ping_now(self) -> None:
        """Ask the peer for a sign of life, without waiting for the next regular ping."""
        self.send(_PING)

    def wait(self, condition: Callable[[Snapshot], bool], timeout_s: float) -> Snapshot:
        """Wait until the snapshot meets the condition, or the time is up; return the last one."""
        with self._changed:
            self._changed.wait_for(lambda: condition(self._snapshot), timeout_s)
            return self._snapshot

    # ---- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            began, self._proved_at = time.monotonic(), None
            counted, self._uncounted = not self._uncounted, False
            ended: ChannelError | None = None
            try:
                self._one_connection(counted)
            except ChannelError as error:
                ended = error
                self._failed(error, counted)
            except Exception as error:  # a fault of ours must not end the thread; it is logged
                self._faults.note("the WebSocket channel", error)
                self._failed(ChannelError(Cause.UNKNOWN_ERROR, Stage.OPEN, error), ours=True)
            now = time.monotonic()
            proved = self._proved_at or now
            delay_s = backoff.failed(
                ended,
                watched=self._watched(),
                shared=self.snapshot().shared,
                took_s=proved - began,
                lived_s=now - proved,
            )
            self._pause.wait(delay_s, heed_addresses=not self.snapshot().shared)
        self._set(state=State.STOPPED, error=None)
        self._waker.close()
        self._pause.close()

    def _one_connection(self, counted: bool) -> None:
        began = time.monotonic()
        self._set(state=State.CONNECTING, round_trip_s=None)
        connection = open_connection(
            self._address, self._token, self._user_agent, cancel=self._cancel, trust=self._trust
        )
        self._connection = connection
        try:
            connection.watch(self._waker.readable)
            if not self._prove(connection, began):
                return  # stopping
            if counted:
                self._record(Attempt.success(CHANNEL))
            self._serve(connection)
        finally:
            self._courier.lost()
            connection.close(_GOOD_BYE_S if self._stop.is_set() else 0.0)
            self._connection = None

    def _prove(self, connection: Connection, began: float) -> bool:
        """Wait for the server's first message; only then is the channel connected."""
        opened = connection.opened_at
        end = min(opened + FIRST_MESSAGE_TIMEOUT_S, began + _ATTEMPT_S)
        end = max(end, opened + _FIRST_MESSAGE_LEAST_S)
        while not self._stop.is_set():
            left = end - time.monotonic()
            if left <= 0:
                raise ChannelError(
                    Cause.WEBSOCKET_UNRESPONSIVE,
                    Stage.OPEN,
                    "opened, but the server said nothing",
                    {**self._address.facts, "seconds": round(connection.age_s, 1)},
                    down_for_s=connection.age_s,
                )
            event = connection.poll(left)
            self._waker.drain()
            if isinstance(event, Closed):
                raise self._dropped(event, connection)
            if isinstance(event, Message):
                self._proved_at = time.monotonic()
                self._set(state=State.CONNECTED, error=None, last_pong_at=time.time(), attempt=True)
                self._take(event)
                return True
        return False

    def _serve(self, connection: Connection) -> None:
        """Pass messages both ways until the connection ends. Returns only when stopping."""
        now = time.monotonic()
        heard, is_first = now, True
        pinged: float | None = None
        counted = True
        self._pace.begin()
        while not self._stop.is_set():
            now = time.monotonic()
            # events first: one that ends a print must arrive before the status without it
            ping_wanted = self._send_queued(connection)
            self._courier.send_next(connection, self._pong_payload)
            proof_wanted = self._courier.wants_proof(self._pong_payload)
            is_held_back = self._courier.is_behind
            if now >= self._pace.due_at() and not is_held_back:
                self._pace.sent(now)
                is_first = not self._send_status(connection, is_first) and is_first
            if pinged is None and (ping_wanted or proof_wanted or now - heard >= PING_INTERVAL_S):
                pinged, counted = now, not (ping_wanted or proof_wanted)
                self._ping(connection)
            if pinged is not None and now - pinged >= PONG_TIMEOUT_S:
                raise self._unresponsive(connection, now - heard)
            due = pinged + PONG_TIMEOUT_S if pinged is not None else heard + PING_INTERVAL_S
            event = connection.poll((due if is_held_back else min(due, self._pace.due_at())) - now)
            self._waker.drain()
            if isinstance(event, Closed):
                raise self._dropped(event, connection)
            if isinstance(event, Message):
                self._take(event)
            if isinstance(event, Pong):
                heard, pinged = time.monotonic(), None
                self._courier.heard(event.payload)
                if counted:  # not one that a diagnosis asked for
                    self._record(Attempt.success(CHANNEL))
                self._lived(connection)
        # stopping is no error

    def _send_status(self, connection: Connection, is_first: bool) -> bool:
        message = self._status(is_first)
        if message is None:
            return False
        connection.send_text(encode(message))
        return True

    def _send_queued(self, connection: Connection) -> bool:
        """Send what is queued; return whether a ping was asked for."""
        ping_wanted = False
        while self._queue:
            message = self._queue.popleft()
            if message is _PING:
                ping_wanted = True
            else:
                connection.send_text(encode(message))
        return ping_wanted

    def _ping(self, connection: Connection) -> None:
        self._pong_payload += 1
        connection.ping(str(self._pong_payload).encode("ascii"))

    def _lived(self, connection: Connection) -> None:
        cleared = {"shared": False} if connection.age_s > SHARED_CLEARED_S else {}
        self._set(last_pong_at=time.time(), round_trip_s=connection.round_trip_s, **cleared)

    def _take(self, event: Message) -> None:
        message = parse_message(event.data)
        if message is None:
            if self._odd.is_new("no message"):
                log.debug("The server sends what is no object; it is passed over")
            return
        for name in message.rejected:
            if self._odd.is_new(name):
                log.warning("The server sent a command that is not known: %r", name)
        try:
            self._on_message(message)
        except Exception as error:  # the printer's side must not end the connection; it is logged
            self._faults.note("carrying out a message of the server", error)

    # ---- how it ends -------------------------------------------------------------------------

    def _dropped(self, event: Closed, connection: Connection) -> ChannelError:
        facts = {
            **self._address.facts,
            "seconds": round(connection.age_s, 1),
            "code": event.code if event.code is not None else "none",
            "reason": event.reason,
        }
        if event.code == CLOSE_REPLACED and self._note_replaced():
            why = "closed with 4321 again: another printer uses the same token"
            return ChannelError(Cause.CREDENTIALS_SHARED, Stage.OPEN, why, facts)
        why = f"closed after {facts['seconds']} s, code {facts['code']}"
        return ChannelError(Cause.WEBSOCKET_DROPPED, Stage.OPEN, why, facts)

    def _note_replaced(self) -> bool:
        """Remember a close with 4321; return whether it was the second within the window."""
        now = time.monotonic()
        self._replaced_at.append(now)
        shared = len(self._replaced_at) == 2 and now - self._replaced_at[0] < SHARED_WINDOW_S
        if shared:
            self._set(shared=True)
        return shared

    def _unresponsive(self, connection: Connection, silent_s: float) -> ChannelError:
        facts = {**self._address.facts, "seconds": round(silent_s, 1)}
        why = f"no answer to a ping, nothing heard for {silent_s:.0f} s"
        return ChannelError(
            Cause.WEBSOCKET_UNRESPONSIVE, Stage.OPEN, why, facts, down_for_s=silent_s
        )

    def _failed(self, error: ChannelError, counted: bool = True, *, ours: bool = False) -> None:
        """Take the end of a connection, or of the attempt at one; `ours` is no error of it."""
        if self._stop.is_set():
            return
        before = self.snapshot()
        was_open = before.state is State.CONNECTED
        if (counted or was_open) and not ours:
            self._record(Attempt.failure(CHANNEL, error))
        lived_s = time.time() - before.since if was_open else 0.0
        short = was_open and lived_s < SHORT_LIVED_S
        self._set(
            state=State.WAITING,
            error=error,
            attempt=True,
            last_drop=error if short else before.last_drop,
            lived_s=(*before.lived_s, lived_s)[-_LIFETIMES:] if short else (),
        )

    def _set(self, *, attempt: bool = False, **changes: Any) -> None:
        """The one place where the state changes."""
        with self._changed:
            before = self._snapshot
            self._snapshot = after = follow(before, time.time(), attempt=attempt, **changes)
            failed = attempt and before.state is not State.CONNECTED and after.error is not None
            lines = self._journal.note(before, after, failed=failed)
            self._changed.notify_all()
        write(log, lines)
        if after.state is not before.state:
            self._on_state()


_PING: Mapping[str, Any] = {"ping": True}
"""Stands in the queue for a ping that somebody asked for."""
