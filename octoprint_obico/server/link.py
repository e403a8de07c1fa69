"""The running channels of one address and token: made together, stopped together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .address import Address
from .channel_state import State
from .courier import Courier
from .errors import Attempt
from .faults import Faults
from .heartbeat import Heartbeat
from .http import HttpChannel, Recorder
from .messages import ServerMessage
from .outbox import Outbox, link_name
from .supervisor import Supervisor
from .trust import Trust

log = logging.getLogger("octoprint.plugins.obico.http")


@dataclass(frozen=True)
class Wanted:
    """What to connect to, and how. Equal ones need no new channels."""

    address: Address
    token: str
    trust: Trust

    @property
    def name(self) -> str:
        """Whose events are kept; tells neither address nor token."""
        return link_name(self.address, self.token)


@dataclass(frozen=True)
class Hooks:
    """What the channels ask of, and tell, whoever runs them; called on the channels' threads."""

    record: Recorder
    on_state: Callable[[], None]
    on_http_state: Callable[[], None]
    on_printer: Callable[[Any], None]
    on_message: Callable[[ServerMessage], None]
    status: Callable[[bool], Mapping[str, Any]]
    watched: Callable[[], bool]
    outbox: Outbox | None = None


class _UntilReplaced:
    """Records attempts until it is shut: what ends later is no error of the next link."""

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self.is_open = True

    def __call__(self, attempt: Attempt) -> None:
        if self.is_open:
            self._record(attempt)


class Link:
    """HTTP, the regular look at the credentials, and the WebSocket, for one address and token.

    Attributes:
        since: when it was made (Unix seconds).
    """

    def __init__(self, wanted: Wanted, user_agent: str, hooks: Hooks) -> None:
        self.wanted = wanted
        self.since = time.time()
        self._on_state, self._has_asked = hooks.on_state, False
        self._record = _UntilReplaced(hooks.record)
        address, token, trust = wanted.address, wanted.token, wanted.trust
        self.http = HttpChannel(
            address, token, user_agent, self._record, hooks.on_http_state, trust
        )
        faults = Faults(self._record, log)
        self.heartbeat = Heartbeat(self.http, hooks.on_printer, hooks.watched, faults)
        self.supervisor = Supervisor(
            address,
            token,
            user_agent,
            record=self._record,
            on_state=self._on_socket_state,
            on_message=hooks.on_message,
            status=hooks.status,
            watched=hooks.watched,
            trust=trust,
            courier=Courier(hooks.outbox, wanted.name),
        )

    def _on_socket_state(self) -> None:
        """Ask over HTTP once where the WebSocket is refused: that answer says why.

        Uncounted: nobody asks so often as a rule, and the attempt may have been TEST's.
        """
        now = self.supervisor.snapshot()
        refused = now.error is not None and now.error.facts.get("status") in (401, 403)
        if now.state is State.CONNECTED:
            self._has_asked = False
        elif refused and now.state is State.WAITING and not self._has_asked:
            self._has_asked = True
            self.heartbeat.look_now(counted=False)
        self._on_state()

    @property
    def address(self) -> Address:
        """The server."""
        return self.wanted.address

    def start(self) -> None:
        """Start the threads. Returns at once."""
        self.heartbeat.start()
        self.supervisor.start()

    def replaced(self) -> None:
        """Record nothing more: another link is about to take over."""
        self._record.is_open = False

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop the threads, waiting for them up to about `timeout_s` seconds."""
        self.supervisor.stop(timeout_s)
        self.heartbeat.stop(timeout_s / 4)  # no more than asks; what it asks ends by itself

    def retry(self, *, counted: bool = True) -> None:
        """Let a WebSocket that waits try again now, unless it waits out of regard for others.

        With a rival, each try throws the other out; and a server that named a time was not asking
        for one try more from everybody who opens a page.
        """
        now = self.supervisor.snapshot()
        if not now.shared and not (now.error and now.error.retry_after):
            self.supervisor.retry_now(counted=counted)
