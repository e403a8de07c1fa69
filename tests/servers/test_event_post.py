"""Events for the bell in the app: posted with a picture, kept until the server has taken them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from octoprint_obico import event_keeper
from octoprint_obico.agent import Agent
from octoprint_obico.server import event_post
from octoprint_obico.server.outbox import FILE_NAME
from octoprint_obico.session.status import ServerState
from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .hosts import FakeHost, running_agent

pytestmark = pytest.mark.usefixtures("impatient")


def okay(agent: Agent) -> bool:
    return agent.status().server.state is ServerState.OKAY


def wait(server: SandboxServer, condition: Callable[[], object]) -> None:
    assert server.wait_for(condition, f.LIMIT_S), server.events


def types(server: SandboxServer) -> list[str]:
    return [event.fields["event_type"] for event in server.events]


def nothing_waits(agent: Agent) -> bool:
    state = agent.events()
    return state is not None and state.waiting == 0


def test_it_is_posted_with_a_picture_and_forgotten(sandbox: SandboxServer, tmp_path: Path) -> None:
    with SandboxWebcam() as camera:
        webcam = url_webcam("Cam", camera.snapshot_url)
        host = FakeHost(sandbox.url, sandbox.printer.token, [webcam])
        with running_agent(host, tmp_path / FILE_NAME) as agent:
            assert host.wait_for(lambda: okay(agent))
            agent.on_printer_event("FilamentChange", {})
            wait(sandbox, lambda: sandbox.events)
            event = sandbox.events[0]
            assert event.fields["event_type"] == "FILAMENT_CHANGE"
            assert event.fields["notify"] == "true"
            assert event.snapshot_size is not None
            assert host.wait_for(lambda: nothing_waits(agent))


def test_without_a_webcam_it_goes_without_a_picture(sandbox: SandboxServer, tmp_path: Path) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: okay(agent))
        agent.on_printer_event("Error", {"error": "Heater off"})
        wait(sandbox, lambda: sandbox.events)
        assert sandbox.events[0].snapshot_size is None
        assert "Heater off" in sandbox.events[0].fields["event_text"]


def test_a_webcam_that_hangs_does_not_hold_it_for_ever(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_keeper, "PICTURE_WITHIN_S", 0.3)
    with f.FaultServer(f.silence) as camera:
        host = FakeHost(sandbox.url, sandbox.printer.token, [url_webcam("Cam", camera.url)])
        with running_agent(host, tmp_path / FILE_NAME) as agent:
            assert host.wait_for(lambda: agent.status().websocket.state == "connected")
            agent.on_printer_event("FilamentChange", {})
            wait(sandbox, lambda: sandbox.events)
            assert sandbox.events[0].snapshot_size is None


def test_a_picture_that_the_server_does_not_take_costs_only_the_picture(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: okay(agent))
        monkeypatch.setattr(
            agent._events, "_take_picture", lambda taker: taker(b"\xff\xd8 no picture")
        )
        agent.on_printer_event("FilamentChange", {})
        wait(sandbox, lambda: sandbox.events)
        assert sandbox.events[0].snapshot_size is None
        posts = [each.status for each in sandbox.requests if each.path == event_post.PATH]
        assert posts == [400, 200]


def test_they_wait_out_an_outage_and_a_restart_in_order(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    sandbox.set_fault("http_502")
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        agent.on_printer_event("Error", {"error": "first"})
        agent.on_printer_event("FilamentChange", {})
        # tried, and given back
        wait(sandbox, lambda: [each for each in sandbox.requests if each.path == event_post.PATH])
    sandbox.clear()
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        wait(sandbox, lambda: len(sandbox.events) >= 2)
        assert host.wait_for(lambda: nothing_waits(agent))
    assert types(sandbox) == ["PRINTER_ERROR", "FILAMENT_CHANGE"]


def test_one_that_comes_late_says_when_it_was(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_post, "LATE_S", -1.0)
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        at = time.strftime("(%Y-%m-%d %H:", time.gmtime())
        agent.on_printer_event("FilamentChange", {})
        wait(sandbox, lambda: sandbox.events)
    assert at[:11] in sandbox.events[0].fields["event_text"]
    assert sandbox.events[0].fields["event_text"].endswith(" UTC)")


def test_what_the_server_will_never_take_does_not_block_the_next(tmp_path: Path) -> None:
    """413 for the first one, then all is well."""
    refused: list[bytes] = []

    def behave(peer: f.Peer) -> None:
        head = peer.read_head()
        refused.append(head)
        if event_post.PATH.encode() in head and len(posts()) == 1:
            peer.send(f.http_bytes("413 Too Large", b"{}", "Content-Type: application/json"))
        elif event_post.PATH.encode() in head:
            peer.send(f.http_bytes("200 OK", b'{"result": "ok"}', "Content-Type: application/json"))
        peer.finish()

    def posts() -> list[bytes]:
        return [head for head in refused if event_post.PATH.encode() in head]

    with f.FaultServer(behave) as server:
        host = FakeHost(server.url, "t" * 20)
        with running_agent(host, tmp_path / FILE_NAME) as agent:
            agent.on_printer_event("Error", {})
            agent.on_printer_event("FilamentChange", {})
            assert server.wait_for(lambda: len(posts()) >= 2)
            assert host.wait_for(lambda: nothing_waits(agent))
            state = agent.events()
    assert len(posts()) == 2
    assert state is not None
    assert state.lost == 1


def test_they_do_not_disturb_the_regular_question(sandbox: SandboxServer, tmp_path: Path) -> None:
    """An event is no reason to ask who we are."""
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host, tmp_path / FILE_NAME) as agent:
        assert host.wait_for(lambda: okay(agent))
        before = len([each for each in sandbox.requests if each.path.endswith("/printer/")])
        agent.on_printer_event("Error", {})
        agent.on_printer_event("FilamentChange", {})
        wait(sandbox, lambda: len(sandbox.events) >= 2)
        after = len([each for each in sandbox.requests if each.path.endswith("/printer/")])
        assert after == before
