"""Does this computer get enough power?"""

from __future__ import annotations

from ...server.causes import Cause
from ...server.deadline import Deadline
from ..catalogue import N_
from ..local.power import UNDERVOLTAGE_NOW, UNDERVOLTAGE_SINCE_BOOT, read_throttled
from ..result import Finding, Outcome
from .findings import Findings, skipped


def check_power(known: Findings, deadline: Deadline) -> Finding:
    """Does this computer get enough power? Only a Raspberry Pi tells."""
    bits = known.throttled if known.throttled is not None else read_throttled(deadline)
    if bits is None:
        return skipped(N_("this computer does not tell"))
    evidence = {"throttled": f"0x{bits:x}"}
    if bits & UNDERVOLTAGE_NOW:
        return _weak({"when": N_("now")}, evidence)
    if bits & UNDERVOLTAGE_SINCE_BOOT:
        return _weak({"when": N_("since this computer was started")}, evidence)
    return Finding(Outcome.PASSED, N_("enough"), {}, None, evidence)


def _weak(facts: dict[str, str], evidence: dict[str, str]) -> Finding:
    return Finding(
        Outcome.WARNED,
        N_("under-voltage {when}"),
        facts,
        Cause.POWER_UNDERVOLTAGE,
        {**facts, **evidence},
    )
