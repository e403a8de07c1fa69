"""Discovery on a real OctoPrint: the sandbox plays the server, the test plays app and pop-up."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import SandboxServer
from sandbox.discovery import Announcement
from sandbox.octoprint_config import write_yaml
from sandbox.octoprint_instance import LoopbackSession, OctoPrintInstance
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import BASE, LINK, STATUS, browser_session, drive

GRAB = f"{BASE}/grab-discovery-secret"
LIMIT_S = 30.0
PUBLIC_PORT = 8123
JSON = {"Accept": "application/json"}
TALKATIVE = ("flask", "octoprint", "requests", "tornado.access", "urllib3", "werkzeug")
"""Whoever might write down what passes through him."""


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench that is not linked; the tests run in their order, the last ones link it."""
    folder = tmp_path_factory.mktemp(edition.id)

    def others(server: SandboxServer) -> Mapping[str, Any]:
        return {"discovery": {"publicPort": PUBLIC_PORT}}

    with running_bench(edition, folder, linked=False, others=others) as bench:
        yield bench


def announcement(server: SandboxServer) -> Announcement:
    """What the app sees of the OctoPrint that announces itself."""
    assert server.wait_for(lambda: bool(server.announced()), LIMIT_S), "nothing was announced"
    return server.announced()[0]


def visitor(octoprint: OctoPrintInstance) -> LoopbackSession:
    """The app's pop-up: nobody that OctoPrint knows."""
    return octoprint.anonymous_session()


def grab(octoprint: OctoPrintInstance, device_id: str, **headers: str) -> Any:
    """The secret's route as the app opens it."""
    return visitor(octoprint).get(GRAB, params={"device_id": device_id}, headers=headers)


def handshake(server: SandboxServer, octoprint: OctoPrintInstance) -> tuple[str, str]:
    """Device id and secret, as the app gets them."""
    device_id = announcement(server).device_id
    answer = grab(octoprint, device_id, **JSON)
    assert answer.status_code == 200, answer.text[:300]
    return device_id, answer.json()["device_secret"]


@pytest.fixture(scope="module")
def known(module_bench: Bench) -> tuple[str, str]:
    """Device id and secret of the bench, for when it does not tell them any more."""
    return handshake(module_bench.server, module_bench.octoprint)


def announcements(server: SandboxServer) -> int:
    """How many the server has had."""
    return len([request for request in server.requests if request.path.endswith("/unlinked/")])


def test_what_is_announced(bench: Bench) -> None:
    """The fields that the app shows, and an address in the local network. (Runs first.)"""
    fields = announcement(bench.server).fields
    assert re.fullmatch(r"[0-9a-f]{32}", fields["device_id"])
    assert fields["agent"] == "octoprint_obico"
    assert fields["port"] == PUBLIC_PORT
    assert fields["printerprofile"] == "Default"
    assert fields["machine_type"]
    assert fields["plugin_version"] == drive(bench).status()["plugin_version"]
    assert all(isinstance(fields[name], str) for name in ("hostname", "os", "arch", "rpi_model"))
    assert "secret" not in json.dumps(fields)
    request = next(r for r in bench.server.requests if r.path.endswith("/unlinked/"))
    assert not request.token_sent
    assert "cookie" not in request.header_names


def test_the_pages_know_that_it_runs(bench: Bench) -> None:
    announcement(bench.server)
    for path in (STATUS, LINK):
        bench.octoprint.wait_until(
            lambda path=path: drive(bench).get(path)["discovery"] == {"running": True},  # type: ignore[misc]
            f"{path} says that it runs",
        )


def test_the_popup_gets_the_secret(bench: Bench) -> None:
    """A page that hands it to its opener, and that nothing else can use."""
    answer = grab(bench.octoprint, announcement(bench.server).device_id)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    message = re.search(r"window\.opener\.postMessage\((\{.*?\}), \"\*\"\)", answer.text)
    assert message is not None, answer.text
    assert re.fullmatch(r"[0-9a-f]{64}", json.loads(message[1])["device_secret"])
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r'<script nonce="([^"]+)">', answer.text)
    assert nonce is not None and f"'nonce-{nonce[1]}'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Frame-Options"].lower() in ("deny", "sameorigin")


