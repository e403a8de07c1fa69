"""Token, link code and passwords are looked for wherever anybody could see them."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import websocket

from sandbox import ControlServer, SandboxServer, SandboxWebcam
from sandbox.octoprint_config import write_yaml
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import Bench, Edition
from tests.integration.driver import (
    DIAGNOSIS,
    LINK,
    REPORT,
    STATUS,
    browser_session,
    drive,
    let_viewer_come,
)

#: Everything that logs requests, headers or settings, and whoever else there is.
TALKATIVE = ("octoprint", "octoprint.plugins.obico", "requests", "tornado", "urllib3", "websocket")

#: A token that no header can carry, as a bad copy leaves it; its parts are searched for.
BROKEN_PARTS = ("br0kenf1rst", "br0kens3cond", "br0kenth1rd")
BROKEN_TOKEN = f"{BROKEN_PARTS[0]}\té{BROKEN_PARTS[1]}\nX-Injected: {BROKEN_PARTS[2]}"
PASSWORD = "hunter2andahalf"
USED_UP_CODE = "907531"

FAULTS = ("unreachable", "http_500", "captive_portal", "revoked", "auth_stripped", "ws_403")
ROUTES = (STATUS, REPORT, DIAGNOSIS, LINK, "/plugin/obico/report", "/api/settings", "/api/plugin")


class TalkativeOctoPrint(OctoPrintInstance):
    """An OctoPrint whose every logger says all that it has to say."""

    def write_config(self) -> None:
        super().write_config()
        debug = {"level": "DEBUG"}
        logging = {"root": debug, "loggers": dict.fromkeys(TALKATIVE, debug)}
        write_yaml(self.basedir / "logging.yaml", logging)


@dataclass
class Exposure:
    """What was to be seen: each text by where it was seen; and what must not be in any."""

    secrets: dict[str, str] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    bench: Bench | None = None

    def leaks(self, secret: str) -> list[str]:
        """Where a secret was seen, with what stood around it."""
        found = []
        for place, text in self.texts:
            at = text.find(secret)
            if at >= 0:
                found.append(f"{place}: …{text[max(0, at - 90) : at + len(secret) + 30]}…")
        return found


@contextmanager
def talkative_bench(edition: Edition, basedir: Path) -> Iterator[Bench]:
    """A bench that is not linked yet, with all logs on."""
    with ExitStack() as stack:
        server = stack.enter_context(SandboxServer())
        webcam = stack.enter_context(SandboxWebcam())
        control = stack.enter_context(ControlServer(server, webcam))
        octoprint = TalkativeOctoPrint(
            edition.python(),
            basedir,
            plugins_config={"obico": {"endpoint_prefix": server.url}},
            snapshot_url=webcam.snapshot_url,
            stream_url=webcam.stream_url,
        )
        stack.enter_context(octoprint)
        octoprint.wait_for_printer()
        api = stack.enter_context(octoprint.session())
        yield Bench(edition, octoprint, server, webcam, control, api)


@contextmanager
def listening(octoprint: OctoPrintInstance, heard: list[str]) -> Iterator[None]:
    """Take down what OctoPrint pushes to the page of an administrator."""
    login = octoprint.session().post("/api/login", json={"passive": True}).json()
    address = octoprint.url.replace("http", "ws", 1) + "/sockjs/websocket"
    socket = websocket.create_connection(address, timeout=5)
    socket.send(json.dumps({"auth": f"{login['name']}:{login['session']}"}))

    def listen() -> None:
        while True:
            try:
                heard.append(socket.recv())
            except websocket.WebSocketTimeoutException:
                continue
            except (OSError, websocket.WebSocketException):
                return

    thread = threading.Thread(target=listen, name="page")
    thread.start()
    try:
        yield
    finally:
        socket.shutdown()
        thread.join()


def live_through(bench: Bench, exposure: Exposure) -> None:
    """All that touches a secret: linking, TESTs, faults, a broken token, a password."""
    driver, server = drive(bench), bench.server
    assert driver.link(USED_UP_CODE)["cause"] == "code_rejected"
    exposure.secrets["wrong code"] = USED_UP_CODE
    exposure.secrets["code"] = code = server.new_code(server.printer.id)
    assert driver.link(code)["ok"] is True
    exposure.secrets["token"] = server.printer.token
    driver.wait_until_connected()
    let_viewer_come(server)
    for fault in FAULTS:
        server.set_fault(fault)
        let_viewer_come(server)
        driver.diagnose()
        look_around(bench, exposure, fault)
        server.clear()
    exposure.secrets.update((f"broken token {part}", part) for part in BROKEN_PARTS)
    driver.save_settings(auth_token=BROKEN_TOKEN)
    driver.wait_for_status(
        lambda s: s["server"]["cause"] == "credentials_invalid", "the broken token is refused"
    )
    assert driver.diagnose()["cause"] == "credentials_invalid"
    look_around(bench, exposure, "broken token")
    driver.save_settings(auth_token=server.printer.token)
    exposure.secrets["password"] = PASSWORD
    driver.save_settings(endpoint_prefix=f"http://bob:{PASSWORD}@127.0.0.1:{server.port}")
    driver.diagnose()
    look_around(bench, exposure, "password", settings=False)
    driver.save_settings(endpoint_prefix=server.url)
    driver.settle()
    driver.diagnose()
    look_around(bench, exposure, "healthy")


def look_around(bench: Bench, exposure: Exposure, when: str, settings: bool = True) -> None:
    """Read every route as the administrator; ``settings``: also the one that shows the address."""
    for route in ROUTES:
        if settings or route != "/api/settings":
            exposure.texts.append((f"{route} ({when})", bench.api.get(route).text))


def look_at_the_rest(bench: Bench, exposure: Exposure) -> None:
    """The page, the command line of every process, and all files but the configuration."""
    octoprint = bench.octoprint
    page = browser_session(octoprint, octoprint.admin).get("/")
    assert page.status_code == 200
    exposure.texts.append(("the page", page.text))
    process = psutil.Process(octoprint.pid)
    for each in (process, *process.children(recursive=True)):
        exposure.texts.append(("ps", " ".join(each.cmdline())))
        exposure.texts.append(("environment", str(each.environ())))
    bundle = bench.api.get("/downloads/systeminfo.zip", timeout=60)
    if bundle.status_code == 200:
        with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
            for name in archive.namelist():
                text = archive.read(name).decode("utf-8", "replace")
                exposure.texts.append((f"systeminfo.zip: {name}", text))
    for path in sorted(octoprint.basedir.rglob("*")):
        # where the token lives; only its owner can read it
        if path.is_file() and not path.name.startswith("config.yaml"):
            text = path.read_text("utf-8", "replace")
            exposure.texts.append((str(path.relative_to(octoprint.basedir)), text))


@pytest.fixture(scope="module")
def exposure(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposure]:
    """All that was to be seen of a plugin that has lived through much."""
    seen, heard = Exposure(), list[str]()
    with talkative_bench(edition, tmp_path_factory.mktemp(edition.id)) as bench:
        seen.bench = bench
        with listening(bench.octoprint, heard):
            live_through(bench, seen)
        look_at_the_rest(bench, seen)
        seen.texts.extend(("a message to the page", text) for text in heard)
        yield seen


SECRETS = ("token", "code", "wrong code", "password", *(f"broken token {p}" for p in BROKEN_PARTS))


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_nowhere(exposure: Exposure, name: str) -> None:
    """In no log at any level, no answer, no page, no message, no command line, no other file."""
    leaks = exposure.leaks(exposure.secrets[name])
    assert leaks == [], f"{len(leaks)} leaks"


def test_something_was_to_be_seen(exposure: Exposure) -> None:
    """The search above has looked at what it says: a test that sees nothing finds nothing."""
    places = {place for place, _ in exposure.texts}
    assert {"logs/octoprint.log", "console.log", "the page", "ps"} <= places
    log = next(text for place, text in exposure.texts if place == "logs/octoprint.log")
    for logger in ("octoprint.plugins.obico", "urllib3.connectionpool", "octoprint.settings"):
        assert f" - {logger}" in log, f"{logger} has logged nothing"
    messages = [text for place, text in exposure.texts if place == "a message to the page"]
    assert any('"obico"' in text and "topic" in text for text in messages)


def test_messages_hold_a_topic_and_no_more(exposure: Exposure) -> None:
    """What goes to the pages only says what has changed."""
    for place, text in exposure.texts:
        message = json.loads(text) if place == "a message to the page" and text else {}
        plugin = message.get("plugin") or {}
        if plugin.get("plugin") == "obico":
            assert set(plugin["data"]) == {"topic"}
            assert plugin["data"]["topic"] in ("status", "diagnosis", "link", "certificate")


def test_no_header_was_smuggled_in(exposure: Exposure) -> None:
    """A line break in a token must not become a header of its own."""
    assert exposure.bench is not None
    names = {name for request in exposure.bench.server.requests for name in request.header_names}
    assert "x-injected" not in names
