"""Do packets get lost on the way to the server?"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.transport import Target, connect
from ..catalogue import N_
from ..local.line import Line, measure_line
from ..local.router import ping_loss
from ..result import Finding, Outcome
from .findings import Findings, skipped

LOSS_PERCENT = 5.0
"""Above this it is worth a warning (DIAGNOSIS contract)."""

_LIMIT_S = 6.0
_MARGIN_S = 0.3

_PINGS = 20
_PING_EVERY_S = 0.2
"""As often as anybody may ping without being root (ping(8))."""

_NEAR = N_("in your own network")
_AT_HOME = N_("in your own network (on the way to the router)")
_BEYOND = N_("beyond the router")
_SOMEWHERE = N_("on the way to the server")


class _RouterLoss:
    """Pings the router beside the measurement, from the moment a loss shows."""

    def __init__(self, gateway: str | None, deadline: Deadline) -> None:
        self._gateway, self._deadline = gateway, deadline
        self._thread: threading.Thread | None = None
        self._loss: float | None = None

    def start(self) -> None:
        if self._gateway is not None:
            self._thread = threading.Thread(
                target=self._ping, args=(self._gateway,), name="obico-ping", daemon=True
            )
            self._thread.start()

    def _ping(self, gateway: str) -> None:
        self._loss = ping_loss(gateway, _PINGS, _PING_EVERY_S, self._deadline.remaining())

    def result(self) -> float | None:
        """The part that was lost on the way to the router; None where that cannot be told."""
        if self._thread is not None:
            self._thread.join(self._deadline.remaining() + _MARGIN_S)
        return self._loss


def check_loss(known: Findings, deadline: Deadline) -> Finding:
    """Do packets get lost on the way to the server?

    Quick where none does: three round trips beside the other checks, or four.
    """
    if known.proxy or not known.targets:
        return skipped(N_("not measured through a proxy"))
    limit = deadline.within(min(_LIMIT_S, max(deadline.remaining() - 2 * _MARGIN_S, 0.0)))
    target = _reachable(known, limit)
    if target is None:
        return skipped(N_("no connection to measure with"))
    network = known.network
    is_near = network is not None and network.is_near(target.ip)
    router = _RouterLoss(network.gateway if network and not is_near else None, limit)
    line = measure_line(target, limit, router.start)
    known.line = line
    if not line.samples:
        return skipped(N_("not measured in time"))
    if line.percent <= LOSS_PERCENT:
        return _healthy(line)
    loss = router.result()
    if loss is None:
        return _lossy(line, _NEAR if is_near else _SOMEWHERE, {})
    where = _AT_HOME if 100 * loss > LOSS_PERCENT else _BEYOND
    return _lossy(line, where, {"gateway_loss_percent": round(100 * loss)})


def _reachable(known: Findings, deadline: Deadline) -> Target | None:
    """The address that takes connections: of several, the one that the channels would use."""
    if len(known.targets) == 1:
        return known.targets[0]
    address = known.known_address
    try:
        sock, tried = connect(known.targets, address.host, address.port, deadline)
    except ChannelError:
        return None
    sock.close()
    return next(target for target in known.targets if target.ip == tried[-1].ip)


def _healthy(line: Line) -> Finding:
    facts = {"percent": round(line.percent), "connects": len(line.samples)}
    summary = N_("{percent} %") if line.lost else N_("none in {connects} connections")
    return Finding(Outcome.PASSED, summary, facts, None, _evidence(line))


def _lossy(line: Line, where: str, more: Mapping[str, Any]) -> Finding:
    facts = {
        "percent": round(line.percent),
        "lost": line.lost,
        "sent": line.sent,
        "where": where,
    }
    evidence = {**_evidence(line), **more, "where": where}
    return Finding(Outcome.WARNED, N_("{percent} % {where}"), facts, Cause.PACKET_LOSS, evidence)


def _evidence(line: Line) -> dict[str, Any]:
    times = [round(seconds * 1000, 1) for seconds in line.times]
    median = line.median_s
    return {
        "ip": line.ip,
        "connects": len(line.samples),
        "lost": line.lost,
        "sent": line.sent,
        "percent": round(line.percent),
        "unanswered": sum(sample.seconds is None for sample in line.samples),
        "median_ms": None if median is None else round(median * 1000, 1),
        "fastest_ms": min(times, default=None),
        "slowest_ms": max(times, default=None),
    }
