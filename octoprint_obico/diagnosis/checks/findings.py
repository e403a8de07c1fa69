"""What a run is about, and what its checks have found for each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...server.address import Address
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.responses import Reply
from ...server.transport import Target
from ..result import Finding, Outcome

WebSocketProbe = Callable[[Deadline], Mapping[str, Any]]
"""Proves the WebSocket and returns the evidence, or raises ChannelError."""


@dataclass
class Findings:
    """What a run is about, and what its checks have found for each other."""

    address_text: str
    token: str | None
    user_agent: str
    websocket: WebSocketProbe | None
    address: Address | None = None
    proxy: str | None = field(default=None, repr=False)
    targets: list[Target] = field(default_factory=list)
    reply: Reply | None = None
    refusal: ChannelError | None = None

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
