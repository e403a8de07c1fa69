"""``octoprint plugins obico:diagnose`` beside a running OctoPrint, and without one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.server.live_file import FILE_NAME, read_live
from sandbox.octoprint_config import merged, read_yaml, write_yaml
from sandbox.octoprint_instance import child_environment
from tests.bench import Bench, Edition, add_plugin
from tests.integration.driver import drive
from tests.servers.results import check_result

LIMIT_S = 60.0
#: What OctoPrint itself says first, before it loads any plugin.
PREAMBLE = re.compile(r"\AInitializing settings & plugin subsystem\.\.\.\n")


class Command:
    """The command of one OctoPrint, in one folder."""

    def __init__(self, python: Path, basedir: Path) -> None:
        self.python, self.basedir = python, basedir

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), "-m", "octoprint", "--basedir", str(self.basedir)]
            + ["plugins", "obico:diagnose", *arguments],
            cwd=self.basedir,
            env={**child_environment(os.environ), "LANG": "C.UTF-8", **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_S,
        )

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and result; nothing but OctoPrint's own line stands before the document."""
        done = self("--json", *arguments)
        assert PREAMBLE.match(done.stdout), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(PREAMBLE.sub("", done.stdout))
        check_result(result)
        return done.returncode, result

    @property
    def live_file(self) -> Path:
        return self.basedir / "data" / "obico" / FILE_NAME


def row(result: dict[str, Any], check_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in result["checks"] if c["id"] == check_id)
    return found


@pytest.fixture
def command(bench: Bench) -> Command:
    return Command(bench.edition.python(), bench.octoprint.basedir)


# ---- beside a running OctoPrint ------------------------------------------------------------------


def test_the_live_connection_is_the_evidence_and_stays(bench: Bench, command: Command) -> None:
    driver, server = drive(bench), bench.server
    driver.settle()
    before = len(server.connections)
    status, result = command.json()
    assert (status, result["verdict"], result["warnings"]) == (0, "succeeded", []), result
    evidence = row(result, "websocket")["evidence"]
    assert evidence["running_plugin"] is True
    assert evidence["process"] == bench.octoprint.pid
    assert [cam["name"] for cam in result["webcams"]] == ["classic"]
    assert row(result, "webcam")["evidence"]["url"] == bench.webcam.snapshot_url
    assert len(server.connections) == before, "no socket was opened"
    assert driver.status()["channels"]["websocket"]["state"] == "connected"
    assert driver.report()["channels"]["websocket"]["errors"] == 0


def test_no_secret_anywhere(bench: Bench, command: Command) -> None:
    token = bench.server.printer.token
    drive(bench).settle()
    content = command.live_file.read_text()
    assert token not in content
    assert command.live_file.stat().st_mode & 0o777 == 0o600
    bench.server.set_fault("revoked")
    plain, document = command(FORCE_COLOR="1", NO_COLOR=""), command("--json")
    for done in (plain, document):
        assert done.returncode == 2
        assert token not in done.stdout + done.stderr
    assert "\x1b[" in plain.stdout
    assert "Invalid account credentials" in plain.stdout


def test_a_connection_that_is_down_is_tried(bench: Bench, command: Command) -> None:
    driver = drive(bench)
    driver.settle()
    bench.server.set_fault("ws_404")
    driver.wait_for_status(
        lambda s: s["channels"]["websocket"]["state"] != "connected", "the WebSocket is down"
    )
    status, result = command.json()
    assert (status, result["cause"]) == (3, "websocket_refused")


