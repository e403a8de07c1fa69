"""The live HTTP channel: a state machine over calls that several threads make at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .address import Address
from .channel_state import HTTP_TRANSITIONS, Snapshot, State, follow
from .errors import Attempt, ChannelError
from .http import (
    CHANNEL,
    PRINTER_PATH,
    READ_TIMEOUT_S,
    WHO_AM_I_TIMEOUT_S,
    HttpClient,
    expect_printer,
)
from .journal import Journal, write
from .responses import Expect, Reply, judge
from .trust import NO_EXTRA, Trust

log = logging.getLogger("octoprint.plugins.obico.http")

Recorder = Callable[[Attempt], None]
Refused = Callable[[Reply], "ChannelError | None"]
Told = Callable[[Snapshot, Snapshot], None]


class Calls(NamedTuple):
    """What is under way, and what ended last: all that the state follows from."""

    under_way: int = 0
    has_begun: bool = False
    is_good: bool = False
    """Whether the call that ended last was a success."""
    is_closed: bool = False

    @property
    def state(self) -> State:
        if self.is_closed:
            return State.STOPPED
        if self.is_good:
            return State.CONNECTED
        if self.under_way:
            return State.CONNECTING
        return State.WAITING if self.has_begun else State.OFFLINE

    def begin(self) -> Calls:
        return self._replace(under_way=self.under_way + 1, has_begun=True)

    def end(self, is_good: bool | None) -> Calls:
        """One has ended; None where that tells nothing of the server."""
        good = self.is_good if is_good is None else is_good
        return self._replace(under_way=self.under_way - 1, is_good=good)

    def close(self) -> Calls:
        return self._replace(is_closed=True)


class HttpChannel:
    """A client that judges every answer and records every attempt.

    The owner of its state; everybody else reads `snapshot()`.

    Attributes:
        NOT_OFFERED: statuses of an answer that tells only of the call, and not of the channel.

    Args:
        record: takes each attempt that is counted.
        on_state: called after a change of the state or of the cause, with the snapshots before and
            after it, on the thread that made the call.
    """

    NOT_OFFERED = (400, 404, 405, 413, 415, 422, 500)

    def __init__(
        self,
        address: Address,
        token: str | None,
        user_agent: str,
        record: Recorder,
        on_state: Told,
        trust: Trust = NO_EXTRA,
    ) -> None:
        self._client = HttpClient(address, user_agent, trust)
        self._address = address
        self._token = token
        self._record = record
        self._on_state = on_state
        self._lock = threading.Lock()
        self._calls = Calls()
        now = time.time()
        self._snapshot = Snapshot(self._calls.state, now, down_since=now)
        self._journal = Journal("HTTP", HTTP_TRANSITIONS)

    def snapshot(self) -> Snapshot:
        """How it is now. Its round trip is of questions: uploads, whose size counts, are none."""
        with self._lock:
            return self._snapshot

    def call(
        self,
        method: str,
        path: str,
        expect: Expect,
        *,
        timeout_s: float = READ_TIMEOUT_S,
        counted: bool = True,
        optional: bool = False,
        refused: Refused = lambda reply: None,
        **kwargs: Any,
    ) -> Any:
        """Send a request with the printer's token and return the JSON of its success.

        Args:
            expect: tells a success from another JSON value.
            counted: False keeps the attempt out of the session's figures (a diagnosis asked).
            optional: a server need not offer it: one that refuses (`NOT_OFFERED`) is in order.
            refused: what is wrong with what was sent, where that is what the answer says. The
                channel did its work then: for it, this is a success.

        Raises:
            ChannelError: after the attempt has been recorded.
        """
        self._set(Calls.begin)
        try:
            reply = self._client.request(
                method, path, token=self._token, timeout_s=timeout_s, **kwargs
            )
            refusal = refused(reply)
            if refusal is None:
                judge(reply, self._address, bool(self._token), expect)
        except ChannelError as error:
            if optional and error.facts.get("status") in self.NOT_OFFERED:
                self._set(lambda calls: calls.end(None))
                raise
            if counted:
                self._record(Attempt.failure(CHANNEL, error))
            self._set(lambda calls: calls.end(False), attempt=True, error=error)
            raise
        except Exception:  # a fault of ours tells nothing of the server
            self._set(lambda calls: calls.end(None))
            raise
        if counted:
            self._record(Attempt.success(CHANNEL))
        measured = {"round_trip_s": reply.seconds} if method == "GET" else {}
        self._set(lambda calls: calls.end(True), attempt=True, error=None, **measured)
        if refusal is not None:
            raise refusal
        return reply.json()

    def who_am_i(self, *, counted: bool = True) -> Any:
        """Ask the server which printer the token belongs to (PROTOCOL 2.2)."""
        return self.call(
            "GET", PRINTER_PATH, expect_printer, counted=counted, timeout_s=WHO_AM_I_TIMEOUT_S
        )

    def close(self) -> None:
        """Let go of what is kept. A call under way ends by itself, and changes nothing more."""
        self._client.close()
        self._set(Calls.close, error=None)

    def _set(
        self, change: Callable[[Calls], Calls], *, attempt: bool = False, **changes: Any
    ) -> None:
        """The one place where the state changes."""
        with self._lock:
            before = self._snapshot
            self._calls = change(self._calls)
            if before.state is State.STOPPED:
                return
            state = self._calls.state
            self._snapshot = after = follow(
                before, time.time(), attempt=attempt, state=state, **changes
            )
            failed = attempt and after.error is not None
            lines = self._journal.note(before, after, failed=failed)
        write(log, lines)
        if after.state is not before.state or _cause(after) is not _cause(before):
            self._on_state(before, after)


def _cause(snapshot: Snapshot) -> object:
    return snapshot.error.cause if snapshot.error is not None else None
