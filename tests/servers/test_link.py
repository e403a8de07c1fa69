"""What the two channels of a link tell each other: HTTP says what the WebSocket's end may mean."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.server import heartbeat as h
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.websocket import CLOSE_REPLACED
from sandbox import SandboxServer

from .hosts import FakeHost, running_agent
from .live import connected, until

pytestmark = pytest.mark.usefixtures("impatient")


@contextlib.contextmanager
def linked(server: SandboxServer) -> Iterator[tuple[Agent, FakeHost]]:
    """The plugin with both channels up."""
    host = FakeHost(server.url, server.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(
            lambda: (
                (agent.status().http.state, agent.status().websocket.state) == ("okay", "connected")
            )
        )
        yield agent, host


def questions(server: SandboxServer) -> int:
    """How often somebody asked who the printer is."""
    return len([request for request in server.requests if request.path.endswith("/printer/")])


@pytest.fixture
def rare_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next regular question over HTTP does not come within the test."""
    monkeypatch.setattr(h, "WATCHED_INTERVAL_S", 3600.0)


def watch(agent: Agent, host: FakeHost) -> None:
    """Look at the status, until HTTP has been asked for it."""
    link = agent._link
    assert link is not None
    before = link.http.snapshot().attempts
    agent.look()
    assert host.wait_for(lambda: link.http.snapshot().attempts > before)


def counted_questions(agent: Agent) -> int:
    """Questions that were counted."""
    return agent.session().channel("http").attempts


def has_asked(agent: Agent, times: int) -> bool:
    return counted_questions(agent) >= times


def fails_so_often(agent: Agent, count: int) -> Callable[[], bool]:
    """Whether the WebSocket has failed so often from now on."""
    before = agent.session().channel("websocket").errors
    return lambda: agent.session().channel("websocket").errors >= before + count


def test_http_is_asked_at_once_where_the_websocket_is_lost(
    sandbox: SandboxServer, rare_questions: None
) -> None:
    """The next regular question is seconds away: until then the row would say that HTTP works."""
    with linked(sandbox) as (agent, host):
        watch(agent, host)
        sandbox.set_fault("unreachable")
        assert host.wait_for(lambda: agent.status().http.state == "failing")
        assert has_asked(agent, 2), "it stands for a regular one: it is counted"


def test_http_is_asked_once_for_each_loss(sandbox: SandboxServer, rare_questions: None) -> None:
    with linked(sandbox) as (agent, host):
        watch(agent, host)
        for losses in range(1, 3):
            sandbox.set_fault("ws_404")
            enough = fails_so_often(agent, 10)
            sandbox.kick(1011)
            assert host.wait_for(partial(has_asked, agent, 1 + losses))
            assert host.wait_for(enough)
            assert counted_questions(agent) == 1 + losses
            sandbox.clear()
            assert host.wait_for(lambda: agent.status().websocket.state == "connected")


def test_where_nobody_looks_http_keeps_its_regular_time(
    sandbox: SandboxServer, rare_questions: None
) -> None:
    """A server that restarts loses all printers at once: their questions must not come in step."""
    with linked(sandbox) as (agent, host):
        enough = fails_so_often(agent, 10)
        sandbox.set_fault("ws_404")
        sandbox.kick(1011)
        assert host.wait_for(enough)
        assert questions(sandbox) == 1
        watch(agent, host)
        assert host.wait_for(fails_so_often(agent, 5))
        assert (questions(sandbox), counted_questions(agent)) == (2, 1), "to look is not counted"


@pytest.mark.parametrize("code", [1000, CLOSE_REPLACED])
def test_a_good_bye_of_the_server_is_no_reason_to_ask(
    sandbox: SandboxServer, code: int, rare_questions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 0.05)
    with linked(sandbox) as (agent, host):
        watch(agent, host)
        link = agent._link
        assert link is not None
        before = link.supervisor.snapshot().attempts
        sandbox.kick(code)
        until(link.supervisor, lambda now: connected(now) and now.attempts >= before + 2)
        assert counted_questions(agent) == 1


def test_a_refused_websocket_asks_over_http_at_once(sandbox: SandboxServer) -> None:
    """Only that answer says that the token is not known any more; the next regular one is far."""
    with linked(sandbox) as (agent, host):
        sandbox.printer.token = "f" * 20
        sandbox.kick()
        assert host.wait_for(lambda: str(agent.status().http.cause) == "credentials_invalid")
