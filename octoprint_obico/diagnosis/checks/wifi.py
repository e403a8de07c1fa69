"""Is the Wi-Fi signal strong enough?"""

from __future__ import annotations

from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ..catalogue import N_
from ..local.wifi import Signal, read_signal
from ..result import Finding, Outcome
from .findings import Findings, skipped

WEAK_BELOW_DBM = -70
WEAK_BELOW_PERCENT = 40
"""Limits of the DIAGNOSIS contract."""


def check_wifi(known: Findings, deadline: Deadline) -> Finding:
    """Is the Wi-Fi signal strong enough?"""
    in_use = known.network.gateway_interface if known.network is not None else None
    signal = read_signal(in_use, deadline)
    if signal is None:
        return skipped(N_("no Wi-Fi in use"))
    weak_dbm = signal.dbm is not None and signal.dbm < WEAK_BELOW_DBM
    percent = signal.quality_percent
    weak_quality = percent is not None and percent < WEAK_BELOW_PERCENT
    by_quality = signal.dbm is None or (weak_quality and not weak_dbm)
    facts: dict[str, Any] = {
        "interface": signal.interface,
        "signal": f"{percent} % quality" if by_quality else f"{signal.dbm} dBm",
    }
    summary = N_("{interface}: {signal}")
    if weak_dbm or weak_quality:
        return Finding(
            Outcome.WARNED, summary, facts, Cause.WIFI_SIGNAL_WEAK, _evidence(signal, facts)
        )
    return Finding(Outcome.PASSED, summary, facts, None, _evidence(signal, facts))


def _evidence(signal: Signal, facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "dbm": signal.dbm, "quality_percent": signal.quality_percent}
