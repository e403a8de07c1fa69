"""The picture that the sandbox webcam shows: a clock and a print that grows, as JPEG."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

SIZE = (640, 480)
BED_Y = 400
BACKGROUND = "#203040"
BED = "#8090a0"
PART = "#f0a030"
NOZZLE = "#e0e8f0"
TEXT = "#ffffff"
QUALITY = 80
CLOCK_SIZE = 56
LABEL_SIZE = 22
# One turn of the print head, and one growth of the part, in seconds.
SWEEP_S = 4.0
GROWTH_S = 60.0


class PictureSource:
    """Draws about `fps` pictures a second at most, however many clients ask. Used in one loop."""

    def __init__(self, fps: float = 5.0, monotonic: Callable[[], float] = time.monotonic):
        # A little less than a frame: a timer may fire early, and the stream would repeat itself.
        self._interval_s = 0.9 / fps
        self._monotonic = monotonic
        self._drawn_at = -math.inf
        self._jpeg = b""
        self._clock_font = ImageFont.load_default(CLOCK_SIZE)
        self._label_font = ImageFont.load_default(LABEL_SIZE)

    def jpeg(self) -> bytes:
        """The picture of now, not older than one frame."""
        now = self._monotonic()
        if now - self._drawn_at >= self._interval_s:
            self._jpeg = encoded(self.draw(now), "JPEG")
            self._drawn_at = now
        return self._jpeg

    def draw(self, seconds: float) -> Image.Image:
        image = Image.new("RGB", SIZE, BACKGROUND)
        pen = ImageDraw.Draw(image)
        width = SIZE[0]
        height = 20 + 160 * (seconds % GROWTH_S) / GROWTH_S
        top = BED_Y - height
        nozzle_x = width / 2 + 110 * math.sin(2 * math.pi * seconds / SWEEP_S)
        pen.rectangle((60, BED_Y, width - 60, BED_Y + 14), fill=BED)
        pen.rectangle((width / 2 - 110, top, width / 2 + 110, BED_Y), fill=PART)
        pen.rectangle((nozzle_x - 28, top - 60, nozzle_x + 28, top - 18), fill=NOZZLE)
        pen.polygon(
            [(nozzle_x - 14, top - 18), (nozzle_x + 14, top - 18), (nozzle_x, top - 2)],
            fill=NOZZLE,
        )
        pen.text((24, 16), time.strftime("%H:%M:%S"), fill=TEXT, font=self._clock_font)
        pen.text((24, 440), "Sandbox webcam", fill=TEXT, font=self._label_font)
        return image


def encoded(image: Image.Image, image_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=QUALITY)
    return buffer.getvalue()
