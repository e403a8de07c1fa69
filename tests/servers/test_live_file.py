"""The status file of the running plugin, and the probe that goes by it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.diagnosis.probes import Probe, own_connection_probe
from octoprint_obico.diagnosis.progress import Progress
from octoprint_obico.diagnosis.running_plugin import running_plugin_probe
from octoprint_obico.server import live_file
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.channel_state import Snapshot, State
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.live_file import FRESH_S, REFRESH_S, LiveFile, process_mark, read_live
from sandbox import SandboxServer

from .hosts import FakeHost
from .live import AGENT

SERVER = "http://127.0.0.1:1"
UP = Snapshot(State.CONNECTED, 1_700_000_000.0, last_pong_at=1_700_000_100.0)


class Clock:
    """The machine's clock since its start, at the test's will."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / live_file.FILE_NAME


@pytest.fixture
def clock() -> Clock:
    return Clock()


def written(path: Path, **changes: Any) -> None:
    """A file of this very process, fresh and connected, but for these changes."""
    fresh = path.with_suffix(".fresh")
    LiveFile(fresh).note(lambda: UP, SERVER)
    fresh.write_text(json.dumps({**json.loads(fresh.read_text()), **changes}))
    fresh.replace(path)  # as the plugin does: whoever reads meanwhile sees the old or the new


# ---- writing and reading -------------------------------------------------------------------------


def test_what_is_written_is_read(path: Path) -> None:
    LiveFile(path).note(lambda: UP, SERVER)
    live = read_live(path)
    assert live is not None
    assert (live.pid, live.server, live.shared) == (os.getpid(), SERVER, False)
    assert (live.since, live.last_pong_at) == (UP.since, UP.last_pong_at)
    assert live.is_up
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    content = json.loads(path.read_text())
    assert content["state"] == "connected"
    assert content["since"] == "2023-11-14T22:13:20.000Z"
    assert content["last_pong_at"] == "2023-11-14T22:15:00.000Z"


def test_each_change_is_written_and_what_repeats_is_not(path: Path, clock: Clock) -> None:
    """A pong every 8 s would wear the SD card."""
    file = LiveFile(path, clock)
    file.note(lambda: UP, SERVER)
    path.unlink()
    clock.now += REFRESH_S - 1
    file.note(lambda: Snapshot(UP.state, UP.since, last_pong_at=1_700_000_200.0), SERVER)
    assert not path.exists()
    clock.now += 1
    file.note(lambda: UP, SERVER)
    assert path.exists(), "now and then it is, so that it stays believable"
    for changed in (Snapshot(State.WAITING, 1_700_000_300.0), UP):
        path.unlink()
        file.note([changed].pop, SERVER)
        assert path.exists()
    path.unlink()
    file.note(lambda: UP, "http://other.example")
    assert path.exists()


def test_a_file_that_is_not_kept_up_is_not_believed(path: Path, clock: Clock) -> None:
    LiveFile(path, clock).note(lambda: UP, SERVER)
    clock.now += FRESH_S
    assert read_live(path, clock).is_up  # type: ignore[union-attr]
    clock.now += 1
    assert not read_live(path, clock).is_up  # type: ignore[union-attr]
    clock.now = 0  # of another start of the machine
    assert not read_live(path, clock).is_up  # type: ignore[union-attr]


def test_it_goes_with_the_channel_and_for_good_with_the_plugin(path: Path) -> None:
    file = LiveFile(path)
    file.note(lambda: UP, SERVER)
    file.remove()
    assert not path.exists()
    file.note(lambda: UP, SERVER)
    assert path.exists()
    file.close()
    file.note(lambda: UP, SERVER)
    assert not path.exists()
    file.close()


GARBAGE = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": 1}', b"[" * 5000, b'{"a": "' + b"x" * 9999,
]  # fmt: skip
ODD = [
    {"schema": 2}, {"schema": None}, {"pid": "x"}, {"pid": -1}, {"pid": 0}, {"started": "other"},
    {"clock": None}, {"clock": [1, 2]}, {"clock": ["x", None, 1]}, {"clock": [1e300, None, 1]},
    {"clock": [float("nan"), None, 1]}, {"clock": [1, float("inf"), 1]}, {"pid": 1e300},
]  # fmt: skip


@pytest.mark.parametrize("content", GARBAGE)
def test_garbage_is_no_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_live(path) is None


@pytest.mark.parametrize("change", ODD, ids=str)
def test_odd_values_are_no_file(path: Path, change: dict[str, Any]) -> None:
    written(path, **change)
    assert read_live(path) is None


def test_no_file_and_no_folder(path: Path) -> None:
    assert read_live(path) is None
    assert read_live(path / "in" / "a file") is None
    path.mkdir()
    assert read_live(path) is None