def test_only_the_webcam_fails(bench: Bench, command: Command) -> None:
    drive(bench).settle()
    bench.webcam.set_fault("not_found")
    status, result = command.json()
    assert (status, result["webcams"][0]["cause"]) == (4, "webcam_not_found")


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--deadline", "nan"), ("x",)])
def test_wrong_usage(bench: Bench, command: Command, arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 64
    assert "Usage:" in done.stderr


def test_a_hanging_octoprint_is_believed_no_longer_than_its_file_is_fresh(
    bench: Bench, command: Command
) -> None:
    """And one that was killed is not believed at all: its file stays behind."""
    drive(bench).settle()
    with bench.octoprint.paused():
        live = read_live(command.live_file)
        assert live is not None and live.is_up
        assert not read_live(command.live_file, lambda: 1e12).is_up  # type: ignore[union-attr]


# ---- without a running OctoPrint -----------------------------------------------------------------


@pytest.fixture
def stopped(edition: Edition, tmp_path: Path, bench: Bench) -> Command:
    """A folder as OctoPrint has left it, with the settings of the bench; nothing runs on it."""
    config = read_yaml(bench.octoprint.basedir / "config.yaml")
    write_yaml(tmp_path / "config.yaml", config)
    return Command(edition.python(), tmp_path)


def configure(command: Command, plugin: str, **settings: Any) -> None:
    path = command.basedir / "config.yaml"
    write_yaml(path, merged(read_yaml(path), {"plugins": {plugin: settings}}))


def test_without_octoprint_it_opens_a_connection(bench: Bench, stopped: Command) -> None:
    token = bench.server.add_printer("second").token
    configure(stopped, "obico", auth_token=token)
    status, result = stopped.json()
    assert (status, result["verdict"]) == (0, "succeeded"), result
    assert row(result, "websocket")["evidence"]["live"] is False
    assert not stopped.live_file.exists(), "it is the plugin's alone"


def test_a_webcam_with_a_stream_only(bench: Bench, stopped: Command) -> None:
    configure(stopped, "obico", auth_token=None)
    configure(stopped, "classicwebcam", snapshot="", stream=bench.webcam.stream_url)
    status, result = stopped.json()
    assert (status, result["cause"]) == (2, "not_linked")
    webcam = row(result, "webcam")
    assert (webcam["outcome"], webcam["evidence"]["which"]) == ("passed", "stream URL")
    configure(stopped, "classicwebcam", stream="/webcam/?action=stream")
    evidence = row(stopped.json()[1], "webcam")["evidence"]
    assert evidence["url"] == "http://127.0.0.1/webcam/?action=stream"


OTHER_WEBCAM = """
import octoprint.plugin

__plugin_name__ = "Other Webcam"
__plugin_pythoncompat__ = ">=3,<4"


class Other(octoprint.plugin.WebcamProviderPlugin):
    def get_webcam_configurations(self):
        raise AssertionError("it is not initialised")


__plugin_implementation__ = Other()
"""


def test_a_webcam_plugin_that_cannot_be_asked(bench: Bench, stopped: Command) -> None:
    configure(stopped, "obico", auth_token=None)
    add_plugin(stopped.basedir, "other_webcam", OTHER_WEBCAM)
    status, result = stopped.json()
    rows = {c["subject"]: c for c in result["checks"] if c["id"] == "webcam"}
    assert set(rows) == {"classic", "Other Webcam"}
    assert rows["Other Webcam"]["outcome"] == "skipped"
    assert "only while OctoPrint runs" in rows["Other Webcam"]["summary"]
    assert status == 2


def test_an_octoprint_that_was_killed(edition: Edition, tmp_path: Path) -> None:
    """Its file stays behind and is known as nobody's; one that ends in order takes it along."""
    from tests.bench import running_bench

    with running_bench(edition, tmp_path / "base") as bench:
        command = Command(edition.python(), bench.octoprint.basedir)
        drive(bench).settle()
        os.kill(bench.octoprint.pid, signal.SIGKILL)
        assert bench.octoprint.wait_for_exit(10.0) is not None
        assert command.live_file.exists()
        status, result = command.json()
        assert (status, row(result, "websocket")["evidence"]["live"]) == (0, False), result
        bench.octoprint.restart()
        drive(bench).settle()
        assert read_live(command.live_file).is_up  # type: ignore[union-attr]
        bench.octoprint.stop()
        assert not command.live_file.exists()
