"""The bundle's routes where something in the plugin itself is broken."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import pytest
from flask_babel import Babel

from octoprint_obico.agent import Agent
from octoprint_obico.log_ring import LogRing
from octoprint_obico.session.figures import Session
from octoprint_obico.session.status import Status
from octoprint_obico.webcam.snapshot import Webcam
from tests.servers.hosts import FakeHost


def load() -> ModuleType:
    """The routes; OctoPrint leaves a socket open when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from octoprint_obico.web import bundle
    return bundle


bundle = load()

TOKEN = "0123456789abcdef0123"


def broken(*arguments: Any) -> Any:
    raise RuntimeError(f"this is broken for {TOKEN} of jane@example.org")


class ModernHost(FakeHost):
    """One that knows OctoPrint's version as well."""

    def versions(self) -> dict[str, str]:
        return {"plugin": "3.0.0", "octoprint": "1.11.8"}


class BrokenAgent(Agent):
    """An agent whose parts can be broken; it is not started, so that nothing else happens."""

    broken_status = broken_session = False

    def status(self) -> Status:
        return broken() if self.broken_status else super().status()

    def session(self) -> Session:
        return broken() if self.broken_session else super().session()


@pytest.fixture
def host() -> ModernHost:
    webcams = [Webcam("door", "http://bob:hunter2andahalf@cam.lan/?token=s3cr3t-t0ken", None)]
    return ModernHost("http://127.0.0.1:1", TOKEN, webcams)


@pytest.fixture
def agent(host: ModernHost) -> BrokenAgent:
    return BrokenAgent(host, "3.0.0")


@pytest.fixture
def api(agent: BrokenAgent, host: ModernHost) -> Iterator[Any]:
    app = flask.Flask(__name__)
    Babel(app)
    with app.test_request_context("/"):
        yield bundle.BundleApi(agent, host, LogRing())


def saved(api: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(api.save().get_data())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def problems(api: Any) -> dict[str, str]:
    files = json.loads(api.contents().get_data())["files"]
    return {file["name"]: file["problem"] for file in files if file["problem"]}


def test_nothing_is_broken(api: Any) -> None:
    assert problems(api) == {}
    files = saved(api)
    assert json.loads(files["diagnosis.json"]) == {
        "schema": 1,
        "note": "TEST was not pressed in this session.",
    }
    assert json.loads(files["webcams.json"])["webcams"] == [
        {
            "name": "door",
            "snapshot": "http://[user and password]@cam.lan/?token=[key]",
            "stream": None,
            "gives_snapshots": False,
        }
    ]
    assert files["plugin.log"] == ""


@pytest.mark.parametrize(
    ("attribute", "missing"),
    [
        ("broken_status", {"report.txt", "report.json", "status.json"}),
        ("broken_session", {"report.txt", "report.json", "status.json", "versions.json"}),
    ],
)
def test_what_is_broken_spoils_nothing_else(
    api: Any, agent: BrokenAgent, attribute: str, missing: set[str]
) -> None:
    setattr(agent, attribute, True)
    found = problems(api)
    assert set(found) == missing
    text = "This part could not be made: RuntimeError: this is broken for [token] of [e-mail]"
    assert set(found.values()) == {text}
    files = saved(api)
    assert text in files["README.txt"]
    assert TOKEN not in "".join(files.values())
    assert json.loads(files["status.json"])["error"].startswith("RuntimeError: this is broken")
    assert json.loads(files["settings.json"])["auth_token_set"] is True


def test_without_its_secrets_there_is_no_bundle(
    api: Any, host: ModernHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the token cannot be asked for, nobody could say that it is not in it."""
    monkeypatch.setattr(host.settings, "token", broken)
    with pytest.raises(RuntimeError):
        api.save()


def test_each_file_says_what_is_in_it(api: Any) -> None:
    files = json.loads(api.contents().get_data())["files"]
    assert [file["name"] for file in files] == ["README.txt", *list(bundle._TEXTS)[1:]]
    assert len({file["description"] for file in files}) == len(files)


def test_the_description_knows_all_files_and_fields(api: Any) -> None:
    """docs/support-bundle.md is the schema."""
    text = (Path(__file__).parents[2] / "docs" / "support-bundle.md").read_text("utf-8")
    files = saved(api)
    for name in files:
        assert f"| `{name}` |" in text
    for name in ("settings.json", "versions.json", "webcams.json"):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        value = json.loads(files[name])
        fields = {*value, *(value["webcams"][0] if "webcams" in value else ())}
        assert fields - set(re.findall(r'"(\w+)"', row)) == set()


def test_the_plugin_keeps_its_own_log(agent: BrokenAgent, host: ModernHost) -> None:
    """From the logger that all of the plugin's are below, and with its token hidden."""
    ring = LogRing()
    ring.attach()
    try:
        ring.hide(TOKEN)
        logging.getLogger("octoprint.plugins.obico.websocket").warning("said %s", TOKEN)
    finally:
        ring.detach()
    assert ring.text().endswith(" said REDACTED\n")
