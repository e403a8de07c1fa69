"""Printer events reach the server: in order, through outages and restarts, when they happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.server.outbox import FILE_NAME
from octoprint_obico.session.status import ServerState
from sandbox import SandboxServer

from . import faults as f
from . import wsfaults as w
from .hosts import FakeHost, running_agent

pytestmark = pytest.mark.usefixtures("impatient")

PRINT = ("PrintStarted", "PrintPaused", "PrintResumed", "PrintDone")


def host_of(server: SandboxServer) -> FakeHost:
    return FakeHost(server.url, server.printer.token)


def tell(agent: Agent, host: FakeHost, *names: str) -> None:
    for name in names:
        host.printer.printing = name not in ("PrintDone", "PrintFailed")
        agent.on_printer_event(name, {"name": "a.gcode"})


def events_at(server: SandboxServer) -> list[dict[str, Any]]:
    return [frame.data for frame in server.frames if "event" in frame.data]


def names_at(server: SandboxServer) -> list[str]:
    return [message["event"]["event_type"] for message in events_at(server)]


def wait(server: SandboxServer, condition: Callable[[], object]) -> None:
    assert server.wait_for(condition, f.LIMIT_S), names_at(server)


def okay(agent: Agent) -> bool:
    return agent.status().server.state is ServerState.OKAY


def nothing_waits(agent: Agent) -> bool:
    state = agent.events()
    return state is not None and state.waiting == 0


def test_events_arrive_in_order_and_are_forgotten(sandbox: SandboxServer, tmp_path: Path) -> None:
    host = host_of(sandbox)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: okay(agent))
        tell(agent, host, *PRINT)
        wait(sandbox, lambda: names_at(sandbox) == list(PRINT))
        wait(sandbox, lambda: sandbox.frames[-1].data["current_print_ts"] == -1)
        assert sandbox.wait_for(lambda: nothing_waits(agent))


def test_no_status_overtakes_the_end_of_a_print(sandbox: SandboxServer, tmp_path: Path) -> None:
    """A status with -1 closes the print on the server as finished, whatever comes after it."""
    host = host_of(sandbox)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: okay(agent))
        tell(agent, host, "PrintStarted")
        wait(sandbox, lambda: names_at(sandbox) == ["PrintStarted"])
        sandbox.set_fault("unreachable")
        assert host.wait_for(lambda: not okay(agent))
        tell(agent, host, "PrintPaused", "PrintResumed", "PrintFailed")
        sandbox.clear()
        wait(sandbox, lambda: names_at(sandbox)[-1] == "PrintFailed")
        wait(sandbox, lambda: sandbox.frames[-1].data["current_print_ts"] == -1)
    messages = [frame.data for frame in sandbox.frames]
    begun, *_, ended = [i for i, message in enumerate(messages) if "event" in message]
    assert messages[ended]["event"]["event_type"] == "PrintFailed"
    assert all(message["current_print_ts"] > 0 for message in messages[begun:ended])


def test_an_event_during_an_outage_tells_when_it_happened(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    host = host_of(sandbox)
    sandbox.set_fault("unreachable")
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: agent.status().websocket.cause is not None)
        before = time.time()
        tell(agent, host, "PrintStarted")
        after = time.time()
        sandbox.clear()
        wait(sandbox, lambda: names_at(sandbox) == ["PrintStarted"])
    assert before - 1 <= events_at(sandbox)[0]["status"]["_ts"] <= after + 1


def test_events_survive_a_restart(sandbox: SandboxServer, tmp_path: Path) -> None:
    host = host_of(sandbox)
    sandbox.set_fault("unreachable")
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        tell(agent, host, *PRINT)
    sandbox.clear()
    with running_agent(host_of(sandbox), tmp_path / FILE_NAME) as agent:
        wait(sandbox, lambda: names_at(sandbox) == list(PRINT))
        assert sandbox.wait_for(lambda: nothing_waits(agent))


def test_events_of_a_former_link_go_to_nobody_else(sandbox: SandboxServer, tmp_path: Path) -> None:
    host = host_of(sandbox)
    sandbox.set_fault("unreachable")
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        tell(agent, host, "PrintStarted")
        sandbox.clear()
        another = sandbox.add_printer()
        host.settings.stored_token = another.token
        agent.reconfigure()
        assert host.wait_for(lambda: okay(agent))
        tell(agent, host, "PrintDone")
        wait(sandbox, lambda: "PrintDone" in names_at(sandbox))
    assert names_at(sandbox) == ["PrintDone"]


def test_what_was_not_proved_is_sent_again(tmp_path: Path) -> None:
    """A server that takes one event and dies: the event comes again, and the next one after it."""
    seen: list[str] = []

    def dies_at_the_first_event(peer: f.Peer, head: bytes) -> None:
        peer.send(w.switching(w.accept_key(head)) + w.frame(w.TEXT, w.GREETING))
        while True:
            opcode, data = w.read_frame(peer)
            if opcode == w.PING:
                peer.send(w.frame(w.PONG, data))
            if opcode == w.TEXT and b'"event"' in data:
                seen.append("PrintStarted" if b"PrintStarted" in data else "PrintDone")
                peer.server.note(b"event")
                if len(seen) == 1:
                    peer.reset()
                    return

    with f.FaultServer(w.beside_api(dies_at_the_first_event)) as server:
        host = FakeHost(server.url, "0123456789abcdef0123")
        with running_agent(host, tmp_path / FILE_NAME) as agent:
            assert host.wait_for(lambda: agent.status().websocket.state == "connected")
            tell(agent, host, "PrintStarted", "PrintDone")
            assert server.wait_for(lambda: len(seen) >= 3)
    assert seen == ["PrintStarted", "PrintStarted", "PrintDone"]
