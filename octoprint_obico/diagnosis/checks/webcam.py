"""Does a webcam give a picture?"""

from __future__ import annotations

from collections.abc import Callable

from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...webcam.snapshot import STREAM_URL, Picture, Webcam, shown_url, take_picture
from ...webcam.stream import NotTriableError, take_frame
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import failed, skipped

_FROM_SNAPSHOT = N_("{webcam}: a picture of {kilobytes} KB after {ms} ms")
_FROM_STREAM = N_("{webcam}: the stream's first picture, {kilobytes} KB, after {ms} ms ({url})")

# words that come from webcam/, which knows no catalogue, marked for translation
_WORDS = (N_("snapshot URL"), N_("stream URL"), N_("a web page with a player"))


def check_webcam(webcam: Webcam, deadline: Deadline) -> Finding:
    """Does a webcam give a picture? By its snapshot URL or, where it has none, by its stream."""
    if webcam.unknown:
        return skipped(webcam.unknown, webcam=webcam.name)
    if webcam.take is not None or not webcam.stream:
        return _tried(webcam, take_picture, deadline, _FROM_SNAPSHOT, {})
    facts = {"webcam": webcam.name, "url": shown_url(webcam.stream), "which": STREAM_URL}
    try:
        return _tried(webcam, take_frame, deadline, _FROM_STREAM, facts)
    except NotTriableError as error:
        facts = {**facts, "kind": error.kind}
        summary = N_("{webcam}: not tried, {url} is {kind}, which only a browser can show")
        return Finding(Outcome.SKIPPED, summary, facts, None, facts)


def _tried(
    webcam: Webcam,
    take: Callable[[Webcam, Deadline], Picture],
    deadline: Deadline,
    summary: str,
    more: dict[str, str],
) -> Finding:
    try:
        picture = take(webcam, deadline)
    except ChannelError as error:
        return failed(error, N_("{webcam}: no picture"), **more)
    facts = {
        **webcam.facts,
        **more,
        "kilobytes": round(len(picture.jpeg) / 1024),
        "ms": round(picture.seconds * 1000),
    }
    return Finding(Outcome.PASSED, summary, facts, None, facts)
