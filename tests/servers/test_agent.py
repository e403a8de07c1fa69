"""The whole plugin without OctoPrint, against the sandbox: agent, heartbeat, poster, linking."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.diagnosis.job import Done
from octoprint_obico.server import heartbeat as h
from octoprint_obico.server import supervisor
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.channel_state import State
from octoprint_obico.server.journal import MOST_LINES
from octoprint_obico.session.status import ServerState
from octoprint_obico.webcam.poster import Demand, SnapshotPoster, log
from octoprint_obico.webcam.snapshot import Webcam, url_webcam
from sandbox import SandboxServer, SandboxWebcam
from tests.bson_writer import written

from . import faults as f
from .hosts import FakeHost, running_agent
from .live import until

pytestmark = pytest.mark.usefixtures("impatient")


def okay(agent: Agent) -> bool:
    return agent.status().server.state is ServerState.OKAY


@contextlib.contextmanager
def linked(
    server: SandboxServer, webcams: Sequence[Webcam] = ()
) -> Iterator[tuple[Agent, FakeHost]]:
    host = FakeHost(server.url, server.printer.token, webcams)
    with running_agent(host) as agent:
        # the status rows change before the page is told, so whoever is told sees the new ones
        assert host.wait_for(lambda: okay(agent) and agent.account() is not None)
        yield agent, host


def wait(server: SandboxServer, condition: Callable[[], object]) -> None:
    assert server.wait_for(condition, f.LIMIT_S)


# ---- life ----------------------------------------------------------------------------------------


def test_it_connects_both_channels_and_learns_who_it_is(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host):
        assert agent.account() == "pro"
        assert host.settings.printer().name == sandbox.printer.name
        status = agent.status()
        assert (status.http.state, status.websocket.state) == ("okay", "connected")
        assert sandbox.wait_for(lambda: sandbox.printer.status)
        assert sandbox.printer.settings["agent"]["name"] == "octoprint_obico"


def test_a_quick_answer_of_the_server_is_not_forgotten(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat may have its answer before the other parts have been started."""
    host = FakeHost(sandbox.url, sandbox.printer.token)
    agent = Agent(host, "3.0.0")
    start = supervisor.Supervisor.start

    def late(channel: supervisor.Supervisor) -> None:
        assert host.wait_for(lambda: agent.account() is not None)
        start(channel)

    monkeypatch.setattr(supervisor.Supervisor, "start", late)
    agent.start()
    try:
        assert agent.account() == "pro"
    finally:
        agent.stop()


def test_without_a_token_it_keeps_still(sandbox: SandboxServer) -> None:
    with running_agent(FakeHost(sandbox.url, None)) as agent:
        assert agent.status().server.state is ServerState.NOT_LINKED
    assert sandbox.requests == []


def test_an_address_that_cannot_be_used_is_the_status(sandbox: SandboxServer) -> None:
    with running_agent(FakeHost("http://bad:port", sandbox.printer.token)) as agent:
        row = agent.status().server
        assert row.state is ServerState.DISCONNECTED
        assert row.cause is not None
        assert row.cause.value == "address_malformed"


def test_it_stops_within_two_seconds_and_leaves_no_thread(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, _):
        started = time.monotonic()
        agent.stop()
        assert time.monotonic() - started < 2.0
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("obico-")]


def test_it_may_be_stopped_before_it_was_started(sandbox: SandboxServer) -> None:
    Agent(FakeHost(sandbox.url, sandbox.printer.token), "3.0.0").stop()


def test_another_address_takes_effect_at_once(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host), SandboxServer() as other:
        host.settings.address, host.settings.stored_token = other.url, other.printer.token
        agent.reconfigure()
        wait(other, lambda: other.agent_connected)
        wait(sandbox, lambda: not sandbox.agent_connected)
        assert host.wait_for(lambda: okay(agent))
        before = len(other.connections)
        agent.reconfigure()
        assert len(other.connections) == before, "nothing has changed: nothing is done"
        host.settings.stored_token = None
        agent.reconfigure()
        wait(other, lambda: not other.agent_connected)
        assert agent.status().server.state is ServerState.NOT_LINKED


