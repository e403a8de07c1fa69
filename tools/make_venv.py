"""Makes one of the workshop's environments, or brings it up to date.

usage: make_venv.py FOLDER run|test REQUIREMENT...

Run by the Makefile with the Python that the environment is to have; standard library only. When
all is installed it leaves the stamp FOLDER/.run-ready, and FOLDER/.test-ready for ``test``, which
make compares with the files that say what to install. A lock beside the folder makes a second make
wait for the first.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: What each purpose provides; ``test`` installs all that ``run`` does.
STAMPS = {"run": (".run-ready",), "test": (".run-ready", ".test-ready")}

#: What to do about a failed installation: what the log says, and the advice.
REMEDIES = (
    (
        r"Python\.h|command '?\S*(gcc|cc|clang)\S*'? failed|unable to execute|No such file.*gcc",
        "A C compiler and Python's headers are needed to build a package.\n"
        "  Debian, Raspberry Pi OS: sudo apt install build-essential python3-dev\n"
        "  macOS: xcode-select --install",
    ),
    (r"No space left on device", "The disk is full."),
    (
        r"NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|ReadTimeout"
        r"|ProxyError|SSLError|Network is unreachable",
        "The package index could not be reached: check the network, and pip's settings for a\n"
        "  proxy or an index of your own (pip config list). What is installed stays; try again.",
    ),
    (
        r"No matching distribution|ResolutionImpossible|requires a different Python",
        "No package fits this Python. Try another one: make clean; make PYTHON=/path/to/python3",
    ),
)
LOG_TAIL_LINES = 15


class InstallError(Exception):
    """An environment could not be made; the text says why and what to do."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of this environment; wait for it as long as another make is at work."""
    with open(f"{folder}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another make is building {folder}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def works(python: Path) -> bool:
    """Tell whether this environment's Python still runs and has pip (not so after an upgrade)."""
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True)
    return done.returncode == 0


def run(command: Sequence[str], log: Path) -> None:
    """Run a command with its output in the log; raise InstallError with the reason it failed."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    environment.pop("PYTHONPATH", None)
    with log.open("ab") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    if done.returncode != 0:
        raise InstallError(explanation(log.read_text(errors="replace"), log))


def explanation(text: str, log: Path) -> str:
    """The end of the log, the advice that fits it, and where the whole log is."""
    lines = text.splitlines()[-LOG_TAIL_LINES:]
    advice = [words for pattern, words in REMEDIES if re.search(pattern, text)]
    advice.append(f"The whole log: {log}. To begin afresh: make clean")
    return "\n".join([*(f"  | {line}" for line in lines), *advice])


def create(folder: Path) -> None:
    """Make an empty environment, in place of one that no longer works."""
    if folder.exists():
        print(f"{folder} no longer works; making it again.", flush=True)
        shutil.rmtree(folder)
    done = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True)
    if done.returncode != 0:
        words = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise InstallError(
            f"{words}\n{sys.executable} could not make an environment.\n"
            "  Debian, Raspberry Pi OS: sudo apt install python3-venv"
        )


def install(folder: Path, requirements: Sequence[str]) -> None:
    """Install the requirements into the environment, the named ones in their newest version."""
    python = folder / "bin" / "python"
    if not works(python):
        create(folder)
    log = folder / "install.log"
    log.write_text("")
    pip = [str(python), "-m", "pip", "install"]
    # The one that Python brings may be too old to install from a pyproject.toml in editable mode,
    # and searches for minutes where a newer one finds what fits in seconds.
    run([*pip, "--upgrade", "pip"], log)
    words = [word for requirement in requirements for word in requirement.split()]
    run([*pip, "--upgrade", *words], log)


def is_current(stamp: Path, since: float) -> bool:
    """Tell whether another make has finished the same work while this one waited."""
    return stamp.exists() and stamp.stat().st_mtime >= since


def main(arguments: Sequence[str]) -> int:
    """Make the environment that the arguments describe; 1 with an explanation when it fails."""
    folder, purpose, requirements = Path(arguments[0]), arguments[1], arguments[2:]
    stamps = [folder / name for name in STAMPS[purpose]]
    started = time.time()
    with locked(folder):
        if is_current(stamps[-1], started):
            return 0
        print(f"Installing {requirements[0]} into {folder}: some minutes at first.", flush=True)
        try:
            install(folder, requirements)
        except InstallError as error:
            print(f"{folder} could not be made:\n{error}", file=sys.stderr)
            return 1
        for stamp in stamps:
            stamp.touch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