def test_programs_get_json(bench: Bench, known: tuple[str, str]) -> None:
    device_id, secret = known
    assert re.fullmatch(r"[0-9a-f]{64}", secret)
    answer = grab(bench.octoprint, device_id, Origin="https://obico.example", **JSON)
    assert answer.json() == {"device_secret": secret}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_the_other_methods(bench: Bench, method: str) -> None:
    """A preflight is allowed; neither has the secret in it."""
    device_id = announcement(bench.server).device_id
    answer = visitor(bench.octoprint).request(method, GRAB, params={"device_id": device_id})
    assert answer.status_code in (200, 204)
    assert answer.text == ""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert visitor(bench.octoprint).request(method, GRAB).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_other_method(bench: Bench, method: str) -> None:
    device_id = announcement(bench.server).device_id
    answer = visitor(bench.octoprint).request(method, GRAB, params={"device_id": device_id})
    assert answer.status_code in (400, 405)


@pytest.mark.parametrize("given", ["", "0" * 32, "\udcff", "x" * 9000, "<script>"])
def test_a_wrong_device(bench: Bench, given: str) -> None:
    """The same answer to whoever does not know it, which repeats nothing of the question."""
    query = given.encode("utf-8", "surrogateescape")
    answer = visitor(bench.octoprint).get(GRAB, params={"device_id": query})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert given == "" or given not in answer.text


def test_a_missing_device(bench: Bench) -> None:
    assert visitor(bench.octoprint).get(GRAB).status_code == 403


