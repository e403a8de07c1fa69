"""The report's figures over time, availability and episodes, as programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench import Bench
from tests.integration.driver import drive, is_utc_time

PARTS = ("server", "webcam", "plugin")


def sections(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All that have the form of a SECTION."""
    parts = [report[part] for part in PARTS if report[part]]
    return [*parts, *report["channels"].values()]


def test_a_real_outage_is_in_it(bench: Bench) -> None:
    """Down for a while and up again: an episode, time down, and both timelines agree with that."""
    driver = drive(bench)
    driver.wait_until_connected()
    bench.server.set_fault("unreachable")
    driver.wait_for_status(lambda s: s["server"]["state"] == "disconnected", "it is down")
    down = driver.report()
    assert down["server"]["active"] is True
    assert down["server"]["down_s"] >= 0
    bench.server.clear()
    driver.settle()
    report = driver.report()
    server = report["server"]
    assert server["active"] is False
    assert server["severity_because"] in ("rate", "time", "channel")
    assert server["down_s"] > 0 and 0 < server["availability"] < 1
    assert server["pattern"]["episodes"] == len(server["recent_episodes"]) == 1
    [episode] = server["recent_episodes"]
    assert episode["errors"] == server["errors"]
    assert episode["cause"] in server["causes"]
    assert episode["start"] <= server["first_error_at"] <= episode["end"]
    assert server["words"]["severity"] and server["words"]["pattern"]


def test_form_of_the_sections(bench: Bench) -> None:
    """Availability is a share or unknown, episodes have times; a calm part is null."""
    report = drive(bench).report()
    assert report["plugin"] is None
    for section in sections(report):
        for name in ("availability", "availability_24h"):
            assert section[name] is None or 0 <= section[name] <= 1
        assert {"burst_ratio", "period_s", "hour_of_day"} <= set(section["pattern"])
        for episode in section["recent_episodes"]:
            assert is_utc_time(episode["start"]) and is_utc_time(episode["end"])


def test_timelines_have_the_same_sums(bench: Bench) -> None:
    """What the timeline of the session shows is what has been counted."""
    report = drive(bench).report()
    assert set(report["timeline"]) == {"session", "hour"}
    for span in report["timeline"].values():
        for name, series in span.items():
            assert is_utc_time(series["start"])
            assert series["step_s"] % 60 == 0
            lengths = {len(series[key]) for key in ("attempts", "errors", "down_s")}
            assert len(lengths) == 1 and lengths.pop() <= 241
            channel = report["channels"][name]
            assert sum(series["attempts"]) == channel["attempts"]
            assert sum(series["errors"]) == channel["errors"]
