"""The size of a JPEG, read from its header, whatever the header is."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from octoprint_obico.webcam.jpeg import MOST_SEGMENTS, Size, scans_of, size_of
from tests.servers.pictures import frame, made_up, real

COMMENT = b"\xff\xfe\x00\x06text"


def progressive() -> bytes:
    out = io.BytesIO()
    Image.new("L", (321, 123)).save(out, "JPEG", progressive=True)
    return out.getvalue()


def test_real_pictures() -> None:
    assert size_of(real(321, 123)) == Size(321, 123)
    assert size_of(progressive()) == Size(321, 123)
    assert scans_of(real(321, 123)) == 1
    assert scans_of(progressive()) > 1


def test_what_it_tells_of_a_size() -> None:
    assert (Size(4, 9).pixels, Size(4, 9).longer) == (36, 9)


def test_a_preview_inside_does_not_count() -> None:
    preview = made_up(b"small", 160, 120)
    inside = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    picture = made_up(b"x")
    assert size_of(picture[:2] + inside + picture[2:]) == Size(640, 480)


@pytest.mark.parametrize(
    ("before", "size"),
    [
        (b"", (640, 480)),
        (COMMENT * 20, (640, 480)),
        (b"\xff\xff\xff", (640, 480)),  # fill bytes
        (b"\x00\x00", (640, 480)),  # a gap, which some cameras leave
        (b"\xff\x01\xff\xd8", (640, 480)),  # markers without a length
        (b"\xff\x00", (640, 480)),
        (b"\xff\xe0\x00\x00", (640, 480)),  # a length that is too small
        (b"\xff\xc4\x00\x04xx", (640, 480)),  # Huffman tables
        (b"\xff\xc4\xff\xff", None),  # a length beyond the end
        (b"\xff\xda\x00\x02", None),  # the picture begins without a frame header
        (b"\xff\xd9", None),
        (COMMENT * MOST_SEGMENTS, None),
    ],
)
def test_what_may_stand_before_the_frame_header(
    before: bytes, size: tuple[int, int] | None
) -> None:
    picture = made_up(b"x")
    assert size_of(picture[:2] + before + picture[2:]) == size


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC9, 0xCF])
def test_each_kind_of_frame(marker: int) -> None:
    assert size_of(b"\xff\xd8" + frame(9, 7, marker) + b"\xff\xd9") == (9, 7)


@pytest.mark.parametrize("size", [(0, 480), (640, 0)])
def test_a_size_of_nothing_is_none(size: tuple[int, int]) -> None:
    assert size_of(made_up(b"x", *size)) is None


def test_cut_off_inside_the_header() -> None:
    picture = real(321, 123)
    header = picture.index(b"\xff\xc0") + 9
    assert [size_of(picture[:end]) for end in range(header)] == [None] * header
    assert size_of(picture[:header]) == Size(321, 123)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", made_up(b"x")[:8]]))
def test_any_bytes_have_a_size_or_none(data: bytes, start: bytes) -> None:
    size = size_of(start + data)
    assert size is None or size.pixels > 0