NEAR = ("192.168.1.7", "10.0.0.9", "172.16.3.4", "fd00::5", "fe80::1", "169.254.3.4")
FAR = ("8.8.8.8", "100.64.0.1", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8")


@pytest.mark.parametrize("caller", NEAR)
def test_a_caller_in_the_network_behind_a_trusted_proxy(bench: Bench, caller: str) -> None:
    """OctoPrint trusts a proxy on its own computer: whom it names is the caller."""
    device_id = announcement(bench.server).device_id
    assert grab(bench.octoprint, device_id, **{"X-Forwarded-For": caller}).status_code == 200


@pytest.mark.parametrize("caller", FAR)
def test_a_caller_from_outside_behind_a_trusted_proxy(bench: Bench, caller: str) -> None:
    device_id = announcement(bench.server).device_id
    assert grab(bench.octoprint, device_id, **{"X-Forwarded-For": caller}).status_code == 403


def test_a_forged_beginning_of_the_list_does_not_help(bench: Bench) -> None:
    """A proxy adds the caller at the end: what stands before it was written by the caller."""
    device_id = announcement(bench.server).device_id
    for forged in ("192.168.1.7, 8.8.8.8", "127.0.0.1, 8.8.8.8", "10.0.0.1,192.168.1.7,8.8.8.8"):
        answer = grab(bench.octoprint, device_id, **{"X-Forwarded-For": forged})
        assert answer.status_code == 403, forged
    other = {"X-Real-IP": "192.168.1.7", "Forwarded": "for=192.168.1.7"}
    answer = grab(bench.octoprint, device_id, **{"X-Forwarded-For": "8.8.8.8", **other})
    assert answer.status_code == 403


def test_a_message_with_a_wrong_secret_links_nothing(bench: Bench) -> None:
    device_id = announcement(bench.server).device_id
    bench.server.send_verify_code(device_id, "0" * 64, bench.server.printer.id)
    warning = "sent a message that is not for us"
    bench.octoprint.wait_until(lambda: warning in bench.octoprint.log_text(), "it is logged")
    assert drive(bench).status()["linked"] is False
    assert [r for r in bench.server.requests if "verify" in r.path] == []


def test_discovery_links(bench: Bench, known: tuple[str, str]) -> None:
    """The whole of it: announced, asked, answered, linked and connected as by a code."""
    device_id, secret = handshake(bench.server, bench.octoprint)
    assert (device_id, secret) == known, "they last as long as OctoPrint runs"
    bench.server.send_verify_code(device_id, secret, bench.server.printer.id)
    assert bench.server.wait_for(lambda: bench.server.agent_connected, LIMIT_S)
    status = drive(bench).wait_until_connected()
    assert status["linked"] is True
    assert status["printer"]["name"] == bench.server.printer.name
    assert status["discovery"] == {"running": False}
    outcome = drive(bench).get(LINK)["outcome"]
    assert (outcome["ok"], outcome["printer"]["id"]) == (True, bench.server.printer.id)
    verified = [r for r in bench.server.requests if "verify" in r.path]
    assert len(verified) == 1


def test_a_linked_octoprint_is_silent(bench: Bench, known: tuple[str, str]) -> None:
    """No announcement, no secret, whoever asks; opening the page for linking changes nothing."""
    device_id, _ = known
    bench.octoprint.wait_until(lambda: not bench.server.announced(), "it is silent")
    before = announcements(bench.server)
    assert drive(bench).get(LINK)["discovery"] == {"running": False}
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = visitor(bench.octoprint).request(method, GRAB, params={"device_id": device_id})
        assert answer.status_code == 403, method
    admin = browser_session(bench.octoprint, bench.octoprint.admin)
    assert admin.get(GRAB, params={"device_id": device_id}).status_code == 403
    assert announcements(bench.server) == before


def test_the_secret_is_stored_nowhere(bench: Bench, known: tuple[str, str]) -> None:
    _, secret = known
    bundle = bench.api.get(f"{BASE}/api/bundle").content
    kept = [path for path in bench.octoprint.basedir.rglob("*") if path.is_file()]
    assert any(path.name == "octoprint.log" for path in kept)
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert not any(secret.encode() in archive.read(name) for name in archive.namelist())


@contextmanager
def alone(
    edition: Edition, folder: Path, server: SandboxServer, first_run: bool = False, **core: Any
) -> Iterator[OctoPrintInstance]:
    """An OctoPrint that is not linked, with settings of its own server's."""
    folder.mkdir(parents=True, exist_ok=True)
    if core:
        write_yaml(folder / "config.yaml", {"server": core})
    octoprint = OctoPrintInstance(
        edition.python(),
        folder,
        plugins_config={"obico": {"endpoint_prefix": server.url}},
        log_levels={name: "DEBUG" for name in TALKATIVE},
        first_run=first_run,
    )
    with octoprint:
        yield octoprint


def test_without_trusted_proxies_the_header_is_air(edition: Edition, tmp_path: Path) -> None:
    """Who is not trusted cannot speak for another: neither for the better nor for the worse."""
    proxies = {"trustLocalhostProxies": False, "trustedProxies": []}
    with (
        SandboxServer() as server,
        alone(edition, tmp_path, server, reverseProxy=proxies) as octoprint,
    ):
        seen = announcement(server)
        # listens on loopback only: without a proxy in front nobody else gets there
        assert seen.fields["port"] == 80
        for caller in ("8.8.8.8", "192.168.1.7"):
            answer = grab(octoprint, seen.device_id, **{"X-Forwarded-For": caller})
            assert answer.status_code == 200, "the caller is loopback"


def test_before_there_are_users(edition: Edition, tmp_path: Path) -> None:
    """OctoPrint's set-up wizard is open: the app can link already."""
    with SandboxServer() as server, alone(edition, tmp_path, server, True) as octoprint:
        device_id, secret = handshake(server, octoprint)
        assert grab(octoprint, device_id).status_code == 200
        server.send_verify_code(device_id, secret)
        assert server.wait_for(lambda: server.agent_connected, LIMIT_S)
        log = octoprint.log_text() + octoprint.log_tail(10_000)
        assert " - DEBUG - " in log, "the loggers were not talkative"
        assert secret not in log


def test_switched_off(edition: Edition, tmp_path: Path) -> None:
    """The setting holds at once: no announcement, no secret; switched on again it announces."""
    with running_bench(edition, tmp_path, linked=False) as bench:
        device_id, _ = handshake(bench.server, bench.octoprint)
        drive(bench).save_settings(discovery=False)
        assert grab(bench.octoprint, device_id).status_code == 403
        bench.octoprint.wait_until(lambda: not bench.server.announced(), "it is silent")
        assert drive(bench).get(LINK)["discovery"] == {"running": False}
        drive(bench).save_settings(discovery=True)
        assert announcement(bench.server).device_id == device_id
