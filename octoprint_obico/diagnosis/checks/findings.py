"""What a run is about, and what its checks have found for each other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...server.address import Address
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.http import HttpClient
from ...server.proxy import Proxy
from ...server.responses import Reply
from ...server.transport import Target
from ...server.trust import NO_EXTRA, Trust
from ..local.line import Line
from ..local.network import Network
from ..progress import Progress
from ..resolvers import Resolver, read_resolvers
from ..result import Finding, Outcome

WebSocketProbe = Callable[[Deadline, Progress], Mapping[str, Any]]
"""Proves the WebSocket and returns the evidence, or raises ChannelError."""


@dataclass
class Findings:
    """What a run is about, and what its checks have found for each other."""

    address_text: str
    token: str | None
    user_agent: str
    websocket: WebSocketProbe | None
    trust: Trust = NO_EXTRA
    address: Address | None = None
    proxy: Proxy | None = None
    targets: list[Target] = field(default_factory=list)
    reply: Reply | None = None
    refusal: ChannelError | None = None
    network: Network | None = None
    gateway_answers: bool | None = None
    line: Line | None = None
    throttled: int | None = None
    """The bits of `vcgencmd get_throttled`, where the host knows them already."""

    progress: Progress = field(default_factory=Progress)
    resolvers: Callable[[], Sequence[Resolver]] = read_resolvers

    connected: socket.socket | None = field(default=None, repr=False)
    """What the check of connecting has left open, for TLS to go on with: a round trip less."""

    client: HttpClient | None = field(default=None, repr=False)
    """What the check of HTTP has asked with; its connection is kept for the next request."""

    def take_connected(self) -> socket.socket | None:
        """The open connection, once; whoever takes it closes it."""
        sock, self.connected = self.connected, None
        return sock

    def close(self) -> None:
        """Close what is still open."""
        if self.client is not None:
            self.client.close()
        sock = self.take_connected()
        if sock is not None:
            sock.close()

    @property
    def known_address(self) -> Address:
        """The address; only for checks that require the address check to have passed."""
        assert self.address is not None
        return self.address


def failed(error: ChannelError, summary: str, **more: Any) -> Finding:
    """The finding for a ChannelError: its cause, and its facts as evidence."""
    facts = {**error.facts, **more}
    evidence = {**facts, "stage": error.stage.value, "error": error.message}
    return Finding(Outcome.FAILED, summary, facts, error.cause, evidence)


def skipped(summary: str, **facts: Any) -> Finding:
    return Finding(Outcome.SKIPPED, summary, facts)
