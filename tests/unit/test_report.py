"""The diagnostic report's model: bounds, parts, times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.session.figures import Figures
from octoprint_obico.session.report import (
    HOUR_STEPS,
    MOST_STEPS,
    Judgement,
    build_report,
    iso,
    judge,
    judge_part,
    severity,
)
from tests.unit.session_time import Story

SECTION = {
    "attempts",
    "errors",
    "error_rate",
    "severity",
    "severity_because",
    "severity_channel",
    "first_error_at",
    "last_error_at",
    "last_success_at",
    "active",
    "availability",
    "availability_24h",
    "down_s",
    "pattern",
    "causes",
    "recent_episodes",
}
PATTERN = {"kind", "p_value", "episodes", "burst_ratio", "period_s", "hour_of_day", "channel"}


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


# ---- more than the rate --------------------------------------------------------------------------


def figures(
    attempts: int,
    errors: int,
    down_s: float = 0.0,
    observed_s: float = 10_000.0,
    name: str = "http",
) -> Figures:
    availability = 1 - down_s / observed_s
    return Figures(
        name,
        attempts,
        errors,
        down_s=down_s,
        observed_s=observed_s,
        availability=availability,
    )


@pytest.mark.parametrize(
    ("errors", "down_s", "expected"),
    [
        (1, 0, Judgement("harmless")),
        (1, 59.9, Judgement("harmless")),
        (1, 499, Judgement("harmless")),
        (1, 500, Judgement("noticeable", "time")),
        (1, 2000, Judgement("noticeable", "time")),
        (1, 2001, Judgement("act", "time")),
        (1, 10_000, Judgement("act", "time")),
        (10, 600, Judgement("noticeable")),
        (10, 5000, Judgement("act", "time")),
        (30, 0, Judgement("act")),
        (30, 9000, Judgement("act")),
        (100, 10_000, Judgement("no_connection")),
    ],
)
def test_the_time_down_counts_as_well(errors: int, down_s: float, expected: Judgement) -> None:
    assert judge(figures(100, errors, down_s)) == expected


def test_a_moment_is_no_outage() -> None:
    """The first attempt failed, and the next succeeded after some seconds."""
    assert judge(figures(100, 1, 40.0, 60.0)) == Judgement("harmless")
    assert judge(Figures("http")) == Judgement("harmless")


def test_a_part_is_never_less_than_its_worst_channel_deserves() -> None:
    good = figures(1000, 0)
    noticeable = figures(100, 10, name="websocket")
    act = figures(100, 50, name="websocket")
    down = figures(100, 1, 5000, name="websocket")
    never = figures(5, 5, 10_000, name="websocket")
    harmless, bad = figures(1100, 10), figures(1100, 300)
    by_channel = {
        "noticeable": Judgement("noticeable", "channel", "websocket"),
        "act": Judgement("act", "channel", "websocket"),
    }
    assert judge_part(harmless, [good]) == Judgement("harmless")
    assert judge_part(harmless, [good, noticeable]) == by_channel["noticeable"]
    assert judge_part(harmless, [good, act]) == by_channel["act"]
    assert judge_part(harmless, [good, down]) == by_channel["act"]
    assert judge_part(harmless, [never, good]) == by_channel["act"]
    assert judge_part(bad, [good, act]) == Judgement("act")
    assert judge_part(never, [never]) == Judgement("no_connection")
    assert judge_part(Figures("server"), []) == Judgement("harmless")


# ---- the report ----------------------------------------------------------------------------------


def report_of(
    story: Story, failing: frozenset[str] = frozenset(), diagnosis: dict[str, Any] | None = None
) -> dict[str, Any]:
    report = build_report(story.tracker.session(), failing, diagnosis, story.tracker.series)
    assert json.loads(json.dumps(report)) == report
    return report


def test_nothing_happened_yet() -> None:
    report = report_of(Story())
    assert (report["server"], report["webcam"], report["plugin"]) == (None, None, None)
    assert (report["channels"], report["diagnosis"]) == ({}, None)
    assert report["timeline"] == {"session": {}, "hour": {}}


def test_parts_without_errors_are_missing() -> None:
    report = report_of(Story().succeeds().succeeds("webcam:a").succeeds("plugin"))
    assert (report["server"], report["webcam"], report["plugin"]) == (None, None, None)
    assert report["schema"] == 1
    assert report["session_started_at"] == "2026-01-31T12:00:00.000Z"
    assert set(report["channels"]) == {"http", "webcam:a", "plugin"}


def test_the_form_of_a_section() -> None:
    story = Story().succeeds().go(10).fails().fails("websocket", Cause.WEBSOCKET_RESET)
    story.fails("websocket", Cause.WEBSOCKET_RESET).go(30).succeeds()
    report = report_of(story, frozenset({"websocket"}), {"verdict": "succeeded"})
    assert report["diagnosis"] == {"verdict": "succeeded"}
    server = report["server"]
    for section in (server, *report["channels"].values()):
        assert set(section) == SECTION
        assert set(section["pattern"]) == PATTERN
    assert (server["attempts"], server["errors"], server["error_rate"]) == (5, 3, 0.6)
    assert (server["severity"], server["severity_because"]) == ("act", "rate")
    assert server["first_error_at"] == server["last_error_at"] == "2026-01-31T12:00:10.000Z"
    assert list(server["causes"].items()) == [("websocket_reset", 2), ("server_error", 1)]
    assert (server["down_s"], server["availability"]) == (30.0, 0.25)
    assert server["availability_24h"] == 0.25
    assert server["active"] is True, "the WebSocket still fails"
    assert report["channels"]["http"]["active"] is False
    assert report["channels"]["websocket"]["severity"] == "no_connection"
    assert server["recent_episodes"] == [
        {
            "start": "2026-01-31T12:00:10.000Z",
            "end": "2026-01-31T12:00:10.000Z",
            "errors": 3,
            "cause": "websocket_reset",
        }
    ]
    (http,) = report["channels"]["http"]["recent_episodes"]
    assert http["end"] == "2026-01-31T12:00:40.000Z"


def test_a_long_outage_with_one_attempt_is_no_harmless_one() -> None:
    story = Story().tells("+" * 200, every_s=10).fails("http").go(3600)
    assert report_of(story)["server"]["severity"] == "act"
    assert report_of(story)["server"]["severity_because"] == "time"


def test_the_worst_channel_is_named() -> None:
    story = Story().tells("+" * 200).fails("websocket").go(1).fails("websocket")
    server = report_of(story)["server"]
    assert (server["severity"], server["severity_because"]) == ("act", "channel")
    assert server["severity_channel"] == "websocket"
    assert (server["pattern"]["kind"], server["pattern"]["channel"]) == ("constant", "websocket")


def test_the_parts_are_active_on_their_own() -> None:
    story = Story().fails().succeeds().fails("webcam:a", Cause.WEBCAM_ERROR)
    report = report_of(story, frozenset({"webcam:a"}))
    assert report["server"]["active"] is False
    assert report["webcam"]["active"] is True


def test_the_plugins_own_faults_are_a_part() -> None:
    story = Story().succeeds().succeeds("plugin").go(60).fails("plugin", Cause.UNKNOWN_ERROR)
    report = report_of(story)
    assert (report["server"], report["webcam"]) == (None, None)
    assert (report["plugin"]["errors"], report["plugin"]["active"]) == (1, True)
    assert report["channels"]["plugin"]["active"] is True
    assert report_of(story.go(30).succeeds("plugin"))["plugin"]["active"] is False


def test_the_timeline() -> None:
    story = Story()
    for _ in range(5 * 60):
        story.tells("+", every_s=60)
    story.fails().go(90).succeeds().succeeds("webcam:a")
    timeline = report_of(story)["timeline"]
    session, hour = timeline["session"], timeline["hour"]
    assert set(session) == set(hour) == {"http", "webcam:a"}
    assert set(session["http"]) == {"start", "step_s", "attempts", "errors", "down_s"}
    assert (session["http"]["start"], session["http"]["step_s"]) == (
        "2026-01-31T12:00:00.000Z",
        120,
    )
    assert len(session["http"]["attempts"]) == 151 <= MOST_STEPS
    assert sum(session["http"]["attempts"]) == 302
    assert (sum(session["http"]["errors"]), sum(session["http"]["down_s"])) == (1, 90.0)
    assert (hour["http"]["step_s"], len(hour["http"]["attempts"])) == (60, HOUR_STEPS)
    assert hour["http"]["down_s"][-2:] == [60.0, 30.0]


def test_a_channel_in_which_nothing_was_tried_has_no_line() -> None:
    story = Story().succeeds("webcam:a").go(7200).succeeds()
    timeline = report_of(story)["timeline"]
    assert set(timeline["session"]) == {"http", "webcam:a"}
    assert set(timeline["hour"]) == {"http"}


def test_a_session_of_half_a_year_has_few_steps() -> None:
    story = Story()
    for _ in range(200):
        story.tells("-++", every_s=8 * 3600)
    report = report_of(story)
    assert len(report["timeline"]["session"]["http"]["attempts"]) <= MOST_STEPS
    assert len(report["timeline"]["hour"]["http"]["attempts"]) <= HOUR_STEPS
    assert len(json.dumps(report)) < 60_000
