"""The diagnostic report's model: bounds, parts, times."""

from __future__ import annotations

import json

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.report import build_report, iso, severity
from octoprint_obico.session.tracker import Tracker

SECTION = {
    "attempts",
    "errors",
    "error_rate",
    "severity",
    "first_error_at",
    "last_error_at",
    "active",
    "pattern",
    "causes",
}


@pytest.mark.parametrize(
    ("attempts", "errors", "expected"),
    [
        (0, 0, "harmless"),
        (100, 0, "harmless"),
        (10_000, 499, "harmless"),
        (20, 1, "noticeable"),
        (60, 3, "noticeable"),
        (10_000, 500, "noticeable"),
        (10_000, 2_000, "noticeable"),
        (5, 1, "noticeable"),
        (15, 3, "noticeable"),
        (10_000, 2_001, "act"),
        (2, 1, "act"),
        (10_000, 9_999, "act"),
        (1, 1, "no_connection"),
        (500, 500, "no_connection"),
    ],
)
def test_the_bounds_are_exact(attempts: int, errors: int, expected: str) -> None:
    assert severity(attempts, errors) == expected


@pytest.mark.parametrize("attempts", range(20, 2000, 20))
def test_five_and_twenty_per_cent_are_noticeable_at_any_size(attempts: int) -> None:
    assert severity(attempts, attempts // 20) == "noticeable"
    assert severity(attempts, attempts // 5) == "noticeable"


def test_times() -> None:
    assert iso(None) is None
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1769860800.1234) == "2026-01-31T12:00:00.123Z"


def tracker_with(*attempts: tuple[str, Cause | None]) -> Tracker:
    tracker = Tracker(lambda: 1769860800.0)
    for channel, cause in attempts:
        if cause is None:
            tracker.record(Attempt.success(channel))
        else:
            tracker.record(Attempt.failure(channel, ChannelError(cause, Stage.OPEN)))
    return tracker


def test_parts_without_errors_are_missing() -> None:
    session = tracker_with(("http", None), ("webcam:a", None)).session()
    report = build_report(session, set(), None)
    assert (report["server"], report["webcam"], report["diagnosis"]) == (None, None, None)
    assert report["schema"] == 1
    assert report["session_started_at"] == "2026-01-31T12:00:00.000Z"
    assert set(report["channels"]) == {"http", "webcam:a"}


def test_the_form_of_a_section() -> None:
    tracker = tracker_with(
        ("http", None),
        ("http", Cause.SERVER_ERROR),
        ("websocket", Cause.WEBSOCKET_RESET),
        ("websocket", Cause.WEBSOCKET_RESET),
        ("http", None),
    )
    report = build_report(tracker.session(), {"websocket"}, {"verdict": "succeeded"})
    assert json.loads(json.dumps(report)) == report
    assert report["diagnosis"] == {"verdict": "succeeded"}
    server = report["server"]
    for section in (server, *report["channels"].values()):
        assert set(section) >= SECTION
        assert set(section["pattern"]) == {"kind", "p_value", "episodes"}
    assert (server["attempts"], server["errors"], server["error_rate"]) == (5, 3, 0.6)
    assert server["severity"] == "act"
    assert server["first_error_at"] == server["last_error_at"] == "2026-01-31T12:00:00.000Z"
    assert list(server["causes"].items()) == [("websocket_reset", 2), ("server_error", 1)]
    assert server["active"] is True, "the WebSocket still fails"
    assert report["channels"]["http"]["active"] is False
    assert report["channels"]["websocket"]["severity"] == "no_connection"


def test_the_parts_are_active_on_their_own() -> None:
    tracker = tracker_with(
        ("http", Cause.SERVER_ERROR), ("http", None), ("webcam:a", Cause.WEBCAM_ERROR)
    )
    report = build_report(tracker.session(), {"webcam:a"}, None)
    assert report["server"]["active"] is False
    assert report["webcam"]["active"] is True
