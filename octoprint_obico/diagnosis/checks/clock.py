"""Is this computer's clock right?"""

from __future__ import annotations

import time

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
    facts = {
        "seconds": round(abs(difference)),
        "minutes": round(abs(difference) / 60),
        "tolerance": max(1, round(abs(difference))),
        "direction": "ahead" if difference > 0 else "behind",
    }
    evidence = {"difference_s": round(difference, 1)}
    if abs(difference) > CLOCK_TOLERANCE_S:
        return Finding(
            Outcome.WARNED, N_("wrong by {minutes} minutes"), facts, Cause.CLOCK_WRONG, evidence
        )
    return Finding(Outcome.PASSED, N_("right to within {tolerance} s"), facts, None, evidence)
