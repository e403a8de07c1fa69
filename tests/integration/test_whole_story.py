"""The whole of it, as a user has it: link, print, pause with the heaters off, resume, cancel.

Everything that the sandbox's server heard is compared with the protocol afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from sandbox.records import FrameRecord
from tests import slicer
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import (
    BASE,
    PluginDriver,
    drive,
    event_of,
    is_connected,
    print_file,
    status_frames,
)
from tests.protocol_fields import odd_fields

LAYER_S = 4.0
MOST_LAYERS = 30
"""About two minutes, and what the pause and heating up take."""

PICTURE_EVERY_S = 10.0
FILE = "cube.gcode"
LIMIT_S = 60.0
pytestmark = pytest.mark.timeout(MOST_LAYERS * LAYER_S + 5 * LIMIT_S)
PAUSE = {"retract": 2.5, "lift_z": 2.5, "tools_off": True, "bed_off": True}


@pytest.fixture
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench that has never been linked."""
    with running_bench(edition, tmp_path_factory.mktemp(edition.id), linked=False) as bench:
        yield bench


def link_by_code(bench: Bench) -> None:
    outcome = drive(bench).link(bench.server.new_code(bench.server.printer.id))
    assert outcome["ok"] is True, outcome


def link_by_discovery(bench: Bench) -> None:
    """The app finds the announcement, opens the pop-up, and hands the server what that tells."""
    server = bench.server
    assert server.wait_for(server.announced, LIMIT_S), "nothing was announced"
    device_id = server.announced()[0].device_id
    popup = bench.octoprint.anonymous_session()
    path, wanted = f"{BASE}/grab-discovery-secret", {"Accept": "application/json"}
    answer = popup.get(path, params={"device_id": device_id}, headers=wanted)
    assert answer.status_code == 200, answer.text[:300]
    server.send_verify_code(device_id, answer.json()["device_secret"], server.printer.id)


def start(bench: Bench, layers: int) -> None:
    """The user uploads a file on the spot and prints it."""
    print_file(bench, FILE, slicer.cube(layers, LAYER_S))


class Ear:
    """What the server has heard since the beginning."""

    def __init__(self, bench: Bench) -> None:
        self.server = bench.server

    def frames(self) -> Sequence[FrameRecord]:
        return status_frames(self.server.frames)

    def events(self) -> list[str]:
        return [name for name in map(event_of, self.frames()) if name]

    def last(self) -> dict[str, Any]:
        status: dict[str, Any] = self.frames()[-1].data["status"]
        return status

    def hears(self, event: str, times: int = 1, limit_s: float = LIMIT_S) -> FrameRecord:
        """Wait for an event; the frame that tells of it."""
        ok = self.server.wait_for(lambda: self.events().count(event) >= times, limit_s)
        assert ok, f"no {event}; {self.events()}"
        return [frame for frame in self.frames() if event_of(frame) == event][times - 1]

    def wait(self, what: str, *path: str, above: float) -> None:
        """Wait until a number of the status is above another."""

        def met() -> bool:
            value: Any = self.last()
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            return isinstance(value, (int, float)) and value > above

        assert self.server.wait_for(met, LIMIT_S), f"{what}: {self.last()}"


def targets(bench: Bench) -> tuple[float | None, float | None]:
    """What nozzle and bed are heated to; None before the printer has said it."""
    heaters = bench.api.get("/api/printer").json()["temperature"]
    tool, bed = (heaters.get(name, {}).get("target") for name in ("tool0", "bed"))
    return tool, bed


@pytest.mark.parametrize(
    ("link", "layers"),
    [
        pytest.param(link_by_code, MOST_LAYERS, id="code"),
        pytest.param(link_by_discovery, 10, id="discovery"),
    ],
)
def test_link_print_pause_resume_cancel(
    bench: Bench, link: Callable[[Bench], None], layers: int
) -> None:
    link(bench)
    driver = drive(bench)
    driver.wait_until_connected()
    ear = Ear(bench)
    bench.server.set_remote_status(viewing=True, should_watch=True)

    start(bench, layers)
    opened = ear.hears("PrintStarted")
    hot = (float(slicer.NOZZLE_C), float(slicer.BED_C))
    bench.octoprint.wait_until(lambda: targets(bench) == hot, "it heats", LIMIT_S)
    ear.wait("it is under way", "progress", "completion", above=5.0)
    ear.wait("the height of the nozzle", "currentZ", above=0.3)
    ear.wait("the layer", "currentLayerHeight", above=1)
    ear.wait("the file's number", "job", "file", "obico_g_code_file_id", above=0)
    assert ear.last()["file_metadata"]["obico"]["totalLayerCount"] == layers
    assert ear.last()["currentFanSpeed"] == 1.0
    pictures = len(bench.server.pictures)

    pause_and_resume(bench, ear, hot)
    done = ear.hears("PrintDone", limit_s=layers * LAYER_S + LIMIT_S)
    assert done.data["current_print_ts"] == opened.data["current_print_ts"]
    expected = layers * LAYER_S / PICTURE_EVERY_S
    seen = len(bench.server.pictures) - pictures
    assert seen > expected / 2, "failure detection saw too little"

    bench.octoprint.wait_for_printer()
    start(bench, layers)
    ear.hears("PrintStarted", 2)
    ear.wait("it is under way again", "progress", "completion", above=1.0)
    bench.server.send_command("cancel")
    failed = ear.hears("PrintFailed")
    assert failed.data["current_print_ts"] != opened.data["current_print_ts"]
    bench.octoprint.wait_for_printer()

    told = [name for name in ear.events() if name != "PrintCancelling"]
    first = ["PrintStarted", "PrintPaused", "PrintResumed", "PrintDone"]
    assert told == [*first, "PrintStarted", "PrintCancelled", "PrintFailed"]
    assert_in_order(driver, ear)


def pause_and_resume(bench: Bench, ear: Ear, hot: tuple[float, float]) -> None:
    """As failure detection does it: the heaters go off, and are as they were before it goes on."""
    bench.server.send({"commands": [{"cmd": "pause", "args": PAUSE, "initiator": "system"}]})
    ear.hears("PrintPaused")
    bench.octoprint.wait_until(lambda: targets(bench) == (0.0, 0.0), "heaters are off", LIMIT_S)
    bench.server.send_command("resume")
    ear.hears("PrintResumed")
    bench.octoprint.wait_until(lambda: targets(bench) == hot, "they are as before", LIMIT_S)


def assert_in_order(driver: PluginDriver, ear: Ear) -> None:
    """Each message as the protocol has it, no fault of ours, no lost connection."""
    odd = {text for frame in ear.frames() for text in odd_fields(frame.data)}
    assert not odd
    others = [set(frame.data) for frame in ear.server.frames if "status" not in frame.data]
    assert all(keys == {"passthru"} for keys in others), others
    with_settings = [frame.data for frame in ear.frames() if "settings" in frame.data]
    assert with_settings[0] is ear.frames()[0].data
    assert with_settings[-1]["settings"]["printer_metadata"]["FIRMWARE_NAME"]
    assert is_connected(driver.status())
    assert driver.report()["plugin"] is None
    assert len(ear.server.connections) == 1
    times = [frame.data["status"]["_ts"] for frame in ear.frames()]
    assert times == sorted(times)
