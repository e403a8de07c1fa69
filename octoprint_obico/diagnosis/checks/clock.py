"""Is this computer's clock right?"""

from __future__ import annotations

import time
from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, skipped

CLOCK_TOLERANCE_S = 300.0
"""A difference above this makes certificates look invalid (DIAGNOSIS contract)."""


def check_clock(known: Findings, deadline: Deadline) -> Finding:
    """Is this computer's clock right?"""
    theirs = known.reply.date if known.reply is not None else None
    if theirs is None:
        return skipped(N_("the server does not tell the time"))
    difference = time.time() - theirs
    facts = clock_facts(difference)
    evidence = {"difference_s": round(difference, 1)}
    if abs(difference) > CLOCK_TOLERANCE_S:
        return Finding(
            Outcome.WARNED,
            N_("wrong: {amount} {unit} {direction}"),
            facts,
            Cause.CLOCK_WRONG,
            evidence,
        )
    return Finding(Outcome.PASSED, N_("right to within {tolerance} s"), facts, None, evidence)


def clock_facts(ahead_s: float) -> dict[str, Any]:
    """What the texts say of a clock that is ahead by so many seconds; negative: behind."""
    return {
        "seconds": round(abs(ahead_s)),
        "minutes": round(abs(ahead_s) / 60),
        "tolerance": max(1, round(abs(ahead_s))),
        "direction": N_("ahead") if ahead_s > 0 else N_("behind"),
        **_amount(abs(ahead_s)),
    }


_UNITS: tuple[tuple[float, float, str], ...] = (
    (2 * 3600, 60, N_("minutes")),
    (2 * 86400, 3600, N_("hours")),
    (float("inf"), 86400, N_("days")),
)
"""Up to how many seconds a unit is used, its length in seconds, and its name."""


def _amount(seconds: float) -> dict[str, Any]:
    """A length of time for people: "7 minutes", "400 days"."""
    length, name = next((length, name) for limit, length, name in _UNITS if seconds <= limit)
    return {"amount": round(seconds / length), "unit": name}
