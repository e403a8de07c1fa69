"""The commands of the workshop say what is wrong, and the tests stay on this machine."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.octoprint_config import merged
from sandbox.octoprint_instance import child_environment, is_free
from sandbox.serve import ServeError, free_ports, kept_users, only_one, parse
from tests.conftest import LoopbackGuard, OffLoopbackError
from tools.make_venv import explanation

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = ("serve", "test", "lint", "types", "unit", "integration", "browser", "dist", "clean")
#: Documentation's address (RFC 5737): nobody has it.
ELSEWHERE = ("192.0.2.1", 9)


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder with these variables in its environment."""
    environment = {**os.environ, **variables}
    # set where this test runs under make itself
    environment.pop("MAKEFLAGS", None)
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
    )


def listener() -> socket.socket:
    """A socket that listens on some port of this machine."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_make_alone_lists_the_commands() -> None:
    """Each command has its line."""
    lines = run("make").stdout.splitlines()
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert set(COMMANDS) <= listed


def test_unknown_octoprint_is_refused() -> None:
    """OCTOPRINT=3 is not taken for anything else."""
    done = run("make", "serve", "OCTOPRINT=3")
    assert done.returncode != 0
    assert "OCTOPRINT=3 is not known" in done.stderr


@pytest.mark.parametrize(
    ("script", "variables", "words"),
    [
        ("find_python.sh", {"PYTHON": "/nowhere/python3"}, "was not found"),
        ("find_python.sh", {"PYTHON": "/bin/false"}, "does not run"),
        ("chromium.sh", {"CHROMIUM": "/nowhere/chromium"}, "does not exist"),
    ],
)
def test_missing_tool_is_named(script: str, variables: Mapping[str, str], words: str) -> None:
    """What was asked for and is not there is said, not replaced by something else."""
    done = run("sh", f"tools/{script}", "13", **variables)
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("fatal error: Python.h: No such file or directory", "python3-dev"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Failed to resolve 'pypi.org' (NameResolutionError)", "package index"),
        ("ERROR: No matching distribution found for octoprint", "Try another one"),
    ],
)
def test_failed_installation_is_explained(log: str, words: str, tmp_path: Path) -> None:
    """The log's end is followed by what to do about it."""
    text = explanation(log, tmp_path / "install.log")
    assert log in text
    assert words in text


def test_port_in_use_gives_the_next_free_one(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said which port was in use and which is taken instead."""
    with listener() as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        chosen = free_ports({"webcam": port})
        assert chosen["webcam"] > port
    assert f"Port {port} is in use" in capsys.readouterr().out


def test_two_services_never_get_one_port() -> None:
    """The same wish twice is fulfilled once."""
    with listener() as server:
        port = server.getsockname()[1]
    chosen = free_ports({"webcam": port, "control page": port})
    assert len(set(chosen.values())) == 2


def test_ports_come_from_flag_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag has the last word, then the environment."""
    monkeypatch.setenv("SERVER_PORT", "4001")
    monkeypatch.setenv("WEBCAM_PORT", "4002")
    ports = parse(["--webcam-port", "4003"]).ports
    assert (ports["Obico Server"], ports["webcam"], ports["OctoPrint"]) == (4001, 4003, 5000)


def test_one_folder_is_served_once(tmp_path: Path) -> None:
    """A second ``make serve`` on the same folder is refused."""
    with only_one(tmp_path), pytest.raises(ServeError, match="stop it first"), only_one(tmp_path):
        pass


def test_passwords_are_kept_and_private(tmp_path: Path) -> None:
    """The second start shows the same password; nobody else on the machine can read it."""
    first, second = kept_users(tmp_path), kept_users(tmp_path)
    assert first == second
    mode = (tmp_path / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_merged_keeps_what_is_not_given() -> None:
    """Only the given values change, at any depth; the originals stay as they are."""
    base = {"server": {"secretKey": "kept", "firstRun": True}, "other": [1]}
    result = merged(base, {"server": {"firstRun": False}, "plugins": {}})
    assert result == {
        "server": {"secretKey": "kept", "firstRun": False}, "other": [1], "plugins": {}
    }  # fmt: skip
    assert base["server"] == {"secretKey": "kept", "firstRun": True}


def test_octoprint_gets_no_proxy() -> None:
    """A proxy of the machine's, in either spelling, does not reach OctoPrint."""
    kept = child_environment({"HTTP_PROXY": "x", "https_proxy": "y", "HOME": "/home/pi"})
    assert "HTTP_PROXY" not in kept
    assert "https_proxy" not in kept
    assert kept["HOME"] == "/home/pi"


def test_other_machines_are_out_of_reach(loopback_guard: LoopbackGuard) -> None:
    """The guard refuses to connect elsewhere, and remembers the attempt."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        with pytest.raises(OffLoopbackError):
            udp.connect(ELSEWHERE)
        with pytest.raises(OffLoopbackError):
            udp.sendto(b"", ELSEWHERE)
    assert len(loopback_guard.refused) == 2
    loopback_guard.refused.clear()
