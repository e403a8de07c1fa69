"""The running channels of one address and token: made together, stopped together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .address import Address
from .channel_state import Snapshot, State
from .courier import Courier
from .errors import Attempt, ChannelError
from .event_post import EventPost
from .faults import Faults
from .heartbeat import Heartbeat
from .http_channel import HttpChannel, Recorder
from .messages import ServerMessage
from .outbox import Outbox, link_name
from .outbox_events import Kind
from .supervisor import Supervisor
from .trust import Trust
from .websocket import CLOSE_REPLACED

log = logging.getLogger("octoprint.plugins.obico.http")


class Wanted(NamedTuple):
    """What to connect to, and how. Equal ones need no new channels."""

    address: Address
    token: str
    trust: Trust

    def __repr__(self) -> str:  # without the token
        return f"Wanted({self.address!r})"

    @property
    def name(self) -> str:
        """Whose events are kept; tells neither address nor token."""
        return link_name(self.address, self.token)


class Hooks(NamedTuple):
    """What the channels ask of, and tell, whoever runs them; called on the channels' threads."""

    record: Recorder
    on_state: Callable[[], None]
    on_printer: Callable[[Any], None]
    on_message: Callable[[ServerMessage], None]
    status: Callable[[bool], Mapping[str, Any]]
    watched: Callable[[], bool]
    outbox: Outbox | None = None
    viewed: Callable[[], bool] = lambda: False


_ASK_REFUSED, _ASK_LOST = "refused", "lost"
"""Reasons to ask over HTTP out of turn."""

_REFUSED = (401, 403)
"""Statuses of a handshake."""

_ON_PURPOSE = (1000, CLOSE_REPLACED)
"""Close codes by which the server says good-bye (RFC 6455 section 7.4.1): they tell of no fault
that HTTP would have as well."""


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
        user_agent: how its requests name themselves.
    """

    def __init__(self, wanted: Wanted, user_agent: str, hooks: Hooks) -> None:
        self.wanted, self.user_agent = wanted, user_agent
        self.since = time.time()
        self._on_state, self._watched = hooks.on_state, hooks.watched
        self._asked: set[str] = set()
        self._record = _UntilReplaced(hooks.record)
        address, token, trust = wanted.address, wanted.token, wanted.trust
        self.http = HttpChannel(
            address, token, user_agent, self._record, self._on_http_state, trust
        )
        faults = Faults(self._record, log)
        post = EventPost(self.http, hooks.outbox, wanted.name, hooks.watched)
        self.heartbeat = Heartbeat(self.http, hooks.on_printer, hooks.watched, faults, post)
        self.supervisor = Supervisor(
            address,
            token,
            user_agent,
            record=self._record,
            on_state=self._on_socket_state,
            on_message=hooks.on_message,
            status=hooks.status,
            watched=hooks.watched,
            viewed=hooks.viewed,
            trust=trust,
            courier=Courier(hooks.outbox, wanted.name),
        )

    def _on_socket_state(self) -> None:
        """See over HTTP what a WebSocket that has just gone may mean."""
        now = self.supervisor.snapshot()
        if now.state is State.CONNECTED:
            self._asked.clear()
        elif now.state is State.WAITING and now.error is not None:
            self._ask_why(now.error)
        self._on_state()

    def _ask_why(self, error: ChannelError) -> None:
        """Ask over HTTP at once; for each reason once, until the WebSocket is back.

        Refused: that answer says why. Uncounted: nobody asks so often as a rule, and the attempt
        may have been TEST's.

        Lost: HTTP may be gone as well, and its next regular question, which this one stands for, is
        seconds away. Only for a page that shows it: a server that restarts loses all printers at
        once, and their questions must not come in step.
        """
        refused = error.facts.get("status") in _REFUSED
        if refused and _ASK_REFUSED not in self._asked:
            self._asked.add(_ASK_REFUSED)
            self.heartbeat.look_now(counted=False)
        meant = error.facts.get("code") in _ON_PURPOSE or error.retry_after
        if not refused and not meant:
            is_first = _ASK_LOST not in self._asked
            self._asked.add(_ASK_LOST)
            if is_first and self._watched() and self.http.snapshot().state is State.CONNECTED:
                self.heartbeat.look_now()

    def _on_http_state(self, before: Snapshot, after: Snapshot) -> None:
        """HTTP works again: then the WebSocket need not wait for the end of its pause."""
        if before.error is not None and after.state is State.CONNECTED:
            self.retry()
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

    def events_due(self, kind: Kind) -> None:
        """An event of this kind waits in the outbox. Never blocks."""
        (self.supervisor.wake if kind is Kind.SOCKET else self.heartbeat.events_due)()

    def send_live(self, message: Mapping[str, Any]) -> int | None:
        """Queue a message that would be of no use later: None, and lost, while not connected.

        Returns:
            how many messages are queued; more than a few where the connection is slow.
        """
        return self.supervisor.send(message) if self.is_connected else None

    @property
    def is_connected(self) -> bool:
        """Whether the WebSocket is up."""
        return self.supervisor.snapshot().state is State.CONNECTED

    def try_now(self) -> None:
        """Let both channels try now, uncounted: to look at the figures must not change them."""
        self.heartbeat.look_now(counted=False)
        self.retry(counted=False)

    def network_is_back(self) -> None:
        """Let what waits try now, with the same regard; it stands for the next regular try."""
        self.retry()
        failing = self.http.snapshot().error
        if failing is not None and not failing.retry_after:
            self.heartbeat.look_now()
