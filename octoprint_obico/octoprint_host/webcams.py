"""The webcams of OctoPrint's webcam API."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from octoprint.webcams import get_snapshot_webcam, get_webcams

from ..webcam.cameras import Shown, cameras
from ..webcam.snapshot import Webcam
from .guard import guarded

T = TypeVar("T")


def all_webcams() -> list[Webcam]:
    """All webcams of OctoPrint's webcam API, the one for snapshots first."""
    return _each(as_webcam)


def server_webcams() -> list[dict[str, Any]]:
    """All webcams as the server is told of them, the one that pictures are taken from first."""
    return cameras(_each(as_shown))


def _each(convert: Callable[[Any], T | None]) -> list[T]:
    """What each webcam is made into, if anything, the one for snapshots first."""
    provided = dict(get_webcams())
    preferred = guarded(get_snapshot_webcam, None, "the webcam for snapshots")
    first = preferred.config.name if preferred is not None else None
    names = sorted(provided, key=lambda name: (name != first, name))
    # one plugin's odd webcam must not take the others along
    found = [guarded(partial(convert, provided[name]), None, f"webcam {name}") for name in names]
    return [webcam for webcam in found if webcam is not None]


def as_webcam(provided: Any) -> Webcam:
    """One webcam of OctoPrint's webcam API (octoprint.webcams.ProvidedWebcam)."""
    config, provider = provided.config, provided.providerPlugin
    stream = _detail(config, "stream")
    url = getattr(getattr(config, "compat", None), "snapshot", None) or config.snapshotDisplay

    def take() -> Any:
        return provider.take_webcam_snapshot(config.name)

    return Webcam(
        str(config.name),
        str(url) if url else None,
        take if config.canSnapshot else None,
        complete_stream_url(str(stream)) if stream else None,
    )


def _detail(config: Any, name: str) -> Any:
    """What a webcam tells in the part for older clients, or in its own; None where in neither."""
    compat, extras = getattr(config, "compat", None), getattr(config, "extras", None) or {}
    return getattr(compat, name, None) or extras.get(name)


def as_shown(provided: Any) -> Shown | None:
    """How OctoPrint shows a webcam (octoprint.schema.webcam.Webcam).

    None for one without pictures and stream: that is Classic Webcam before it was set up.
    """
    config = provided.config
    if not (config.canSnapshot or _detail(config, "stream")):
        return None
    ratio = _detail(config, "streamRatio")
    return Shown(
        str(config.name),
        bool(config.flipH),
        bool(config.flipV),
        bool(config.rotate90),
        str(getattr(ratio, "value", ratio)),
        bool(config.canSnapshot),
    )


def complete_stream_url(url: str) -> str:
    """A stream URL as OctoPrint's pages complete it (validateWebcamUrl in its helpers.js).

    "/webcam/" belongs to the host and port of the page that shows it. No page is open here, so it
    is asked where OctoPi and its like have their reverse proxy: on this computer, at port 80.
    """
    url = url.strip()
    if url.startswith("//"):
        return f"http:{url}"
    return f"http://127.0.0.1{url}" if url.startswith("/") else url
