"""A plugin for tests: two webcams beside OctoPrint's own, one of which gives no pictures."""

from __future__ import annotations

from typing import Any

import octoprint.plugin
from octoprint.schema.webcam import Webcam

SIZE = (88, 66)
HEIGHT_AND_WIDTH = SIZE[1].to_bytes(2, "big") + SIZE[0].to_bytes(2, "big")
FRAME = b"\xff\xc0\x00\x0b\x08" + HEIGHT_AND_WIDTH + b"\x01\x01\x11\x00"
PICTURE = b"\xff\xd8" + FRAME + b"\xff\xda\x00\x02picture\xff\xd9"


class Webcams(octoprint.plugin.WebcamProviderPlugin):  # type: ignore[misc]
    def get_webcam_configurations(self) -> list[Any]:
        return [
            Webcam(
                name="top",
                displayName="From above",
                canSnapshot=True,
                snapshotDisplay="a picture",
                flipV=True,
                rotate90=True,
                extras={"streamRatio": "4:3"},
            ),
            Webcam(
                name="blind", displayName="Video", snapshotDisplay="", extras={"stream": "webrtc:x"}
            ),
        ]

    def take_webcam_snapshot(self, name: str) -> list[bytes]:
        assert name == "top"
        return [PICTURE]


__plugin_name__ = "Two webcams"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Webcams()
