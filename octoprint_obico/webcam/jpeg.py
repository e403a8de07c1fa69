"""What a JPEG says of itself, read without decoding it (ITU-T T.81, annex B)."""

from __future__ import annotations

from typing import NamedTuple

MOST_SEGMENTS = 1000
"""Segments before the picture itself that are looked at; cameras write a dozen."""

_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # DHT, JPG, DAC: among the SOF markers, but none
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0 to RST7, SOI: without a length
_AFTER_HEADER = frozenset({0xD9, 0xDA})  # EOI, SOS: no frame header comes any more


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def longer(self) -> int:
        return max(self)


def size_of(jpeg: bytes) -> Size | None:
    """The size that the frame header names; None where there is no header, or not all of it.

    That of a preview inside is not looked at.
    """
    at = 2
    for _ in range(MOST_SEGMENTS):
        at = jpeg.find(b"\xff", at)  # some cameras leave gaps between the segments
        while jpeg[at : at + 2] == b"\xff\xff":
            at += 1
        if at < 0 or at + 4 > len(jpeg):
            return None
        marker = jpeg[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return _frame(jpeg[at + 2 : at + 9])
        if marker in _AFTER_HEADER:
            return None
        bare = marker in _BARE or marker == 0
        at += 2 if bare else 2 + max(2, int.from_bytes(jpeg[at + 2 : at + 4], "big"))
    return None


def _frame(header: bytes) -> Size | None:
    """From a frame header: length (2 bytes), precision (1), height (2), width (2)."""
    if len(header) < 7:
        return None
    size = Size(int.from_bytes(header[5:7], "big"), int.from_bytes(header[3:5], "big"))
    return size if size.pixels else None


def scans_of(jpeg: bytes) -> int:
    """How many scans there are: one, or more where it is progressive; a preview's count as well."""
    return jpeg.count(b"\xff\xda")  # in the picture's own data a zero follows each 0xff
