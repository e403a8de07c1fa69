"""Does the second connection hold, there and back?"""

from __future__ import annotations

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed, skipped


def check_websocket(known: Findings, deadline: Deadline) -> Finding:
    """Does the second connection hold, there and back?"""
    if known.websocket is None or not known.token:
        return skipped(N_("not tried: the printer is not linked"))
    try:
        evidence = known.websocket(deadline)
    except ChannelError as error:
        summary = N_("refused with status {status}") if "status" in error.facts else N_("failed")
        return failed(error, summary, **known.known_address.facts)
    summary = N_("open, answers a ping after {round_trip_ms} ms")
    if evidence.get("shared"):  # it holds just now, but the other user of the token may come back
        return Finding(Outcome.WARNED, summary, evidence, Cause.CREDENTIALS_SHARED, evidence)
    return Finding(Outcome.PASSED, summary, evidence, None, evidence)
