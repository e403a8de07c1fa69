"""Is the way to the server slow?"""

from __future__ import annotations

from ...server.causes import Cause
from ...server.deadline import Deadline
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, skipped

SLOW_ABOVE_S = 0.5
"""Median round trip above which it is worth a warning (DIAGNOSIS contract)."""


def check_latency(known: Findings, deadline: Deadline) -> Finding:
    """Is the way to the server slow? Judges what the check for lost packets has measured."""
    median = known.line.median_s if known.line is not None else None
    if known.line is None or median is None:
        return skipped(N_("not measured"))
    facts = {
        "host": known.known_address.host,
        "ms": round(median * 1000, 1 if median < 0.1 else None),
    }
    evidence = {**facts, "ip": known.line.ip, "connects": len(known.line.times)}
    summary = N_("{ms} ms there and back")
    if median > SLOW_ABOVE_S:
        return Finding(Outcome.WARNED, summary, facts, Cause.HIGH_LATENCY, evidence)
    return Finding(Outcome.PASSED, summary, facts, None, evidence)
