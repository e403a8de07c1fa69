"""Makes a picture as small as the server keeps it, where that is worth it."""

from __future__ import annotations

import logging

from .jpeg import Size, scans_of, size_of

log = logging.getLogger("octoprint.plugins.obico.webcam")

LARGEST, BOX = 1296, (1280, 960)
"""Pixels: what has a longer side is scaled by the server to fit the box (PROTOCOL 2.4)."""

WORTH_BYTES = 500_000
"""Below it the way to the server costs less than decoding: 400 kbit/s at one picture in 10 s."""

MOST_PIXELS = 25_000_000
"""Above it, decoding takes more memory than a small computer can spare: a progressive JPEG needs
3 bytes for each pixel. The server scales it."""

MOST_SCANS = 100
"""A progressive JPEG has a dozen; thousands of them are made to keep a decoder busy."""

_QUALITY = 85


def scaled(jpeg: bytes) -> bytes:
    """The picture, smaller if it is too large for the server; as it is where that cannot be done.

    Pillow does it where it is installed: OctoPrint 2.0 brings it, 1.11 does not, and for the
    plugin itself it would be too heavy. A picture is never lost for it.
    """
    size = size_of(jpeg)
    if size is None or len(jpeg) < WORTH_BYTES:
        return jpeg
    if size.longer <= LARGEST or size.pixels > MOST_PIXELS or scans_of(jpeg) > MOST_SCANS:
        return jpeg
    try:
        smaller = _scaled(jpeg, size)
    except Exception as error:  # Pillow is missing, or raises whatever a damaged picture provokes
        log.debug("A picture could not be scaled: %s", type(error).__name__)
        return jpeg
    return smaller if len(smaller) < len(jpeg) else jpeg


def _scaled(jpeg: bytes, size: Size) -> bytes:
    from io import BytesIO

    from PIL import Image  # takes a moment and 5 MB: only once a picture is too large

    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as image:
        if image.size != size:
            raise ValueError("two sizes in one picture")
        image.draft("RGB", BOX)  # decodes to a half or less from the start
        image.thumbnail(BOX)
        out = BytesIO()
        # a camera that is built in upside down says so there, and the browser turns it
        image.save(out, "JPEG", quality=_QUALITY, exif=image.info.get("exif", b""))
    return out.getvalue()
