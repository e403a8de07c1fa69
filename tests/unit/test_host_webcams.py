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


def as_told(monkeypatch: pytest.MonkeyPatch, first: str, **cams: Any) -> list[dict[str, Any]]:
    """The settings section's webcams, where OctoPrint prefers one of these for snapshots."""
    monkeypatch.setattr(host_webcams, "get_webcams", lambda: cams)
    monkeypatch.setattr(host_webcams, "get_snapshot_webcam", lambda: cams.get(first))
    told: list[dict[str, Any]] = host_webcams.server_webcams()
    return told


def test_the_server_is_told_of_each_webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratios as of Classic Webcam, which names an enumeration, and as text of another plugin."""
    compat = schema.WebcamCompatibility(stream="/stream", snapshot="/snap", streamRatio="4:3")
    told = as_told(
        monkeypatch,
        "b",
        a=provided("a", extras={"stream": "http://cam/s", "streamRatio": "16:9"}, flipV=True),
        b=provided("b", canSnapshot=True, compat=compat, rotate90=True),
        new=provided("new"),
        odd=SimpleNamespace(config=None),
    )
    keys = ("name", "is_primary_camera", "flipH", "flipV", "rotation", "streamRatio")
    assert [tuple(camera[key] for key in keys) for camera in told] == [
        ("b", True, False, False, 270, "4:3"),
        ("a", False, False, True, 0, "16:9"),
    ]


def test_a_preferred_webcam_that_gives_no_pictures_is_not_the_primary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The picture and the orientation it is shown with are of the same webcam."""
    extras = {"stream": "http://cam/s"}
    cams = {"a": provided("a", extras=extras), "b": provided("b", canSnapshot=True)}
    told = as_told(monkeypatch, "a", **cams)
    assert [camera["name"] for camera in told] == ["b", "a"]
    with_pictures = [webcam.name for webcam in host_webcams.all_webcams() if webcam.take]
    assert told[0]["name"] == with_pictures[0]


def test_without_a_webcam_the_server_is_told_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classic Webcam is always there; before it is set up there is nothing to show."""
    fresh = schema.WebcamCompatibility(stream="", snapshot="")
    assert as_told(monkeypatch, "classic", classic=provided("classic", compat=fresh)) == []
