"""Which pictures are made smaller, and that none is lost for it."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image

from octoprint_obico.webcam import scale as s
from octoprint_obico.webcam.jpeg import MOST_SEGMENTS, size_of
from tests.servers.pictures import frame, made_up, real

ORIENTATION = 0x0112
UPSIDE_DOWN = 3


def exif() -> bytes:
    tags = Image.Exif()
    tags[ORIENTATION] = UPSIDE_DOWN
    return tags.tobytes()


@pytest.fixture(scope="module")
def large() -> bytes:
    """More than a Full HD camera gives."""
    return real(2592, 1944, exif=exif())


def test_a_large_picture_is_scaled_as_the_server_would(large: bytes) -> None:
    smaller = s.scaled(large)
    assert size_of(smaller) == (1280, 960)
    assert len(smaller) < len(large) / 2
    with Image.open(io.BytesIO(smaller)) as image:
        image.load()
        assert image.getexif()[ORIENTATION] == UPSIDE_DOWN, "as the camera was built in"


def test_an_upright_picture_keeps_its_shape() -> None:
    assert size_of(s.scaled(real(1944, 2592))) == (720, 960)


def test_what_is_worth_nothing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small in pixels, or small in bytes: as the webcam gave it, to the byte."""
    noisy = real(1296, 972, noise=255)
    plain = real(1920, 1080, noise=0)
    assert len(noisy) > s.WORTH_BYTES > len(plain)
    for picture in (noisy, plain):
        assert s.scaled(picture) is picture


def test_without_pillow_it_goes_as_it_is(large: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """OctoPrint 1.11 does not bring it."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert s.scaled(large) is large


def padded(jpeg: bytes) -> bytes:
    """Large enough in bytes to be thought worth it."""
    return jpeg + bytes(s.WORTH_BYTES)


def damaged(large: bytes) -> dict[str, bytes]:
    at = large.index(b"\xff\xda")
    return {
        "no picture": padded(made_up(b"x", 4000, 3000)),
        "cut off in the middle": padded(large[: len(large) // 2]),
        "no header": padded(b"\xff\xd8\xff\xd9"),
        "two sizes": large[:2] + frame(5000, 4000) + large[2:],
        "a bomb": padded(made_up(b"x", 65500, 65500)),
        "a little bomb": padded(made_up(b"x", 6000, 6000)),
        "many scans": large[:at] + b"\xff\xda" * (s.MOST_SCANS + 1) + large[at:],
        "many segments": large[:2] + b"\xff\xfe\x00\x02" * MOST_SEGMENTS + large[2:],
    }


@pytest.mark.parametrize("name", list(damaged(b"\xff\xda")))
def test_what_cannot_be_scaled_goes_as_it_is(large: bytes, name: str) -> None:
    picture = damaged(large)[name]
    assert s.scaled(picture) is picture


def test_a_bomb_is_not_even_opened(monkeypatch: pytest.MonkeyPatch, large: bytes) -> None:
    opened: list[object] = []

    def note(jpeg: bytes, size: object) -> bytes:
        opened.append(size)
        return jpeg

    monkeypatch.setattr(s, "_scaled", note)
    for name in ("a bomb", "a little bomb", "many scans", "many segments"):
        s.scaled(damaged(large)[name])
    assert opened == []
    s.scaled(large)
    assert len(opened) == 1
