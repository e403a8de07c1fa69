"""Does anything take the connection?"""

from __future__ import annotations

import time

from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.transport import Tried, connect, reach_proxy, through_proxy
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
            # a plain request goes to the proxy as it is, TLS through a tunnel
            reach = through_proxy if address.is_tls else reach_proxy
            reach(known.proxy, address, deadline).close()
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
