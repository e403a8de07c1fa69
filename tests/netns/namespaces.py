"""Network namespaces, and what runs inside them.

Needs root and iproute2 (ip-netns(8)). The names begin with ``obico-`` and this process's id, so
that what a killed run has left behind can be told from what another run is using.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

_PREFIX = "obico-"
_ETC = Path("/etc/netns")
_PLACES = ("/var/run/netns", "/run/netns")
_LIMIT_S = 20.0
"""For a command that should take no time: a machine under load is slow."""


def run_command(*argv: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it printed. Raises RuntimeError with its complaint."""
    done = subprocess.run(
        argv, input=text, env=env, capture_output=True, text=True, timeout=_LIMIT_S
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    """One machine of the lab: a network namespace with its own /etc/resolv.conf."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._etc = _ETC / name
        self._children: list[subprocess.Popen[str]] = []
        self._etc.mkdir(parents=True)
        run_command("ip", "netns", "add", name)

    # ---- what is run inside --------------------------------------------------------------------

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in this namespace."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str) -> str:
        """Run a quick command in here and return what it printed."""
        return run_command(*self.inside(*argv))

    def shell(self, script: str) -> str:
        return self.run("sh", "-ec", script)

    def start(
        self, *argv: str, env: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> Child:
        """Start a program in here that says one line when it is ready; it ends with the namespace.

        Args:
            env: beside what this process has.
        """
        process = subprocess.Popen(
            self.inside(*argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, **(env or {})},
        )
        self._children.append(process)
        return Child(process)

    # ---- how it is connected -------------------------------------------------------------------

    def configure(self, *lines: str, force: bool = False) -> None:
        """Run lines of `ip` (without the word) in here; `force`: go on after what fails."""
        options = ["-force"] if force else []
        argv = ["ip", "-n", self.name, *options, "-batch", "-"]
        text = "".join(f"{line}\n" for line in lines)
        if force:
            subprocess.run(argv, input=text, capture_output=True, text=True, timeout=_LIMIT_S)
        else:
            run_command(*argv, text=text)

    def filter(self, *rules: str, command: str = "iptables") -> None:
        """Add rules of iptables (or ip6tables), e.g. ``-A FORWARD -p tcp -j DROP``."""
        for rule in rules:
            self.run(command, "-w", *rule.split())

    def write_etc(self, name: str, text: str) -> None:
        """Give everything started in here from now on this file as /etc/NAME (ip-netns(8))."""
        if (Path("/etc") / name).exists():  # only what exists can be covered
            (self._etc / name).write_text(text)

    # ---- the end -------------------------------------------------------------------------------

    def delete(self) -> None:
        """End whatever runs in here and remove the namespace."""
        for process in self._children:
            process.terminate()
        for process in self._children:
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        remove_namespace(self.name)


class Child:
    """A program in a namespace, read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process, self._stdout = process, process.stdout
        os.set_blocking(self._stdout.fileno(), False)
        self._text = ""

    def line(self, limit_s: float = _LIMIT_S) -> str:
        """The next line that it prints. Fails the test where none comes in time."""
        end = time.monotonic() + limit_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while "\n" not in self._text:
                left = end - time.monotonic()
                assert left > 0, f"{self._process.args!r} has said nothing for {limit_s} s"
                if selector.select(left):
                    piece = os.read(self._stdout.fileno(), 65536).decode()
                    assert piece, f"{self._process.args!r} ended with {self._process.wait(5.0)}"
                    self._text += piece
        line, _, self._text = self._text.partition("\n")
        return line

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(5.0)


def remove_namespace(name: str) -> None:
    """End what runs in a namespace of ours, and remove it; what is not there is passed over."""
    with contextlib.suppress(RuntimeError):
        for pid in run_command("ip", "netns", "pids", name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(RuntimeError):
        run_command("ip", "netns", "del", name)
    shutil.rmtree(_ETC / name, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the namespaces of runs that were killed: those whose process is gone."""
    names = {entry.name for place in (*_PLACES, _ETC) for entry in _entries(Path(place))}
    for name in names:
        owner = name[len(_PREFIX) :].partition("-")[0]
        ours = name.startswith(_PREFIX) and owner.isdecimal()
        if ours and not Path("/proc", owner).exists():
            remove_namespace(name)


def _entries(folder: Path) -> Sequence[Path]:
    return list(folder.iterdir()) if folder.is_dir() else ()


_NUMBERS = count(1)


@contextlib.contextmanager
def namespaces(*roles: str) -> Iterator[list[Namespace]]:
    """Make one namespace for each role, and remove them in the end, whatever happens."""
    number = next(_NUMBERS)
    made: list[Namespace] = []
    try:
        for role in roles:
            name = f"{_PREFIX}{os.getpid()}-{number}-{role}"
            try:
                made.append(Namespace(name))
            except BaseException:
                remove_namespace(name)
                raise
        yield made
    finally:
        for namespace in made:
            namespace.delete()
