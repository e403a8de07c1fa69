"""Do large packets pass as well as small ones?

A path that drops packets above some size, and the ICMP messages that would say so, lets every small
request pass and swallows large ones without an error (RFC 2923 section 2.1). Two ways to see it:

- small requests are answered, a large one is not, again and again;
- nothing is answered (the server's certificate is large already), unless TCP is told to make its
  segments small.
"""

from __future__ import annotations

import http.client
import secrets
import socket
from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.http import PRINTER_PATH
from ...server.pool import TimedSocket
from ...server.token import is_usable
from ...server.transport import connect, start_tls
from ...server.trust import build_ssl_context
from ...server.words import Word
from ..catalogue import N_
from ..result import CheckResult, Finding, Outcome
from .findings import Findings, skipped

LARGE_BYTES = 4000
"""More than two Ethernet frames, and less than the 8 KB that web servers allow for a header."""

SMALL_SEGMENT = 536
"""Bytes that every path must take (RFC 9293 section 3.7.1)."""

STALLED_S = 2.5
"""Two to three retransmissions: what has no answer by then does not get through as it is."""

_ROUND_TRIPS = 10
"""Slow lines get this many round trips, if that is longer."""
_MAX_STALLED_S = 4.0
_CAP = 64 * 1024
_USUAL_INTERFACE = "eth0"
_STALLS = frozenset({Cause.TLS_HANDSHAKE_FAILED, Cause.RESPONSE_TIMED_OUT})


class _Ended(Word):
    """How one request ended."""

    ANSWERED = "answered"
    STALLED = "stalled"
    FAILED = "failed"


def check_size(known: Findings, deadline: Deadline) -> Finding:
    """Do large packets pass as well as small ones?"""
    if known.proxy:
        return skipped(N_("left to the proxy"))
    patience = _patience(known)
    http_result = known.progress.wait_for("http", min(patience, deadline.remaining()))
    if http_result is None:
        return _small_segments(known, deadline, patience)
    if http_result.outcome is not Outcome.PASSED:
        return skipped(N_("nothing to compare with"))
    return _large_request(known, deadline, patience)


def _patience(known: Findings) -> float:
    connected = known.progress.wait_for("connect", 0)
    ms = connected.finding.facts.get("ms", 0) if connected is not None else 0
    return min(max(STALLED_S, _ROUND_TRIPS * float(ms) / 1000), _MAX_STALLED_S)


def _large_request(known: Findings, deadline: Deadline, patience: float) -> Finding:
    """The API has answered a small request; ask with a large one, twice if need be."""
    first = _ask_again(known, deadline.within(patience))
    if first is _Ended.ANSWERED:
        return _passed()
    if first is _Ended.STALLED and (
        _ask(known, deadline.within(patience)) is _Ended.ANSWERED
        and _ask(known, deadline.within(patience), LARGE_BYTES) is _Ended.STALLED
    ):
        seen = {"small_request": "answered", "large_request": "no answer", "bytes": LARGE_BYTES}
        return _black_hole(known, seen)
    return skipped(N_("could not be told"))


def _small_segments(known: Findings, deadline: Deadline, patience: float) -> Finding:
    """Nothing has been answered for a while: would it be, in small pieces?"""
    small = _ask(known, deadline.within(patience), segment=SMALL_SEGMENT)
    if small is not _Ended.ANSWERED:
        return skipped(N_("nothing to compare with"))
    usual = _ask(known, deadline.within(patience))
    ended = known.progress.wait_for("http", deadline.remaining())
    if ended is not None and ended.outcome is Outcome.PASSED:
        return _passed()
    stalled = any(_is_stall(known.progress.wait_for(name, 0)) for name in ("tls", "http"))
    # once more as usual: one slow answer is not the size's fault
    if stalled and usual is _Ended.STALLED:
        return _black_hole(
            known, {"segments_of_536_bytes": "answered", "segments_as_usual": "no answer"}
        )
    return skipped(N_("nothing to compare with"))


def _is_stall(result: CheckResult | None) -> bool:
    return result is not None and result.finding.cause in _STALLS


def _passed() -> Finding:
    facts = {"kilobytes": LARGE_BYTES // 1000}
    return Finding(
        Outcome.PASSED,
        N_("a request of {kilobytes} KB passes"),
        facts,
        None,
        {"bytes": LARGE_BYTES},
    )


def _black_hole(known: Findings, seen: dict[str, Any]) -> Finding:
    facts = {
        **known.known_address.facts,
        **seen,
        "interface": _interface(known),
    }
    return Finding(
        Outcome.FAILED,
        N_("small ones pass, large ones get lost"),
        facts,
        Cause.MTU_BLACKHOLE,
        facts,
    )


def _interface(known: Findings) -> str:
    """The interface that the packets take, by its usual name where that is not known."""
    network = known.network
    if network is None:
        return _USUAL_INTERFACE
    names = [interface.name for interface in network.interfaces]
    return network.gateway_interface or next(iter(names), _USUAL_INTERFACE)


def _ask_again(known: Findings, deadline: Deadline) -> _Ended:
    """Ask with a large request over the connection of the small one, which is a round trip."""
    client = known.client
    if client is None:
        return _Ended.FAILED
    token = known.token if is_usable(known.token) else None
    try:
        client.request(
            "GET",
            PRINTER_PATH,
            token=token,
            timeout_s=deadline.remaining(),
            extra_headers={"X-Padding": _padding(LARGE_BYTES)},
        )
    except ChannelError as error:
        return _Ended.STALLED if error.cause is Cause.RESPONSE_TIMED_OUT else _Ended.FAILED
    return _Ended.ANSWERED


def _padding(size: int) -> str:
    """So many characters; random, so that no compressing tunnel on the way makes them few again."""
    return secrets.token_hex(size // 2)


def _ask(
    known: Findings, deadline: Deadline, padding: int = 0, segment: int | None = None
) -> _Ended:
    """Ask the API over a connection of its own; `padding` bytes make the request large."""
    address = known.known_address
    sock: Any
    try:
        sock, _ = connect(known.targets, address.host, address.port, deadline, segment)
        if address.is_tls:
            sock = start_tls(sock, address.host, build_ssl_context(known.trust), deadline)
    except ChannelError as error:
        return _Ended.STALLED if deadline.over else _answer_of(error)
    timed = TimedSocket(sock)
    timed.settimeout(max(deadline.remaining(), 0.01))
    try:
        timed.sendall(_request(known, padding))
        answer = http.client.HTTPResponse(timed)  # type: ignore[arg-type]
        answer.begin()
        answer.read(_CAP)
    except socket.timeout:
        return _Ended.STALLED
    except (OSError, http.client.HTTPException):
        return _Ended.FAILED
    finally:
        sock.close()
    return _Ended.ANSWERED


def _answer_of(error: ChannelError) -> _Ended:
    """A refused certificate has arrived at least."""
    refused = error.cause.value.startswith("tls_") and error.cause not in _STALLS
    return _Ended.ANSWERED if refused else _Ended.FAILED


def _request(known: Findings, padding: int) -> bytes:
    """A GET of the API as the HTTP check makes it, with a header of `padding` characters."""
    address = known.known_address
    lines = [
        f"GET {address.path}{PRINTER_PATH} HTTP/1.1",
        f"Host: {address.netloc}",
        f"User-Agent: {known.user_agent}",
        "Connection: close",
    ]
    if is_usable(known.token):
        lines.append(f"Authorization: Token {known.token}")
    if padding:
        lines.append(f"X-Padding: {_padding(padding)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")
