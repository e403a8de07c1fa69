"""The sandbox server's WebSockets, against PROTOCOL sections 4 to 7 and 11."""

from __future__ import annotations

import json
import socket as sockets
import time
from collections.abc import Iterator
from functools import partial

import pytest
import websocket

from sandbox.obico_server import SandboxServer
from sandbox.timing import Timing
from tests.unit.sandbox_client import (
    STATUS,
    Agent,
    agent_of,
    close_code,
    handshake_status,
    send,
)

FAST = Timing(ping_after_s=0.1, drop_after_s=0.15, close_wait_s=0.2)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def agent(server: SandboxServer) -> Iterator[Agent]:
    with agent_of(server) as made:
        yield made


def has_frames(server: SandboxServer, count: int) -> bool:
    return len(server.frames) >= count


# the handshake


def test_the_first_message_has_both_flags_and_no_type(agent: Agent):
    greeting = json.loads(agent.socket().recv())
    assert greeting == {"remote_status": {"viewing": False, "should_watch": False}}


def test_one_of_several_credentials_may_be_the_bearer(agent: Agent):
    assert handshake_status(agent, f"Basic eDp5, bearer {agent.token}") == 101


@pytest.mark.parametrize(
    ("authorization", "path", "status"),
    [
        ("bearer 0123456789abcdef0123", "/ws/dev/", 403),
        ("", "/ws/dev/", 500),
        ("Bearer {token}", "/ws/dev/", 500),
        ("Token {token}", "/ws/dev/", 500),
        ("bearer", "/ws/dev/", 500),
        ("bearer {token}", "/ws/dev", 500),
        ("bearer {token}", "/ws/x/", 500),
        ("", "/ws/token/web/unknown/", 403),
    ],
)
def test_a_wrong_handshake_is_refused(agent: Agent, authorization: str, path: str, status: int):
    assert handshake_status(agent, authorization.format(token=agent.token), path) == status


def test_handshakes_are_among_the_requests_without_their_token(agent: Agent, server: SandboxServer):
    agent.greeted()
    agent.socket("", f"/ws/token/web/{agent.token}/")
    handshake_status(agent, "", "/ws/token/web/some-other-secret/")
    kept = [(r.path, r.status) for r in server.requests]
    viewer = "/ws/token/web/<token>/"
    assert kept == [("/ws/dev/", 101), (viewer, 101), (viewer, 403)]


# one socket per printer


def test_the_newer_socket_wins(agent: Agent, server: SandboxServer):
    older = agent.greeted()
    newer = agent.greeted()
    assert close_code(older) == 4321
    server.send_command("resume")
    assert json.loads(newer.recv())["commands"][0]["cmd"] == "resume"
    assert server.wait_for(lambda: server.connections[0].close_code == 4321)
    assert server.connections[0].closed_by == "server"


