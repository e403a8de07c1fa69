"""Filament change and the app's terminal through the whole plugin, against the sandbox."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico import agent as agent_module
from octoprint_obico.agent import Agent
from octoprint_obico.printer import terminal_feed
from octoprint_obico.server.outbox import FILE_NAME
from octoprint_obico.session.status import ServerState
from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .hosts import FakeHost, running_agent

pytestmark = pytest.mark.usefixtures("impatient")

QUIET_S = 0.5
FILE = frozenset({"source:file"})


@contextlib.contextmanager
def linked(
    server: SandboxServer, folder: Path, camera: SandboxWebcam | None = None
) -> Iterator[tuple[Agent, FakeHost]]:
    webcams = [url_webcam("Cam", camera.snapshot_url)] if camera is not None else []
    host = FakeHost(server.url, server.printer.token, webcams)
    with running_agent(host, folder / FILE_NAME) as agent:
        assert host.wait_for(lambda: agent.status().server.state is ServerState.OKAY)
        yield agent, host


def wait(server: SandboxServer, condition: Callable[[], object]) -> None:
    assert server.wait_for(condition, f.LIMIT_S), server.frames[-5:]


def passthrus(server: SandboxServer) -> list[dict[str, Any]]:
    return [frame.data["passthru"] for frame in server.frames if "passthru" in frame.data]


def lines(server: SandboxServer) -> list[str]:
    found = [each["terminal_feed"] for each in passthrus(server) if "terminal_feed" in each]
    return [each["msg"] for each in found]


def toggle(server: SandboxServer, wanted: str) -> Any:
    ref = uuid.uuid4().hex
    call = {"target": "gcode_hooks", "func": "toggle_terminal_feed", "args": [wanted], "ref": ref}
    server.send_passthru(call)
    wait(server, lambda: [each for each in passthrus(server) if each.get("ref") == ref])
    return next(each for each in passthrus(server) if each.get("ref") == ref).get("ret")


def waits(agent: Agent) -> bool:
    """Whether the status says that the print waits for somebody."""
    return agent.printer.status(False)["status"]["user_interaction_required"] is True


# ---- filament ------------------------------------------------------------------------------------


def test_the_bell_rings_and_the_app_shows_it_at_once(
    sandbox: SandboxServer, webcam: SandboxWebcam, tmp_path: Path
) -> None:
    with linked(sandbox, tmp_path, webcam) as (agent, host):
        host.printer.printing = True
        agent.printer.on_sent("M600", "M600", FILE)
        agent.printer.on_received("echo:busy: paused for user")
        wait(sandbox, lambda: sandbox.events)
        assert waits(agent)
        wait(sandbox, lambda: [each for each in passthrus(sandbox) if "printer_event" in each])
        assert not sandbox.wait_for(lambda: len(sandbox.events) > 1, QUIET_S)
    (event,) = sandbox.events
    assert event.snapshot_size is not None
    assert event.fields["notify"] == "true"
    shown = [each["printer_event"] for each in passthrus(sandbox) if "printer_event" in each]
    assert [set(each) for each in shown] == [
        {"event_type", "event_class", "event_title", "event_text"}
    ]


def statuses(server: SandboxServer) -> int:
    return len([frame for frame in server.frames if "status" in frame.data])


def test_the_status_is_told_when_the_print_waits_and_when_it_goes_on(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with linked(sandbox, tmp_path) as (agent, host):
        host.printer.printing = True
        wait(sandbox, lambda: statuses(sandbox))
        before = statuses(sandbox)
        agent.printer.on_sent("M600", "M600", FILE)
        assert waits(agent)
        wait(sandbox, lambda: statuses(sandbox) > before)
        before = statuses(sandbox)
        for move in ("G1 X1", "G1 X2"):
            agent.printer.on_sent("G1", move, FILE)
        wait(sandbox, lambda: statuses(sandbox) > before)
        assert not waits(agent)


def test_a_reminder_comes_while_it_waits_and_none_afterwards(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "LOOK_EVERY_S", 0.05)
    with linked(sandbox, tmp_path) as (agent, host):
        host.printer.printing = True
        agent.printer.on_received("//action:paused")
        wait(sandbox, lambda: len(sandbox.events) == 1)
        host.settings.stored_filament_nudge_s = 0.2
        wait(sandbox, lambda: len(sandbox.events) >= 3)
        agent.on_printer_event("PrintResumed", {"name": "a.gcode"})
        told = len(sandbox.events)
        # one may have been on its way
        assert not sandbox.wait_for(lambda: len(sandbox.events) > told + 1, 1.0)
    assert {event.fields["event_type"] for event in sandbox.events} == {"FILAMENT_CHANGE"}


def test_what_no_printer_says_is_a_recorded_fault_at_most(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    """OctoPrint's threads go on; the plugin says that it was its own."""
    with linked(sandbox, tmp_path) as (agent, _):
        odd: Any = object()
        agent.printer.on_received(odd)
        agent.printer.on_received(None)  # type: ignore[arg-type]
        assert agent.session().channel("plugin").errors == 2
        agent.printer.on_sent(None, "", None)
        agent.printer.on_received("\ud800 // echo:\0")


