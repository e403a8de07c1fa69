"""The sandbox webcam: pictures, stream, and each of its faults."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image, UnidentifiedImageError

from sandbox.faults import WEBCAM_FAULTS, UnknownFault
from sandbox.picture import PictureSource
from sandbox.webcam import STREAM_FAULTS, SandboxWebcam

SHORT_S = 0.25
PNG_START = b"\x89PNG"
PATHS = ["/snapshot", "/stream"]


@pytest.fixture
def webcam() -> Iterator[SandboxWebcam]:
    with SandboxWebcam() as running:
        yield running


def get(webcam: SandboxWebcam, path: str, **options: Any) -> requests.Response:
    options.setdefault("timeout", 3)
    with requests.Session() as session:
        session.trust_env = False
        return session.get(webcam.url + path, **options)


def is_whole(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.format == "JPEG" and image.size == (640, 480)
    except (OSError, UnidentifiedImageError):
        return False


def stream_parts(webcam: SandboxWebcam, path: str, count: int) -> list[bytes]:
    """The first pictures of the stream, cut out by their Content-Length."""
    with requests.Session() as session:
        session.trust_env = False
        with session.get(webcam.url + path, stream=True, timeout=3) as response:
            assert response.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            parts: list[bytes] = []
            data = b""
            while len(parts) < count:
                data += response.raw.read1(65536)
                head = re.match(rb"\r?\n?--frame\r\n.*?Content-Length: (\d+)\r\n\r\n", data, re.S)
                if head and len(data) >= head.end() + int(head.group(1)):
                    end = head.end() + int(head.group(1))
                    parts.append(data[head.end() : end])
                    data = data[end:]
            return parts


@pytest.mark.parametrize("path", ["/snapshot", "/?action=snapshot"])
def test_a_snapshot_is_a_whole_jpeg(webcam: SandboxWebcam, path: str):
    response = get(webcam, path)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert is_whole(response.content)
    assert webcam.wait_for(lambda: webcam.snapshot_count == 1)


@pytest.mark.parametrize("path", ["/stream", "/?action=stream"])
def test_a_stream_is_a_row_of_different_jpegs(webcam: SandboxWebcam, path: str):
    first, second = stream_parts(webcam, path, 2)
    assert is_whole(first) and is_whole(second)
    assert first != second


def test_pictures_move_and_are_drawn_once_per_frame():
    now = [100.0]
    source = PictureSource(fps=5, monotonic=lambda: now[0])
    first = source.jpeg()
    now[0] += 0.1
    assert source.jpeg() is first
    now[0] += 0.2
    assert source.jpeg() != first


@pytest.mark.parametrize("fault_id", WEBCAM_FAULTS)
def test_each_fault_can_be_mended(webcam: SandboxWebcam, fault_id: str):
    webcam.set_fault(fault_id)
    webcam.clear()
    assert webcam.fault is None
    assert is_whole(get(webcam, "/snapshot").content)
    assert is_whole(stream_parts(webcam, "/stream", 1)[0])


@pytest.mark.parametrize(
    ("fault_id", "status"), [("unauthorized", 401), ("not_found", 404), ("error", 500)]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_concerns_snapshot_and_stream(
    webcam: SandboxWebcam, fault_id: str, status: int, path: str
):
    webcam.set_fault(fault_id)
    response = get(webcam, path)
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize("path", PATHS)
def test_unreachable_refuses(webcam: SandboxWebcam, path: str):
    webcam.set_fault("unreachable")
    with pytest.raises(requests.ConnectionError):
        get(webcam, path)
    webcam.set_fault("error")
    assert get(webcam, path).status_code == 500


@pytest.mark.parametrize("path", PATHS)
def test_silent_never_answers(webcam: SandboxWebcam, path: str):
    webcam.set_fault("silent")
    with pytest.raises(requests.Timeout):
        get(webcam, path, timeout=SHORT_S)


def test_what_is_no_picture_says_so(webcam: SandboxWebcam):
    webcam.set_fault("html")
    assert get(webcam, "/snapshot").headers["Content-Type"].startswith("text/html")
    webcam.set_fault("png")
    png = get(webcam, "/snapshot")
    assert png.headers["Content-Type"] == "image/png"
    assert png.content.startswith(PNG_START)


def test_broken_pictures_are_broken(webcam: SandboxWebcam):
    webcam.set_fault("corrupt")
    corrupt = get(webcam, "/snapshot").content
    assert corrupt.startswith(b"\xff\xd8") and not corrupt.endswith(b"\xff\xd9")
    assert not is_whole(corrupt)
    webcam.set_fault("empty")
    assert get(webcam, "/snapshot").content == b""
    webcam.set_fault("too_large")
    assert len(get(webcam, "/snapshot").content) > 5 * 1024 * 1024


def test_the_stream_can_stand_in_for_the_snapshot(webcam: SandboxWebcam):
    webcam.set_fault("stream_as_snapshot")
    assert is_whole(stream_parts(webcam, "/snapshot", 1)[0])


def test_a_drip_sends_a_few_bytes_of_an_announced_picture(webcam: SandboxWebcam):
    webcam.set_fault("slow_drip")
    with requests.Session() as session, session.get(webcam.snapshot_url, stream=True) as response:
        assert int(response.headers["Content-Length"]) > 1000
        assert response.raw.read1(100).startswith(b"\xff\xd8")


def test_a_running_stream_ends_with_a_fault_of_the_whole_webcam(webcam: SandboxWebcam):
    assert "error" in STREAM_FAULTS
    with requests.Session() as session, session.get(webcam.stream_url, stream=True) as response:
        webcam.set_fault("error")
        with pytest.raises(requests.RequestException):
            for _ in response.iter_content(65536):
                pass


def test_an_unknown_fault_is_refused(webcam: SandboxWebcam):
    with pytest.raises(UnknownFault, match="slow_drip"):
        webcam.set_fault("nonsense")
