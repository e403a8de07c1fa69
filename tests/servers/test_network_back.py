"""The host says that its network is back: what waits tries at once, unless it waits for others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.websocket import CLOSE_REPLACED
from sandbox import SandboxServer

from .hosts import FakeHost, running_agent

FAR_S = 3600.0
QUIET_S = 0.5
"""For what must not happen: much longer than an attempt takes here."""


@pytest.fixture(autouse=True)
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried again by itself."""
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: FAR_S)


@contextlib.contextmanager
def waiting(sandbox: SandboxServer, fault: str) -> Iterator[tuple[Agent, FakeHost]]:
    """The plugin, with both channels failing by this fault and waiting; then it is mended."""
    sandbox.set_fault(fault)
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(lambda: states(agent) == ("failing", "waiting"))
        sandbox.clear()
        yield agent, host


def states(agent: Agent) -> tuple[str, str]:
    status = agent.status()
    return status.http.state, status.websocket.state


def attempts(agent: Agent) -> tuple[int, int]:
    session = agent.session()
    return session.channel("http").attempts, session.channel("websocket").attempts


def test_both_channels_try_at_once_and_it_counts(sandbox: SandboxServer) -> None:
    with waiting(sandbox, "unreachable") as (agent, host):
        assert attempts(agent) == (1, 1)
        agent.on_network_back()
        assert host.wait_for(lambda: states(agent) == ("okay", "connected"))
        assert host.wait_for(lambda: attempts(agent) == (2, 2)), "each replaces a regular one"


def test_what_works_is_left_alone(sandbox: SandboxServer) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(lambda: attempts(agent) == (1, 1))
        assert host.wait_for(lambda: states(agent) == ("okay", "connected"))
        agent.on_network_back()
        assert not host.wait_for(lambda: attempts(agent) != (1, 1), QUIET_S)
        assert len(sandbox.connections) == 1


def test_a_server_that_named_a_time_is_not_asked_before_it(sandbox: SandboxServer) -> None:
    """429 with Retry-After, on both channels."""
    with waiting(sandbox, "http_429") as (agent, host):
        before = attempts(agent)
        agent.on_network_back()
        assert not host.wait_for(lambda: attempts(agent) != before, QUIET_S)


def test_a_rival_is_not_thrown_out(sandbox: SandboxServer) -> None:
    """The one who has the token as well keeps his connection."""
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:

        def thrown_out(cause: str) -> None:
            assert host.wait_for(lambda: agent.status().websocket.state == "connected")
            sandbox.kick(CLOSE_REPLACED)
            assert host.wait_for(lambda: agent.status().websocket.state == "waiting")
            assert str(agent.status().websocket.cause) == cause

        thrown_out("websocket_dropped")
        agent.on_network_back()
        thrown_out("credentials_shared")
        before = len(sandbox.connections)
        agent.on_network_back()
        assert not sandbox.wait_for(lambda: len(sandbox.connections) > before, QUIET_S)


def test_without_a_link_there_is_nothing_to_try(sandbox: SandboxServer) -> None:
    with running_agent(FakeHost(sandbox.url, None)) as agent:
        agent.on_network_back()
    assert sandbox.requests == []
