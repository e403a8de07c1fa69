"""Running system commands: real programs that are missing, fail, hang, or never stop talking."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from octoprint_obico.diagnosis.local.commands import MAX_OUTPUT, run_command

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a real shell script on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    return put


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if p.status() != "zombie"]


def test_what_it_prints(install: Install) -> None:
    install("obico-says", 'echo "first $1"; echo "second $2"; echo "no" >&2')
    assert run_command(["obico-says", "a b", "$HOME;ls"], 5) == "first a b\nsecond $HOME;ls\n"


def test_english_and_none_of_our_secrets(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBICO_TOKEN", "planted")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    install("obico-env", 'echo "$LC_ALL,$OBICO_TOKEN"')
    assert run_command(["obico-env"], 5) == "C,\n"


def test_it_reads_nothing_of_our_input(install: Install) -> None:
    install("obico-cat", "cat; echo end")
    assert run_command(["obico-cat"], 5) == "end\n"


def test_a_missing_command() -> None:
    assert run_command(["obico-no-such-command"], 5) is None


def test_a_program_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "obico-broken"
    broken.write_bytes(b"\x7fELF no program")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert run_command(["obico-broken"], 5) is None


def test_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's PATH may be empty; the usual places are looked at all the same."""
    monkeypatch.delenv("PATH")
    assert run_command(["echo", "here"], 5) == "here\n"


def test_a_failure_is_nothing_told(install: Install) -> None:
    install("obico-fails", "echo half; exit 3")
    assert run_command(["obico-fails"], 5) is None
    assert run_command(["obico-fails"], 5, accept=(0, 3)) == "half\n"


@pytest.mark.parametrize(
    "script",
    [
        "trap '' TERM INT HUP; while :; do sleep 0.1; done",
        "echo begun; sleep 60",
        "exec 1>&- 2>&-; sleep 60",  # silent, but still there
        "sleep 60 & echo parent-ends",  # a child holds the pipe open
    ],
    ids=["ignores-signals", "hangs", "closes-its-output", "leaves-a-child"],
)
def test_a_late_command_is_killed_with_its_children(install: Install, script: str) -> None:
    before = len(children())
    install("obico-late", script)
    started = time.monotonic()
    assert run_command(["obico-late"], 0.3) is None
    assert time.monotonic() - started < 2
    left = children()[before:]
    _, alive = psutil.wait_procs(left, timeout=2)
    assert not alive


def test_an_endless_talker_is_cut_off(install: Install) -> None:
    install("obico-endless", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done")
    before, started = len(children()), time.monotonic()
    assert run_command(["obico-endless"], 20) is None
    assert time.monotonic() - started < 15
    assert len(children()) == before


def test_as_much_as_is_allowed(install: Install) -> None:
    install("obico-long", f"head -c {MAX_OUTPUT} /dev/zero")
    assert len(run_command(["obico-long"], 10) or "") == MAX_OUTPUT


def test_bytes_that_are_no_text(install: Install) -> None:
    install("obico-bytes", "printf 'a\\377b'")
    assert run_command(["obico-bytes"], 5) == "a\ufffdb"


def test_no_time_no_command(install: Install) -> None:
    install("obico-says", "echo x")
    assert run_command(["obico-says"], 0) is None
