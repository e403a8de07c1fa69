"""The status file: tells other processes whether the running plugin's WebSocket is up.

The server closes the older of two WebSockets with one token. So a command that is started beside
the running plugin must know whether that one's connection lives, before it opens its own. The
plugin writes the file, the command line reads it. No token is in it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .channel_state import Snapshot, State
from .words import iso

log = logging.getLogger("octoprint.plugins.obico.websocket")

FILE_NAME = "live.json"
SCHEMA = 1

REFRESH_S = 300.0
"""How often an unchanged state is written anew, in seconds. Not with each pong (every 8 s): that
would be 4 million writes a year, and the SD cards that most printers run from wear with each."""

FRESH_S = REFRESH_S + 60.0
"""A file that was not written for so long tells nothing: whoever should write it hangs. Within that
time "connected" is true to 13 s, as the plugin pings every 8 s, gives a pong 5 s, and writes at
once that it is down; so the age of the file counts, not that of the pong in it."""

_MAX_BYTES = 4096
_PS_TIMEOUT_S = 2.0
_CLOSE_LIMIT_S = 0.5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LiveState(NamedTuple):
    """What the file says of the running plugin. Times are Unix seconds.

    Attributes:
        server: the address that it is connected to, as the plugin's Address shows it.
        shared: another user of the token keeps throwing it out.
        fresh: whether the plugin wrote the file lately enough to believe what changes quietly.
    """

    pid: int
    state: str
    since: float
    last_pong_at: float | None
    server: str
    shared: bool
    fresh: bool

    @property
    def is_up(self) -> bool:
        return self.fresh and self.state == State.CONNECTED.value

    @property
    def is_connecting(self) -> bool:
        return self.fresh and self.state == State.CONNECTING.value


class LiveFile:
    """The writing side. Thread-safe; what cannot be written is logged once and goes without.

    Args:
        path: where the file stands; its folder exists.
        monotonic: the machine's clock since its start, the same in all processes.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path, self._monotonic = path, monotonic
        self._lock = threading.Lock()
        self._written: tuple[Any, ...] | None = None
        self._written_at = float("-inf")
        self._closed = self._complained = False
        self._mark: str | None = None

    def note(self, take_snapshot: Callable[[], Snapshot], server: str) -> None:
        """Write the channel's state where it has changed, or was not written for long.

        The snapshot is taken when it is our turn, so that no older one is written after a newer.
        """
        with self._lock:
            snapshot = take_snapshot()
            news = (snapshot.state, snapshot.since, snapshot.shared, server)
            age_s = self._monotonic() - self._written_at
            if self._closed or (news == self._written and age_s < REFRESH_S):
                return
            self._written, self._written_at = news, self._monotonic()
            self._write(snapshot, server)

    def remove(self) -> None:
        """There is no channel now."""
        with self._lock:
            if self._written is not None:
                self._written = None
                self._delete()

    def close(self) -> None:
        """The plugin ends: remove the file, and write none any more.

        Where the disk hangs, it stays: OctoPrint's end does not wait for it.
        """
        self._closed = True
        if self._lock.acquire(timeout=_CLOSE_LIMIT_S):
            try:
                self._delete()
            finally:
                self._lock.release()

    def _delete(self) -> None:
        with suppress(OSError):  # it may have gone already; a stale one is recognised anyway
            self._path.unlink()

    def _write(self, snapshot: Snapshot, server: str) -> None:
        self._mark = self._mark or process_mark(os.getpid())
        pong = snapshot.last_pong_at
        content = {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "started": self._mark,
            "state": snapshot.state.value,
            "since": iso(snapshot.since),
            "last_pong_at": iso(pong) if pong is not None else None,
            "server": server,
            "shared": snapshot.shared,
            # for programs: wall-clock times jump when a clock is set, as after each start of a Pi
            "clock": [snapshot.since, pong, self._monotonic()],
        }
        try:
            _replace(self._path, json.dumps(content).encode("ascii"))
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("The status file %s cannot be written: %s", self._path.name, error)


def _replace(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, at once for whoever reads it meanwhile.

    Not synced to the disk: after a power cut nobody needs it.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    fresh.replace(path)


def read_live(path: Path, monotonic: Callable[[], float] = time.monotonic) -> LiveState | None:
    """What the running plugin says, or None: no file, not to be understood, or nobody's any more.

    A crash leaves the file behind, and its process id may be somebody else's now: so the start of
    that process has to be the one in the file.
    """
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES).decode("ascii"))
        if content["schema"] != SCHEMA:
            return None
        since, pong, written = content["clock"]
        age_s = monotonic() - float(written)
        state = LiveState(
            pid=int(content["pid"]),
            state=str(content["state"]),
            since=float(since),
            last_pong_at=float(pong) if pong is not None else None,
            server=str(content["server"]),
            shared=content["shared"] is True,
            fresh=0 <= age_s <= FRESH_S,
        )
        for moment in (state.since, state.last_pong_at or 0.0):
            iso(moment)  # a number that is no moment is garbage as well
        mark = str(content["started"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return state if state.pid > 0 and mark == process_mark(state.pid) else None


def process_mark(pid: int) -> str | None:
    """What tells a process from a later one with the same id; None where there is no such process.

    On Linux the boot and the clock ticks from it to the process' start (proc(5), field 22 of
    /proc/PID/stat), which setting the clock does not change; elsewhere what `ps` calls its start.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None if Path("/proc/self/stat").exists() else _mark_of_ps(pid)
    fields = stat.rpartition(")")[2].split()  # the name before may hold blanks and brackets
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    boot = _BOOT_ID.read_text("ascii").strip() if _BOOT_ID.exists() else ""
    return f"{boot}:{fields[19]}"


def _mark_of_ps(pid: int) -> str | None:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_PS_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("ascii", "replace").strip() or None