def test_a_disk_that_cannot_be_written_ends_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = LiveFile(path.parent / "missing" / path.name)
    file.note(lambda: UP, SERVER)
    file.note(lambda: Snapshot(State.WAITING, 1.0), SERVER)
    file.close()
    assert len(caplog.records) == 1


def test_a_process_id_that_is_somebody_elses_now(path: Path) -> None:
    """The file of a crashed plugin, whose id another process has got."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        written(path, pid=child.pid)
        assert read_live(path) is None
        written(path, pid=child.pid, started=process_mark(child.pid))
        assert read_live(path) is not None
    finally:
        child.kill()
        child.wait(5)
        assert child.stdin is not None
        child.stdin.close()
    assert read_live(path) is None, "it has ended"
    assert process_mark(child.pid) is None


# ---- the probe -----------------------------------------------------------------------------------


class Own:
    """Stands for a connection of our own: counts, and ends as the test says."""

    def __init__(self, error: ChannelError | None = None) -> None:
        self.count, self.error = 0, error

    def __call__(self, deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        self.count += 1
        if self.error is not None:
            raise self.error
        return {"live": False}


def probed(probe: Probe, seconds: float = 5.0) -> Mapping[str, Any]:
    return probe(Deadline(seconds), Progress())


def test_a_live_connection_is_left_alone(path: Path) -> None:
    own = Own()
    written(path)
    evidence = probed(running_plugin_probe(path, SERVER, own))
    assert own.count == 0
    assert evidence["running_plugin"] is evidence["live"] is True
    assert evidence["process"] == os.getpid()
    assert evidence["since"] == "2023-11-14T22:13:20.000Z"
    assert evidence["last_pong_at"] == "2023-11-14T22:15:00.000Z"
    assert json.loads(json.dumps(evidence)) == evidence


@pytest.mark.parametrize(
    "change", [{"state": "waiting"}, {"state": "stopped"}, {"server": "http://x"}, {"pid": 0}]
)
def test_otherwise_an_own_one_is_opened(path: Path, change: dict[str, Any]) -> None:
    own = Own()
    written(path, **change)
    assert probed(running_plugin_probe(path, SERVER, own)) == {"live": False}
    assert own.count == 1


def test_one_that_opens_just_now_is_waited_for(path: Path) -> None:
    own = Own()
    written(path, state="connecting")
    later = threading.Timer(0.5, written, [path])
    later.start()
    evidence = probed(running_plugin_probe(path, SERVER, own))
    later.join()
    assert evidence["running_plugin"] is True
    assert own.count == 0


def test_one_that_does_not_get_open_is_not_waited_for_long(path: Path) -> None:
    own = Own()
    written(path, state="connecting")
    started = time.monotonic()
    probed(running_plugin_probe(path, SERVER, own), 0.6)
    assert time.monotonic() - started < 2.0
    assert own.count == 1


def test_a_plugin_that_takes_over_is_no_stranger(path: Path) -> None:
    """Our connection is closed with 4321 because the plugin's came back meanwhile."""
    own = Own(ChannelError(Cause.CREDENTIALS_SHARED, Stage.OPEN, "closed with code 4321"))
    probe = running_plugin_probe(path, SERVER, own)
    written(path, state="waiting")
    later = threading.Timer(0.3, written, [path])
    later.start()
    assert probed(probe)["running_plugin"] is True
    later.join()
    written(path, state="waiting")
    with pytest.raises(ChannelError):
        probed(probe, 0.5)
    path.unlink()
    with pytest.raises(ChannelError):
        probed(probe)


# ---- the plugin ----------------------------------------------------------------------------------


@pytest.fixture
def agent(sandbox: SandboxServer, path: Path) -> Iterator[Agent]:
    host = FakeHost(sandbox.url, sandbox.printer.token)
    agent = Agent(host, "3.0.0", LiveFile(path))
    agent.start()
    assert host.wait_for(lambda: (live := read_live(path)) is not None and live.is_up)
    yield agent
    agent.stop()


def test_the_running_plugin_writes_it_and_is_not_thrown_out(
    sandbox: SandboxServer, agent: Agent, path: Path
) -> None:
    token = sandbox.printer.token
    assert token not in path.read_text()
    probe = running_plugin_probe(path, sandbox.url, own_connection_probe(sandbox.url, token, AGENT))
    assert probed(probe)["running_plugin"] is True
    assert agent.status().websocket.state == "connected"
    assert len(sandbox.connections) == 1
    agent.stop()
    assert not path.exists()


def test_without_it_an_own_connection_is_opened(
    sandbox: SandboxServer, agent: Agent, path: Path
) -> None:
    """The plugin has stopped: now the command may."""
    agent.stop()
    token = sandbox.printer.token
    probe = running_plugin_probe(path, sandbox.url, own_connection_probe(sandbox.url, token, AGENT))
    assert probed(probe)["live"] is False
