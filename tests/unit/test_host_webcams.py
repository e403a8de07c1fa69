"""OctoPrint's webcams as ours: all of them, with the URLs that are really asked."""

from __future__ import annotations

import warnings
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def load() -> tuple[ModuleType, ModuleType]:
    """Our adapter, and OctoPrint's models; OctoPrint leaves a socket open when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from octoprint.schema import webcam

        from octoprint_obico.octoprint_host import webcams
    return webcams, webcam


host_webcams, schema = load()


class Provider:
    """The plugin that provides a webcam."""

    def take_webcam_snapshot(self, name: str) -> list[bytes]:
        return [name.encode()]


def provided(name: str = "cam", **settings: Any) -> Any:
    """A webcam as OctoPrint's webcam API hands it out."""
    config = schema.Webcam(name=name, displayName=name, snapshotDisplay="", **settings)
    return SimpleNamespace(config=config, providerPlugin=Provider())


@pytest.mark.parametrize(
    ("typed", "complete"),
    [
        ("/webcam/?action=stream", "http://127.0.0.1/webcam/?action=stream"),
        ("//octopi.local/stream", "http://octopi.local/stream"),
        ("http://octopi.local:8080/?x=1", "http://octopi.local:8080/?x=1"),
        (" webrtc://octopi.local/x ", "webrtc://octopi.local/x"),
        ("webcam/stream", "webcam/stream"),
    ],
)
def test_a_stream_url_is_completed_as_octoprint_does(typed: str, complete: str) -> None:
    """It refuses the last one itself."""
    assert host_webcams.complete_stream_url(typed) == complete


def test_a_webcam_with_both() -> None:
    compat = schema.WebcamCompatibility(stream="/stream", snapshot="http://cam/snap")
    webcam = host_webcams.as_webcam(provided(canSnapshot=True, compat=compat))
    assert (webcam.name, webcam.url, webcam.stream) == (
        "cam", "http://cam/snap", "http://127.0.0.1/stream",
    )  # fmt: skip
    assert webcam.take is not None
    assert list(webcam.take()) == [b"cam"]


def test_a_webcam_without_the_compatible_part() -> None:
    webcam = host_webcams.as_webcam(provided(extras={"stream": "http://cam/stream"}))
    assert (webcam.url, webcam.take, webcam.stream) == (None, None, "http://cam/stream")
    bare = host_webcams.as_webcam(provided())
    assert (bare.url, bare.take, bare.stream) == (None, None, None)


def test_all_webcams_the_one_for_snapshots_first(monkeypatch: pytest.MonkeyPatch) -> None:
    cams = {name: provided(name) for name in ("b", "a", "c")}
    cams["odd"] = SimpleNamespace(config=None)
    monkeypatch.setattr(host_webcams, "get_webcams", lambda: cams)
    monkeypatch.setattr(host_webcams, "get_snapshot_webcam", lambda: cams["c"])
    assert [cam.name for cam in host_webcams.all_webcams()] == ["c", "a", "b"]

    def broken() -> Any:
        raise RuntimeError("a webcam plugin fails")

    monkeypatch.setattr(host_webcams, "get_snapshot_webcam", broken)
    assert [cam.name for cam in host_webcams.all_webcams()] == ["a", "b", "c"]
