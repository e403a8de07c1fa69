"""What OctoPrint calls returns at once, wherever the plugin's own threads hang just then."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.printer.pause_script import PausedAt
from octoprint_obico.server import live_file, outbox_file
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.live_file import LiveFile
from octoprint_obico.webcam.snapshot import Webcam

from . import faults as f
from . import wsfaults as w
from .hosts import FakeHost

TOKEN = "0123456789abcdef0123"
AT_ONCE_S = 0.05
OFTEN = 3
"""The quickest call of so many counts: others work on this machine as well, but what hangs, hangs
each time."""
START_S = 0.5
"""Once, with all its imports."""
STOP_S = 5.0
"""WebSocket 2, HTTP 0.5, webcam 0.5, watch 0.5, outbox 1.5 (Agent.stop)."""
LARGE_JOB = {"file": {"name": "a.gcode"}, "others": ["x" * 500] * 200}
MANY_EVENTS = 100
"""Of that size, more than the buffers of a connection hold."""


@dataclass
class Hanging:
    """A plugin of which something hangs.

    Attributes:
        stuck: whether it does by now; asked again after all calls.
    """

    agent: Agent
    host: FakeHost
    stuck: Callable[[], bool]


@contextlib.contextmanager
def plugin(folder: Path, url: str, *webcams: Webcam) -> Iterator[tuple[Agent, FakeHost]]:
    """The whole plugin, with all that it keeps on disk."""
    host = FakeHost(url, TOKEN, webcams)
    agent = Agent(host, "3.0.0", LiveFile(folder / "live.json"), folder / "outbox.sqlite")
    assert seconds(agent.start) < START_S
    try:
        yield agent, host
    finally:
        started = time.monotonic()
        agent.stop()
        assert time.monotonic() - started < STOP_S


def greet_and_live(peer: f.Peer, head: bytes) -> None:
    peer.send(w.switching(w.accept_key(head)) + w.frame(w.TEXT, w.GREETING))
    w.answer_pings(peer)


@contextlib.contextmanager
def healthy(
    folder: Path,
    shake_hands: Callable[[f.Peer, bytes], None] = greet_and_live,
    webcams: Sequence[Webcam] = (),
) -> Iterator[tuple[Agent, FakeHost]]:
    """The plugin at a server whose API is in good health."""
    server = f.FaultServer(w.beside_api(shake_hands))
    with server, plugin(folder, server.url, *webcams) as running:
        yield running


def state(agent: Agent) -> str:
    return agent.status().websocket.state


@contextlib.contextmanager
def hangs_at(folder: Path, url: str, socket_state: str) -> Iterator[Hanging]:
    with plugin(folder, url) as (agent, host):
        yield Hanging(agent, host, lambda: state(agent) == socket_state)


@contextlib.contextmanager
def connecting(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """Nobody answers the attempt to connect."""
    with f.black_hole() as port, hangs_at(folder, f"http://127.0.0.1:{port}", "connecting") as it:
        yield it


@contextlib.contextmanager
def tls(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """The server says nothing to the TLS greeting."""
    with f.FaultServer(f.silence) as server:
        url = server.url.replace("http:", "https:")
        with hangs_at(folder, url, "connecting") as it:
            yield it


@contextlib.contextmanager
def handshake(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """The server reads the request and says nothing."""
    with f.FaultServer(f.silence) as server, hangs_at(folder, server.url, "connecting") as it:
        yield it


@contextlib.contextmanager
def dripping(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """The server answers with a byte now and then."""
    behaviour = f.drip_after_request(b"HTTP/1.1 101 " + b"x" * 10_000, 0.2)
    with f.FaultServer(behaviour) as server, hangs_at(folder, server.url, "connecting") as it:
        yield it


@contextlib.contextmanager
def sending(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """The server does not take what is sent; there is no outbox, which sends one at a time."""

    def open_and_never_read(peer: f.Peer, head: bytes) -> None:
        peer.send(w.switching(w.accept_key(head)) + w.frame(w.TEXT, w.GREETING))
        peer.pause(f.LIMIT_S)

    with healthy(folder, open_and_never_read) as (agent, host):
        monkeypatch.setattr(agent._events, "outbox", None)
        assert host.wait_for(lambda: state(agent) == "connected")
        current = host.printer.current_data()
        monkeypatch.setattr(host.printer, "current_data", lambda: {**current, "job": LARGE_JOB})
        for _ in range(MANY_EVENTS):
            agent.on_printer_event("PrintPaused", {"name": "a.gcode"})
        link = agent._link
        assert link is not None
        queue = link.supervisor._queue
        yield Hanging(agent, host, lambda: len(queue) > 0)


@contextlib.contextmanager
def disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """Neither the outbox's file nor the status file can be written any more."""
    go_on = threading.Event()
    waiting: list[str] = []

    def hang(*_: Any) -> None:
        waiting.append(threading.current_thread().name)
        go_on.wait(3 * f.LIMIT_S)

    monkeypatch.setattr(outbox_file.OutboxFile, "write", hang)
    monkeypatch.setattr(live_file, "_replace", hang)

    def open_and_confirm_nothing(peer: f.Peer, head: bytes) -> None:
        peer.send(w.switching(w.accept_key(head)) + w.frame(w.TEXT, w.GREETING))
        peer.hold()

    with healthy(folder, open_and_confirm_nothing) as (agent, host):
        agent.on_printer_event("PrintStarted", {"name": "a.gcode"})
        yield Hanging(agent, host, lambda: {"obico-outbox", "obico-watch"} <= set(waiting))
    go_on.set()