def test_commands_reach_the_printer(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (_, host):
        for name in ("pause", "resume", "cancel"):
            sandbox.send_command(name)
        sandbox.send({"commands": [{"cmd": "rm -rf"}, {"cmd": None}, 7]})
        for call in (
            {"target": "_printer", "func": "home", "args": ["z"]},
            {"target": "_printer", "func": "home", "ref": "r1"},
            {"target": "_printer", "func": "jog", "args": [{"x": 1}], "ref": "r2"},
            {"target": "_printer", "func": "jog", "args": [{"x": 1}], "ref": "r2"},
            {"target": "_printer", "func": "explode", "ref": "r3"},
        ):
            sandbox.send_passthru(call)
        wait(sandbox, lambda: len(_answers(sandbox)) >= 3)
        assert host.printer.told == ["pause", "resume", "cancel", "home z", "jog x1"]
        answers = {answer["ref"]: answer for answer in _answers(sandbox)}
        assert answers.keys() == {"r1", "r2", "r3"}
        assert answers["r2"] == {"ref": "r2", "ret": None}
        assert answers["r1"]["error"]
        assert answers["r3"]["error"]


def test_messages_in_binary_form(sandbox: SandboxServer) -> None:
    """A web client can ask for it (PROTOCOL 4.5); what is no BSON ends nothing."""
    with linked(sandbox) as (agent, host):
        for ref, func in (("b1", "home"), ("b2", "explode")):
            call = {"target": "_printer", "func": func, "args": ["z"], "ref": ref}
            sandbox.send_binary(b"no BSON")
            sandbox.send_binary(written({"passthru": call, "as_binary": True}))
        wait(sandbox, lambda: {each["ref"] for each in _answers(sandbox)} == {"b1", "b2"})
        assert host.printer.told == ["home z"]
        assert agent.status().server.state is ServerState.OKAY


def test_a_browser_behind_the_tunnel_is_told_at_once(sandbox: SandboxServer) -> None:
    """OctoPrint's own pages are not carried: nobody has to wait for that (PROTOCOL 8)."""
    with linked(sandbox):
        request = {"ref": "t1", "method": "get", "path": "/", "headers": {}, "data": b""}
        sandbox.send_binary(written({"http.tunnelv2": request}))

        def answers() -> list[Any]:
            frames = [frame.data for frame in sandbox.frames if isinstance(frame.data, dict)]
            return [frame["http.tunnelv2"] for frame in frames if "http.tunnelv2" in frame]

        wait(sandbox, answers)
        (answer,) = answers()
        assert answer["ref"] == "t1"
        assert answer["response"]["status"] == 501
        assert {"headers", "content"} <= answer["response"].keys()


def _answers(server: SandboxServer) -> list[Any]:
    frames = [frame.data for frame in server.frames if isinstance(frame.data, dict)]
    return [frame["passthru"] for frame in frames if "passthru" in frame]


def test_a_print_from_beginning_to_end(sandbox: SandboxServer) -> None:
    """The event of the end still carries the print's time; -1 comes only afterwards."""
    with linked(sandbox) as (agent, host):
        wait(sandbox, lambda: sandbox.frames)
        host.printer.printing = True
        agent.on_printer_event("PrintStarted", {"name": "a.gcode"})
        host.printer.printing = False
        agent.on_printer_event("PrintDone", {"name": "a.gcode"})
        agent.send_status()
        wait(
            sandbox,
            lambda: (
                [frame.data.get("current_print_ts") for frame in sandbox.frames][-1] == -1
                and len(sandbox.frames) >= 4
            ),
        )
    events = [frame.data for frame in sandbox.frames if "event" in frame.data]
    assert [event["event"]["event_type"] for event in events] == ["PrintStarted", "PrintDone"]
    start, end = (event["current_print_ts"] for event in events)
    assert start == end > 0
    assert isinstance(start, int)


# ---- status --------------------------------------------------------------------------------------


def test_a_broken_server_shows_and_heals(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host):
        agent.look()
        sandbox.set_fault("unreachable")
        assert host.wait_for(
            lambda: (
                agent.status().server.state is ServerState.DISCONNECTED
                and agent.status().server.cause is not None
            )
        )
        sandbox.clear()
        assert host.wait_for(lambda: agent.status().websocket.state == "connected")
        row = agent.status().server
        assert row.state in (ServerState.ERROR, ServerState.DISCONNECTED), "not healed at once"


def test_a_revoked_token_shows_on_both_channels(sandbox: SandboxServer) -> None:
    sandbox.set_fault("revoked")
    with running_agent(FakeHost(sandbox.url, sandbox.printer.token)) as agent:
        assert agent.status()
        wait(sandbox, lambda: len([r for r in sandbox.requests if r.status in (401, 403)]) >= 2)
        link = agent._link
        assert link is not None
        until(link.supervisor, lambda now: now.error is not None)
        row = agent.status().server
        assert row.state is ServerState.DISCONNECTED


# ---- TEST ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "http_500", "ws_404", "revoked", "http_503"])
def test_a_diagnosis_leaves_the_figures_untouched(
    sandbox: SandboxServer,
    webcam: SandboxWebcam,
    fault: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It explains the statistics, so it must not change them."""
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 3600.0)
    if fault is not None:
        sandbox.set_fault(fault)
    host = FakeHost(sandbox.url, sandbox.printer.token, [url_webcam("c", webcam.snapshot_url)])
    with running_agent(host) as agent:
        assert host.wait_for(lambda: _both_tried(agent))
        before = _figures(agent)
        finished = threading.Event()
        tell_the_channels = agent.diagnosis._on_done

        def on_done(result: Done) -> None:
            tell_the_channels(result)
            finished.set()

        monkeypatch.setattr(agent.diagnosis, "_on_done", on_done)
        asked = _asked(sandbox)
        agent.diagnosis.start()
        assert finished.wait(f.LIMIT_S)
        # the check asks once, and then the live channel to see what the check has seen
        wait(sandbox, lambda: _asked(sandbox) >= asked + 2)
    assert _figures(agent) == before
    assert sandbox.pictures == []


def _asked(server: SandboxServer) -> int:
    """How often somebody asked who the printer is."""
    return len([request for request in server.requests if request.path.endswith("/printer/")])


def _both_tried(agent: Agent) -> bool:
    session = agent.session()
    names = ("http", "websocket", "webcam:c")
    return all(session.channel(name).attempts >= 1 for name in names)


def _figures(agent: Agent) -> dict[str, tuple[int, int, int]]:
    session = agent.session()
    return {
        name: (item.attempts, item.errors, item.episodes) for name, item in session.channels.items()
    }


def test_a_test_after_the_mending_heals_the_channels(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TEST says Succeeded and the status agrees, without waiting out the pauses."""
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 3600.0)
    sandbox.set_fault("http_503")
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(
            lambda: (
                agent.status().http.state == "failing"
                and agent.status().websocket.state == State.WAITING.value
            )
        )
        sandbox.clear()
        agent.diagnosis.start()
        assert host.wait_for(lambda: agent.status().websocket.state == "connected")
        assert host.wait_for(lambda: agent.status().http.state == "okay")


# ---- pictures ------------------------------------------------------------------------------------


def test_a_picture_is_posted_at_once_for_a_viewer(
    sandbox: SandboxServer, webcam: SandboxWebcam
) -> None:
    with linked(sandbox, [url_webcam("Cam", webcam.snapshot_url)]):
        sandbox.set_remote_status(viewing=True)
        wait(sandbox, lambda: sandbox.pictures)
        sandbox.set_remote_status(viewing=True)
    (picture,) = sandbox.pictures
    assert picture.viewing_boost
    assert picture.is_primary_camera
    assert picture.format == "JPEG"


def test_while_printing_pictures_are_posted(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    with linked(sandbox, [url_webcam("Cam", webcam.snapshot_url)]) as (agent, host):
        assert host.wait_for(lambda: agent.session().channel("webcam:Cam").attempts >= 1)
        assert sandbox.pictures == [], "nobody needs any while idle"
        host.printer.printing = True
        agent.on_printer_event("PrintStarted", {"name": "a.gcode"})
        wait(sandbox, lambda: sandbox.pictures)
        assert not sandbox.pictures[0].viewing_boost


def test_a_broken_webcam_is_its_own_row(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    webcam.set_fault("not_found")
    with linked(sandbox, [url_webcam("Cam", webcam.snapshot_url), Webcam("No", None, None)]) as (
        agent,
        host,
    ):
        assert host.wait_for(lambda: agent.session().channel("webcam:Cam").attempts >= 1)
        broken, none = agent.status().webcams
        assert (broken.state, str(broken.cause)) == ("error", "webcam_not_found")
        assert (none.state, str(none.cause)) == ("not_configured", "webcam_not_configured")
        assert agent.status().server.state is ServerState.OKAY


def test_a_webcam_that_comes_and_goes_does_not_fill_the_log(
    sandbox: SandboxServer, webcam: SandboxWebcam, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, log.name)
    with linked(sandbox, [url_webcam("Cam", webcam.snapshot_url)]) as (agent, host):
        for turn in range(1, 2 * MOST_LINES):
            assert host.wait_for(partial(_looked_at_the_webcam, agent, turn))
            if turn % 2:
                webcam.set_fault("not_found")
            else:
                webcam.clear()
            agent._poster.look_now()
    lines = [record for record in caplog.records if record.name == log.name]
    assert len([line for line in lines if line.levelno >= logging.INFO]) == MOST_LINES


def _looked_at_the_webcam(agent: Agent, times: int) -> bool:
    return agent.session().channel("webcam:Cam").attempts >= times


def test_a_webcam_plugin_that_raises_anything_is_recorded(sandbox: SandboxServer) -> None:
    def take() -> list[bytes]:
        raise RuntimeError("camera on fire")

    with linked(sandbox, [Webcam("Cam", "http://[::1", take)]) as (agent, host):
        assert host.wait_for(lambda: agent.session().channel("webcam:Cam").errors >= 1)


def test_the_poster_stops_in_time_and_without_a_start() -> None:
    poster = SnapshotPoster(
        lambda: [], lambda: None, Demand, lambda: False, lambda attempt: None, lambda: None, print
    )
    poster.stop(0.5)


# ---- heartbeat -----------------------------------------------------------------------------------


def test_the_heartbeat_goes_on_after_failures(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(h, "INTERVAL_S", 0.05)
    sandbox.set_fault("http_500")
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(lambda: agent.status().http.state == "failing")
        sandbox.clear()
        assert host.wait_for(lambda: agent.status().http.state == "okay")


def test_the_heartbeat_waits_as_long_as_it_is_told(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with Retry-After: 30 seconds, though our own pauses are short."""
    sandbox.set_fault("http_429")
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(lambda: agent.status().http.state == "failing")
        assert not sandbox.wait_for(lambda: _asked(sandbox) > 1, timeout=0.5)


def test_the_heartbeat_survives_an_answer_that_surprises(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(h, "INTERVAL_S", 0.05)
    host = FakeHost(sandbox.url, sandbox.printer.token)
    agent = Agent(host, "3.0.0")
    calls: list[object] = []

    def surprised(answer: object) -> None:
        calls.append(answer)
        raise KeyError("printer")

    monkeypatch.setattr(agent, "_on_printer", surprised)
    agent.start()
    try:
        wait(sandbox, lambda: len(calls) >= 2)
    finally:
        agent.stop()


def test_a_heartbeat_stops_within_two_seconds_of_a_silent_server(
    serve: Callable[[f.Behaviour], f.FaultServer],
) -> None:
    server = serve(f.silence)
    agent = Agent(FakeHost(server.url, "0" * 20), "3.0.0")
    agent.start()
    assert server.wait_for(lambda: server.connections >= 2)
    started = time.monotonic()
    agent.stop()
    assert time.monotonic() - started < 3.0, "takes at most a few seconds"
