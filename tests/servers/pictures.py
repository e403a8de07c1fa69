"""JPEGs for tests: small made-up ones with a true header, and real ones."""

from __future__ import annotations

import io

from PIL import Image


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    """A frame header of one component."""
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes([0xFF, marker]) + b"\x00\x0b\x08" + size + b"\x01\x01\x11\x00"


def made_up(filler: bytes, width: int = 640, height: int = 480) -> bytes:
    """A JPEG whose header is true and whose picture is this filler."""
    return b"\xff\xd8" + frame(width, height) + b"\xff\xda\x00\x02" + filler + b"\xff\xd9"


def real(width: int, height: int, *, noise: int = 60, exif: bytes = b"") -> bytes:
    """A picture that can be decoded; with noise its bytes grow as those of a camera do."""
    image = Image.effect_noise((max(1, width // 4), max(1, height // 4)), noise)
    out = io.BytesIO()
    image.resize((width, height)).convert("RGB").save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()
