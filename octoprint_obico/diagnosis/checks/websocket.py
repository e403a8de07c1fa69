"""Does the second connection hold, there and back?"""

from __future__ import annotations

from collections.abc import Mapping

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed, skipped

_PROXY = N_("that is a reverse proxy that does not pass WebSockets on")
_FILTER = N_("that is a filter or a password in front of the server")
_BACK_END = N_("the reverse proxy does not reach the part of the server that does it")
_WHO_REFUSES: Mapping[int, str] = {
    200: N_("a web page was sent in place of a WebSocket"),
    400: _PROXY,
    401: _FILTER,
    403: _FILTER,
    404: N_("there is no WebSocket behind this address"),
    405: _PROXY,
    426: _PROXY,
    429: N_("too many connections in a short time"),
    500: N_("the server itself has a fault"),
    502: _BACK_END,
    503: _BACK_END,
    504: _BACK_END,
}
"""Who it is that answers the handshake, by its status (DIAGNOSIS contract)."""

_UNKNOWN_REFUSAL = N_("something in between answers in the server's place")


_USUAL_LIMIT_S = 7.5
"""A server that never answers is named within 8 s."""
_ROUND_TRIPS = 6.0
"""To connect, for TLS, the handshake, the first message and the pong, and one to spare."""


def _limit_s(known: Findings) -> float:
    """The time limit; a slow line gets the round trips that it needs."""
    connected = known.progress.wait_for("connect", 0)
    ms = connected.finding.facts.get("ms", 0) if connected is not None else 0
    return max(_USUAL_LIMIT_S, _ROUND_TRIPS * float(ms) / 1000)


def check_websocket(known: Findings, deadline: Deadline) -> Finding:
    """Does the second connection hold, there and back?"""
    if known.websocket is None or not known.token:
        return skipped(N_("not tried: the printer is not linked"))
    try:
        evidence = known.websocket(deadline.within(_limit_s(known)), known.progress)
    except ChannelError as error:
        facts = known.known_address.facts
        if "status" not in error.facts:
            return failed(error, N_("failed"), **facts)
        who = _WHO_REFUSES.get(error.facts["status"], _UNKNOWN_REFUSAL)
        return failed(error, N_("refused with status {status}"), **facts, who=who)
    summary = N_("open, answers a ping after {round_trip_ms} ms")
    if evidence.get("running_plugin"):
        summary = N_("the running plugin's is open since {since}, last pong at {last_pong_at}")
    if evidence.get("shared"):  # it holds just now, but the other user of the token may come back
        return Finding(Outcome.WARNED, summary, evidence, Cause.CREDENTIALS_SHARED, evidence)
    return Finding(Outcome.PASSED, summary, evidence, None, evidence)