# ---- the terminal --------------------------------------------------------------------------------


def test_a_viewer_sees_both_ways_and_nobody_else_anything(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with linked(sandbox, tmp_path) as (agent, _):
        sandbox.set_remote_status(viewing=True)
        assert toggle(sandbox, "get") is False
        agent.printer.on_sent("G28", "G28", FILE)
        assert toggle(sandbox, "on") is True
        for number in range(5):
            agent.printer.on_sent("G1", f"G1 X{number}", FILE)
            agent.printer.on_received(f"ok {number}")
        wait(sandbox, lambda: len(lines(sandbox)) == 10)
        assert lines(sandbox) == [
            text for number in range(5) for text in (f"G1 X{number}", f"ok {number}")
        ]
        sandbox.set_remote_status(viewing=False)
        assert toggle(sandbox, "get") is True  # after that message
        agent.printer.on_received("nobody sees this")
        assert not sandbox.wait_for(lambda: len(lines(sandbox)) > 10, 3 * terminal_feed.TURN_S)


def test_it_goes_off_by_itself(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_feed, "UNWATCHED_S", 0.5)
    with linked(sandbox, tmp_path) as (agent, host):
        sandbox.set_remote_status(viewing=True)
        assert toggle(sandbox, "on") is True
        assert _has_thread()
        sandbox.set_remote_status(viewing=False)
        assert host.wait_for(lambda: not _has_thread())
        assert toggle(sandbox, "get") is False
        sandbox.set_remote_status(viewing=True)
        assert toggle(sandbox, "get") is False
        agent.printer.on_received("ok")
        assert not sandbox.wait_for(lambda: lines(sandbox), QUIET_S)


def _has_thread() -> bool:
    return any(each.name == "obico-terminal" for each in threading.enumerate())


def test_a_flood_leaves_room_for_answers(sandbox: SandboxServer, tmp_path: Path) -> None:
    """The latest lines, with a word on the others; and the calls of the app are answered."""
    with linked(sandbox, tmp_path) as (agent, _):
        sandbox.set_remote_status(viewing=True)
        assert toggle(sandbox, "on") is True
        for number in range(5000):
            agent.printer.on_received(f"line {number}")
        assert toggle(sandbox, "get") is True
        wait(sandbox, lambda: "line 4999" in lines(sandbox))
        shown = lines(sandbox)
    assert len(shown) < 1000
    assert any(line.endswith(" lines left out") for line in shown)
    left = sum(int(line.split()[1]) for line in shown if line.endswith(" lines left out"))
    assert left + len([line for line in shown if line.startswith("line ")]) == 5000
    numbers = [int(line[5:]) for line in shown if line.startswith("line ")]
    assert numbers == sorted(numbers)


def test_its_thread_ends_with_the_plugin(sandbox: SandboxServer, tmp_path: Path) -> None:
    with linked(sandbox, tmp_path):
        sandbox.set_remote_status(viewing=True)
        assert toggle(sandbox, "on") is True
        assert _has_thread()
    assert not _has_thread()
