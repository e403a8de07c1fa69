"""What the running plugin puts into the session's record: outages, rest, and its own faults."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.server import faults
from octoprint_obico.server import supervisor as s
from octoprint_obico.server.errors import Attempt
from octoprint_obico.session.report import build_report
from octoprint_obico.webcam.poster import SnapshotPoster
from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .hosts import FakeHost, running_agent
from .live import Live, connected, failed_with, until

pytestmark = pytest.mark.usefixtures("impatient")


@contextlib.contextmanager
def running(host: FakeHost) -> Iterator[Agent]:
    """With both channels up."""
    with running_agent(host) as agent:
        assert host.wait_for(lambda: _up(agent, "http") and _up(agent, "websocket"))
        yield agent


def _up(agent: Agent, channel: str) -> bool:
    return agent.session().channel(channel).up is True


# ---- outages -------------------------------------------------------------------------------------


def test_a_frozen_line_was_down_since_its_last_sign_of_life(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s, "PING_INTERVAL_S", 0.2)
    monkeypatch.setattr(s, "PONG_TIMEOUT_S", 0.3)
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.set_fault("ws_frozen")
    until(channel, failed_with("websocket_unresponsive"))
    failed = live.records.wait_for(lambda attempts: any(not item.ok for item in attempts))
    (frozen,) = [item for item in failed if not item.ok][:1]
    assert frozen.down_for_s >= 0.5
    assert frozen.facts["seconds"] == round(frozen.down_for_s, 1)


def test_what_is_noticed_at_once_was_not_down_before(sandbox: SandboxServer, live: Live) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.kick(1011)
    failed = live.records.wait_for(lambda attempts: any(not item.ok for item in attempts))
    assert [item.down_for_s for item in failed if not item.ok] == [0.0]


# ---- rest ----------------------------------------------------------------------------------------


def test_a_link_that_was_removed_is_at_rest(sandbox: SandboxServer) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running(host) as agent:
        host.settings.stored_token = None
        agent.reconfigure()
        session = agent.session()
        assert [session.channel(name).up for name in ("http", "websocket")] == [None, None]
        assert session.parts["server"].up is None
        observed_s = session.parts["server"].observed_s
        assert agent.session().parts["server"].observed_s == observed_s
        host.settings.stored_token = sandbox.printer.token
        agent.reconfigure()
        assert host.wait_for(lambda: _up(agent, "http") and _up(agent, "websocket"))


def test_a_webcam_that_is_gone_is_at_rest(
    sandbox: SandboxServer, webcam: SandboxWebcam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SnapshotPoster, "IDLE_LOOK_S", 0.05)
    webcams = [url_webcam(name, webcam.snapshot_url) for name in ("One", "Two")]
    host = FakeHost(sandbox.url, sandbox.printer.token, webcams)
    with running(host) as agent:
        assert host.wait_for(lambda: _up(agent, "webcam:One") and _up(agent, "webcam:Two"))
        host.take_away("Two")
        agent._poster.look_now()
        assert host.wait_for(lambda: agent.session().channel("webcam:Two").up is None)
        assert _up(agent, "webcam:One")


def test_without_a_link_no_webcam_is_looked_after(
    sandbox: SandboxServer, webcam: SandboxWebcam
) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token, [url_webcam("One", webcam.snapshot_url)])
    with running(host) as agent:
        assert host.wait_for(lambda: _up(agent, "webcam:One"))
        host.settings.stored_token = None
        agent.reconfigure()
        agent._poster.nudge()
        assert host.wait_for(lambda: agent.session().channel("webcam:One").up is None)


# ---- the plugin's own faults ---------------------------------------------------------------------


def test_a_status_that_cannot_be_built_is_the_plugins_fault(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    with running(host) as agent:
        assert host.wait_for(lambda: _up(agent, "plugin"))
        monkeypatch.setattr(host.printer, "temperatures", lambda: None)
        agent.send_status()
        assert host.wait_for(lambda: agent.session().channel("plugin").errors >= 1)
        session = agent.session()
        (failure, *_) = session.channel("plugin").recent
        assert failure.cause.value == "unknown_error"
        assert failure.message == "building the status: temperatures: AttributeError"
        assert session.parts["server"].errors == 0, "nothing is wrong with the network"
        report = build_report(session, frozenset(), None, agent.series)
        assert report["server"] is None
        assert (report["plugin"]["active"], report["plugin"]["errors"]) == (True, 1)
        monkeypatch.undo()
        agent.send_status()
        assert host.wait_for(lambda: _up(agent, "plugin"))


def test_an_error_in_the_channels_code_is_no_error_of_the_network(
    sandbox: SandboxServer,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged with its traceback once, recorded each time, and the channel comes back."""

    def broken(*_: object) -> None:
        raise RuntimeError("token=0123456789")

    monkeypatch.setattr(s.Supervisor, "_serve", broken)
    live.watched = True
    channel = live.connect(sandbox.url, sandbox.printer.token)
    live.records.wait_for(lambda attempts: _faults(attempts) >= 2)
    assert _faults_elsewhere(live.records.attempts) == []
    traces = [record for record in caplog.records if record.exc_info]
    assert len(traces) == 1
    monkeypatch.undo()
    until(channel, connected)


def _faults(attempts: list[Attempt]) -> int:
    return sum(1 for item in attempts if item.channel == "plugin" and not item.ok)


def _faults_elsewhere(attempts: list[Attempt]) -> list[Attempt]:
    return [item for item in attempts if item.channel != "plugin" and not item.ok]


def test_a_message_that_cannot_be_carried_out_is_recorded(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("not like this")

    monkeypatch.setattr(live, "_on_message", broken)
    until(live.connect(sandbox.url, sandbox.printer.token), connected)
    attempts = live.records.wait_for(lambda attempts: _faults(attempts) >= 1)
    (fault, *_) = [item for item in attempts if item.channel == "plugin"]
    assert fault.facts["error"] == "ValueError"
    assert "not like this" not in fault.message


def test_an_error_that_leaves_a_threads_work_does_not_end_the_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(faults, "RESTART_S", 0.01)
    recorded: list[Attempt] = []
    runs = iter([RuntimeError("a"), RuntimeError("b"), KeyError("c"), None])
    log = logging.getLogger("test.faults")
    owner, stop = faults.Faults(recorded.append, log), threading.Event()

    def work() -> None:
        error = next(runs)
        if error is not None:
            raise error

    thread = threading.Thread(target=owner.guarded("working", work, stop), daemon=True)
    thread.start()
    thread.join(f.LIMIT_S)
    assert not thread.is_alive()
    assert [item.message for item in recorded] == [
        "working: RuntimeError",
        "working: RuntimeError",
        "working: KeyError",
    ]
    traces = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert traces == [RuntimeError, KeyError]


def test_a_thread_that_is_to_stop_does_not_begin_anew() -> None:
    stop, runs = threading.Event(), []

    def work() -> None:
        runs.append(1)
        stop.set()
        raise RuntimeError

    log = logging.getLogger("test.faults")
    log.disabled = True
    faults.Faults(lambda attempt: None, log).guarded("working", work, stop)()
    log.disabled = False
    assert runs == [1]
