"""What programs may read: fields, words and times of the JSON routes, as they are promised."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from octoprint_obico.server.causes import Cause
from tests.bench import Bench
from tests.integration.driver import (
    DIAGNOSIS,
    drive,
    is_connected,
    is_utc_time,
    let_viewer_come,
)

CAUSES = {cause.value for cause in Cause}
VERDICTS = {
    "succeeded": "Succeeded",
    "failed_to_contact_server": "Failed to contact server",
    "invalid_account_credentials": "Invalid account credentials",
    "websocket_failed": "Succeeded over HTTP, but the WebSocket connection failed",
}
SERVER_STATES = {"okay", "disconnected", "error", "not_linked"}
HTTP_STATES = {"okay", "failing", "unknown"}
WEBSOCKET_STATES = {"offline", "connecting", "connected", "waiting", "stopped"}
SEVERITIES = {"harmless", "noticeable", "act", "no_connection"}
PATTERNS = {"too_few", "random", "bursts", "periodic", "constant"}
OUTCOMES = {"passed", "warned", "failed", "skipped"}
STATUS_KEYS = {"schema", "linked", "printer", "server", "channels", "webcams"}
REPORT_KEYS = {"schema", "session_started_at", "server", "webcam", "channels", "diagnosis"}
SECTION_KEYS = {
    *("attempts", "errors", "error_rate", "severity", "first_error_at", "last_error_at"),
    *("active", "pattern", "causes"),
}
RESULT_KEYS = {
    *("schema", "verdict", "headline", "cause", "explanation", "remedy", "help_url", "warnings"),
    *("webcams", "channels", "checks", "server", "started_at", "duration_ms", "plugin_version"),
}
CHECK_KEYS = {
    *("id", "title", "outcome", "cause", "summary", "evidence", "started_ms", "duration_ms"),
}
WEBCAM_KEYS = {"name", "cause", "explanation", "remedy", "evidence"}

#: TESTs pressed in a row; were one of them counted, each would be, and so many show.
PRESSES = 6
#: What the live channels may have done meanwhile, each by itself.
LIVE_ATTEMPTS = 2

faulty = pytest.mark.parametrize(
    "fault", [None, "http_500", "unreachable", "ws_403", "revoked"], ids=lambda f: f or "healthy"
)


@pytest.fixture
def server_fault(bench: Bench, fault: str | None) -> str | None:
    """The bench's server with this fault, after both channels were up."""
    driver = drive(bench)
    driver.settle()
    if fault is not None:
        bench.server.set_fault(fault)
        let_viewer_come(bench.server)
        driver.wait_for_status(lambda s: not is_connected(s), f"the status shows {fault}")
    return fault


def assert_time_or_none(value: object) -> None:
    assert value is None or is_utc_time(value), value


def assert_cause(value: object) -> None:
    assert value is None or value in CAUSES, value


def test_fresh_link_is_okay(bench: Bench) -> None:
    """At the start nothing has failed: Okay, with both channels up. (Runs first on its bench.)"""
    status = drive(bench).wait_until_connected()
    assert status["server"]["state"] == "okay", status
    assert status["server"]["cause"] is None
    assert is_utc_time(status["server"]["since"])
    assert drive(bench).report()["server"] is None


def test_no_test_yet(bench: Bench) -> None:
    """Reading does not start one. (Runs before any TEST on its bench.)"""
    state = drive(bench).get(DIAGNOSIS)
    assert (state["run"], state["state"], state["checks"], state["result"]) == (
        *(None, "none", []),
        None,
    )
    assert drive(bench).report()["diagnosis"] is None


@faulty
def test_fields(bench: Bench, server_fault: str | None) -> None:
    """All that is promised is there, in good days and in bad ones."""
    driver = drive(bench)
    assert_status(driver.status(), bench)
    report = driver.report()
    assert_report(report)
    if server_fault is not None:
        assert report["server"]["active"] is True
        assert report["server"]["errors"] > 0
    result = driver.diagnose()
    assert_result(result, bench)
    assert driver.report()["diagnosis"] == result


def assert_status(status: Mapping[str, Any], bench: Bench) -> None:
    assert set(status) >= STATUS_KEYS
    assert status["schema"] == 1
    assert status["linked"] is True
    printer = status["printer"]
    assert (printer["id"], printer["name"]) == (bench.server.printer.id, bench.server.printer.name)
    server = status["server"]
    assert server["state"] in SERVER_STATES
    assert_cause(server["cause"])
    assert is_utc_time(server["since"])
    assert server["text"]
    assert_channel(status["channels"]["http"], HTTP_STATES)
    assert_channel(status["channels"]["websocket"], WEBSOCKET_STATES)
    assert_time_or_none(status["channels"]["websocket"]["last_pong_at"])
    for webcam in status["webcams"]:
        assert set(webcam) >= {"name", "state", "cause"}
        assert_cause(webcam["cause"])


def assert_channel(channel: Mapping[str, Any], states: set[str]) -> None:
    assert channel["state"] in states
    assert_time_or_none(channel["since"])
    assert_time_or_none(channel["last_success_at"])
    assert_cause(channel["cause"])


def assert_report(report: Mapping[str, Any]) -> None:
    assert set(report) >= REPORT_KEYS
    assert report["schema"] == 1
    assert is_utc_time(report["session_started_at"])
    assert {"http", "websocket"} <= set(report["channels"])
    sections = [report["server"], report["webcam"], *report["channels"].values()]
    for section in filter(None, sections):
        assert_section(section)


