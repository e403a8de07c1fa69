"""A ready OctoPrint to try the plugin out: ``python -m sandbox.serve``, which ``make serve`` runs.

Starts the sandbox's Obico Server, webcam and control page, and an OctoPrint with the plugin of the
environment it runs in; links its printer by the real linking call; prints where all of it is; and
stops all of it on Ctrl-C or SIGTERM. Everything listens on loopback only.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from sandbox import ControlServer, SandboxServer, SandboxWebcam
from sandbox.octoprint_config import User
from sandbox.octoprint_instance import OctoPrintError, OctoPrintInstance, is_free

DATA = Path(__file__).resolve().parent.parent / ".sandbox"
HOST = "127.0.0.1"

#: What has a port: its name, the variable and flag to choose it by, and the one it has by default.
PORTS = (
    ("OctoPrint", "octoprint-port", 5000),
    ("Obico Server", "server-port", 3334),
    ("control page", "control-port", 3335),
    ("webcam", "webcam-port", 8080),
)
#: How many ports after the wanted one are tried.
PORT_TRIES = 50

#: The users that OctoPrint gets, and their groups.
USERS = (("admin", ("admins", "users")), ("operator", ("users",)), ("reader", ("readonly",)))

LINK_ROUTE = "/plugin/obico/api/link"
#: The plugin gives its own requests less time than this.
LINK_LIMIT_S = 60.0
#: How soon it is noticed that OctoPrint has ended by itself.
WATCH_S = 0.5

READY = """
Obico for OctoPrint is ready to be tried out.

  OctoPrint {version:<10} {octoprint}
    user               {user}
    password           {password}
  Sandbox control      {control}   (break things, send commands)
  Obico Server         {server}   ({linked})
  Code to link again   {code}   (Settings > Obico for OctoPrint; valid for 2 hours)
  OctoPrint's log      {log}
  Passwords of {others}: {credentials}

Ctrl-C stops all of it.
"""


class ServeError(Exception):
    """It cannot be started, or has ended by itself; the text says why."""


@dataclass(frozen=True)
class Options:
    """What the command line and the environment ask for."""

    octoprint: str
    data: Path
    ports: Mapping[str, int]

    @property
    def basedir(self) -> Path:
        """OctoPrint's folder, kept between runs."""
        return self.data / f"octoprint-{self.octoprint}"


@dataclass(frozen=True)
class Started:
    """What has been started."""

    octoprint: OctoPrintInstance
    control: ControlServer
    server: SandboxServer


def say(text: str) -> None:
    """Print at once, also where the output is a pipe."""
    print(text, flush=True)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; ports may come from the environment (``OCTOPRINT_PORT``, ...)."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__)
    parser.add_argument("--octoprint", default="1.11", help="names the folder that is kept")
    parser.add_argument("--data", type=Path, default=DATA, help="where OctoPrint's folder is")
    for name, flag, port in PORTS:
        variable = flag.upper().replace("-", "_")
        parser.add_argument(
            f"--{flag}",
            type=int,
            default=os.environ.get(variable, port),
            help=f"port of the {name}; also {variable} in the environment (default: {port})",
        )
    found = vars(parser.parse_args(arguments))
    ports = {name: found[flag.replace("-", "_")] for name, flag, _ in PORTS}
    return Options(found["octoprint"], found["data"].resolve(), ports)


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """The wanted ports, or for one in use the next free one, said aloud.

    Raises:
        ServeError: all of the ports after the wanted one are in use as well.
    """
    chosen: dict[str, int] = {}
    for name, first in wanted.items():
        candidates = range(first, min(first + PORT_TRIES, 65536))
        taken = chosen.values()
        free = (port for port in candidates if port not in taken and is_free(port, HOST))
        port = next(free, None)
        if port is None:
            raise ServeError(f"no free port for the {name} from {first} on")
        if port != first:
            say(f"Port {first} is in use; {name}: {port} instead.")
        chosen[name] = port
    return chosen


