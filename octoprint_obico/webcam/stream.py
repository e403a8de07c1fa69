"""Tries a webcam's stream: its first complete picture, by the very code that takes snapshots.

Only a motion JPEG stream can be tried. WebRTC, HLS and the like need a browser's decoder; that is
said of them, and is no fault of the webcam.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

import requests

from ..server.deadline import Deadline
from ..server.errors import ChannelError, ObicoError
from .snapshot import SNAPSHOT_CAP, Picture, Take, Webcam, opened, take_picture

_PIECE = 4096
_HEAD_CAP = 16 * 1024
"""Bytes within which the headers of the first part have to end."""
_PAGE_CAP = 256 * 1024
"""Bytes of a web page that are searched for a player."""
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"

_SCHEMES = {
    "webrtc": "WebRTC",
    "webrtcs": "WebRTC",
    "rtsp": "RTSP",
    "rtsps": "RTSP",
    "rtmp": "RTMP",
}
_ENDINGS: tuple[tuple[str, str], ...] = (
    (".m3u8", "HLS"),
    (".mpd", "DASH"),
    (".mp4", "MP4"),
    (".webm", "WebM"),
    (".ts", "MPEG"),
    (".flv", "FLV"),
    # the players of go2rtc (stream.html, webrtc.html) and camera-streamer (/webrtc)
    (".html", "a web page with a player"),
    ("/webrtc", "WebRTC"),
    ("/whep", "WebRTC"),
)
_CONTENT_TYPES: tuple[tuple[str, str], ...] = (
    ("mpegurl", "HLS"),
    ("dash+xml", "DASH"),
    ("video/mp4", "MP4"),
    ("video/webm", "WebM"),
    ("video/mp2t", "MPEG"),
    ("video/", "video"),
)
_PLAYER_SIGNS = (b"<video", b"<iframe", b"rtcpeerconnection", b"mediasource", b"webrtc", b"hls.js")


class NotTriableError(ObicoError):
    """The stream is of a kind that only a browser can show. `kind` names it for people."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def take_frame(webcam: Webcam, deadline: Deadline) -> Picture:
    """Take the first picture of a webcam's stream and check that it is a whole JPEG.

    Raises:
        NotTriableError: it is no motion JPEG stream, but another kind of video.
        ChannelError: with one of the webcam_* causes, as for snapshots.
    """
    url = webcam.stream or ""
    kind = _kind_by_url(url)
    if kind:
        raise NotTriableError(kind)
    try:
        return take_picture(webcam._replace(url=url, take=stream_take(url)), deadline)
    except ChannelError as error:
        if isinstance(error.__cause__, NotTriableError):
            raise error.__cause__ from None
        raise


def _kind_by_url(url: str) -> str:
    """What a stream URL says itself of its kind; empty where it may be motion JPEG."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # fetching says what is wrong with it
        return ""
    path = parts.path.lower().rstrip("/")
    by_ending = next((kind for ending, kind in _ENDINGS if path.endswith(ending)), "")
    return _SCHEMES.get(parts.scheme.lower(), by_ending)


def stream_take(url: str) -> Take:
    """What gives the first picture of the stream at `url` in pieces, and closes it then."""

    def take() -> Iterable[bytes]:
        response = opened(url)
        content_type = response.headers.get("Content-Type", "").lower()
        kind = next((kind for part, kind in _CONTENT_TYPES if part in content_type), "")
        if kind:
            response.close()
            raise NotTriableError(kind)
        pieces = _pieces(response)
        parse = _page if "text/html" in content_type else first_picture
        return _Closing(parse(pieces), response.close)

    return take


class _Closing:
    """Pieces together with what closes the connection that they come from."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces, self.close = pieces, close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes in: a camera may send one picture and then nothing till it moves."""
    # urllib3 1.26 cannot hand out what is there already; small pieces then lose little
    read = getattr(response.raw, "read1", None)
    size = _PIECE if read is not None else 512
    read = read or response.raw.read
    while True:
        piece: bytes = read(size)
        if not piece:
            return
        yield piece


def _page(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A web page in one piece; raises NotTriableError where it is a player."""
    page = bytearray()
    for piece in pieces:
        page += piece
        yield b""  # lets the caller look at the time
        if len(page) > _PAGE_CAP:
            break
    if any(sign in page.lower() for sign in _PLAYER_SIGNS):
        raise NotTriableError("a web page with a player")
    yield bytes(page)


def first_picture(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The first part of a multipart/x-mixed-replace body in pieces; any other body as it is.

    Whether it is multipart is seen by the body, as servers write their headers carelessly; so the
    boundary is the one that stands there, too. The length in the part's headers lets it end without
    waiting for the next picture, and counts only where a JPEG really ends there.
    """
    source, held = iter(pieces), bytearray()
    for piece in source:
        held += piece
        if _is_decided(held):
            break
        yield b""  # lets the caller look at the time
    head = _HEAD.match(bytes(held[:_HEAD_CAP]))
    if head is None:  # one JPEG after another without anything between them, or no stream at all
        yield from _until(_JPEG_END + _JPEG_START, None, held, source, _JPEG_END)
        return
    length = _LENGTH.search(head.group("fields"))
    del held[: head.end()]
    whole = int(length.group(1)) if length else None
    if whole is not None and whole > SNAPSHOT_CAP:
        whole = None  # not to be waited for in memory
    yield from _until(b"\n" + head.group("boundary"), whole, held, source)


_HEAD = re.compile(
    rb"\s*(?P<boundary>--[^\r\n]{1,200})\r?\n(?P<fields>(?:[^\r\n]+\r?\n)*)\r?\n", re.DOTALL
)
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$")


def _is_decided(held: bytearray) -> bool:
    """Whether enough has come to tell a part's headers from anything else."""
    start = bytes(held[:_HEAD_CAP]).lstrip()
    if len(held) >= _HEAD_CAP or (len(start) >= 2 and not start.startswith(b"--")):
        return True
    return _HEAD.match(start) is not None


def _until(
    delimiter: bytes,
    whole: int | None,
    held: bytearray,
    source: Iterator[bytes],
    ending: bytes = b"",
) -> Iterator[bytes]:
    """Yield up to the delimiter (and `ending` in its place), or the `whole` length, or the end."""
    searched = 0
    while True:
        if whole is not None and len(held) >= whole:
            picture = bytes(held[:whole])
            if picture.endswith(_JPEG_END):
                yield picture
                return
            whole = None  # the length is wrong: what comes next tells
        at = held.find(delimiter, searched)
        if at >= 0:
            yield bytes(held[:at]).removesuffix(b"\r") + ending
            return
        searched = max(0, len(held) - len(delimiter) - 1)
        if whole is None and searched:
            yield bytes(held[:searched])
            del held[:searched]
            searched = 0
        piece = next(source, None)
        if piece is None:
            yield bytes(held)
            return
        held += piece
        yield b""  # lets the caller look at the time
