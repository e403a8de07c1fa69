"""What the server is told of the webcams (PROTOCOL 5.3): names, and how the pictures are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

MOST_CAMERAS, MOST_NAME = 20, 200
"""Cameras that are told of, and characters of a name."""

_RATIOS = ("16:9", "4:3")


class Shown(NamedTuple):
    """A webcam as OctoPrint shows it: flipped first, then rotated 90 degrees counter-clockwise.

    Attributes:
        ratio: width to height, as OctoPrint says it; others than the server's two count as 16:9.
        gives_snapshots: whether pictures can be taken from it.
    """

    name: str
    flip_h: bool = False
    flip_v: bool = False
    rotate90: bool = False
    ratio: str = _RATIOS[0]
    gives_snapshots: bool = True


def rotation(flip_h: bool, flip_v: bool, rotate90: bool) -> int:
    """Degrees clockwise by which the app has to rotate, for it to look as it does in OctoPrint.

    OctoPrint flips first and rotates then: its page has the flips at the picture and the rotation
    around it, its timelapse the filters in that order. The web app (and the server's timelapse)
    rotates first. Where both flips or none are set, the order makes no difference; with one of them
    it turns the rotation around.
    """
    if not rotate90:
        return 0
    return 90 if flip_h != flip_v else 270


def cameras(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """The `webcams` of the settings section, the primary one first.

    There is no video: without `stream_mode` and `stream_id` there is no stream to ask for, and the
    app shows the pictures (PROTOCOL 10).

    Args:
        shown: in the order in which OctoPrint prefers them for snapshots. The primary is the one
            that pictures are taken from: the first that gives any, else the first of all.
    """
    ordered = sorted(shown, key=lambda webcam: not webcam.gives_snapshots)  # keeps their order
    return [_camera(webcam, is_primary=not at) for at, webcam in enumerate(ordered[:MOST_CAMERAS])]


def _camera(webcam: Shown, is_primary: bool) -> dict[str, Any]:
    return {
        "name": webcam.name[:MOST_NAME],
        "is_primary_camera": is_primary,
        "flipV": webcam.flip_v,
        "flipH": webcam.flip_h,
        "rotation": rotation(webcam.flip_h, webcam.flip_v, webcam.rotate90),
        "streamRatio": webcam.ratio if webcam.ratio in _RATIOS else _RATIOS[0],
        "data_channel_available": False,
    }