def assert_section(section: Mapping[str, Any]) -> None:
    assert set(section) >= SECTION_KEYS
    assert 0 <= section["errors"] <= section["attempts"]
    assert 0.0 <= section["error_rate"] <= 1.0
    if section["attempts"]:
        assert section["error_rate"] == pytest.approx(
            section["errors"] / section["attempts"], abs=1e-5
        )
    assert section["severity"] in SEVERITIES
    assert section["active"] in (True, False)
    pattern = section["pattern"]
    assert pattern["kind"] in PATTERNS
    assert pattern["p_value"] is None or 0.0 <= pattern["p_value"] <= 1.0
    assert (pattern["episodes"] > 0) == (section["errors"] > 0)
    assert set(section["causes"]) <= CAUSES
    assert sum(section["causes"].values()) == section["errors"]
    for moment in (section["first_error_at"], section["last_error_at"]):
        assert is_utc_time(moment) if section["errors"] else moment is None


def assert_result(result: Mapping[str, Any], bench: Bench) -> None:
    assert set(result) >= RESULT_KEYS
    assert result["schema"] == 1
    assert result["headline"] == VERDICTS[result["verdict"]]
    assert_cause(result["cause"])
    assert (result["cause"] is None) == (result["verdict"] == "succeeded")
    assert result["explanation"]
    assert isinstance(result["remedy"], list)
    assert bool(result["remedy"]) == (result["verdict"] != "succeeded")
    assert set(result["channels"]) == {"http", "websocket"}
    assert set(result["channels"].values()) <= {"okay", "failed", "untested"}
    assert result["server"] == bench.server.url
    assert is_utc_time(result["started_at"])
    assert isinstance(result["duration_ms"], int)
    assert result["plugin_version"] == "3.0.0"
    for warning in result["warnings"]:
        assert set(warning) >= {"cause", "explanation", "remedy"}
    for webcam in result["webcams"]:
        assert set(webcam) >= WEBCAM_KEYS
    assert_checks(result["checks"])


def assert_checks(checks: list[dict[str, Any]]) -> None:
    assert {"address", "dns", "connect", "tls", "http", "credentials", "websocket"} <= {
        check["id"] for check in checks
    }
    for check in checks:
        assert set(check) >= CHECK_KEYS
        assert check["outcome"] in OUTCOMES
        assert_cause(check["cause"])
        assert (check["cause"] is not None) == (check["outcome"] in ("failed", "warned"))
        assert check["title"] and check["summary"]
        assert isinstance(check["evidence"], dict)
        assert check["started_ms"] >= 0 and check["duration_ms"] >= 0


@pytest.mark.parametrize("fault", [None, "http_500", "ws_403"], ids=lambda f: f or "healthy")
def test_test_is_not_counted(bench: Bench, server_fault: str | None) -> None:
    """TEST leaves the figures alone that it is there to explain."""
    driver = drive(bench)
    before = attempts(driver.report())
    pictures = len(bench.server.pictures)
    for _ in range(PRESSES):
        driver.diagnose()
    after = attempts(driver.report())
    added = {name: count - before.get(name, 0) for name, count in after.items()}
    assert max(added.values()) <= LIVE_ATTEMPTS, added
    assert len(bench.server.pictures) == pictures
    assert bench.server.events == []


def attempts(report: Mapping[str, Any]) -> dict[str, int]:
    return {name: section["attempts"] for name, section in report["channels"].items()}


def test_reading_changes_nothing(bench: Bench) -> None:
    """Twenty looks at the report and at the TEST's state: nothing is tried, nothing is cleared."""
    driver = drive(bench)
    driver.settle()
    before, run = driver.report(), driver.get(DIAGNOSIS)["run"]
    for _ in range(20):
        after = driver.report()
        assert driver.get(DIAGNOSIS)["run"] == run
    new = attempts(after)
    assert all(new[name] - count <= LIVE_ATTEMPTS for name, count in attempts(before).items())
    assert after["session_started_at"] == before["session_started_at"]
    errors = {name: section["errors"] for name, section in before["channels"].items()}
    assert {name: section["errors"] for name, section in after["channels"].items()} == errors


def test_start_or_join_at_once(bench: Bench) -> None:
    """No request waits for a TEST, not even for one that gets no answer; two are one."""
    driver = drive(bench)
    driver.settle()
    bench.server.set_fault("silent")
    began = time.monotonic()
    with ThreadPoolExecutor(2) as callers:
        first, second = (callers.submit(start, bench) for _ in range(2))
        runs = {first.result(), second.result()}
    assert time.monotonic() - began < 1.0
    assert len(runs) == 1
    state = driver.get(DIAGNOSIS)
    assert (state["run"], state["state"], state["result"]) == (*runs, "running", None)
    assert driver.start_test() in runs
    # what is clear already is shown while the rest is awaited
    bench.octoprint.wait_until(
        lambda: (
            {"address", "dns", "connect"}
            <= {check["id"] for check in driver.get(DIAGNOSIS)["checks"]}
        ),
        "rows fill in",
        limit_s=5.0,
    )
    assert driver.finished_test()["duration_ms"] < 15_000
    bench.server.clear()
    assert driver.start_test() not in runs
    driver.finished_test()


def start(bench: Bench) -> str:
    """Press TEST from a thread of its own, which needs a session of its own."""
    with bench.octoprint.session() as api:
        return str(api.post(DIAGNOSIS).json()["run"])
