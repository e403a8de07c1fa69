"""Takes one picture from a webcam and says what is wrong where that fails."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
import urllib3

from ..server.causes import Cause
from ..server.deadline import Deadline
from ..server.errors import ChannelError, Stage, cause_of_os_error, cause_of_tls_error, chain
from ..server.redact import REDACTED, redact
from .jpeg import size_of

SNAPSHOT_CAP = 5 * 1024 * 1024
"""Bytes of a picture that are taken (DIAGNOSIS contract)."""

MOST_PIXELS = 89_478_485
"""Above it Pillow, with which the server opens pictures, takes a JPEG for a decompression bomb
(its Image.MAX_IMAGE_PIXELS). No webcam has so many within 5 MB."""

TIMEOUT_S = 8.0
_MAX_REDIRECTS = 3
_PICTURES_IN_A_STREAM = 2
"""Beginnings of a JPEG: one, and a preview inside; more are a stream."""

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"

_TELLING = frozenset(
    ("action", "camera", "channel", "ch", "cmd", "fps", "h", "height", "id", "q", "quality")
    + ("res", "resolution", "size", "stream", "type", "w", "width")
)
"""Parts of a snapshot URL's query that are shown; any other may be a password."""

SNAPSHOT_URL, STREAM_URL = "snapshot URL", "stream URL"
"""Which of a webcam's addresses the texts speak of; they are translated there."""

Take = Callable[[], Iterable[bytes]]


class Webcam(NamedTuple):
    """A webcam as OctoPrint, or the command line, names it.

    Attributes:
        url: where its pictures come from, for people; None where it is not known.
        take: returns the picture in pieces; None where the webcam has no snapshots.
        stream: its complete stream URL, which the diagnosis tries where there are no snapshots;
            None where it has none, or that is not known.
        unknown: why it cannot be asked at all (a text for the catalogue); empty where it can.
    """

    name: str
    url: str | None
    take: Take | None
    stream: str | None = None
    unknown: str = ""

    @property
    def channel(self) -> str:
        """The name under which its attempts are recorded."""
        return f"webcam:{self.name}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the texts say of it."""
        which = SNAPSHOT_URL if self.url or not self.stream else STREAM_URL
        shown = shown_url(self.url or self.stream or "")
        return {"webcam": self.name, "url": shown, "which": which}


class Picture(NamedTuple):
    """A complete JPEG and how long it took in seconds."""

    jpeg: bytes
    seconds: float


def shown_url(url: str) -> str:
    """A webcam's URL as it may be shown: without user name, password and unknown parameters."""
    base, question, query = url.partition("?")
    if "//" not in base:  # its scheme was forgotten, but perhaps not the password
        host, slash, path = base.partition("/")
        base = (f"{REDACTED}@" if "@" in host else "") + host.rpartition("@")[2] + slash + path
    parts = []
    for part in query.split("&") if question else ():
        name, equals, _ = part.partition("=")
        telling = not name or name.lower() in _TELLING
        parts.append(part if telling else f"{name}={REDACTED}" if equals else REDACTED)
    return redact(base + question + "&".join(parts))


def url_webcam(name: str, url: str) -> Webcam:
    """A webcam that is nothing but a snapshot URL (the stand-alone diagnosis)."""

    if not url.strip():
        return Webcam(name, None, None)

    def take() -> Iterable[bytes]:
        response = opened(url)
        if "multipart/" in response.headers.get("content-type", "").lower():
            response.close()
            raise _stream_error(bytearray())  # also one that has stopped before its first picture
        return response.iter_content(chunk_size=4096)

    return Webcam(name, url, take)


