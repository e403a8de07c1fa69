"""How often the status is sent, and what with it: the whole plugin against the sandbox."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.server import status_pace
from sandbox import SandboxServer
from sandbox.records import FrameRecord
from tests.protocol_fields import odd_fields

from .faults import LIMIT_S
from .hosts import FakeHost, FakePrinter, running_agent

pytestmark = pytest.mark.usefixtures("impatient")

CHANGED = "PrinterStateChanged"
BURST_S, PER_SECOND = 3.0, 50.0
QUIET_S = 1.5


class Printer(FakePrinter):
    """Its state has a number, and it notes who asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.asked_by: set[str] = set()

    def current_data(self) -> Mapping[str, Any]:
        self.asked_by.add(threading.current_thread().name)
        state = {"text": f"State {self.number}", "flags": {"operational": True}}
        return {**super().current_data(), "state": state}


class Host(FakeHost):
    """Tells whatever settings a test wants."""

    def __init__(self, server: SandboxServer) -> None:
        super().__init__(server.url, server.printer.token)
        self.numbered = self.printer = Printer()
        self.told: dict[str, Any] = {"agent": {"name": "octoprint_obico", "version": "3.0.0"}}

    def server_settings(self) -> Mapping[str, Any]:
        return self.told


@contextlib.contextmanager
def linked(server: SandboxServer) -> Iterator[tuple[Agent, Host]]:
    host = Host(server)
    with running_agent(host) as agent:
        assert server.wait_for(lambda: statuses(server), LIMIT_S)
        yield agent, host


def statuses(server: SandboxServer) -> list[FrameRecord]:
    return [frame for frame in server.frames if "status" in frame.data]


def texts(server: SandboxServer) -> list[str]:
    return [frame.data["status"]["state"]["text"] for frame in statuses(server)]


def wait(server: SandboxServer, condition: Callable[[], object]) -> None:
    assert server.wait_for(condition, LIMIT_S)


def test_burst_of_changes_becomes_a_few_messages_with_the_latest(sandbox: SandboxServer) -> None:
    """None is put off by the next change, and none is built on the thread that tells of it."""
    with linked(sandbox) as (agent, host):
        printer, pause = host.numbered, threading.Event()
        printer.asked_by.clear()
        began, before = time.monotonic(), len(statuses(sandbox))
        while time.monotonic() - began < BURST_S:
            printer.number += 1
            agent.on_printer_event(CHANGED, None)
            pause.wait(1 / PER_SECOND)
        during = len(statuses(sandbox)) - before
        wait(sandbox, lambda: texts(sandbox)[-1] == f"State {printer.number}")
        took_s = time.monotonic() - began
        sent = len(statuses(sandbox)) - before
    assert during >= 3, "starved by changes"
    assert sent <= took_s / status_pace.STATUS_PAUSE_S + 2
    assert printer.number > 2 * sent, "no burst"
    assert "MainThread" not in printer.asked_by
    numbers = [int(text.split()[1]) for text in texts(sandbox)]
    assert numbers == sorted(numbers)


def test_single_change_is_sent_at_once(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host):
        for number in (1, 2, 3):
            host.numbered.number = number
            agent.on_printer_event(CHANGED, None)
            wait(sandbox, lambda: texts(sandbox)[-1] == f"State {host.numbered.number}")


def test_more_often_while_somebody_views(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_pace, "VIEWED_INTERVAL_S", 0.3)
    with linked(sandbox):
        sandbox.set_remote_status(viewing=True)
        before = len(statuses(sandbox))
        wait(sandbox, lambda: len(statuses(sandbox)) >= before + 5)
        after = len(statuses(sandbox))
        sandbox.set_remote_status(viewing=False)
        # one may be on its way, one follows on the server's message; at the former pace five would
        assert not sandbox.wait_for(lambda: len(statuses(sandbox)) > after + 2, QUIET_S)


def test_settings_with_the_first_and_when_they_change(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host):
        assert statuses(sandbox)[0].data["settings"] == host.told
        before = len(statuses(sandbox))
        agent.on_printer_event("SettingsUpdated", {})
        wait(sandbox, lambda: len(statuses(sandbox)) > before)
        assert "settings" not in statuses(sandbox)[-1].data, "nothing has changed"

        host.told = {**host.told, "installed_plugins": ["new"]}
        agent.on_printer_event("SettingsUpdated", {})
        wait(sandbox, lambda: host.told in settings_of(sandbox))

        told = {"FIRMWARE_NAME": "Marlin", "MACHINE_TYPE": "X"}
        agent.on_printer_event("FirmwareData", {"name": "Marlin", "data": told})
        wait(sandbox, lambda: {**host.told, "printer_metadata": told} in settings_of(sandbox))
        assert len(settings_of(sandbox)) == 3

        connections = len(sandbox.connections)
        sandbox.kick()
        wait(sandbox, lambda: len(sandbox.connections) > connections)
        wait(sandbox, lambda: len(settings_of(sandbox)) == 4)
        again = sandbox.connections[-1].id
        first = next(frame for frame in statuses(sandbox) if frame.connection_id == again)
        assert first.data["settings"]["printer_metadata"] == told
    for frame in statuses(sandbox):
        assert odd_fields(frame.data) == []


def settings_of(server: SandboxServer) -> list[Any]:
    frames = [frame.data for frame in statuses(server)]
    return [frame["settings"] for frame in frames if "settings" in frame]
