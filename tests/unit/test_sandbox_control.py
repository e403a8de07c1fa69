"""The control API, its page, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.control import ControlServer
from sandbox.faults import SERVER_FAULTS, WEBCAM_FAULTS
from sandbox.obico_server import SandboxServer
from sandbox.webcam import SandboxWebcam
from tests.unit.sandbox_client import STATUS, Agent, agent_of, close_code, send

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 20


class Remote:
    """Calls the control API."""

    def __init__(self, control: ControlServer, session: requests.Session) -> None:
        self.url = control.url
        self._session = session

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._session.get(self.url + path, timeout=3, **options)

    def post(self, name: str, body: Any = None, **options: Any) -> requests.Response:
        return self._session.post(f"{self.url}/api/{name}", json=body, timeout=3, **options)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def webcam() -> Iterator[SandboxWebcam]:
    with SandboxWebcam() as running:
        yield running


@pytest.fixture
def remote(server: SandboxServer, webcam: SandboxWebcam) -> Iterator[Remote]:
    with ControlServer(server, webcam) as control, requests.Session() as session:
        session.trust_env = False
        yield Remote(control, session)


@pytest.fixture
def agent(server: SandboxServer) -> Iterator[Agent]:
    with agent_of(server) as made:
        yield made


def test_the_page_loads_nothing_from_elsewhere(remote: Remote):
    page = remote.get("/")
    assert "<title>Sandbox</title>" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_state_shows_the_agent(remote: Remote, agent: Agent, server: SandboxServer):
    state = remote.get("/api/state").json()
    assert state["agent_connected"] is False
    assert state["faults"] == {"server": None, "websocket": None}
    send(agent.greeted(), status=STATUS)
    assert server.wait_for(lambda: server.printer.status == STATUS)
    state = remote.get("/api/state").json()
    assert state["agent_connected"] is True
    assert state["url"] == server.url
    assert state["printers"][0]["state_text"] == "Operational"
    assert state["webcam"]["fault"] is None
    assert state["connections"][0]["closed_at"] is None


def test_faults_are_listed_set_and_mended(
    remote: Remote, server: SandboxServer, webcam: SandboxWebcam
):
    listed = remote.get("/api/faults").json()
    assert [fault["id"] for fault in listed["faults"]] == list(SERVER_FAULTS)
    assert [fault["id"] for fault in listed["webcam_faults"]] == list(WEBCAM_FAULTS)
    assert remote.post("fault", {"fault": "http_503"}).json() == {"faults": server.faults}
    assert server.faults["server"] == "http_503"
    assert remote.post("webcam-fault", {"fault": "png"}).json() == {"fault": "png"}
    assert webcam.fault == "png"
    remote.post("fault", {"fault": None})
    remote.post("webcam-fault", {"fault": None})
    assert server.faults == {"server": None, "websocket": None}
    assert remote.get("/api/state").json()["webcam"]["fault"] is None


def test_commands_flags_and_kicks_reach_the_agent(remote: Remote, agent: Agent):
    socket = agent.greeted()
    assert remote.post("command", {"cmd": "cancel"}).json() == {"reached": 1}
    assert json.loads(socket.recv())["commands"][0]["cmd"] == "cancel"
    assert remote.post("remote-status", {"viewing": True}).json() == {"reached": 1}
    assert json.loads(socket.recv())["remote_status"] == {"viewing": True}
    assert remote.post("kick", {"code": 1011}).json() == {"closed": 1}
    assert close_code(socket) == 1011


def test_a_code_links_a_printer(remote: Remote, agent: Agent, server: SandboxServer):
    code = remote.post("code").json()["code"]
    assert agent.call("POST", f"/api/v1/octo/verify/?code={code}").status_code == 200
    again = remote.post("code", {"printer_id": server.printer.id}).json()["code"]
    agent.call("POST", f"/api/v1/octo/verify/?code={again}")
    assert agent.who().status_code == 401


def test_what_was_received_is_listed_and_forgotten(remote: Remote, agent: Agent):
    for _ in range(3):
        agent.who()
    answer = remote.get("/api/received?kind=requests&limit=2").json()
    assert [record["status"] for record in answer["received"]] == [200, 200]
    remote.post("forget")
    assert remote.get("/api/received?kind=requests").json()["received"] == []


def test_no_answer_shows_a_token(remote: Remote, agent: Agent):
    socket = agent.greeted()
    send(socket, status={**STATUS, "leak": agent.token}, janus=agent.token)
    agent.call("PATCH", "/api/v1/octo/printer/", json={"name": agent.token})
    assert agent.server.wait_for(lambda: agent.server.frames)
    answers = [remote.get("/api/state").text, remote.get("/api/faults").text]
    for kind in ("requests", "frames", "pictures", "events", "connections"):
        answers.append(remote.get(f"/api/received?kind={kind}").text)
    assert agent.token not in "".join(answers)
    assert "<token>" in "".join(answers)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("fault", {"fault": "nonsense"}, "unknown fault 'nonsense'"),
        ("fault", {}, "'fault' is missing"),
        ("fault", {"fault": 1}, "must be str or null"),
        ("fault", ["x"], "must be a JSON object"),
        ("webcam-fault", {"fault": "http_500"}, "unknown fault"),
        ("command", {"cmd": "explode"}, "unknown command"),
        ("command", {"cmd": "pause", "args": 1}, "must be dict or null"),
        ("remote-status", {"viewing": 1}, "must be bool or null"),
        ("code", {"printer_id": 99}, "no printer 99"),
        ("code", {"printer_id": True}, "must be int or null"),
        ("kick", {"code": 1}, "close code"),
    ],
)
def test_a_call_that_makes_no_sense_is_a_400(remote: Remote, name: str, body: Any, words: str):
    response = remote.post(name, body)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_malformed_json_kinds_limits_and_paths_are_refused(remote: Remote):
    bad = requests.post(f"{remote.url}/api/fault", data="{", timeout=3)
    assert (bad.status_code, "no JSON" in bad.json()["error"]) == (400, True)
    kind = remote.get("/api/received?kind=secrets")
    assert (kind.status_code, "unknown kind" in kind.json()["error"]) == (400, True)
    assert remote.get("/api/received?kind=frames&limit=-1").status_code == 400
    assert remote.get("/api/nothing").status_code == 404
    assert remote.get("/api/fault").status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80", "Origin": "http://localhost"},
    ],
)
def test_other_sites_pages_cannot_drive_it(
    remote: Remote, server: SandboxServer, headers: dict[str, str]
):
    response = remote.post("fault", {"fault": "http_500"}, headers=headers)
    assert response.status_code == 403
    assert server.faults["server"] is None


@pytest.mark.parametrize("origin", ["http://localhost:5000", "http://127.0.0.1", "http://[::1]:1"])
def test_pages_of_this_computer_can(remote: Remote, origin: str):
    assert remote.post("fault", {"fault": None}, headers={"Origin": origin}).status_code == 200


def test_the_command_prints_addresses_and_stops_on_ctrl_c():
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            lines = dict(
                line.strip().split(":", 1) for line in (process.stdout.readline() for _ in range(6))
            )
            control = lines["Control page"].strip()
            assert requests.get(f"{control}/api/state", timeout=START_LIMIT_S).ok
            assert requests.get(lines["Webcam snapshot"].strip(), timeout=3).ok
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(START_LIMIT_S) == 0


def test_the_command_names_a_port_in_use(server: SandboxServer):
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", str(server.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
    )
    assert ended.returncode == 1
    assert "in use" in ended.stderr and "Traceback" not in ended.stderr
