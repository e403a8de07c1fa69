"""Each fault of the sandbox server, as an agent meets it, and that it can be mended."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator

import pytest
import requests
import trustme
import websocket

from sandbox.faults import (
    BAD_CREDENTIALS,
    HEADLINES,
    SERVER,
    SERVER_FAULTS,
    WEBCAM_FAULTS,
    WEBSOCKET,
    WS_FAILED,
    UnknownFault,
)
from sandbox.obico_server import SandboxServer
from sandbox.timing import Timing
from tests.unit.sandbox_client import (
    API,
    STATUS,
    Agent,
    agent_of,
    close_code,
    handshake_status,
    send,
)

FAST = Timing(slow_s=0.2, ws_dropped_after_s=0.2, rival_after_s=0.2)
SHORT_S = 0.25
NO_ANSWER = (websocket.WebSocketTimeoutException, TimeoutError)
LOST = (ConnectionError, websocket.WebSocketConnectionClosedException)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(timing=FAST) as running:
        yield running


@pytest.fixture
def agent(server: SandboxServer) -> Iterator[Agent]:
    with agent_of(server) as made:
        yield made


def is_lost(socket: websocket.WebSocket) -> bool:
    """The connection ended without a close frame."""
    try:
        socket.recv_frame()
    except LOST:
        return True
    return False


def assert_silent(socket: websocket.WebSocket) -> None:
    """No data and no pong within a quarter of a second."""
    socket.settimeout(SHORT_S)
    socket.ping()
    with pytest.raises(NO_ANSWER):
        socket.recv_frame()


def assert_healthy(agent: Agent) -> None:
    assert agent.who().status_code == 200
    agent.greeted()


# the table


def test_each_fault_says_what_it_is_and_what_to_expect():
    for fault in [*SERVER_FAULTS.values(), *WEBCAM_FAULTS.values()]:
        assert fault.title and fault.simulates.endswith("."), fault.id
        assert fault.verdict in HEADLINES
    websocket_verdicts = {f.verdict for f in SERVER_FAULTS.values() if f.channel == WEBSOCKET}
    assert websocket_verdicts == {WS_FAILED, BAD_CREDENTIALS}


def test_an_unknown_fault_is_refused_with_those_that_exist(server: SandboxServer):
    with pytest.raises(UnknownFault, match="unreachable"):
        server.set_fault("nonsense")


def test_a_fault_replaces_only_that_of_its_channel(server: SandboxServer):
    server.set_fault("http_500")
    server.set_fault("http_503")
    server.set_fault("ws_403")
    assert server.faults == {SERVER: "http_503", WEBSOCKET: "ws_403"}
    server.clear(SERVER)
    assert server.faults == {SERVER: None, WEBSOCKET: "ws_403"}
    server.clear()
    assert server.faults == {SERVER: None, WEBSOCKET: None}


@pytest.mark.parametrize("fault_id", SERVER_FAULTS)
def test_each_fault_can_be_mended(agent: Agent, server: SandboxServer, fault_id: str):
    assert_healthy(agent)
    server.set_fault(fault_id)
    server.clear()
    with agent_of(server) as fresh:
        assert_healthy(fresh)


# the whole server


def test_unreachable_refuses_and_resets_and_comes_back_on_its_port(
    agent: Agent, server: SandboxServer
):
    socket = agent.greeted()
    url = server.url
    server.set_fault("unreachable")
    with pytest.raises(requests.ConnectionError):
        agent.who()
    assert is_lost(socket)
    server.set_fault("http_500")
    assert (agent.who().status_code, server.url) == (500, url)
    server.set_fault("unreachable")
    server.set_fault("unreachable")
    server.clear()
    assert_healthy(agent)


def test_silent_answers_nothing_and_freezes_open_sockets(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("silent")
    with pytest.raises(requests.Timeout):
        agent.who(timeout=SHORT_S)
    with pytest.raises(NO_ANSWER):
        agent.socket(timeout=SHORT_S)
    assert_silent(socket)
    server.send_command("resume")
    server.clear()
    socket.settimeout(2)
    assert json.loads(socket.recv())["commands"][0]["cmd"] == "resume"
    assert [r.status for r in server.requests if r.status is None] == [None, None]


@pytest.mark.parametrize(
    ("fault_id", "status", "content_type", "cuts"),
    [
        ("http_500", 500, "text/html", False),
        ("http_502", 502, "text/html", True),
        ("http_503", 503, "text/html", True),
        ("http_429", 429, "application/json", False),
        ("login_page", 200, "text/html", True),
        ("not_obico", 404, "text/html", True),
        ("captive_portal", 302, "text/html", True),
    ],
)
def test_a_canned_answer_is_given_to_everything(
    agent: Agent, server: SandboxServer, fault_id: str, status: int, content_type: str, cuts: bool
):
    socket = agent.greeted()
    server.set_fault(fault_id)
    for path in (f"{API}/printer/", "/", "/hc/"):
        response = agent.call("GET", path)
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith(content_type)
    assert handshake_status(agent) == status
    assert not cuts or is_lost(socket)
    assert SERVER_FAULTS[fault_id].cuts is cuts


def test_the_canned_answers_carry_what_identifies_them(agent: Agent, server: SandboxServer):
    server.set_fault("http_429")
    assert agent.who().headers["Retry-After"] == "30"
    server.set_fault("captive_portal")
    assert agent.who().headers["Location"] == "http://portal.example/login"
    server.set_fault("login_page")
    assert 'type="password"' in agent.who().text


def test_a_revoked_token_is_refused_and_a_new_link_works(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("revoked")
    assert agent.who().json()["error"] == "Invalid or Inactive Token"
    assert handshake_status(agent) == 403
    send(socket, status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    code = server.new_code(server.printer.id)
    agent.call("POST", f"{API}/verify/?code={code}")
    with agent_of(server) as relinked:
        assert_healthy(relinked)


def test_an_archived_printer_as_a_fault_keeps_its_socket(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    assert agent.who().status_code == 200
    server.set_fault("archived")
    assert agent.who().status_code == 401
    assert handshake_status(agent) == 403
    send(socket, status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)


def test_a_deleted_printer_as_a_fault_is_closed_at_its_status(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("deleted")
    assert agent.who().status_code == 401
    send(socket, status=STATUS)
    assert close_code(socket) == 1000
    assert handshake_status(agent) == 403


def test_mending_leaves_what_the_user_did_himself(agent: Agent, server: SandboxServer):
    server.archive(server.printer.id)
    server.set_fault("archived")
    server.clear()
    assert agent.who().status_code == 401


def test_a_stripped_header_looks_as_if_none_had_been_sent(agent: Agent, server: SandboxServer):
    server.set_fault("auth_stripped")
    response = agent.who()
    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert agent.call("POST", f"{API}/pic/", files={"pic": b"x"}).status_code == 401
    assert handshake_status(agent) == 500
    assert server.requests[-1].token_sent
    assert agent.call("GET", f"{API}/verify/?code={server.new_code()}").status_code == 200


def test_slow_answers_late_but_answers(agent: Agent, server: SandboxServer):
    server.set_fault("slow")
    started = time.monotonic()
    assert agent.who().status_code == 200
    assert time.monotonic() - started >= FAST.slow_s


def test_truncated_json_cannot_be_decoded(agent: Agent, server: SandboxServer):
    server.set_fault("truncated_json")
    response = agent.who()
    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()
    assert agent.call("GET", "/hc/").text == "Okay"


# only the WebSocket


@pytest.mark.parametrize(
    ("fault_id", "status"), [("ws_refused", 400), ("ws_403", 403), ("ws_404", 404)]
)
def test_a_refused_handshake_has_its_status(
    agent: Agent, server: SandboxServer, fault_id: str, status: int
):
    socket = agent.greeted()
    server.set_fault(fault_id)
    assert is_lost(socket)
    assert handshake_status(agent) == status
    assert agent.who().status_code == 200


def test_a_silent_handshake_is_never_answered(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("ws_silent")
    assert is_lost(socket)
    with pytest.raises(NO_ANSWER):
        agent.socket(timeout=SHORT_S)
    assert agent.who().status_code == 200


def test_a_reset_handshake_is_reset(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("ws_reset")
    assert is_lost(socket)
    with pytest.raises(ConnectionResetError):
        agent.socket()
    assert agent.who().status_code == 200


def test_closed_at_once_closes_without_a_greeting(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("ws_closed")
    assert close_code(socket) == 1011
    opcode, data = agent.socket().recv_data()
    assert (opcode, data) == (websocket.ABNF.OPCODE_CLOSE, b"\x03\xe8")


@pytest.mark.parametrize(("fault_id", "code"), [("ws_dropped", 1011), ("copied_token", 4321)])
def test_a_socket_is_closed_some_time_after_it_opened_each_time(
    agent: Agent, server: SandboxServer, fault_id: str, code: int
):
    socket = agent.greeted()
    server.set_fault(fault_id)
    assert close_code(socket) == code
    for _ in range(2):
        started = time.monotonic()
        assert close_code(agent.greeted()) == code
        assert 0.15 < time.monotonic() - started < 2
    assert agent.who().status_code == 200


def test_frozen_sockets_neither_read_nor_send(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("ws_frozen")
    assert_silent(socket)
    send(socket, status=STATUS)
    assert_silent(agent.socket())
    assert server.frames == []
    assert agent.who().status_code == 200
    server.clear()
    assert close_code(socket) == 4321  # the newer one had come meanwhile
    assert server.agent_connected


def test_an_agent_that_leaves_a_frozen_socket_is_noticed(agent: Agent, server: SandboxServer):
    socket = agent.greeted()
    server.set_fault("ws_frozen")
    socket.shutdown()
    assert server.wait_for(lambda: not server.agent_connected)


# TLS


def test_it_serves_https_when_given_a_context():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with SandboxServer(ssl_context=context) as server, agent_of(server) as agent:
        assert server.url.startswith("https://")
        with authority.cert_pem.tempfile() as trusted:
            assert agent.who(verify=trusted).status_code == 200
            server.set_fault("unreachable")
            with pytest.raises(requests.ConnectionError):
                agent.who(verify=trusted)