class _Session(requests.Session):
    """Leaves redirects to us: requests would read each to its end first, however long it is."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def opened(url: str) -> requests.Response:
    """Ask a webcam and return its answer, whose body is not read yet; any but a 200 is raised."""
    for _ in range(_MAX_REDIRECTS + 1):
        with _Session() as session:
            response = session.get(url, stream=True, timeout=(TIMEOUT_S, TIMEOUT_S))
        if not response.is_redirect:
            break
        response.close()
        url = urljoin(url, response.headers["location"])
    if response.status_code != 200:
        response.close()
        response.raise_for_status()
        raise requests.HTTPError(response=response)
    return response


class Fetcher:
    """Takes pictures within a time limit, whatever the webcam does.

    A webcam plugin gives no handle to end a picture that drips in for ever. It is read in a thread
    of its own that is left behind when the time is up; while it lives, its webcam is not asked
    again, so that there is never more than one for each.
    """

    def __init__(self) -> None:
        self._left_behind: dict[str, threading.Thread] = {}

    def fetch(self, webcam: Webcam, deadline: Deadline) -> Picture:
        """Take one picture and check that it is a whole JPEG.

        Raises:
            ChannelError: with one of the webcam_* causes.
        """
        facts = webcam.facts
        if webcam.take is None:
            raise ChannelError(Cause.WEBCAM_NOT_CONFIGURED, Stage.ADDRESS, "no snapshots", facts)
        started = time.monotonic()
        outcome = self._collected(webcam, webcam.take, deadline)
        if isinstance(outcome, ChannelError):
            raise outcome.with_facts(**facts)
        if isinstance(outcome, Exception):  # a webcam plugin may raise anything
            raise _failure(outcome, webcam, facts) from outcome
        problem = _problem(outcome)
        if problem is not None:
            cause, seen = problem
            raise ChannelError(cause, Stage.RESPONSE, seen["looks_like"], {**facts, **seen})
        return Picture(outcome, time.monotonic() - started)

    def _collected(self, webcam: Webcam, take: Take, deadline: Deadline) -> bytes | Exception:
        old = self._left_behind.get(webcam.name)
        if old is not None and old.is_alive():
            return _too_slow(0)
        data, outcome = bytearray(), queue.Queue[Any]()

        def work() -> None:
            try:
                outcome.put(_collect(take(), data, deadline))
            except Exception as error:
                outcome.put(error)

        thread = threading.Thread(target=work, name="obico-snapshot", daemon=True)
        thread.start()
        try:
            result: bytes | Exception = outcome.get(timeout=max(deadline.remaining(), 0.01))
            return result
        except queue.Empty:
            self._left_behind[webcam.name] = thread
            return _unfinished(data)


def take_picture(webcam: Webcam, deadline: Deadline) -> Picture:
    """Take one picture, as `Fetcher.fetch` does."""
    return Fetcher().fetch(webcam, deadline)


def _too_slow(count: int) -> ChannelError:
    seen = {"bytes": count}
    return ChannelError(Cause.WEBCAM_TIMED_OUT, Stage.RESPONSE, "no complete picture in time", seen)


def _unfinished(data: bytearray) -> ChannelError:
    """What has not ended in time: a stream, by the pictures or the header in it, or a slow one."""
    pictures = data.count(_JPEG_START + b"\xff")
    if pictures > _PICTURES_IN_A_STREAM or _is_multipart(data):
        return _stream_error(data)
    return _too_slow(len(data))


def _collect(pieces: Iterable[bytes], data: bytearray, deadline: Deadline) -> bytes:
    """Join the pieces, up to the cap and the deadline; always close what they come from."""
    try:
        for piece in pieces:
            data += piece
            if _is_multipart(data):
                raise _stream_error(data)
            if len(data) > SNAPSHOT_CAP:
                if data.count(_JPEG_START + b"\xff") > _PICTURES_IN_A_STREAM:
                    raise _stream_error(data)
                raise ChannelError(
                    Cause.WEBCAM_TOO_LARGE, Stage.RESPONSE, "more than 5 MB", {"bytes": len(data)}
                )
            if deadline.over:
                raise _unfinished(data)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    return bytes(data)


def _stream_error(data: bytearray) -> ChannelError:
    return ChannelError(
        Cause.WEBCAM_STREAM_AS_SNAPSHOT,
        Stage.RESPONSE,
        "an endless stream, not a picture",
        {"bytes": len(data)},
    )


def _is_multipart(data: bytearray) -> bool:
    """Whether the body begins as multipart/x-mixed-replace does: a boundary, then headers."""
    start = bytes(data[:300]).lstrip()
    return start.startswith(b"--") and b"content-type:" in start.lower()


_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a WebP picture"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"{", "JSON text"),
)


def _problem(data: bytes) -> tuple[Cause, dict[str, Any]] | None:
    """What is wrong with a picture, or None where it is a whole JPEG."""
    if not data:
        return Cause.WEBCAM_CORRUPT, {"looks_like": "nothing: the answer is empty", "bytes": 0}
    if data.startswith(_JPEG_START):
        # cameras pad the end with zeros or a line break; a file that is cut off has no end at all
        whole = _JPEG_END in data[-4096:]
        looks_like = _damage(data) if whole else "a JPEG that is cut off"
        seen = {"looks_like": looks_like, "bytes": len(data)}
        return (Cause.WEBCAM_CORRUPT, seen) if looks_like else None
    start = data[:400].lstrip().lower()
    for signature, name in _SIGNATURES:
        if start.startswith(signature.lower()):
            return Cause.WEBCAM_NOT_AN_IMAGE, {"looks_like": name, "bytes": len(data)}
    return Cause.WEBCAM_NOT_AN_IMAGE, {"looks_like": "something else", "bytes": len(data)}


def _damage(jpeg: bytes) -> str:
    """What is wrong with the header of a JPEG that has its end; empty where nothing is."""
    size = size_of(jpeg)
    if size is None:
        return "a JPEG with a damaged header"  # the server answers it with a 500 (PROTOCOL 2.4)
    return f"a JPEG of {size.width} x {size.height} pixels" if size.pixels > MOST_PIXELS else ""


_BY_STATUS: Mapping[int, Cause] = {
    401: Cause.WEBCAM_AUTHENTICATION_REQUIRED,
    403: Cause.WEBCAM_AUTHENTICATION_REQUIRED,
    404: Cause.WEBCAM_NOT_FOUND,
}

_EMPTY = frozenset({204, 205})
_BROKEN_ANSWERS: tuple[tuple[str, Cause, str], ...] = (
    ("IncompleteRead", Cause.WEBCAM_CORRUPT, "a picture that is cut off"),
    ("BadStatusLine", Cause.WEBCAM_NOT_AN_IMAGE, "something that is no web server's answer"),
)
"""Exceptions of http.client that say what the answer was."""

_MALFORMED = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationParseError,
)
_TIMED_OUT = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)


def _failure(error: Exception, webcam: Webcam, facts: Mapping[str, Any]) -> ChannelError:
    """What an exception of a webcam plugin, or of `requests` below it, means."""
    response = getattr(error, "response", None)
    if response is not None:
        status = int(response.status_code)
        if status in _EMPTY:
            seen = {"looks_like": "nothing: the answer is empty", "status": status}
            return ChannelError(
                Cause.WEBCAM_CORRUPT, Stage.RESPONSE, f"HTTP {status}", {**facts, **seen}
            )
        cause = _BY_STATUS.get(status, Cause.WEBCAM_ERROR)
        return ChannelError(cause, Stage.RESPONSE, f"HTTP {status}", {**facts, "status": status})
    if type(error).__name__ == "WebcamNotAbleToTakeSnapshotException":
        return ChannelError(Cause.WEBCAM_NOT_CONFIGURED, Stage.ADDRESS, error, facts)
    items = list(chain(error))
    if any(isinstance(item, _MALFORMED) for item in items):
        message = f"{type(error).__name__}: {facts['url']}"  # its own has the URL as it is
        return ChannelError(Cause.WEBCAM_URL_MALFORMED, Stage.ADDRESS, message, facts)
    if any(isinstance(item, _TIMED_OUT) for item in items):
        return ChannelError(Cause.WEBCAM_TIMED_OUT, Stage.RESPONSE, "no answer in time", facts)
    names = {type(item).__name__ for item in items}
    for name, cause, looks_like in _BROKEN_ANSWERS:
        if name in names and "RemoteDisconnected" not in names:
            return ChannelError(cause, Stage.RESPONSE, name, {**facts, "looks_like": looks_like})
    detail = _connect_detail(items)
    more = {**facts, "detail": detail.value if detail else ""}
    cause = Cause.WEBCAM_UNREACHABLE if detail else Cause.WEBCAM_ERROR
    return ChannelError(cause, Stage.CONNECT, f"{type(items[-1]).__name__}: {items[-1]}", more)


def _connect_detail(items: list[BaseException]) -> Cause | None:
    """Which of the connecting causes keeps a webcam from being reached; None where it is none."""
    for item in items:
        name = type(item).__name__
        if isinstance(item, urllib3.exceptions.NameResolutionError) or name == "gaierror":
            return Cause.DNS_NAME_NOT_FOUND
        if type(item).__module__ == "ssl":
            return cause_of_tls_error(item)
        if name in ("RemoteDisconnected", "ProtocolError"):
            return Cause.CONNECTION_RESET
        if name in ("ConnectTimeout", "ConnectTimeoutError"):
            return Cause.CONNECTION_TIMED_OUT
        found = cause_of_os_error(item) if isinstance(item, OSError) else None
        if found is not None:
            return found
    return None
