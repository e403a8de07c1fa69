"""A live WebSocket channel under test, and what it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.channel_state import Snapshot, State, Transitions
from octoprint_obico.server.errors import Attempt, ChannelError
from octoprint_obico.server.messages import ServerMessage
from octoprint_obico.server.supervisor import Supervisor

from .faults import LIMIT_S

AGENT = "test/1"
TOKEN = "0123456789abcdef0123"


class Move(NamedTuple):
    """A change of state of a channel."""

    channel: str
    before: State
    after: State


def all_moves(channel: str, table: Transitions) -> set[Move]:
    """Every change of state that the table allows."""
    return {Move(channel, before, after) for before in table for after in table[before]}


class Records:
    """Collects finished attempts, from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._attempts: list[Attempt] = []

    def record(self, attempt: Attempt) -> None:
        with self._changed:
            self._attempts.append(attempt)
            self._changed.notify_all()

    @property
    def attempts(self) -> list[Attempt]:
        with self._changed:
            return list(self._attempts)

    def causes(self) -> list[str | None]:
        """The cause of each attempt in order; None for a success."""
        return [item.cause.value if item.cause else None for item in self.attempts]

    def wait_for(self, condition: Callable[[list[Attempt]], bool]) -> list[Attempt]:
        """Wait until the attempts meet the condition; fails the test where they never do."""
        with self._changed:
            met = self._changed.wait_for(lambda: condition(self._attempts), LIMIT_S)
            assert met, self._attempts
            return list(self._attempts)


class Live:
    """Builds one supervisor and keeps what came out of it."""

    def __init__(self) -> None:
        self.records = Records()
        self._messages: list[ServerMessage] = []
        self._heard = threading.Condition()
        self.states = 0
        self.watched = False
        self._supervisor: Supervisor | None = None

    def connect(self, url: str, token: str = TOKEN) -> Supervisor:
        """Start the channel and return it; the test says what it waits for."""
        self._supervisor = self.build(url, token)
        self._supervisor.start()
        return self._supervisor

    def build(self, url: str, token: str = TOKEN) -> Supervisor:
        return Supervisor(
            parse_address(url),
            token,
            AGENT,
            record=self.records.record,
            on_state=self._on_state,
            on_message=self._on_message,
            status=self._status,
            watched=lambda: self.watched,
        )

    def stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()

    def wait_for_messages(self, count: int) -> list[ServerMessage]:
        """The first messages of the server; fails the test where so many do not come."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self._messages) >= count, LIMIT_S)
            return self._messages[:count]

    def _on_message(self, message: ServerMessage) -> None:
        with self._heard:
            self._messages.append(message)
            self._heard.notify_all()

    def _on_state(self) -> None:
        self.states += 1

    @staticmethod
    def _status(with_settings: bool) -> Mapping[str, Any]:
        status = {"_ts": time.time(), "state": {"text": "Operational", "flags": {}}}
        message: dict[str, Any] = {"status": status, "current_print_ts": -1}
        return {**message, "settings": {"agent": {"name": "test"}}} if with_settings else message


def until(supervisor: Supervisor, condition: Callable[[Snapshot], bool]) -> Snapshot:
    """Wait for a state of the channel; fails the test where it does not come."""
    snapshot = supervisor.wait(condition, LIMIT_S)
    assert condition(snapshot), snapshot
    return snapshot


def connected(snapshot: Snapshot) -> bool:
    return snapshot.state is State.CONNECTED


def failed_with(cause: str) -> Callable[[Snapshot], bool]:
    """Whether the channel has failed with that cause and waits for its next attempt."""

    def condition(snapshot: Snapshot) -> bool:
        return snapshot.error is not None and snapshot.error.cause.value == cause

    return condition


def in_time(work: Callable[[], Any], limit_s: float) -> Any:
    """Return what `work` returns, or its ChannelError; fail where it does not end in time.

    It runs in a thread, so that a test fails in time however the code under test blocks.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive(), f"still waiting after {limit_s} s"
    if isinstance(outcome[0], Exception) and not isinstance(outcome[0], ChannelError):
        raise outcome[0]
    return outcome[0]
