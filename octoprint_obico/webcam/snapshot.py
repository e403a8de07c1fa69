"""Takes one picture from a webcam and says what is wrong where that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ..server.causes import Cause
from ..server.deadline import Deadline
from ..server.errors import ChannelError, Stage, cause_of_os_error, cause_of_tls_error, chain
from ..server.redact import redact

SNAPSHOT_CAP = 5 * 1024 * 1024
"""Bytes of a picture that are taken (DIAGNOSIS contract)."""

TIMEOUT_S = 8.0
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"

Take = Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Webcam:
    """A webcam as OctoPrint, or the command line, names it.

    Attributes:
        url: where its pictures come from, for people; None where it is not known.
        take: returns the picture in pieces; None where the webcam has no snapshots.
    """

    name: str
    url: str | None
    take: Take | None

    @property
    def channel(self) -> str:
        """The name under which its attempts are recorded."""
        return f"webcam:{self.name}"


@dataclass(frozen=True)
class Picture:
    """A complete JPEG and how long it took in seconds."""

    jpeg: bytes
    seconds: float


def url_webcam(name: str, url: str) -> Webcam:
    """A webcam that is nothing but a snapshot URL (the stand-alone diagnosis)."""

    def take() -> Iterable[bytes]:
        response = requests.get(url, stream=True, timeout=(TIMEOUT_S, TIMEOUT_S))
        if response.status_code != 200:
            response.close()
            response.raise_for_status()
            raise requests.HTTPError(response=response)
        return response.iter_content(chunk_size=4096)

    return Webcam(name, url, take)


def take_picture(webcam: Webcam, deadline: Deadline) -> Picture:
    """Fetch one picture and check that it is a whole JPEG.

    Raises:
        ChannelError: with one of the webcam_* causes.
    """
    facts = {"webcam": webcam.name, "url": redact(webcam.url or "")}
    if webcam.take is None:
        raise ChannelError(Cause.WEBCAM_NOT_CONFIGURED, Stage.ADDRESS, "no snapshot URL", facts)
    started = time.monotonic()
    try:
        data = _collect(webcam.take(), deadline)
    except ChannelError as error:
        raise error.with_facts(**facts) from None
    except Exception as error:  # a webcam plugin may raise anything
        raise _failure(error, webcam, facts) from error
    problem = _problem(data)
    if problem is not None:
        cause, seen = problem
        raise ChannelError(cause, Stage.RESPONSE, seen.get("looks_like", ""), {**facts, **seen})
    return Picture(data, time.monotonic() - started)


def _collect(pieces: Iterable[bytes], deadline: Deadline) -> bytes:
    """Join the pieces, up to the cap and the deadline; always close what they come from."""
    data = bytearray()
    try:
        for piece in pieces:
            data += piece
            if _is_multipart(data):
                raise _stream_error(data)
            if len(data) > SNAPSHOT_CAP:
                endless = data.count(_JPEG_START + b"\xff") > 2
                if endless:
                    raise _stream_error(data)
                raise ChannelError(
                    Cause.WEBCAM_TOO_LARGE, Stage.RESPONSE, "more than 5 MB", {"bytes": len(data)}
                )
            if deadline.over:
                raise ChannelError(
                    Cause.WEBCAM_TIMED_OUT,
                    Stage.RESPONSE,
                    "no complete picture in time",
                    {"bytes": len(data)},
                )
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
        cut = {"looks_like": "a JPEG that is cut off", "bytes": len(data)}
        return None if whole else (Cause.WEBCAM_CORRUPT, cut)
    start = data[:400].lstrip().lower()
    for signature, name in _SIGNATURES:
        if start.startswith(signature.lower()):
            return Cause.WEBCAM_NOT_AN_IMAGE, {"looks_like": name, "bytes": len(data)}
    return Cause.WEBCAM_NOT_AN_IMAGE, {"looks_like": "something else", "bytes": len(data)}


_BY_STATUS: Mapping[int, Cause] = {
    401: Cause.WEBCAM_AUTHENTICATION_REQUIRED,
    403: Cause.WEBCAM_AUTHENTICATION_REQUIRED,
    404: Cause.WEBCAM_NOT_FOUND,
}

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
        cause = _BY_STATUS.get(status, Cause.WEBCAM_ERROR)
        return ChannelError(cause, Stage.RESPONSE, f"HTTP {status}", {**facts, "status": status})
    if type(error).__name__ == "WebcamNotAbleToTakeSnapshotException":
        return ChannelError(Cause.WEBCAM_NOT_CONFIGURED, Stage.ADDRESS, error, facts)
    items = list(chain(error))
    if any(isinstance(item, _MALFORMED) for item in items):
        return ChannelError(Cause.WEBCAM_URL_MALFORMED, Stage.ADDRESS, error, facts)
    if any(isinstance(item, _TIMED_OUT) for item in items):
        return ChannelError(Cause.WEBCAM_TIMED_OUT, Stage.RESPONSE, "no answer in time", facts)
    detail = _connect_detail(items)
    where = urlsplit(webcam.url or "")
    more = {**facts, "host": where.hostname or "", "detail": detail.value if detail else ""}
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