@contextmanager
def only_one(basedir: Path) -> Iterator[None]:
    """Hold this OctoPrint's folder; two at once would overwrite each other's files."""
    basedir.mkdir(parents=True, exist_ok=True)
    with open(basedir / "serve.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServeError(f"another make serve uses {basedir}; stop it first") from error
        yield


@contextmanager
def starting_alone(data: Path) -> Iterator[None]:
    """Let another start wait: OctoPrint takes its port seconds after that was seen to be free."""
    with open(data / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept_users(basedir: Path) -> dict[str, User]:
    """OctoPrint's users, with random secrets that are kept in a file only the owner can read."""
    path = basedir / "credentials.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    users = {name: User(name, groups, **kept.get(name, {})) for name, groups in USERS}
    secrets = {
        user.name: {"password": user.password, "api_key": user.api_key} for user in users.values()
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(secrets, file, indent=2)
    return users


def link(octoprint: OctoPrintInstance, server: SandboxServer) -> str:
    """Link OctoPrint's printer as a user does it, with a 6-digit code; what came of it."""
    api = octoprint.session()
    answers: list[requests.Response] = []

    def accepted() -> bool:
        answers.append(api.post(LINK_ROUTE, json={"code": code, "server": server.url}))
        # not yet, as long as the plugin is starting
        return answers[-1].status_code not in (404, 409, 503)

    code = server.new_code()
    octoprint.wait_until(accepted, "the plugin takes the code to link with", LINK_LIMIT_S)
    if answers[-1].status_code != 202:
        return f"not linked: the plugin answered {answers[-1].status_code} {answers[-1].text}"
    return link_outcome(octoprint, str(answers[-1].json()["run"]))


def link_outcome(octoprint: OctoPrintInstance, run: str) -> str:
    """Wait for the end of a linking run; in words, what came of it."""
    api = octoprint.session()
    states: list[dict[str, Any]] = []

    def finished() -> bool:
        states.append(api.get(LINK_ROUTE).json())
        return states[-1]["state"] == "finished" and str(states[-1]["run"]) == run

    octoprint.wait_until(finished, "the printer is linked", LINK_LIMIT_S)
    outcome = states[-1]["outcome"]
    if not outcome["ok"]:
        return f"not linked: {outcome['text']}"
    return f'linked as "{outcome["printer"]["name"]}"'


def configured_octoprint(
    options: Options, port: int, server: SandboxServer, webcam: SandboxWebcam
) -> OctoPrintInstance:
    """An OctoPrint that shows the webcam and is to be linked to the server; not yet started."""
    users = kept_users(options.basedir)
    # The sandbox server forgets its tokens when it ends: one of the last run would be refused.
    settings = {"endpoint_prefix": server.url, "auth_token": None}
    return OctoPrintInstance(
        Path(sys.executable),
        options.basedir,
        port,
        plugins_config={"obico": settings},
        snapshot_url=webcam.snapshot_url,
        stream_url=webcam.stream_url,
        admin=users["admin"],
        operator=users["operator"],
        reader=users["reader"],
    )


def ready_text(started: Started, linked: str) -> str:
    """What a newcomer needs to know to begin."""
    octoprint = started.octoprint
    credentials = octoprint.basedir / "credentials.json"
    return READY.format(
        version=octoprint.version,
        octoprint=octoprint.url,
        user=octoprint.admin.name,
        password=octoprint.admin.password,
        control=started.control.url,
        server=started.server.url,
        linked=linked,
        code=started.server.new_code(),
        log=shortened(octoprint.log_path),
        others=" and ".join(name for name, _ in USERS[1:]),
        credentials=shortened(credentials),
    )


def shortened(path: Path) -> str:
    """The path as seen from where the command was given, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def start(options: Options, stack: ExitStack) -> Started:
    """Start everything; the stack stops it in the opposite order."""
    ports = free_ports(options.ports)
    server = stack.enter_context(SandboxServer(HOST, ports["Obico Server"]))
    webcam = stack.enter_context(SandboxWebcam(HOST, ports["webcam"]))
    control = stack.enter_context(ControlServer(server, webcam, HOST, ports["control page"]))
    octoprint = configured_octoprint(options, ports["OctoPrint"], server, webcam)
    stack.callback(say, "Stopped.")
    stack.callback(octoprint.stop)
    stack.callback(ignore_signals)
    say("Starting OctoPrint...")
    octoprint.start()
    return Started(octoprint, control, server)


def serve(options: Options) -> None:
    """Start everything and keep it up until a signal ends it.

    Raises:
        KeyboardInterrupt: it was asked to stop.
        ServeError, OctoPrintError: it could not start, or OctoPrint has ended by itself.
    """
    with ExitStack() as stack:
        stack.enter_context(only_one(options.basedir))
        with starting_alone(options.data):
            started = start(options, stack)
        octoprint = started.octoprint
        say(ready_text(started, link(octoprint, started.server)))
        while octoprint.wait_for_exit(WATCH_S) is None:
            pass
        raise ServeError(
            f"OctoPrint has ended by itself, with code {octoprint.exit_code()}."
            f" The end of {shortened(octoprint.console_path)}:\n{octoprint.log_tail()}"
        )


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Take any signal that asks to end as Ctrl-C, so that all is stopped in order."""
    raise KeyboardInterrupt


def ignore_signals() -> None:
    """From now on all is being stopped, within bounds; impatience would only leave it half done."""
    say("\nStopping...")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; 1 with an explanation when that fails."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
    try:
        serve(parse(arguments))
    except KeyboardInterrupt:
        return 0
    except (ServeError, OctoPrintError) as error:
        print(f"make serve: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
