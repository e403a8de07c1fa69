"""Does anything take the connection?"""

from __future__ import annotations

import socket
import time

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError, Stage
from ...server.proxy import Proxy, answers, reach_proxy, through_proxy
from ...server.transport import Tried, connect
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed


def check_connect(known: Findings, deadline: Deadline) -> Finding:
    """Does anything take the connection?"""
    address = known.known_address
    started = time.monotonic()
    tried: list[Tried] = []
    try:
        if known.proxy:
            _by_proxy(known.proxy, known, deadline)
        else:
            sock, tried = connect(known.targets, address.host, address.port, deadline)
            if address.is_tls:
                known.connected = sock
            else:
                sock.close()
    except ChannelError as error:
        return failed(error, N_("{host}, port {port}: no connection"), **address.facts)
    milliseconds = round((time.monotonic() - started) * 1000)
    facts = {**address.facts, "ms": milliseconds, "ip": tried[-1].ip if tried else ""}
    evidence = {
        "addresses": [{"ip": t.ip, "ms": round(t.seconds * 1000), "error": t.error} for t in tried],
        "port": address.port,
    }
    summary = N_("{ip}, port {port} answers after {ms} ms") if tried else N_("through the proxy")
    return Finding(Outcome.PASSED, summary, facts, None, evidence)


CONTROL_S = 1.5
"""Kept back to ask a silent proxy for something else."""


def _by_proxy(proxy: Proxy, known: Findings, deadline: Deadline) -> None:
    """Connect through the proxy, or only to it where it is sent plain requests as they are."""
    address = known.known_address
    if proxy.forwards(address):
        reach_proxy(proxy, deadline, known.trust).close()
        return
    try:
        limit = deadline.within(max(deadline.remaining() - CONTROL_S, 0.0))
        through_proxy(proxy, address, limit, known.trust).close()
    except ChannelError as error:
        if not isinstance(error.__cause__, socket.timeout):
            raise
        raise blamed_silence(error, known, deadline) from error.__cause__


def blamed_silence(error: ChannelError, known: Findings, deadline: Deadline) -> ChannelError:
    """Who is silent, the proxy or the server behind it? One that refuses another request lives."""
    proxy = known.proxy
    if proxy is None or proxy.is_socks or error.facts.get("reason"):
        return error
    lives = answers(proxy, deadline.within(CONTROL_S), known.trust)
    if lives and error.cause is Cause.PROXY_UNREACHABLE:
        facts = {**error.facts, "reason": "the proxy answers, but waits for the server in vain"}
        return ChannelError(Cause.CONNECTION_TIMED_OUT, error.stage, error.message, facts)
    if not lives and error.cause is Cause.RESPONSE_TIMED_OUT:
        facts = {**error.facts, "reason": "it takes the connection, but answers nothing"}
        return ChannelError(Cause.PROXY_UNREACHABLE, Stage.PROXY, error.message, facts)
    return error
