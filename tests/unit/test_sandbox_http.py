"""The sandbox server's HTTP endpoints, against PROTOCOL section 2."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from sandbox.obico_server import SandboxServer
from sandbox.state import CLOUD_PRINTER_NAME
from sandbox.timing import Timing
from tests.unit.sandbox_client import API, Agent, agent_of

NO_TOKEN = {"Authorization": ""}


class Clock:
    """A clock that a test moves. Unix seconds."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[SandboxServer]:
    with SandboxServer(clock=clock) as running:
        yield running


@pytest.fixture
def agent(server: SandboxServer) -> Iterator[Agent]:
    with agent_of(server) as made:
        yield made


def jpeg(size: tuple[int, int] = (32, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG")
    return buffer.getvalue()


# credentials


@pytest.mark.parametrize("scheme", ["Token", "token", "TOKEN"])
def test_the_token_scheme_is_case_insensitive(agent: Agent, scheme: str):
    response = agent.who(headers={"Authorization": f"{scheme} {agent.token}"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "user": {"is_pro": True},
        "printer": {
            "is_pro": True,
            "id": agent.server.printer.id,
            "name": "Sandbox Printer",
            "retract_on_pause": 6.5,
        },
    }
    assert agent.call("GET", f"{API}/ping/").json() == response.json()


@pytest.mark.parametrize("value", ["", "Bearer {token}", "bearer {token}", "Basic eDp5"])
def test_another_scheme_counts_as_no_credentials(agent: Agent, value: str):
    response = agent.who(headers={"Authorization": value.format(token=agent.token)})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("value", ["Token", "Token a b"])
def test_a_malformed_token_header_is_named(agent: Agent, value: str):
    response = agent.who(headers={"Authorization": value})
    assert response.status_code == 401
    assert response.json()["detail"].startswith("Invalid token header.")


def test_an_unknown_token_is_invalid(agent: Agent):
    response = agent.who(headers={"Authorization": "Token 0123456789abcdef0123"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json() == {"error": "Invalid or Inactive Token", "is_authenticated": "False"}


def test_an_archived_deleted_or_relinked_printer_is_refused_on_a_kept_alive_connection(
    agent: Agent, server: SandboxServer
):
    printer = server.printer
    assert agent.who().status_code == 200
    server.archive(printer.id)
    assert agent.who().status_code == 401
    server.unarchive(printer.id)
    assert agent.who().status_code == 200
    server.delete(printer.id)
    assert agent.who().status_code == 401
    server.undelete(printer.id)
    new = server.relink(printer.id)
    assert agent.who().status_code == 401
    assert agent.who(headers={"Authorization": f"Token {new}"}).status_code == 200


# paths and methods


def test_paths_need_their_slash(agent: Agent):
    response = agent.call("POST", f"{API}/verify?code=1")
    assert response.status_code == 301
    assert response.headers["Location"] == f"{API}/verify/?code=1"


@pytest.mark.parametrize("path", ["/nothing/", "/ent/api/nozzle_cam/pic/", "/ws/dev/"])
def test_an_unknown_path_is_a_404_page(agent: Agent, path: str):
    response = agent.call("GET", path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_wrong_method_is_named_after_the_authentication(agent: Agent):
    response = agent.call("DELETE", f"{API}/printer/")
    assert response.status_code == 405
    assert response.json() == {"detail": 'Method "DELETE" not allowed.'}
    assert agent.call("DELETE", f"{API}/printer/", headers=NO_TOKEN).status_code == 401
    assert agent.call("GET", f"{API}/g_code_files/1/").status_code == 405


def test_health_and_root_need_no_token(agent: Agent):
    assert agent.call("GET", "/hc/", headers=NO_TOKEN).text == "Okay"
    assert "<title>Obico</title>" in agent.call("GET", "/", headers=NO_TOKEN).text


# linking


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_code_links_a_new_printer_once(agent: Agent, server: SandboxServer, method: str):
    path = f"{API}/verify/?code={server.new_code()}"
    response = agent.call(method, path, headers=NO_TOKEN)
    assert response.status_code == 200
    printer = response.json()["printer"]
    assert printer["name"] == CLOUD_PRINTER_NAME
    assert len(printer["auth_token"]) == 20
    assert agent.who(headers={"Authorization": f"Token {printer['auth_token']}"}).ok
    again = agent.call(method, path, headers=NO_TOKEN)
    assert again.status_code == 404
    assert again.json() == {"detail": "Requested resource does not exist"}


def test_a_code_for_a_printer_replaces_its_token(agent: Agent, server: SandboxServer):
    code = server.new_code(server.printer.id)
    printer = agent.call("POST", f"{API}/verify/?code={code}").json()["printer"]
    assert (printer["id"], printer["name"]) == (server.printer.id, server.printer.name)
    assert printer["auth_token"] == server.printer.token != agent.token
    assert agent.who().status_code == 401


def test_a_code_brings_a_deleted_printer_back_but_not_an_archived_one(
    agent: Agent, server: SandboxServer
):
    def link() -> dict[str, str]:
        code = server.new_code(server.printer.id)
        token = agent.call("POST", f"{API}/verify/?code={code}").json()["printer"]["auth_token"]
        return {"Authorization": f"Token {token}"}

    server.delete(server.printer.id)
    assert agent.who(headers=link()).status_code == 200
    server.archive(server.printer.id)
    assert agent.who(headers=link()).status_code == 401


def test_a_code_expires_after_two_hours(agent: Agent, server: SandboxServer, clock: Clock):
    path = f"{API}/verify/?code={server.new_code()}"
    clock.now += Timing().code_lifetime_s
    assert agent.call("POST", path).status_code == 404


@pytest.mark.parametrize("query", ["", "?code=", f"?code={'1' * 65}"])
def test_a_code_has_to_be_in_the_query(agent: Agent, server: SandboxServer, query: str):
    body = {"code": server.new_code()}
    response = agent.call("POST", f"{API}/verify/{query}", data=body)
    assert response.status_code == 400
    assert len(response.json()["code"]) == 1


def test_linking_can_be_throttled_while_all_else_works(agent: Agent, server: SandboxServer):
    server.set_fault("verify_throttled")
    response = agent.call("POST", f"{API}/verify/?code={server.new_code()}")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "30"
    assert "30 seconds" in response.json()["detail"]
    assert agent.who().status_code == 200


# the printer


def test_a_patch_answers_with_the_values_before_it(agent: Agent):
    response = agent.call("PATCH", f"{API}/printer/", json={"name": "New"})
    assert response.json()["printer"]["name"] == "Sandbox Printer"
    assert agent.who().json()["printer"]["name"] == "New"


def test_a_patch_that_is_no_json_or_has_an_unknown_field_goes_wrong(agent: Agent):
    agent.call("PATCH", f"{API}/printer/", data={"name": "x"})
    assert agent.who().json()["printer"]["name"] == "['x']"
    assert agent.call("PATCH", f"{API}/printer/", json={"token": "x"}).status_code == 500


# pictures


def test_a_picture_is_kept_with_its_fields(agent: Agent, server: SandboxServer):
    picture = jpeg()
    fields = {"viewing_boost": "true", "camera_name": "front"}
    response = agent.call("POST", f"{API}/pic/", files={"pic": picture}, data=fields)
    assert (response.status_code, response.json()) == (200, {"result": "ok"})
    kept = server.pictures[-1]
    assert (kept.size, kept.width, kept.height, kept.format) == (len(picture), 32, 24, "JPEG")
    assert (kept.viewing_boost, kept.is_primary_camera, kept.camera_name) == (True, True, "front")
    assert server.printer.last_picture == picture


def test_a_picture_of_another_camera_is_thrown_away(agent: Agent, server: SandboxServer):
    fields = {"is_primary_camera": "false"}
    assert agent.call("POST", f"{API}/pic/", files={"pic": jpeg()}, data=fields).ok
    assert server.printer.last_picture == b""


def test_a_picture_part_needs_neither_name_nor_type(agent: Agent):
    body = b"--b\r\nContent-Disposition: form-data; name=pic\r\n\r\n" + jpeg() + b"\r\n--b--\r\n"
    headers = {
        "Authorization": f"Token {agent.token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    assert agent.call("POST", f"{API}/pic/", data=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("options", "status", "body"),
    [
        ({"json": {}}, 415, None),
        ({"data": {"pic": "x"}}, 415, None),
        ({"files": {"other": b"x"}}, 400, b""),
        ({"files": {"pic": b""}}, 400, b'["Corrupted image."]'),
        ({"files": {"pic": b"no picture"}}, 400, b'["Corrupted image."]'),
        ({"files": {"pic": jpeg()[:30]}}, 500, None),
    ],
)
def test_what_is_no_picture_is_refused(
    agent: Agent, server: SandboxServer, options: Any, status: int, body: bytes | None
):
    response = agent.call("POST", f"{API}/pic/", **options)
    assert response.status_code == status
    assert body is None or response.content == body
    assert server.pictures == []


# events, G-code files


@pytest.mark.parametrize("form", ["json", "data", "multipart"])
def test_an_event_is_taken_in_every_form(agent: Agent, server: SandboxServer, form: str):
    fields = {"event_type": "PRINTER_ERROR", "event_class": "ERROR", "event_text": "x"}
    options: dict[str, Any] = (
        {"data": fields, "files": {"snapshot": jpeg()}}
        if form == "multipart"
        else {form: {**fields, "notify": "true"}}
    )
    assert agent.call("POST", f"{API}/printer_events/", **options).json() == {"result": "ok"}
    assert server.events[-1].fields["event_type"] == "PRINTER_ERROR"


def test_an_event_that_the_server_does_not_check_is_its_fault(agent: Agent):
    fields = {"event_type": "PRINTER_ERROR", "event_class": "ERROR", "event_text": "x"}
    path = f"{API}/printer_events/"
    assert agent.call("POST", path, json={"event_type": "X"}).status_code == 500
    assert agent.call("POST", path, json={**fields, "notify": True}).status_code == 500
    bad = agent.call("POST", path, data=fields, files={"snapshot": b"x"})
    assert (bad.status_code, bad.json()) == (400, ["Corrupted image."])


def test_a_gcode_file_is_made_once_and_can_be_patched(agent: Agent):
    fields = {"safe_filename": "a.gcode", "agent_signature": "md5:1", "num_bytes": 5}
    path = f"{API}/g_code_files/"
    made = agent.call("POST", path, json=fields)
    again = agent.call("POST", path, json={**fields, "num_bytes": 9})
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == made.json()["id"]
    assert again.json()["num_bytes"] == 5
    one = f"{path}{made.json()['id']}/"
    assert agent.call("PATCH", one, json={"url": "x"}).json()["url"] == "x"
    assert len(agent.call("GET", path).json()) == 1
    assert agent.call("PATCH", f"{path}99/", json={}).status_code == 500
    assert agent.call("POST", path, json={"filename": "x"}).status_code == 500


def test_a_file_of_the_cloud_is_found_by_its_signature(agent: Agent, server: SandboxServer):
    """Whoever has its address gets it; once signed, a print of it finds its record."""
    record = server.add_cloud_file("Name", "a.gcode", b"G28", site="http://site.example")
    assert record["url"].startswith("http://site.example/media/")
    path = record["url"].partition("site.example")[2]
    assert agent.call("GET", path, headers=NO_TOKEN).content == b"G28"
    assert agent.call("GET", "/media/gcode/99", headers=NO_TOKEN).status_code == 404
    fields = {"safe_filename": "a.gcode", "agent_signature": "md5:1"}
    files = f"{API}/g_code_files/"
    agent.call("PATCH", f"{files}{record['id']}/", json=fields)
    assert agent.call("POST", files, json=fields).json()["id"] == record["id"]
    assert [item["filename"] for item in server.gcode_files] == ["Name"]


# discovery


def test_an_announced_agent_gets_its_code_once(agent: Agent, server: SandboxServer, clock: Clock):
    device = {"device_id": "d" * 32, "host_or_ip": "192.168.1.5"}
    path = f"{API}/unlinked/"
    assert agent.call("POST", path, json=device, headers=NO_TOKEN).json() == {"messages": []}
    assert [a.device_id for a in server.announced()] == ["d" * 32]
    code = server.send_verify_code("d" * 32, "secret")
    message = {
        "device_id": "d" * 32,
        "type": "verify_code",
        "data": {"code": code, "secret": "secret"},
    }
    assert agent.call("POST", path, json=device).json() == {"messages": [message]}
    assert agent.call("POST", path, json=device).json() == {"messages": []}
    clock.now += Timing().announcement_s
    assert server.announced() == []


@pytest.mark.parametrize("host", ["", "printer.local", "8.8.8.8"])
def test_only_a_local_address_is_listed(agent: Agent, server: SandboxServer, host: str):
    device = {"device_id": "d", "host_or_ip": host}
    assert agent.call("POST", f"{API}/unlinked/", json=device).status_code == 200
    assert server.announced() == []


def test_an_announcement_that_the_server_does_not_check_is_its_fault(agent: Agent):
    path = f"{API}/unlinked/"
    assert agent.call("POST", path, json={"device_id": "d"}).status_code == 500
    assert agent.call("POST", path, data={"device_id": "d"}).status_code == 500


def test_a_passcode_that_was_typed_in_brings_the_code(agent: Agent, server: SandboxServer):
    device = {"device_id": "d", "host_or_ip": "10.0.0.1", "one_time_passcode": ""}
    path = f"{API}/unlinked/"
    passcode = agent.call("POST", path, json=device).json()["one_time_passcode"]
    code = server.enter_passcode(passcode)
    reply = agent.call("POST", path, json={**device, "one_time_passcode": passcode}).json()
    assert reply["one_time_passcode"] == passcode
    assert reply["verification_code"] == code


# what is kept


def test_requests_are_kept_without_the_token(agent: Agent, server: SandboxServer):
    agent.who()
    agent.call("GET", f"{API}/printer/?t={agent.token}", headers={**NO_TOKEN, "X-A": "1"})
    kept = server.received("requests")[-1]
    assert (kept["method"], kept["path"], kept["status"]) == ("GET", f"{API}/printer/", 401)
    assert kept["query"] == {"t": "<token>"}
    assert "x-a" in kept["header_names"]
    assert server.requests[0].token_sent
    assert agent.token not in str(server.received("requests"))
    assert agent.token not in repr(server.printer)


def test_the_records_can_be_forgotten(agent: Agent, server: SandboxServer):
    agent.who()
    server.forget()
    assert server.requests == []
