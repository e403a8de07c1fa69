"""Does a webcam give a picture?"""

from __future__ import annotations

from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...webcam.snapshot import Webcam, take_picture
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import failed


def check_webcam(webcam: Webcam, deadline: Deadline) -> Finding:
    """Does a webcam give a picture?"""
    try:
        picture = take_picture(webcam, deadline)
    except ChannelError as error:
        return failed(error, N_("{webcam}: no picture"))
    facts = {
        "webcam": webcam.name,
        "kilobytes": round(len(picture.jpeg) / 1024),
        "ms": round(picture.seconds * 1000),
    }
    evidence = {**webcam.facts, **facts}
    return Finding(
        Outcome.PASSED,
        N_("{webcam}: a picture of {kilobytes} KB after {ms} ms"),
        facts,
        None,
        evidence,
    )
