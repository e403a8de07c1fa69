"""An OctoPrint of its own folder and port, started as a child process, that talks to nobody."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import requests

from sandbox import octoprint_config
from sandbox.octoprint_config import User

LAUNCHER = Path(__file__).with_name("octoprint_launcher.py")

#: A Raspberry Pi's first start takes its time.
START_LIMIT_S = 120.0
#: OctoPrint gives its workers some seconds to end.
STOP_LIMIT_S = 10.0
KILL_LIMIT_S = 5.0
#: How often a state is asked for that nothing announces.
POLL_S = 0.1
#: Connecting on loopback; an answer of a busy OctoPrint.
REQUEST_TIMEOUT_S = (3.05, 15.0)
LOG_TAIL_LINES = 40


class OctoPrintError(Exception):
    """OctoPrint did not do what was waited for; the text ends with the tail of its log."""


class LoopbackSession(requests.Session):
    """Requests to one OctoPrint: relative to its address, bounded in time, past every proxy."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        super().__init__()
        self.base_url = base_url
        self.trust_env = False
        if api_key is not None:
            self.headers["X-Api-Key"] = api_key

    def request(  # type: ignore[override]
        self, method: str, url: str, **options: Any
    ) -> requests.Response:
        """As in ``requests``; a path is completed with OctoPrint's address."""
        options.setdefault("timeout", REQUEST_TIMEOUT_S)
        if url.startswith("/"):
            url = self.base_url + url
        return super().request(method, url, **options)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket() as probe:
        # macOS lets a server bind where another one listens on all addresses
        if probe.connect_ex((host, port)) == 0:
            return False
    with socket.socket() as probe:
        # as servers do, so that a connection just closed does not count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


