"""The table of fields finds what it is there to find: else a test with it could not fail."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.protocol_fields import missing_of_octoprint, odd_fields

GOOD: dict[str, Any] = {
    "status": {
        "_ts": 1.5,
        "state": {"text": "Printing", "error": "", "flags": {"closedOrError": False}},
        "job": {"file": {"name": "a.gcode"}},
        "progress": {"completion": None},
        "temperatures": {"tool0": {"actual": 1.0, "target": None}},
        "display_status": {"message": "x"},
    },
    "current_print_ts": 5,
    "settings": {
        "agent": {"name": "octoprint_obico", "version": "3"},
        "platform_uname": ["a"] * 7,
        "temperature": {"profiles": [{"name": "PLA", "bed": 60}]},
    },
}


def test_good_message() -> None:
    assert odd_fields(GOOD) == []
    assert "status.state.flags.ready" in missing_of_octoprint(GOOD)
    assert "status.progress.completion" not in missing_of_octoprint(GOOD)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("status", None, "status is a NoneType"),
        ("status._ts", True, "_ts is a bool"),
        ("status._ts", ..., "_ts is missing"),
        ("status.state.flags.paused", 1, "paused is a int"),
        ("status.state.flags.closedOrError", ..., "closedOrError is missing"),
        ("status.job.file", None, "job.file is a NoneType"),
        ("status.progress.completion", "5", "completion is a str"),
        ("status.progress.completion", float("nan"), "completion is nan"),
        ("status.temperatures.tool0.target", ..., "tool0.target is missing"),
        ("status.temperatures.tool0", 5, "tool0 is a int"),
        ("status.display_status.message", ..., "message is missing"),
        ("status.job.file.name", "x" * 2000, "too long"),
        ("status.job.file.name", b"x", "not JSON"),
        ("status.job.file.name", "\ud800", "not JSON"),
        ("current_print_ts", 5.0, "current_print_ts is a float"),
        ("current_print_ts", 0, "current_print_ts is 0"),
        ("settings.agent", ..., "agent is missing"),
        ("settings.platform_uname", ["a"] * 6, "seven"),
        ("settings.temperature.profiles", [{}], "name is missing"),
        ("passthru", {}, "unknown key passthru"),
    ],
)
def test_each_kind_of_fault_is_found(path: str, value: Any, word: str) -> None:
    message = copy.deepcopy(GOOD)
    *around, last = path.split(".")
    place = message
    for key in around:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    assert any(word in found for found in odd_fields(message)), odd_fields(message)
