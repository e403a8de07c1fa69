"""Each fault of the sandbox: verdict and cause of its table, through both doors."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from octoprint_obico.diagnosis.probes import live_probe
from octoprint_obico.server import supervisor
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.channel_state import State
from octoprint_obico.webcam import snapshot
from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam
from sandbox.faults import SERVER_FAULTS, WEBCAM_FAULTS, WEBSOCKET
from tests.provoked import provokes, provoking

from . import faults as f
from . import wsfaults as w
from .live import Live, connected, until
from .results import assert_filled_in, assert_one_root, evidence_of, outcome_of, run

CAUSES = {id_: fault.cause for id_, fault in SERVER_FAULTS.items()}
# A rival, or a fault that acts later, is seen by a channel that stays open, not by one short look
LATER = {"copied_token", "ws_dropped"}
HOLDING = {"silent", "ws_silent", "ws_frozen"}
"""Faults in which an attempt ends by a time limit only."""


def deadline_for(fault: str) -> float:
    """What takes its whole time limit shows the same in a shorter one."""
    return 2.0 if fault in HOLDING else 15.0


def assert_as_in_the_table(result: dict[str, object], fault: str) -> None:
    row = SERVER_FAULTS[fault]
    assert (result["verdict"], result["cause"]) == (row.verdict, row.cause)
    if row.cause is not None:
        assert_one_root(result)


@pytest.mark.parametrize(
    "fault", provoking({id_: cause for id_, cause in CAUSES.items() if id_ not in LATER})
)
def test_the_command_names_each_fault(sandbox: SandboxServer, fault: str) -> None:
    """With a connection of its own."""
    sandbox.set_fault(fault)
    result = run(sandbox.url, sandbox.printer.token, deadline_s=deadline_for(fault))
    assert_as_in_the_table(result, fault)


@pytest.mark.parametrize("fault", provoking(CAUSES))
def test_the_button_names_each_fault(
    sandbox: SandboxServer,
    live: Live,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    prompt_return: None,
) -> None:
    """With the live channel, which was up when the fault began and has noticed it."""
    monkeypatch.setattr(supervisor, "PONG_TIMEOUT_S", 1.0)
    monkeypatch.setattr(supervisor, "FIRST_MESSAGE_TIMEOUT_S", 1.0)
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    sandbox.set_fault(fault)
    if SERVER_FAULTS[fault].cuts or fault in LATER or fault == "ws_closed":
        until(channel, lambda now: now.error is not None)
    if fault == "copied_token":
        until(channel, lambda now: now.shared)
    result = run(
        sandbox.url,
        sandbox.printer.token,
        websocket=live_probe(channel),
        deadline_s=4.0 if fault in HOLDING else 15.0,
    )
    assert_as_in_the_table(result, fault)


@pytest.mark.parametrize("fault", [id_ for id_ in SERVER_FAULTS if id_ not in HOLDING | LATER])
def test_the_button_says_succeeded_once_it_is_mended(
    sandbox: SandboxServer, live: Live, fault: str
) -> None:
    sandbox.set_fault(fault)
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, lambda now: now.attempts >= 1)
    sandbox.clear()
    result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
    assert (result["verdict"], result["channels"]) == (
        "succeeded",
        {"http": "okay", "websocket": "okay"},
    )


@pytest.mark.parametrize(
    ("then", "cause"),
    [("ws_404", "websocket_refused"), ("ws_reset", "websocket_reset"), (None, None)],
)
def test_a_connection_that_ends_under_its_hands_is_judged_by_the_next_one(
    sandbox: SandboxServer,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    then: str | None,
    cause: str | None,
) -> None:
    """It waits for the answer to its ping when the connection is cut."""
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    ping = channel.ping_now

    def cut_instead() -> None:
        monkeypatch.setattr(channel, "ping_now", ping)
        sandbox.set_fault(then or "ws_reset")
        if then is None:
            sandbox.clear()

    monkeypatch.setattr(channel, "ping_now", cut_instead)
    result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
    assert result["cause"] == cause
    assert result["verdict"] == ("succeeded" if cause is None else "websocket_failed")


@pytest.mark.parametrize(
    ("code", "verdict", "cause"),
    [
        (4321, "invalid_account_credentials", "credentials_shared"),
        (1000, "websocket_failed", "websocket_dropped"),
        (1011, "websocket_failed", "websocket_dropped"),
    ],
)
def test_the_command_names_how_its_own_socket_was_closed(
    serve: Callable[[f.Behaviour], f.FaultServer], code: int, verdict: str, cause: str
) -> None:
    """After 4321 it knows of a third user of the token: it is the second itself."""
    api = f.answer("200 OK", b'{"user": {}, "printer": {"id": 1, "name": "P"}}')

    def behave(peer: f.Peer) -> None:
        head = peer.read_head()
        if b"Upgrade" not in head:
            peer.send(f.http_bytes("200 OK", b'{"printer": {"id": 1, "name": "P"}}'))
            api(peer)
            return
        greeting = w.frame(w.TEXT, w.GREETING)
        peer.send(w.switching(w.accept_key(head)) + greeting + w.close_frame(code))
        peer.reset()

    result = run(serve(behave).url, "0" * 20)
    assert (result["verdict"], result["cause"]) == (verdict, cause)
    assert evidence_of(result, "websocket")["code"] == code
    assert_one_root(result)


def test_a_healthy_run_is_quick_and_complete(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    started = time.monotonic()
    camera = url_webcam("Camera", webcam.snapshot_url)
    result = run(sandbox.url + "/", sandbox.printer.token, [camera])
    assert time.monotonic() - started < 2.0, "round trips, no fixed pauses"
    assert result["verdict"] == "succeeded"
    assert result["channels"] == {"http": "okay", "websocket": "okay"}
    assert result["server"] == sandbox.url
    assert [outcome_of(result, name) for name in ("dns", "connect", "http", "clock")] == [
        "passed"
    ] * 4
    assert outcome_of(result, "tls") == "skipped"
    assert result["webcams"][0]["cause"] is None
    assert evidence_of(result, "credentials")["printer"] == sandbox.printer.name


def test_a_diagnosis_posts_nothing(sandbox: SandboxServer) -> None:
    run(sandbox.url, sandbox.printer.token)
    assert sandbox.pictures == []
    assert sandbox.events == []
    assert sandbox.frames == [], "its WebSocket sends no data"
    assert {request.method for request in sandbox.requests} == {"GET"}


@provokes("not_linked")
def test_without_a_token_it_is_not_linked(sandbox: SandboxServer) -> None:
    result = run(sandbox.url, None)
    assert (result["verdict"], result["cause"]) == ("invalid_account_credentials", "not_linked")
    assert outcome_of(result, "websocket") == "skipped"
    assert result["channels"]["websocket"] == "untested"
    assert not any(request.token_sent for request in sandbox.requests)


def test_without_a_token_a_dead_server_comes_first(sandbox: SandboxServer) -> None:
    sandbox.set_fault("unreachable")
    result = run(sandbox.url, None)
    assert (result["verdict"], result["cause"]) == (
        "failed_to_contact_server",
        "connection_refused",
    )


@pytest.mark.parametrize("token", ["bad token", "tökén", "a\r\nb: c", "x" * 1000])
def test_a_token_that_cannot_be_sent_is_invalid(sandbox: SandboxServer, token: str) -> None:
    result = run(sandbox.url, token)
    assert (result["verdict"], result["cause"]) == (
        "invalid_account_credentials",
        "credentials_invalid",
    )


@pytest.mark.parametrize(
    "fault", provoking({id_: fault.cause for id_, fault in WEBCAM_FAULTS.items()})
)
def test_each_webcam_fault_has_its_cause_and_no_influence(
    sandbox: SandboxServer,
    webcam: SandboxWebcam,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshot, "TIMEOUT_S", 0.8)
    webcam.set_fault(fault)
    cameras = [url_webcam("Camera", webcam.snapshot_url)]
    result = run(sandbox.url, sandbox.printer.token, cameras, deadline_s=3.0)
    assert result["verdict"] == "succeeded"
    (seen,) = result["webcams"]
    assert (seen["name"], seen["cause"]) == ("Camera", WEBCAM_FAULTS[fault].cause)
    assert_filled_in(seen, seen["evidence"])


def test_the_live_channel_is_the_check_and_no_second_socket_is_opened(
    sandbox: SandboxServer, live: Live
) -> None:
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    for _ in range(3):
        result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
        assert result["verdict"] == "succeeded"
    assert len(sandbox.connections) == 1
    assert sandbox.connections[0].is_open
    assert live.records.causes() == [None], "it counts into no statistics"
    assert evidence_of(result, "websocket")["live"] is True


def test_a_channel_that_waits_is_asked_for_an_attempt_which_is_reported(
    sandbox: SandboxServer, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "failed", lambda *_, **__: 3600.0)
    sandbox.set_fault("ws_404")
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, lambda now: now.state is State.WAITING)
    sandbox.set_fault("ws_403")
    result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
    assert result["cause"] == "websocket_refused"
    assert evidence_of(result, "websocket")["status"] == 403
    sandbox.clear(WEBSOCKET)
    result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
    assert result["verdict"] == "succeeded"
    assert live.records.causes() == ["websocket_refused"], "only the first was the session's own"


def test_one_replacement_of_the_live_channel_is_no_copied_token(
    sandbox: SandboxServer, live: Live
) -> None:
    """The stand-alone command beside a running plugin throws its socket out once."""
    channel = live.connect(sandbox.url, sandbox.printer.token)
    until(channel, connected)
    assert run(sandbox.url, sandbox.printer.token)["verdict"] == "succeeded"
    until(channel, lambda now: now.attempts >= 2)
    result = run(sandbox.url, sandbox.printer.token, websocket=live_probe(channel))
    assert result["cause"] != "credentials_shared"
