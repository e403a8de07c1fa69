"""One picture of a webcam: every way in which that goes wrong, and always in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import pytest
import requests

from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.webcam import snapshot as s
from sandbox import SandboxWebcam
from sandbox.faults import WEBCAM_FAULTS

from . import faults as f
from .live import in_time
from .pictures import made_up

Serve = Callable[[f.Behaviour], f.FaultServer]
JPEG = made_up(b"picture" * 9)


def cause_of(webcam: s.Webcam, seconds: float = 3.0) -> str:
    error = in_time(lambda: s.take_picture(webcam, Deadline(seconds)), seconds + 1.5)
    assert isinstance(error, ChannelError), error
    return error.cause.value


def webcam_of(*pieces: bytes) -> s.Webcam:
    return s.Webcam("Cam", None, lambda: list(pieces))


@pytest.mark.parametrize("fault", WEBCAM_FAULTS)
def test_each_fault_of_the_sandbox(
    webcam: SandboxWebcam, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s, "TIMEOUT_S", 0.5)
    webcam.set_fault(fault)
    camera = s.url_webcam("Cam", webcam.snapshot_url)
    assert cause_of(camera, 1.5) == WEBCAM_FAULTS[fault].cause


def test_a_good_picture(webcam: SandboxWebcam) -> None:
    picture = s.take_picture(s.url_webcam("Cam", webcam.snapshot_url), Deadline(5))
    assert picture.jpeg.startswith(b"\xff\xd8")
    assert 0 < picture.seconds < 5


def test_a_slow_drip_ends_with_the_deadline(serve: Serve) -> None:
    """Each byte comes in time, the picture never does."""
    head = f.http_bytes("200 OK", b"", "Content-Type: image/jpeg", length=90_000)
    server = serve(f.drip_after_request(head + JPEG * 999))
    started = time.monotonic()
    assert cause_of(s.url_webcam("Cam", server.url), 0.5) == "webcam_timed_out"
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("pieces", "cause"),
    [
        ([], "webcam_corrupt"),
        ([b""], "webcam_corrupt"),
        ([JPEG[:-2]], "webcam_corrupt"),
        ([b"\xff\xd8\xff\xe0\x00\x10JFIF\xff\xd9"], "webcam_corrupt"),
        ([made_up(b"x", 0, 480)], "webcam_corrupt"),
        ([made_up(b"x", 65500, 65500)], "webcam_corrupt"),
        ([b"\x89PNG\r\n\x1a\n"], "webcam_not_an_image"),
        ([b"<!DOCTYPE html><p>"], "webcam_not_an_image"),
        ([b"  <html>"], "webcam_not_an_image"),
        ([b'{"error": 1}'], "webcam_not_an_image"),
        ([b"hello"], "webcam_not_an_image"),
        ([b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", JPEG], "webcam_stream_as_snapshot"),
        ([b"--fr", b"ame\r\nContent-", b"Type: image/jpeg\r\n"], "webcam_stream_as_snapshot"),
        ([b"\xff\xd8" + b"x" * (6 << 20) + b"\xff\xd9"], "webcam_too_large"),
    ],
)
def test_what_is_no_picture(pieces: list[bytes], cause: str) -> None:
    assert cause_of(webcam_of(*pieces)) == cause


def test_a_bomb_is_told_by_its_size() -> None:
    """A few hundred bytes that would be gigabytes."""
    with pytest.raises(ChannelError) as caught:
        s.take_picture(webcam_of(made_up(b"x" * 300, 65500, 65500)), Deadline(1))
    assert caught.value.facts["looks_like"] == "a JPEG of 65500 x 65500 pixels"


def test_padding_behind_the_end_is_no_fault() -> None:
    assert s.take_picture(webcam_of(JPEG, b"\0" * 100, b"\r\n"), Deadline(1)).jpeg.startswith(JPEG)


def test_an_endless_stream_of_pictures_without_multipart() -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield JPEG * 1000

    assert cause_of(s.Webcam("Cam", None, forever)) == "webcam_stream_as_snapshot"


def test_what_it_comes_from_is_closed() -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"<html>"])

        def close(self) -> None:
            closed.append(True)

    pieces: Iterable[bytes] = Pieces()
    cause_of(s.Webcam("Cam", None, lambda: pieces))
    assert closed == [True]


class WebcamNotAbleToTakeSnapshotException(Exception):
    """The name that OctoPrint's exception has."""


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (RuntimeError("on fire"), "webcam_error"),
        (WebcamNotAbleToTakeSnapshotException("no"), "webcam_not_configured"),
        (ConnectionRefusedError(111, "refused"), "webcam_unreachable"),
        (requests.ReadTimeout("slow"), "webcam_timed_out"),
        (requests.ConnectTimeout("slow"), "webcam_unreachable"),
        (requests.exceptions.InvalidSchema("no"), "webcam_url_malformed"),
        (UnicodeError("label too long"), "webcam_error"),
        (TimeoutError("timed out"), "webcam_unreachable"),
    ],
)
@pytest.mark.parametrize("url", [None, "http://cam.example/", "http://[::1"])
def test_a_webcam_plugin_may_raise_anything(raised: Exception, cause: str, url: str | None) -> None:
    def take() -> Iterable[bytes]:
        raise raised

    assert cause_of(s.Webcam("Cam", url, take)) == cause


@pytest.mark.parametrize(
    "url", ["not a url", "http://", "ftp://cam/", "http://[::1", "http://:80/"]
)
def test_a_url_that_cannot_be_used(url: str) -> None:
    assert cause_of(s.url_webcam("Cam", url)) == "webcam_url_malformed"


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "302 Found", "503 X"])
def test_a_status_other_than_200(serve: Serve, status: str) -> None:
    expected = {"403": "webcam_authentication_required", "404": "webcam_not_found"}
    server = serve(f.answer(status))
    assert cause_of(s.url_webcam("Cam", server.url)) == expected.get(status[:3], "webcam_error")


def test_no_snapshot_url() -> None:
    assert cause_of(s.Webcam("Cam", None, None)) == "webcam_not_configured"
