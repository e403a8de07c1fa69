"""Runs small system commands: read-only, each with its own time limit, each may be missing."""

from __future__ import annotations

import logging
import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from ...server.deadline import Deadline

log = logging.getLogger("octoprint.plugins.obico.diagnosis")

MAX_OUTPUT = 64 * 1024
"""Bytes. No command that is asked here says more; one that does has gone wrong."""

_EXTRA_PLACES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/opt/vc/bin")
"""Where the commands are on systems whose services have a short PATH. /opt/vc/bin held vcgencmd
before Raspberry Pi OS 11."""

_REAPING_S = 1.0
"""For a killed process to go. One that hangs in the kernel is left behind."""


def run_command(
    argv: Sequence[str], timeout_s: float, accept: Collection[int] = (0,)
) -> str | None:
    """Return what a command prints, in English, or None where it cannot tell.

    None means: it is not installed, it failed, it took longer than `timeout_s` seconds or printed
    without end. Nothing of it is left behind then: the whole process group is killed.

    Args:
        argv: the command and its arguments; no shell is involved.
        accept: the exit statuses that are no failure.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *_EXTRA_PLACES]).lstrip(os.pathsep)
    program = shutil.which(argv[0], path=path)
    if program is None or timeout_s <= 0:
        return None
    deadline = Deadline(timeout_s)
    try:
        process = _start([program, *argv[1:]], path)
    except (ImportError, OSError, ValueError, subprocess.SubprocessError) as error:
        log.debug("%s could not be started: %s", argv[0], type(error).__name__)
        return None
    output: bytes | None = None
    try:
        output = _read(process, deadline)
        status = process.wait(deadline.remaining()) if output is not None else None
    except subprocess.TimeoutExpired:  # it has closed its output, but goes on
        status = None
    finally:
        _end(process)
    if output is None or status not in accept:
        log.debug("%s told nothing (status %s)", argv[0], status)
        return None
    return output.decode("utf-8", "replace")


def _start(argv: list[str], path: str) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own.

    sarge's Capture has no limit for what it keeps and its `run` none for the time, so the output is
    read here. The environment is a new one: a token in ours is no business of the command's.
    """
    import sarge  # only where a command is run: the diagnosis works without it

    with open(os.devnull, "rb") as nothing:
        command: Any = sarge.Command(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", "PATH": path},
            replace_env=True,
            start_new_session=True,
        )
        command.run(input=nothing, async_=True)
    process: subprocess.Popen[bytes] = command.process
    return process


def _read(process: subprocess.Popen[bytes], deadline: Deadline) -> bytes | None:
    """All that the process prints; None where that does not end in time, or not at all."""
    assert process.stdout is not None
    output, pipe = b"", process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= MAX_OUTPUT and selector.select(deadline.remaining()):
            chunk = os.read(pipe, 4096)
            if not chunk:
                return output
            output += chunk
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and its children, and reap it."""
    with suppress(OSError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REAPING_S)
    if process.stdout is not None:
        process.stdout.close()