def test_a_closed_socket_that_does_not_answer_is_reset():
    with SandboxServer(timing=FAST) as server, agent_of(server) as agent:
        socket = agent.greeted()
        server.kick(1000)
        opcode, _ = socket.recv_data_frame(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_CLOSE
        # The library has answered by itself; a bare socket does not.
        bare = agent.greeted().sock
        assert bare is not None
        server.kick(1001)
        bare.settimeout(2)
        assert bare.recv(100) == b"\x88\x02" + (1001).to_bytes(2, "big")
        with pytest.raises(ConnectionResetError):
            bare.recv(100)


# keep-alive


def test_a_ping_comes_after_silence_and_a_pong_keeps_the_socket():
    with SandboxServer(timing=FAST) as server, agent_of(server) as agent:
        socket = agent.greeted()
        for _ in range(4):
            frame = socket.recv_frame()
            assert frame.opcode == websocket.ABNF.OPCODE_PING
            socket.pong(frame.data)
        assert server.wait_for(lambda: server.connections[0].pongs_received == 4)
        assert server.agent_connected


def test_an_unanswered_ping_ends_in_a_reset():
    with SandboxServer(timing=FAST) as server, agent_of(server) as agent:
        socket = agent.greeted()
        started = time.monotonic()
        with pytest.raises(ConnectionResetError):
            while socket.recv_frame().opcode == websocket.ABNF.OPCODE_PING:
                pass
        assert time.monotonic() - started < 1
        assert server.wait_for(lambda: not server.agent_connected)
        assert (server.connections[0].closed_by, server.connections[0].close_code) == (
            "lost",
            1006,
        )


def test_an_agent_that_sends_gets_no_ping():
    with SandboxServer(timing=Timing(ping_after_s=0.3)) as server, agent_of(server) as agent:
        socket = agent.greeted()
        socket.settimeout(0.05)
        for count in range(1, 12):
            send(socket, status=STATUS)
            with pytest.raises((websocket.WebSocketTimeoutException, sockets.timeout)):
                socket.recv_frame()
            assert server.wait_for(partial(has_frames, server, count))


def test_the_servers_answer_to_a_ping_is_a_pong(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    socket.ping("x")
    frame = socket.recv_frame()
    assert (frame.opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b"x")
    assert server.connections[0].pings_received == 1


def test_an_old_socket_is_closed_with_1000():
    with SandboxServer(timing=Timing(max_age_s=0.1)) as server, agent_of(server) as agent:
        assert close_code(agent.greeted()) == 1000


def test_how_a_socket_ended_is_kept(agent: Agent, server: SandboxServer):
    agent.greeted().close(status=1001)
    assert server.wait_for(lambda: server.connections and not server.agent_connected)
    agent.greeted().shutdown()
    assert server.wait_for(lambda: len(server.connections) == 2 and not server.agent_connected)
    ends = [(c.closed_by, c.close_code) for c in server.connections]
    assert ends == [("agent", 1001), ("lost", 1006)]


# messages


def test_a_status_is_stored_and_goes_with_the_socket(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    settings = {"agent": {"name": "octoprint_obico", "version": "3.0.0"}, "webcams": [{"name": 1}]}
    send(socket, status=STATUS, settings=settings)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    send(socket, status={"state": {}}, settings={"agent": {}})  # without _ts: ignored
    kept = {"agent": {}, "webcams": [{"name": 1}]}
    assert server.wait_for(lambda: server.printer.settings == kept)
    assert server.printer.status == STATUS
    send(socket, settings={})
    assert server.wait_for(lambda: server.printer.status is None)
    send(socket, status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    socket.close()
    assert server.wait_for(lambda: server.printer.status is None)


def test_frames_are_kept_as_they_came(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    send(socket, passthru={"ref": "1", "ret": 2})
    socket.send_binary(b"\x05\x00\x00\x00\x00")
    socket.send("no json")
    socket.send("[1]")
    assert server.wait_for(lambda: len(server.frames) == 4)
    kept = [frame.data for frame in server.frames]
    assert kept == [{"passthru": {"ref": "1", "ret": 2}}, b"\x05\x00\x00\x00\x00", "no json", [1]]
    assert server.received("frames")[1]["data"] == {"binary_bytes": 5}
    assert server.agent_connected


def test_a_large_frame_passes(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    send(socket, status=STATUS, padding="x" * 20_000_000)
    assert server.wait_for(lambda: server.frames)


def test_commands_and_flags_reach_the_agent(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    assert server.send_command("pause") == 1
    assert json.loads(socket.recv()) == {
        "commands": [
            {
                "cmd": "pause",
                "args": {"retract": 6.5, "lift_z": 2.5, "tools_off": True},
                "initiator": "api",
            }
        ],
        "type": "printer.message",
    }
    assert server.set_remote_status(should_watch=True) == 1
    assert json.loads(socket.recv()) == {
        "remote_status": {"should_watch": True},
        "type": "printer.message",
    }
    assert json.loads(agent.socket().recv())["remote_status"]["should_watch"] is True
    with pytest.raises(ValueError, match="pause, resume, cancel"):
        server.send_command("explode")


def test_a_command_without_an_agent_reaches_nobody(server: SandboxServer):
    assert server.send_command("pause") == 0


def test_a_viewer_sees_the_status_and_talks_to_the_agent(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    viewer = agent.socket("", f"/ws/token/web/{agent.token}/")
    assert json.loads(socket.recv())["remote_status"] == {"viewing": True}
    assert json.loads(viewer.recv())["status"] is None
    send(socket, status=STATUS)
    pushed = json.loads(viewer.recv())
    assert pushed["status"] == STATUS
    assert "auth_token" not in pushed
    send(viewer, passthru={"target": "_printer", "func": "home", "ref": "1"})
    asked = json.loads(socket.recv())
    assert asked["passthru"]["func"] == "home"
    send(socket, passthru={"ref": "1", "ret": None})
    assert json.loads(viewer.recv()) == {"passthru": {"ref": "1", "ret": None}}
    viewer.close()
    assert json.loads(socket.recv())["remote_status"] == {"viewing": False}


# archived, deleted, relinked


def test_an_archived_printers_open_socket_goes_on(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.archive(server.printer.id)
    send(socket, status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    assert server.send_command("resume") == 1
    assert handshake_status(agent) == 403


def test_a_deleted_printers_socket_is_closed_at_its_next_status(
    agent: Agent, server: SandboxServer
):
    socket = agent.greeted()
    server.delete(server.printer.id)
    send(socket, passthru={"ref": "1", "ret": 1})
    assert server.wait_for(lambda: len(server.frames) == 1)
    assert server.agent_connected
    send(socket, status=STATUS)
    assert close_code(socket) == 1000
    assert server.printer.status is None
    assert handshake_status(agent) == 403


def test_a_relinked_printers_socket_is_closed_when_the_new_agent_comes(
    agent: Agent, server: SandboxServer
):
    socket = agent.greeted()
    token = server.relink(server.printer.id)
    send(socket, status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    assert handshake_status(agent) == 403
    with agent_of(server, token) as new:
        new.greeted()
        assert close_code(socket) == 4321


# the object itself


def test_waiting_is_bounded(server: SandboxServer):
    started = time.monotonic()
    assert not server.wait_for(lambda: server.frames, timeout=0.05)
    assert time.monotonic() - started < 1


def test_stopping_resets_open_sockets_and_is_quick():
    with SandboxServer() as server, agent_of(server) as agent:
        socket = agent.greeted()
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        with pytest.raises((ConnectionError, websocket.WebSocketConnectionClosedException)):
            socket.recv_frame()
        server.stop()


def test_a_port_in_use_is_an_error_of_start(server: SandboxServer):
    second = SandboxServer(port=server.port)
    try:
        with pytest.raises(OSError, match="in use"):
            second.start()
    finally:
        second.stop()
