"""The report of a played scene, made by the same functions as the page's, without OctoPrint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from octoprint_obico.server.channel_state import State
from octoprint_obico.session.figures import Series, Session
from octoprint_obico.session.status import (
    ChannelStatus,
    ServerState,
    ServerStatus,
    Status,
    webcam_rows,
)
from octoprint_obico.session.tracker import Tracker
from octoprint_obico.web.doors import Doors
from octoprint_obico.web.render import render_report
from tests.report_scenes import SCENES, Scene, play

NOW = 1795273200.0
"""2026-11-21 15:00 UTC"""

STATUS: Mapping[str, Any] = {
    "address": "http://obico.lan:3334",
    "server": {"state": "okay", "since": None},
    "plugin_version": "3.0.0",
    "octoprint_version": "1.11.8",
}


@dataclass(frozen=True)
class _Doors:
    """What `render_report` asks of the agent."""

    tracker: Tracker
    test: Mapping[str, Any] | None

    @property
    def diagnosis(self) -> Any:
        done = SimpleNamespace(render=lambda translate: self.test) if self.test else None
        return SimpleNamespace(last=lambda: done)

    def session(self) -> Session:
        return self.tracker.session()

    def series(self, seconds: float | None, most: int) -> Mapping[str, Series]:
        return self.tracker.series(seconds, most)

    def status(self) -> Status:
        """As the live channels would say it after the last of the scene's attempts."""
        session = self.session()
        http, websocket = session.channel("http"), session.channel("websocket")
        names = [name.partition(":")[2] for name in session.channels if name.startswith("webcam:")]
        down, up = State.WAITING.value, State.CONNECTED.value
        return Status(
            ServerStatus(ServerState.OKAY, "up", None),
            ChannelStatus("okay", None, http.failing.cause if http.failing else None),
            ChannelStatus(
                down if websocket.failing else up,
                None,
                websocket.failing.cause if websocket.failing else None,
            ),
            webcam_rows([(name, True) for name in names], session),
        )


def report_of(scene: str | Scene, test: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report of a scene that has just ended, in English.

    Args:
        test: the result of the last TEST.
    """
    tracker = _played(scene) if isinstance(scene, str) else play(scene, NOW)
    return render_report(cast(Doors, _Doors(tracker, test)), str)


@cache
def _played(scene: str) -> Tracker:
    return play(SCENES[scene](), NOW)


def result_of(cause: str | None, wifi: str = "skipped", **evidence: Any) -> dict[str, Any]:
    """A TEST's result, as far as the report reads it."""
    return {
        "cause": cause,
        "headline": "Failed to contact server" if cause else "Succeeded",
        "title": "Connection refused" if cause else "",
        "explanation": "Nothing listens there.",
        "remedy": [],
        "warnings": [],
        "webcams": [],
        "started_at": "2026-11-21T14:50:00.000Z",
        "checks": [
            {"id": "network", "title": "Network", "outcome": "passed", "summary": ""},
            {
                "id": "wifi",
                "title": "Wi-Fi",
                "outcome": wifi,
                "summary": "",
                "evidence": evidence,
            },
        ],
    }