class OctoPrintInstance:
    """An OctoPrint with an administrator, an operator and a reader, each with an API key.

    Args:
        python: the interpreter of the environment that OctoPrint is installed in.
        basedir: OctoPrint's folder; made where missing. What it holds already is kept, except
            what makes OctoPrint quiet and what is given here.
        port: 0 takes a free one.
        plugins_config: settings by plugin identifier.
        snapshot_url, stream_url: what the classic webcam shows.
        log_levels: levels by logger name, e.g. ``{"octoprint.plugins.obico": "DEBUG"}``.
        admin, operator, reader: users of one's own choice instead of random secrets.
        first_run: in a fresh folder it has no users and asks for everything by its set-up wizard,
            as OctoPrint does after its installation. Until the wizard has made one, no user's
            session can do anything, and ``version`` is not known.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        python: Path,
        basedir: Path,
        port: int = 0,
        *,
        plugins_config: Mapping[str, Mapping[str, Any]] | None = None,
        snapshot_url: str = "",
        stream_url: str = "",
        log_levels: Mapping[str, str] | None = None,
        admin: User | None = None,
        operator: User | None = None,
        reader: User | None = None,
        first_run: bool = False,
    ) -> None:
        # not resolved: a link is what makes it the environment's interpreter
        self.python = Path(os.path.abspath(python))
        self.basedir = basedir.resolve()
        self.port = port or free_port(self.host)
        self.admin = admin or User("admin", ("admins", "users"))
        self.operator = operator or User("operator", ("users",))
        self.reader = reader or User("reader", ("readonly",))
        self.plugins_config = dict(plugins_config or {})
        self.log_levels = dict(log_levels or {})
        self.first_run = first_run
        self._webcam = octoprint_config.webcam_config(snapshot_url, stream_url)
        self._process: subprocess.Popen[bytes] | None = None
        self._version = ""

    # -- what it is

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def version(self) -> str:
        """OctoPrint's version as it says itself, once it has started."""
        return self._version

    @property
    def pid(self) -> int:
        """The process of the running OctoPrint."""
        if self._process is None:
            raise OctoPrintError("OctoPrint has not been started")
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """OctoPrint's own log, of this start and, in a kept folder, of earlier ones."""
        return self.basedir / "logs" / "octoprint.log"

    @property
    def console_path(self) -> Path:
        """What this start has written to its standard output and error."""
        return self.basedir / "console.log"

    def log_text(self) -> str:
        """OctoPrint's log so far; empty before it has begun one."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The end of this start's console output, which has all that the log has, and more."""
        if not self.console_path.exists():
            return ""
        return "\n".join(self.console_path.read_text("utf-8", "replace").splitlines()[-lines:])

    def session(self, user: User | None = None) -> LoopbackSession:
        """Requests as this user, the administrator if none is named; paths suffice as addresses."""
        return LoopbackSession(self.url, (user or self.admin).api_key)

    def anonymous_session(self) -> LoopbackSession:
        """Requests as nobody."""
        return LoopbackSession(self.url, None)

    # -- starting and stopping

    def __enter__(self) -> OctoPrintInstance:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def write_config(self) -> None:
        """Write config.yaml, users.yaml and logging.yaml; keep what they say beyond ours."""
        self.basedir.mkdir(parents=True, exist_ok=True)
        path = self.basedir / "config.yaml"
        if self.first_run and path.exists():
            return  # what the wizard has done must not be undone
        kept = octoprint_config.read_yaml(path)
        secret_key = kept.get("server", {}).get("secretKey") or secrets.token_hex(16)
        for part in (
            octoprint_config.quiet_config(secret_key),
            self._webcam,
            {"plugins": self.plugins_config},
        ):
            kept = octoprint_config.merged(kept, part)
        if self.first_run:
            kept["server"].update(firstRun=True, seenWizards={})
        octoprint_config.write_yaml(path, kept)
        octoprint_config.write_fetched_lists(self.basedir)
        self._write_users()
        if self.log_levels:
            content = octoprint_config.logging_config(self.log_levels)
            octoprint_config.write_yaml(self.basedir / "logging.yaml", content)

    def _write_users(self) -> None:
        if self.first_run:
            return
        path = self.basedir / "users.yaml"
        users = octoprint_config.users_config((self.admin, self.operator, self.reader))
        octoprint_config.write_yaml(
            path, octoprint_config.merged(octoprint_config.read_yaml(path), users)
        )

    def start(self, limit_s: float = START_LIMIT_S) -> None:
        """Start OctoPrint and wait until it answers.

        Raises:
            OctoPrintError: it ended, or did not answer within ``limit_s`` seconds (it is stopped).
        """
        self.write_config()
        with self.console_path.open("wb") as console:
            self._process = self._spawn(console)
        try:
            self.wait_until(self._answers, "OctoPrint answers", limit_s)
        except BaseException:
            self.stop()
            raise

    def _spawn(self, console: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [
            *(str(self.python), str(LAUNCHER), "serve"),
            *("--basedir", str(self.basedir), "--iknowwhatimdoing"),
            *("--host", self.host, "--port", str(self.port)),
        ]
        return subprocess.Popen(
            command,
            # elsewhere its modules would be found before the installed ones
            cwd=self.basedir,
            env=child_environment(os.environ),
            # the launcher ends OctoPrint when this pipe closes
            stdin=subprocess.PIPE,
            stdout=console,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for whoever started us, who then stops us in order
            start_new_session=True,
        )

    def _answers(self) -> bool:
        path = "/online.gif" if self.first_run else "/api/version"
        try:
            answer = self.session().get(path, timeout=(1.0, 5.0))
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            return False
        if self.first_run:
            return True
        self._version = str(answer.json()["server"])
        return True

    def exit_code(self) -> int | None:
        """The code OctoPrint has ended with; None as long as it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def wait_for_exit(self, limit_s: float) -> int | None:
        """Wait at most ``limit_s`` seconds for OctoPrint to end; its code, or None if it runs."""
        if self._process is None:
            return None
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def wait_until(self, condition: Callable[[], bool], what: str, limit_s: float = 30.0) -> None:
        """Wait until the condition holds; give up when OctoPrint ends or the time is over.

        Raises:
            OctoPrintError: names ``what`` was waited for, with the tail of the log.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            code = self.wait_for_exit(POLL_S)
            if code is not None:
                raise OctoPrintError(self._with_tail(f"OctoPrint has ended with code {code}"))
            if time.monotonic() > deadline:
                problem = f"not so within {limit_s:g} s: {what}"
                raise OctoPrintError(self._with_tail(problem))

    def wait_for_printer(self, limit_s: float = 30.0) -> None:
        """Wait until the virtual printer is connected and idle."""
        api = self.session()

        def operational() -> bool:
            state = api.get("/api/connection").json()["current"]["state"]
            return str(state) == "Operational"

        self.wait_until(operational, "the virtual printer is operational", limit_s)

    def _with_tail(self, problem: str) -> str:
        return f"{problem}\n--- end of {self.console_path}:\n{self.log_tail()}"

    def stop(self) -> None:
        """End OctoPrint: ask, then kill it and what it has started; bounded, any number of times.

        Raises:
            subprocess.TimeoutExpired: not even killing has ended it.
        """
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            self.wait_for_exit(STOP_LIMIT_S)
        if process.poll() is None:
            # a group of its own (start_new_session): reaches its children and nobody else
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(KILL_LIMIT_S)
        if process.stdin is not None:
            process.stdin.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop OctoPrint's process for a while, as if it hung: it keeps its connections."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop it and start it again with the same folder and port."""
        self.stop()
        self.start()


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would change where OctoPrint finds modules or how it connects.

    All its traffic stays on loopback, so that a proxy of the machine's has no part in it.
    """
    dropped: Sequence[str] = ("pythonpath", "pythonhome", "http_proxy", "https_proxy", "all_proxy")
    kept = {name: value for name, value in environment.items() if name.lower() not in dropped}
    kept.update(PYTHONUNBUFFERED="1", NO_COLOR="1")
    return kept
