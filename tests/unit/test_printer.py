"""The printer as the server sees it: the status message, and the life of a print."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer.job import PrintJob
from octoprint_obico.printer.status import NOT_PRINTING, build_status_message
from octoprint_obico.server.messages import encode

CURRENT = {
    "state": {"text": "Printing", "flags": {"operational": True, "printing": True}, "error": ""},
    "job": {
        "file": {"name": "a.gcode", "path": "a.gcode", "size": 12},
        "estimatedPrintTime": 100.5,
        "filament": {"tool0": {"length": 1234.5, "volume": 2.9}},
    },
    "progress": {"completion": 12.5, "printTime": 10, "printTimeLeft": None},
    "currentZ": 0.2,
}
HEAT = {"tool0": {"actual": 205.1, "target": 205}, "bed": {"actual": 60.0, "target": 60.0}}


def build(
    current: Any = CURRENT, heat: Any = HEAT, **more: Any
) -> tuple[dict[str, Any], list[str]]:
    message, faults = build_status_message(current, heat, 1000, 1234.5, **more)
    encode(message)
    return message, faults


def test_a_whole_status() -> None:
    message, faults = build()
    status = message["status"]
    assert faults == []
    assert message["current_print_ts"] == 1000
    assert status["_ts"] == 1234.5
    assert status["state"]["text"] == "Printing"
    assert status["state"]["flags"]["closedOrError"] is False
    assert status["job"]["file"]["name"] == "a.gcode"
    assert status["progress"]["completion"] == 12.5
    assert status["progress"]["filamentUsed"] == 1234.5
    assert status["temperatures"]["tool0"] == {"actual": 205.1, "target": 205, "offset": 0}
    assert status["currentZ"] == 0.2
    assert "settings" not in message
    assert "event" not in message


def test_settings_and_event_are_added() -> None:
    message, _ = build(settings={"agent": {}}, event={"event_type": "PrintDone", "data": None})
    assert message["settings"] == {"agent": {}}
    assert message["event"]["event_type"] == "PrintDone"


@pytest.mark.parametrize("value", [None, {}, [], "x", 7])
@pytest.mark.parametrize("part", ["state", "job", "progress", "currentZ"])
def test_a_part_that_cannot_be_built_does_not_cost_the_rest(part: str, value: Any) -> None:
    """A printer that reports nonsense in one place must not look offline."""
    message, _ = build({**CURRENT, part: value})
    status = message["status"]
    assert isinstance(status["job"], dict)
    assert isinstance(status["job"]["file"], dict), "never null: the server reads into it"
    assert isinstance(status["state"]["flags"], dict)
    assert isinstance(status["progress"], dict)
    assert status["temperatures"]
    assert "_ts" in status


def test_nothing_is_known() -> None:
    message, faults = build_status_message({}, {}, None, 5.0)
    assert "current_print_ts" not in message
    assert message["status"]["state"]["flags"]["closedOrError"] is True
    assert message["status"]["job"] == {"file": {}}
    assert faults


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "205", None, True])
def test_a_temperature_that_is_no_number_is_null(bad: Any) -> None:
    message, _ = build(heat={"tool0": {"actual": bad, "target": bad}, "bed": {}})
    assert message["status"]["temperatures"] == {
        "tool0": {"actual": None, "target": None, "offset": 0},
        "bed": {"actual": None, "target": None, "offset": 0},
    }


def test_only_heaters_are_temperatures() -> None:
    heat: dict[str, Any] = {
        "tool0": {},
        "tool12": {},
        "bed": {},
        "chamber": {},
        "W": {},
        "tool": {},
        "bed2": {},
    }
    message, _ = build(heat={**heat, "tool1": 7})
    assert set(message["status"]["temperatures"]) == {"tool0", "tool12", "bed", "chamber"}


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["state", "flags", "text", "job", "file", "progress", "filament", "tool0"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["state", "job", "progress", "currentZ"]), ANY), ANY)
def test_whatever_octoprint_says_is_a_status_that_can_be_sent(current: Any, heat: Any) -> None:
    message, _ = build(current, heat if isinstance(heat, dict) else {})
    status = message["status"]
    assert isinstance(status["job"]["file"], (dict, str, int, float, list, bool))
    assert isinstance(status["state"]["flags"], dict)


# ---- the life of a print -------------------------------------------------------------------------


def test_the_message_of_the_end_still_carries_the_print() -> None:
    job = PrintJob()
    assert job.on_event("PrintStarted", {"name": "a.gcode"}, 1000.9) == (
        1000,
        {"event_type": "PrintStarted", "data": {"name": "a.gcode"}},
    )
    assert job.current_ts(True, 1100.0) == 1000
    assert job.on_event("PrintDone", {"name": "a.gcode"}, 1200.0) == (
        1000,
        {"event_type": "PrintDone", "data": {"name": "a.gcode"}},
    )
    assert job.current_ts(False, 1201.0) == NOT_PRINTING


def test_a_cancelled_print_ends_with_its_failure() -> None:
    """Of the three events of a cancelled print, PrintFailed is the one that ends it."""
    job = PrintJob()
    job.on_event("PrintStarted", None, 1000.0)
    for name in ("PrintPaused", "PrintResumed", "PrintCancelling", "PrintCancelled"):
        told = job.on_event(name, None, 1100.0)
        assert told is not None
        assert told[0] == 1000, name
    assert job.current_ts(True, 1150.0) == 1000
    told = job.on_event("PrintFailed", None, 1200.0)
    assert told == (1000, {"event_type": "PrintFailed", "data": None})
    assert job.current_ts(False, 1201.0) == NOT_PRINTING


def test_a_print_that_began_before_us_begins_now() -> None:
    job = PrintJob()
    assert job.current_ts(True, 5000.7) == 5000
    assert job.current_ts(True, 6000.0) == 5000


def test_the_time_of_an_unknown_printer_is_unknown() -> None:
    job = PrintJob()
    assert job.current_ts(None, 5000.0) is None
    assert job.current_ts(False, 5001.0) == NOT_PRINTING


def test_a_print_outlives_not_knowing() -> None:
    job = PrintJob()
    job.on_event("PrintStarted", None, 1000.0)
    assert job.current_ts(None, 1001.0) == 1000


@pytest.mark.parametrize("name", ["Connected", "ZChange", "PrinterStateChanged", "", "PrintStart"])
def test_other_events_are_not_told(name: str) -> None:
    assert PrintJob().on_event(name, {"name": "x"}, 1.0) is None


@pytest.mark.parametrize("payload", [None, {}, {"name": None}, {"name": ""}])
def test_an_event_without_a_file(payload: Any) -> None:
    told = PrintJob().on_event("PrintStarted", payload, 1.0)
    assert told is not None
    assert told[1]["data"] is None
    json.dumps(told)
