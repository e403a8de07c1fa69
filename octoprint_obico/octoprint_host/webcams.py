"""The webcams of OctoPrint's webcam API."""

from __future__ import annotations

from functools import partial
from typing import Any

from octoprint.webcams import get_snapshot_webcam, get_webcams

from ..webcam.snapshot import Webcam
from .guard import guarded


def all_webcams() -> list[Webcam]:
    """All webcams of OctoPrint's webcam API, the one for snapshots first."""
    provided = dict(get_webcams())
    preferred = guarded(get_snapshot_webcam, None, "the webcam for snapshots")
    first = preferred.config.name if preferred is not None else None
    names = sorted(provided, key=lambda name: (name != first, name))
    # one plugin's odd webcam must not take the others along
    found = [guarded(partial(as_webcam, provided[name]), None, f"webcam {name}") for name in names]
    return [webcam for webcam in found if webcam is not None]


def as_webcam(provided: Any) -> Webcam:
    """One webcam of OctoPrint's webcam API (octoprint.webcams.ProvidedWebcam)."""
    config, provider = provided.config, provided.providerPlugin
    compat = getattr(config, "compat", None)
    extras = getattr(config, "extras", None) or {}
    stream = getattr(compat, "stream", None) or extras.get("stream")
    url = getattr(compat, "snapshot", None) or config.snapshotDisplay

    def take() -> Any:
        return provider.take_webcam_snapshot(config.name)

    return Webcam(
        str(config.name),
        str(url) if url else None,
        take if config.canSnapshot else None,
        complete_stream_url(str(stream)) if stream else None,
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
