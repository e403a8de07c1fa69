"""The first picture of a webcam's stream: what is no fault, and every way in which one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest

from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.webcam import snapshot, stream
from octoprint_obico.webcam.snapshot import Picture, Webcam
from octoprint_obico.webcam.stream import NotTriableError, first_picture, take_frame
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .live import in_time
from .pictures import made_up
from .results import run

Serve = Callable[[f.Behaviour], f.FaultServer]
JPEG = made_up(b"picture" * 99)
MULTIPART = "Content-Type: multipart/x-mixed-replace; boundary=frame"


def camera(url: str) -> Webcam:
    return Webcam("Cam", None, None, stream=url)


def part(jpeg: bytes = JPEG, *headers: str) -> bytes:
    """One picture as it stands in a stream, with its boundary before it."""
    lines = ["--frame", "Content-Type: image/jpeg", *headers, "", ""]
    return "\r\n".join(lines).encode() + jpeg + b"\r\n"


def lasting(data: bytes, content_type: str = MULTIPART) -> f.Behaviour:
    """An answer without a length that goes on for ever, but says nothing more."""

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        peer.send(f"HTTP/1.0 200 OK\r\n{content_type}\r\n\r\n".encode() + data)
        peer.hold()

    return behave


def taken(url: str, seconds: float = 3.0) -> Picture:
    picture = in_time(lambda: take_frame(camera(url), Deadline(seconds)), seconds + 1.5)
    assert isinstance(picture, Picture), picture
    return picture


def cause_of(url: str, seconds: float = 3.0) -> str:
    error = in_time(lambda: take_frame(camera(url), Deadline(seconds)), seconds + 1.5)
    assert isinstance(error, ChannelError), error
    return error.cause.value


# ---- whole pictures ------------------------------------------------------------------------------


def test_the_stream_of_the_sandbox(webcam: SandboxWebcam) -> None:
    assert taken(webcam.stream_url).jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "body",
    [
        part(JPEG, f"Content-Length: {len(JPEG)}"),
        part() + part(),
        b"\r\n" + part() + b"--frame",
        part(JPEG, "Content-Length: 3") + part(),
        part(JPEG, f"Content-Length: {9 * 2**30}") + part(),
        part(JPEG, "X-Timestamp: 1.5").replace(b"\r\n", b"\n") + b"--frame\n",
    ],
    ids=["with length", "without", "blank first", "short length", "giant length", "bare line ends"],
)
def test_one_picture_is_enough(serve: Serve, body: bytes) -> None:
    """It comes without waiting for the next one, where the headers say how long it is."""
    started = time.monotonic()
    assert taken(serve(lasting(body)).url).jpeg.rstrip() == JPEG
    assert time.monotonic() - started < 2.0


def test_the_headers_of_a_server_need_not_tell(serve: Serve) -> None:
    body = part() + part()
    assert taken(serve(lasting(body, "Content-Type: image/jpeg")).url).jpeg.rstrip() == JPEG


def test_a_snapshot_at_the_stream_url_is_a_picture(serve: Serve) -> None:
    server = serve(f.answer("200 OK", JPEG, "Content-Type: image/jpeg"))
    assert taken(server.url).jpeg == JPEG


def test_pictures_without_anything_between_them(serve: Serve) -> None:
    assert taken(serve(lasting(JPEG * 3, "Content-Type: image/jpeg")).url).jpeg == JPEG


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("header", ["Content-Length: 697", "X-Nothing: 1"])
def test_however_it_is_cut(size: int, header: str) -> None:
    body = part(JPEG, header) + part()
    pieces: Iterable[bytes] = [body[at : at + size] for at in range(0, len(body), size)]
    assert b"".join(first_picture(pieces)).rstrip() == JPEG


# ---- faults --------------------------------------------------------------------------------------

FAULTS = {
    "unreachable": "webcam_unreachable",
    "unauthorized": "webcam_authentication_required",
    "not_found": "webcam_not_found",
    "error": "webcam_error",
    "silent": "webcam_timed_out",
    "slow_drip": "webcam_timed_out",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_the_sandbox(
    webcam: SandboxWebcam, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "TIMEOUT_S", 0.5)
    webcam.set_fault(fault)
    assert cause_of(webcam.stream_url, 1.5) == FAULTS[fault]


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (lasting(part(JPEG[:-40]) + b"--frame"), "webcam_corrupt"),
        (lasting(part(b"") + b"--frame"), "webcam_corrupt"),
        (lasting(part(b"<html>no camera</html>") + b"--frame"), "webcam_not_an_image"),
        (lasting(part(JPEG[:60])), "webcam_timed_out"),
        (lasting(b""), "webcam_timed_out"),
        (f.answer("200 OK", b""), "webcam_corrupt"),
        (f.answer("200 OK", b"<html>Log in</html>", "Content-Type: text/html"),
         "webcam_not_an_image"),
        (f.endless(f"HTTP/1.0 200 OK\r\n{MULTIPART}\r\n\r\n".encode() + part()[:99], b"x" * 65536),
         "webcam_too_large"),
        (f.endless(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n", b"<p>" * 9999),
         "webcam_not_an_image"),
    ],
)  # fmt: skip
def test_what_is_no_picture(serve: Serve, behaviour: f.Behaviour, cause: str) -> None:
    assert cause_of(serve(behaviour).url, 1.5) == cause


@pytest.mark.parametrize("url", ["/webcam/?action=stream", "not a url", "http://", "ftp://cam/"])
def test_a_url_that_cannot_be_used(url: str) -> None:
    assert cause_of(url) == "webcam_url_malformed"


# ---- what only a browser can show ----------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["webrtc://cam.example/whep", "webrtcs://cam.example/", "rtsp://cam.example/1"]
    + ["http://cam.example/video.m3u8?x=1", "http://cam.example:1984/stream.html?src=cam"]
    + ["http://cam.example/webcam/webrtc/", "http://cam.example/video.mp4"],
)
def test_another_kind_of_video_is_not_tried(url: str) -> None:
    """Not even asked: the guard of the tests would notice."""
    with pytest.raises(NotTriableError):
        take_frame(camera(url), Deadline(1))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"#EXTM3U", "application/vnd.apple.mpegurl"),
        (b"\0\0\0 ftyp", "video/mp4"),
        (b"<html><video autoplay></video></html>", "text/html; charset=utf-8"),
        (b"<script>new RTCPeerConnection()</script>", "text/html"),
    ],
)
def test_an_answer_that_is_another_kind_of_video(
    serve: Serve, body: bytes, content_type: str
) -> None:
    server = serve(f.answer("200 OK", body, f"Content-Type: {content_type}"))
    with pytest.raises(NotTriableError):
        take_frame(camera(server.url), Deadline(3))


# ---- in the diagnosis ----------------------------------------------------------------------------


def test_the_check_of_a_webcam_with_a_stream_only(
    sandbox: SandboxServer, webcam: SandboxWebcam
) -> None:
    token = sandbox.printer.token
    webcams = [
        camera(webcam.stream_url),
        Webcam("Go", None, None, stream="http://cam.example/stream.html?src=cam&token=s3cret"),
        Webcam("No", None, None),
        Webcam("Far", None, None, unknown="{webcam}: nobody knows"),
        Webcam("Both", "x", lambda: [JPEG], stream="http://cam.example/never-asked"),
    ]
    result = run(sandbox.url, token, webcams)
    rows = {c["subject"]: c for c in result["checks"] if c["id"] == "webcam"}
    outcomes = {name: row["outcome"] for name, row in rows.items()}
    assert outcomes == {
        "Cam": "passed", "Go": "skipped", "No": "failed", "Far": "skipped", "Both": "passed",
    }  # fmt: skip
    assert rows["Cam"]["evidence"]["url"] == webcam.stream_url
    assert "only a browser" in rows["Go"]["summary"]
    assert "s3cret" not in str(result)
    assert rows["Far"]["summary"] == "Far: nobody knows"
    causes = {cam["name"]: cam["cause"] for cam in result["webcams"]}
    assert causes.pop("No") == "webcam_not_configured"
    assert set(causes.values()) == {None}
    assert result["verdict"] == "succeeded"


def test_the_lists_of_kinds_are_in_lower_case() -> None:
    """They are compared with texts in lower case."""
    assert all(ending == ending.lower() for ending, _ in stream._ENDINGS)
    assert all(sign == sign.lower() for sign in stream._PLAYER_SIGNS)
