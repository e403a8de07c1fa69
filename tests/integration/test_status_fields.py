"""Every status of a real print, on both OctoPrints, against the table of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.records import FrameRecord
from tests.bench import Bench
from tests.integration.driver import drive, event_of, status_frames
from tests.protocol_fields import missing_of_octoprint, odd_fields

LIMIT_S = 60.0
FILE_NAME = "layers.gcode"
LAYERS, HEIGHT_MM = 3, 0.3
STEPS = 25
"""Of a fifth of a second each, in each layer."""

SETS = "M220 S120\nM221 S90\nM106 S51\nM117 warm\n"
FACTORS = {"currentFeedRate": 1.2, "currentFlowRate": 0.9, "currentFanSpeed": 0.2}


def gcode() -> str:
    """A file as Cura writes it; its highest extrusion is that of the last layer."""
    text = f";LAYER_COUNT:{LAYERS}\nG28\nM104 S60\nM140 S40\nG92 E0\n{SETS}"
    for layer in range(LAYERS):
        text += f";LAYER:{layer}\nG1 Z{HEIGHT_MM * (layer + 1):.2f} F600\n"
        moves = (
            f"G1 X{10 + step} Y10 E{(layer * STEPS + step) / 50} F1200" for step in range(STEPS)
        )
        text += "".join(f"{move}\nG4 P200\n" for move in moves)
    return text


@pytest.fixture(autouse=True)
def idle(bench: Bench) -> Iterator[None]:
    """Each test begins with a connected, idle printer that somebody views, and empty records."""
    bench.octoprint.wait_for_printer()
    drive(bench).wait_until_connected()
    bench.server.set_remote_status(viewing=True, should_watch=False)
    bench.server.forget()
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.server.set_remote_status(viewing=False)
    bench.octoprint.wait_for_printer()


@pytest.fixture
def analysed(bench: Bench) -> None:
    """The file is there, and OctoPrint knows its height."""
    answer = bench.api.post("/api/files/local", files={"file": (FILE_NAME, gcode())})
    assert answer.status_code == 201, answer.text[:300]

    def known() -> bool:
        analysis = bench.api.get(f"/api/files/local/{FILE_NAME}").json().get("gcodeAnalysis") or {}
        return "printingArea" in analysis

    bench.octoprint.wait_until(known, "the file is analysed", LIMIT_S)


def start_print(bench: Bench) -> None:
    answer = bench.api.post(
        f"/api/files/local/{FILE_NAME}", json={"command": "select", "print": True}
    )
    assert answer.status_code == 204, answer.text[:300]
    assert bench.server.wait_for(lambda: "PrintStarted" in events(bench), LIMIT_S)


def events(bench: Bench) -> list[str]:
    return [name for name in map(event_of, bench.server.frames) if name]


def statuses(bench: Bench) -> list[dict[str, Any]]:
    return [frame.data["status"] for frame in status_frames(bench.server.frames)]


def wait_for(bench: Bench, condition: Callable[[dict[str, Any]], bool], what: str) -> Any:
    """The newest status once it meets the condition.

    Each message of the server is followed by a status, so that the test need not wait for one.
    """

    def told() -> bool:
        bench.server.set_remote_status(viewing=True)
        known = statuses(bench)
        return bool(known) and condition(known[-1])

    bench.octoprint.wait_until(told, what, LIMIT_S)
    return statuses(bench)[-1]


def assert_all_are_as_the_table_has_them(frames: list[FrameRecord]) -> None:
    found = status_frames(frames)
    assert found
    for frame in found:
        assert odd_fields(frame.data) == [], frame.data
        assert missing_of_octoprint(frame.data) == [], frame.data


def text(status: dict[str, Any]) -> str:
    return str(status["state"]["text"])


def max_z(status: dict[str, Any]) -> Any:
    metadata = status.get("file_metadata", {})
    return metadata.get("analysis", {}).get("printingArea", {}).get("maxZ")


def target(status: dict[str, Any]) -> Any:
    return status["temperatures"].get("tool0", {}).get("target")


def layer(status: dict[str, Any]) -> int:
    return int(status.get("currentLayerHeight", 0))


@pytest.mark.usefixtures("analysed")
def test_print_with_a_pause_and_a_cancel(bench: Bench) -> None:
    start_print(bench)
    known = wait_for(bench, lambda now: max_z(now) is not None and "obico" in now["file_metadata"],
                     "height and layers are told")  # fmt: skip
    assert max_z(known) == pytest.approx(LAYERS * HEIGHT_MM)
    assert known["file_metadata"]["obico"] == {"totalLayerCount": LAYERS}
    first = wait_for(bench, lambda now: layer(now) == 1, "the first layer is told")
    assert first["state"]["flags"]["printing"] is True
    wait_for(bench, lambda now: FACTORS.items() <= now.items(), "speed, flow and fan are told")
    assert statuses(bench)[-1]["display_status"] == {"message": "warm"}
    assert statuses(bench)[-1]["user_interaction_required"] is False
    wait_for(bench, lambda now: target(now) == 60, "it heats")
    wait_for(bench, lambda now: layer(now) == 2, "the second layer is told")

    bench.server.send_command("pause")
    paused = wait_for(bench, lambda now: text(now) == "Paused", "it is paused")
    assert paused["state"]["flags"]["paused"] is True
    assert paused["state"]["flags"]["printing"] is False, "failure detection goes by it"
    assert layer(paused) >= 2
    bench.server.send_command("resume")
    wait_for(bench, lambda now: text(now) == "Printing", "it goes on")
    bench.server.send_command("cancel")
    wait_for(bench, lambda now: text(now) == "Operational", "it is cancelled")
    assert_all_are_as_the_table_has_them(bench.server.frames)


@pytest.mark.usefixtures("analysed")
def test_print_to_its_end(bench: Bench) -> None:
    """The layers are counted up, each after the other, to the last one."""
    start_print(bench)
    wait_for(bench, lambda now: "PrintDone" in events(bench), "it is done")
    wait_for(bench, lambda now: text(now) == "Operational", "it is idle again")
    counted = [layer(status) for status in statuses(bench) if layer(status)]
    assert counted == sorted(counted)
    assert counted[-1] == LAYERS
    done = next(frame.data for frame in bench.server.frames if event_of(frame) == "PrintDone")
    assert done["status"]["progress"]["filamentUsed"] == pytest.approx(1.48, abs=0.1)
    assert_all_are_as_the_table_has_them(bench.server.frames)


def test_settings_are_complete_and_follow_changes(bench: Bench) -> None:
    """With each connection's first status, and again when somebody changes something."""
    before = len(bench.server.connections)
    bench.server.kick()
    assert bench.server.wait_for(lambda: len(bench.server.connections) > before, LIMIT_S)
    assert bench.server.wait_for(lambda: settings(bench), LIMIT_S)
    first = settings(bench)[0]
    assert len(first["platform_uname"]) == 7
    assert first["octoprint_version"] == bench.octoprint.version
    assert "obico" in first["installed_plugins"]
    assert "FIRMWARE_NAME" in first["printer_metadata"]
    assert {"name", "extruder", "bed"} <= set(first["temperature"]["profiles"][0])

    profiles = [{"name": "Wood", "extruder": 190, "bed": 55, "chamber": None}]
    answer = bench.api.post("/api/settings", json={"temperature": {"profiles": profiles}})
    assert answer.status_code == 200, answer.text[:300]
    told = bench.server.wait_for(
        lambda: settings(bench)[-1]["temperature"]["profiles"][0]["name"] == "Wood", LIMIT_S
    )
    assert told, settings(bench)[-1]
    sent = len(settings(bench))
    count = len(statuses(bench))
    wait_for(bench, lambda now: len(statuses(bench)) >= count + 3, "more statuses follow")
    assert len(settings(bench)) == sent, "with a change only"
    assert_all_are_as_the_table_has_them(bench.server.frames)


def settings(bench: Bench) -> list[dict[str, Any]]:
    frames = [frame.data for frame in status_frames(bench.server.frames)]
    return [frame["settings"] for frame in frames if "settings" in frame]


def test_printer_that_is_off(bench: Bench) -> None:
    """What lines have set is not known any more; the rest stays a status."""
    bench.api.post("/api/printer/command", json={"commands": SETS.strip().split("\n")})
    wait_for(bench, lambda now: FACTORS.items() <= now.items(), "speed, flow and fan are told")
    bench.api.post("/api/connection", json={"command": "disconnect"})
    try:
        off = wait_for(bench, lambda now: now["state"]["flags"]["closedOrError"], "it is off")
        gone = {*FACTORS, "display_status"}
        wait_for(bench, lambda now: not gone & set(now), "what was set is forgotten")
        assert off["job"]["file"] is not None
    finally:
        bench.api.post("/api/connection", json={"command": "connect"})
        bench.octoprint.wait_for_printer()
    wait_for(bench, lambda now: not now["state"]["flags"]["closedOrError"], "it is on again")
    assert_all_are_as_the_table_has_them(bench.server.frames)
