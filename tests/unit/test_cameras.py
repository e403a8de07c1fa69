"""What the server is told of the webcams, compared with what OctoPrint shows of them."""

from __future__ import annotations

import itertools

import pytest
from PIL import Image

from octoprint_obico.webcam import cameras as c
from octoprint_obico.webcam.cameras import Shown, cameras, rotation

FLIP_H, FLIP_V = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM
COUNTER_CLOCKWISE = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
ALL = list(itertools.product((False, True), repeat=3))


def picture() -> Image.Image:
    """One whose four corners are different, and which is wider than high."""
    image = Image.new("RGB", (8, 4), "black")
    for at, colour in (((0, 0), "red"), ((7, 0), "green"), ((0, 3), "blue"), ((7, 3), "white")):
        image.putpixel(at, Image.new("RGB", (1, 1), colour).getpixel((0, 0)) or 0)
    return image


def flipped(image: Image.Image, flip_h: bool, flip_v: bool) -> Image.Image:
    for way in [way for way, wanted in ((FLIP_H, flip_h), (FLIP_V, flip_v)) if wanted]:
        image = image.transpose(way)
    return image


def on_octoprints_page(flip_h: bool, flip_v: bool, rotate90: bool) -> Image.Image:
    """Flipped, and in a box that is rotated counter-clockwise (tests/browser looks at the page)."""
    image = flipped(picture(), flip_h, flip_v)
    return image.transpose(Image.Transpose.ROTATE_90) if rotate90 else image


def in_the_app(camera: dict[str, object]) -> Image.Image:
    """As CSS does `scaleX(-1) scaleY(-1) rotate(...deg)`: the last one comes first."""
    clockwise = camera["rotation"]
    assert isinstance(clockwise, int)
    image = picture()
    if clockwise:
        image = image.transpose(COUNTER_CLOCKWISE[360 - clockwise])
    return flipped(image, bool(camera["flipH"]), bool(camera["flipV"]))


@pytest.mark.parametrize(("flip_h", "flip_v", "rotate90"), ALL)
def test_the_app_shows_what_octoprint_shows(flip_h: bool, flip_v: bool, rotate90: bool) -> None:
    (camera,) = cameras([Shown("Cam", flip_h, flip_v, rotate90)])
    assert (camera["flipH"], camera["flipV"]) == (flip_h, flip_v)
    shown, wanted = in_the_app(camera), on_octoprints_page(flip_h, flip_v, rotate90)
    assert (shown.size, shown.tobytes()) == (wanted.size, wanted.tobytes())


def test_all_eight_look_different() -> None:
    """Else the test before could not tell them apart."""
    looks = {(image.size, image.tobytes()) for image in itertools.starmap(on_octoprints_page, ALL)}
    assert len(looks) == len(ALL)


def test_a_quarter_turn_counter_clockwise_is_270_clockwise() -> None:
    assert [rotation(False, False, turned) for turned in (False, True)] == [0, 270]


def test_a_camera_as_the_protocol_has_it() -> None:
    """PROTOCOL 5.3; no stream is named that there is not."""
    assert cameras([Shown("Cam", True, False, True, "4:3")]) == [
        {
            "name": "Cam",
            "is_primary_camera": True,
            "flipV": False,
            "flipH": True,
            "rotation": 90,
            "streamRatio": "4:3",
            "data_channel_available": False,
        }
    ]


def primary(*shown: Shown) -> list[tuple[str, bool]]:
    return [(camera["name"], camera["is_primary_camera"]) for camera in cameras(shown)]


def test_the_primary_is_the_one_that_pictures_are_taken_from() -> None:
    no, yes = Shown("no", gives_snapshots=False), Shown("yes")
    assert primary(no, yes, Shown("b")) == [("yes", True), ("b", False), ("no", False)]
    assert primary(yes, no) == [("yes", True), ("no", False)]
    assert primary(no) == [("no", True)]
    assert primary() == []


@pytest.mark.parametrize("ratio", ["16:10", "", "None", "<b>"])
def test_a_ratio_that_the_server_does_not_know(ratio: str) -> None:
    assert cameras([Shown("Cam", ratio=ratio)])[0]["streamRatio"] == "16:9"


def test_names_and_number_are_bounded() -> None:
    told = cameras([Shown(f"{number:03}" * 200) for number in range(c.MOST_CAMERAS + 5)])
    assert len(told) == c.MOST_CAMERAS
    assert {len(camera["name"]) for camera in told} == {c.MOST_NAME}
