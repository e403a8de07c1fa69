"""Drives the plugin inside a running OctoPrint the way a page, a user and the server do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox import SandboxServer
from sandbox.octoprint_config import User
from sandbox.octoprint_instance import LoopbackSession, OctoPrintInstance
from sandbox.records import FrameRecord
from tests.bench import Bench

BASE = "/plugin/obico"
STATUS = f"{BASE}/api/status"
REPORT = f"{BASE}/api/report"
DIAGNOSIS = f"{BASE}/api/diagnosis"
LINK = f"{BASE}/api/link"
CERTIFICATE = f"{BASE}/api/certificate"

#: The whole of a TEST has 15 s; a little more for a busy machine.
TEST_LIMIT_S = 20.0
CONNECT_LIMIT_S = 15.0

JSONObject = dict[str, Any]


class PluginDriver:
    """The plugin's routes, and the two things that are always waited for."""

    def __init__(self, octoprint: OctoPrintInstance, api: LoopbackSession) -> None:
        self.octoprint = octoprint
        self.api = api

    def get(self, path: str) -> JSONObject:
        """The JSON object behind a path; anything but 200 fails the test."""
        answer = self.api.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        value: JSONObject = answer.json()
        return value

    def status(self) -> JSONObject:
        return self.get(STATUS)

    def report(self) -> JSONObject:
        return self.get(REPORT)

    def start_test(self) -> str:
        """Press TEST; the id of the run."""
        answer = self.api.post(DIAGNOSIS)
        assert answer.status_code == 202, answer.text[:300]
        return str(answer.json()["run"])

    def diagnose(self) -> JSONObject:
        """Press TEST and wait for the result."""
        self.start_test()
        return self.finished_test()

    def finished_test(self) -> JSONObject:
        """Wait for the end of the TEST that runs; its result."""
        self.octoprint.wait_until(
            lambda: self.get(DIAGNOSIS)["state"] == "finished", "TEST has ended", TEST_LIMIT_S
        )
        result: JSONObject = self.get(DIAGNOSIS)["result"]
        return result

    def wait_for_status(
        self, condition: Callable[[JSONObject], bool], what: str, limit_s: float = CONNECT_LIMIT_S
    ) -> JSONObject:
        """Look at the status until it meets the condition; that status.

        What it said instead is part of the failure's text.
        """
        seen: list[JSONObject] = [{}]

        def met() -> bool:
            seen[0] = self.status()
            return condition(seen[0])

        try:
            self.octoprint.wait_until(met, what, limit_s)
        except Exception as error:
            raise AssertionError(f"{what}: not within {limit_s:g} s; last {seen[0]}") from error
        return seen[0]

    def wait_until_connected(self, limit_s: float = CONNECT_LIMIT_S) -> JSONObject:
        """Wait until both channels are up; the status then."""
        return self.wait_for_status(is_connected, "both channels are up", limit_s)

    def settle(self) -> None:
        """Have both channels up; where they pause between attempts, TEST ends the pause."""
        if not is_connected(self.status()):
            self.diagnose()
        self.wait_until_connected()

    def link(self, code: str, server: str | None = None) -> JSONObject:
        """Link with a code and wait for the outcome."""
        body = {"code": code} if server is None else {"code": code, "server": server}
        answer = self.api.post(LINK, json=body)
        assert answer.status_code == 202, answer.text[:300]
        self.octoprint.wait_until(
            lambda: self.get(LINK)["state"] == "finished", "linking has ended", TEST_LIMIT_S
        )
        outcome: JSONObject = self.get(LINK)["outcome"]
        return outcome

    def start_accepting(self, sha256: str, server: str | None = None) -> str:
        """Accept the certificate with this fingerprint; the id of the run."""
        body = {"sha256": sha256} if server is None else {"sha256": sha256, "server": server}
        answer = self.api.post(CERTIFICATE, json=body)
        assert answer.status_code == 202, answer.text[:300]
        return str(answer.json()["run"])

    def finished_accepting(self) -> JSONObject:
        """Wait for the end of the accepting that runs; its outcome."""
        self.octoprint.wait_until(
            lambda: self.get(CERTIFICATE)["state"] == "finished", "accepting has ended"
        )
        outcome: JSONObject = self.get(CERTIFICATE)["outcome"]
        return outcome

    def accept(self, sha256: str, server: str | None = None) -> JSONObject:
        """Accept the certificate with this fingerprint and wait for the outcome."""
        self.start_accepting(sha256, server)
        return self.finished_accepting()

    def save_settings(self, **settings: Any) -> JSONObject:
        """Save settings of the plugin as OctoPrint's dialog does; the settings after that."""
        answer = self.api.post("/api/settings", json={"plugins": {"obico": settings}})
        assert answer.status_code == 200, answer.text[:300]
        value: JSONObject = answer.json()
        return value


def drive(bench: Bench) -> PluginDriver:
    """The plugin of a bench, driven by its administrator."""
    return PluginDriver(bench.octoprint, bench.api)


def print_file(bench: Bench, name: str, text: str | bytes) -> None:
    """Somebody on the spot uploads a file and prints it."""
    answer = bench.api.post(
        "/api/files/local",
        files={"file": (name, text)},
        data={"select": "true", "print": "true"},
    )
    assert answer.status_code == 201, answer.text[:300]


def let_viewer_come(server: SandboxServer) -> None:
    """Somebody opens the app: the plugin takes a picture for him and posts it, at once.

    It is also what makes an idle plugin use HTTP and the webcam without waiting.
    """
    server.set_remote_status(viewing=False)
    server.set_remote_status(viewing=True)


def is_connected(status: Mapping[str, Any]) -> bool:
    """Whether a status says that both channels are up."""
    channels = status["channels"]
    return bool(
        channels["http"]["state"] == "okay" and channels["websocket"]["state"] == "connected"
    )


def browser_session(octoprint: OctoPrintInstance, user: User) -> LoopbackSession:
    """A session by cookie, as a browser has after the log-in; without the CSRF header."""
    session = octoprint.anonymous_session()
    session.get("/")
    credentials = {"user": user.name, "pass": user.password}
    answer = session.post("/api/login", json=credentials, headers=csrf_header(session))
    assert answer.status_code == 200, answer.text[:300]
    session.get("/")
    return session


def csrf_header(session: LoopbackSession) -> dict[str, str]:
    """What OctoPrint's own pages add to calls that change something."""
    name = f"csrf_token_P{urlsplit(session.base_url).port}"
    return {"X-CSRF-Token": session.cookies[name]}


def event_of(frame: FrameRecord) -> str | None:
    """The event that a status message tells of."""
    event = frame.data.get("event") if isinstance(frame.data, dict) else None
    return event["event_type"] if event else None


def status_frames(frames: Iterable[FrameRecord]) -> list[FrameRecord]:
    """Those frames that are status messages."""
    return [frame for frame in frames if isinstance(frame.data, dict) and "status" in frame.data]


def is_utc_time(value: object) -> bool:
    """Whether a value is a moment in ISO 8601 with UTC's Z."""
    if not isinstance(value, str) or not value.endswith("Z"):
        return False
    try:
        datetime.fromisoformat(value[:-1] + "+00:00")
    except ValueError:
        return False
    return True
