"""The diagnostic report's model: what failed in this session, the server and the webcams apart."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from ..server import words
from .tracker import SERVER, WEBCAM, Figures, Session, part_of

NOTICEABLE_FROM = 0.05
"""Below: harmless (the thresholds of the help page that users know)."""

ACT_ABOVE = 0.20


def severity(attempts: int, errors: int) -> str:
    """What an error rate means: "harmless", "noticeable", "act" or "no_connection"."""
    if attempts and errors == attempts:
        return "no_connection"
    rate = errors / attempts if attempts else 0.0
    if rate < NOTICEABLE_FROM:
        return "harmless"
    return "act" if rate > ACT_ABOVE else "noticeable"


def iso(moment: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC with milliseconds; None stays None."""
    return None if moment is None else words.iso(moment)


def section(figures: Figures, active: bool) -> dict[str, Any]:
    """The figures of a channel or a part in the form of the DIAGNOSIS contract (SECTION).

    Args:
        active: whether the trouble goes on just now.
    """
    pattern = figures.pattern
    return {
        "attempts": figures.attempts,
        "errors": figures.errors,
        "error_rate": round(figures.error_rate, 6),
        "severity": severity(figures.attempts, figures.errors),
        "first_error_at": iso(figures.first_error_at),
        "last_error_at": iso(figures.last_error_at),
        "last_success_at": iso(figures.last_success_at),
        "active": active,
        "pattern": {
            "kind": pattern.kind,
            "p_value": pattern.p_value,
            "episodes": pattern.episodes,
        },
        "causes": {
            cause.value: count
            for cause, count in sorted(figures.causes.items(), key=lambda item: -item[1])
        },
    }


def build_report(
    session: Session, failing: Set[str], diagnosis: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The report as JSON-like data. A part is None where this session has no errors in it.

    Args:
        failing: names of the channels in which the trouble goes on just now.
    """
    report: dict[str, Any] = {
        "schema": 1,
        "session_started_at": iso(session.started_at),
        "generated_at": iso(session.now),
        "channels": {
            name: section(figures, name in failing) for name, figures in session.channels.items()
        },
        "diagnosis": diagnosis,
    }
    for part in (SERVER, WEBCAM):
        figures = session.parts[part]
        active = any(part_of(name) == part for name in failing)
        report[part] = section(figures, active) if figures.errors else None
        report[f"{part}_attempts"] = figures.attempts
    return report
