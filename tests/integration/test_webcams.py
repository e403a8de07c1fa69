"""Several webcams in OctoPrint: what the server is told of them, and which gives the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.records import PictureRecord
from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench
from tests.integration.driver import drive, let_viewer_come, print_file, status_frames

PLUGIN = "obico_webcams"
#: Of the pictures of webcam_plugin.py, which cannot be imported without all of OctoPrint.
SIZE = (88, 66)
LIMIT_S = 30.0
QUIET_S = 3.0
PLAIN = {"flipH": False, "flipV": False, "rotate90": False, "streamRatio": "16:9"}


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    source = ROOT / "tests" / "integration" / "webcam_plugin.py"
    add_plugin(folder, PLUGIN, source.read_text("utf-8"))
    with running_bench(edition, folder) as bench:
        yield bench


@pytest.fixture(autouse=True)
def classic_first(bench: Bench) -> Iterator[None]:
    """Each test begins idle and unwatched, with Classic Webcam as the one for snapshots."""
    prefer(bench, "classic")
    set_up_classic(bench, **PLAIN)
    bench.server.set_remote_status(viewing=False, should_watch=False)
    drive(bench).wait_until_connected()
    bench.server.forget()
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


def save(bench: Bench, settings: dict[str, Any]) -> None:
    answer = bench.api.post("/api/settings", json=settings)
    assert answer.status_code == 200, answer.text[:300]


def prefer(bench: Bench, name: str) -> None:
    save(bench, {"webcam": {"snapshotWebcam": name}})


def set_up_classic(bench: Bench, **settings: Any) -> None:
    save(bench, {"plugins": {"classicwebcam": settings}})


def told(bench: Bench) -> list[dict[str, Any]]:
    """The webcams that the server is told of after the next connect."""
    bench.server.forget()
    bench.server.kick()

    def sections() -> list[Any]:
        frames = [frame.data for frame in status_frames(bench.server.frames)]
        return [frame["settings"] for frame in frames if "settings" in frame]

    assert bench.server.wait_for(sections, LIMIT_S)
    webcams: list[dict[str, Any]] = sections()[-1]["webcams"]
    return webcams


def next_picture(bench: Bench) -> PictureRecord:
    """The picture for a viewer who comes now."""
    before = len(bench.server.pictures)
    let_viewer_come(bench.server)
    assert bench.server.wait_for(lambda: len(bench.server.pictures) > before, LIMIT_S)
    return bench.server.pictures[before]


def camera(name: str, primary: bool, **more: Any) -> dict[str, Any]:
    """A camera of the settings section, upright where nothing else is said."""
    upright = {"flipH": False, "flipV": False, "rotation": 0, "streamRatio": "16:9"}
    about = {"name": name, "is_primary_camera": primary, "data_channel_available": False}
    return {**about, **upright, **more}


def test_all_webcams_are_told_the_primary_one_first(bench: Bench) -> None:
    top = {"flipV": True, "rotation": 90, "streamRatio": "4:3"}
    assert told(bench) == [
        camera("classic", True),
        camera("top", False, **top),
        camera("blind", False),
    ]
    prefer(bench, "top")
    assert told(bench) == [
        camera("top", True, **top),
        camera("classic", False),
        camera("blind", False),
    ]


@pytest.mark.parametrize(
    ("set_up", "orientation"),
    [
        ({"flipH": True, "flipV": True}, {"flipH": True, "flipV": True}),
        ({"rotate90": True}, {"rotation": 270}),
        ({"rotate90": True, "flipH": True}, {"rotation": 90, "flipH": True}),
        ({"streamRatio": "4:3"}, {"streamRatio": "4:3"}),
    ],
    ids=str,
)
def test_the_orientation_is_told_as_it_is_saved(
    bench: Bench, set_up: dict[str, Any], orientation: dict[str, Any]
) -> None:
    set_up_classic(bench, **set_up)
    assert told(bench)[0] == camera("classic", True, **orientation)


def test_the_webcam_that_octoprint_prefers_gives_the_pictures(bench: Bench) -> None:
    """As it is, not rotated; and no other one is posted beside it."""
    picture = next_picture(bench)
    assert (picture.width, picture.height) == (640, 480)
    prefer(bench, "top")
    picture = next_picture(bench)
    assert (picture.width, picture.height) == SIZE
    assert picture.viewing_boost and picture.is_primary_camera
    assert len(bench.server.pictures) == 2


@pytest.mark.parametrize("name", ["blind", "gone"])
def test_another_stands_in_for_one_without_pictures(bench: Bench, name: str) -> None:
    prefer(bench, name)
    picture = next_picture(bench)
    assert (picture.width, picture.height) == (640, 480)
    first, *others = told(bench)
    assert (first["name"], first["is_primary_camera"]) == ("classic", True)
    assert not any(camera["is_primary_camera"] for camera in others)


def test_a_webcam_whose_plugin_is_disabled(bench: Bench) -> None:
    prefer(bench, "top")
    switch(bench, "disable")
    try:
        picture = next_picture(bench)
        assert (picture.width, picture.height) == (640, 480)
        assert [webcam["name"] for webcam in told(bench)] == ["classic"]
    finally:
        switch(bench, "enable")


def switch(bench: Bench, command: str) -> None:
    body = {"command": command, "plugin": PLUGIN}
    answer = bench.api.post("/api/plugin/pluginmanager", json=body)
    assert answer.status_code == 200, answer.text[:300]


def test_flags_and_pictures_through_a_print(bench: Bench) -> None:
    """None while idle; while printing and watched they come; a pause has them for viewers alone."""
    server = bench.server
    server.set_remote_status(should_watch=True)
    assert not server.wait_for(lambda: server.pictures, QUIET_S)
    text = "G28\n" + "G4 P200\nG1 X10\n" * 300
    print_file(bench, "webcams.gcode", text)
    assert server.wait_for(lambda: len(server.pictures) >= 2, LIMIT_S)
    assert [picture.viewing_boost for picture in server.pictures] == [False] * 2
    bench.api.post("/api/job", json={"command": "pause", "action": "pause"})
    bench.octoprint.wait_until(
        lambda: bench.api.get("/api/job").json()["state"] == "Paused", "Paused", LIMIT_S
    )
    paused_at = len(server.pictures)
    assert next_picture(bench).viewing_boost
    assert server.wait_for(lambda: len(server.pictures) >= paused_at + 2, LIMIT_S)
    assert all(picture.viewing_boost for picture in server.pictures[paused_at:])
    assert {picture.is_primary_camera for picture in server.pictures} == {True}