@contextlib.contextmanager
def webcam(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """Another plugin's webcam does not come back with its picture."""
    go_on, asked = threading.Event(), threading.Event()

    def take() -> list[bytes]:
        asked.set()
        go_on.wait(3 * f.LIMIT_S)
        return []

    camera = Webcam("Cam", "http://127.0.0.1:1/", take)
    with healthy(folder, webcams=[camera]) as (agent, host):
        yield Hanging(agent, host, asked.is_set)
    go_on.set()


def calls(agent: Agent, host: FakeHost) -> dict[str, Callable[[], object]]:
    """All that OctoPrint's threads call."""
    tokens = iter([f"{number:020d}" for number in range(100)])

    def reconfigure() -> None:
        host.settings.stored_token = next(tokens)
        agent.reconfigure()

    return {
        "an event of a print": lambda: agent.on_printer_event("PrintPaused", {"name": "a.gcode"}),
        "a change of state": lambda: agent.on_printer_event("PrinterStateChanged", {}),
        "an event of others": lambda: agent.on_printer_event("ZChange", {"new": 1}),
        "G-code is queued": lambda: agent.printer.on_gcode("G90", "G90"),
        "filament is asked for": lambda: agent.printer.on_sent("M600", "M600", {"source:file"}),
        "G-code is sent": lambda: agent.printer.on_sent("G1", "G1 X1", {"source:file"}),
        "a line is received": lambda: agent.printer.on_received("ok T:20.0 /0.0"),
        "the printer says that it waits": (
            lambda: agent.printer.on_received("echo:busy: paused for user")
        ),
        "a G-code script": lambda: agent.printer.on_script("afterPrintPaused", PausedAt),
        "the network is back": agent.on_network_back,
        "settings were saved": agent.on_settings_saved,
        "send_status": agent.send_status,
        "look": agent.look,
        "status": agent.status,
        "session": agent.session,
        "series": lambda: agent.series(None, 100),
        "events": agent.events,
        "account": agent.account,
        "troubles": lambda: agent.alerts.troubles,
        "state of the test": lambda: agent.diagnosis.state(str),
        "state of linking": agent.linking.state,
        "state of naming": agent.naming.state,
        "state of accepting": agent.accepting.state,
        "reconfigure, nothing new": agent.reconfigure,
        # last: they replace the channels that hang
        "reconfigure": reconfigure,
        "TEST": agent.diagnosis.start,
        "linking": lambda: agent.linking.start(host.settings.address, "123456"),
        "naming": lambda: agent.naming.start("A name"),
        "accepting": lambda: agent.accepting.start(parse_address(host.settings.address), "AB"),
    }


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


@pytest.mark.parametrize(
    "hang",
    [connecting, tls, handshake, dripping, sending, disk, webcam],
    ids=lambda it: it.__name__,
)
def test_every_call_returns_at_once(
    hang: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hang(tmp_path, monkeypatch) as it:
        assert it.host.wait_for(it.stuck), "the fault must be there"
        slow = {}
        for name, call in calls(it.agent, it.host).items():
            if name == "reconfigure":
                assert it.stuck(), "and must have stayed"
            took_s = min(seconds(call) for _ in range(OFTEN))
            if took_s > AT_ONCE_S:
                slow[name] = took_s
        assert slow == {}
