"""The diagnostic report's model: what failed in this session, each part on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from ..server import words
from .figures import PARTS, PLUGIN, Episode, Figures, Series, Session, part_of
from .pattern import Pattern

NOTICEABLE_FROM = 0.05
"""Below: harmless (the thresholds of the help page that users know)."""

ACT_ABOVE = 0.20

OUTAGE_FROM_S = 300.0
"""Time down that counts beside the attempts: a router that restarts takes less."""

SEVERITIES = ("harmless", "noticeable", "act", "no_connection")
"""From nothing to everything."""

MOST_STEPS, HOUR_STEPS = 240, 60
"""Steps of the timeline: of the whole session, and of the last hour."""


@dataclass(frozen=True)
class Judgement:
    """How severe a channel's, or a part's, errors are.

    Attributes:
        because: what makes it so severe: "rate" (of errors), "time" (that it was down), or
            "channel" (one of the part's channels deserves more than the whole).
        channel: that channel.
    """

    severity: str
    because: str = "rate"
    channel: str | None = None


def severity(attempts: int, errors: int) -> str:
    """What an error rate means, one of `SEVERITIES`."""
    if attempts and errors == attempts:
        return "no_connection"
    return _of_share(errors / attempts if attempts else 0.0)


def _of_share(share: float) -> str:
    if share < NOTICEABLE_FROM:
        return "harmless"
    return "act" if share > ACT_ABOVE else "noticeable"


def judge(figures: Figures) -> Judgement:
    """Judge a channel, or a part as if it were one.

    An outage of hours has few attempts where these are far apart; so has it where only one failed.
    The time down is therefore judged like the rate. It never means that there was no connection at
    all: before the first success nobody knows since when there was none.
    """
    by_rate = severity(figures.attempts, figures.errors)
    if figures.down_s < OUTAGE_FROM_S or figures.availability is None:
        return Judgement(by_rate)
    by_time = _of_share(1.0 - figures.availability)
    return Judgement(by_time, "time") if _more(by_time, by_rate) else Judgement(by_rate)


def judge_part(figures: Figures, channels: Sequence[Figures]) -> Judgement:
    """Judge a part: by its own figures, but never as less than its worst channel deserves.

    A channel without any connection makes the part one where something is wrong: what there is on
    the other channels is a connection.
    """
    own = judge(figures)
    worst = max(channels, key=lambda item: SEVERITIES.index(judge(item).severity), default=figures)
    least = judge(worst).severity
    least = "act" if least == "no_connection" else least
    return Judgement(least, "channel", worst.name) if _more(least, own.severity) else own


def _more(one: str, other: str) -> bool:
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def iso(moment: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC with milliseconds; None stays None."""
    return None if moment is None else words.iso(moment)


def section(figures: Figures, judgement: Judgement, active: bool) -> dict[str, Any]:
    """The figures of a channel or a part in the form of the DIAGNOSIS contract (SECTION).

    Args:
        active: whether the trouble goes on just now.
    """
    return {
        "attempts": figures.attempts,
        "errors": figures.errors,
        "error_rate": round(figures.error_rate, 6),
        "severity": judgement.severity,
        "severity_because": judgement.because,
        "severity_channel": judgement.channel,
        "first_error_at": iso(figures.first_error_at),
        "last_error_at": iso(figures.last_error_at),
        "last_success_at": iso(figures.last_success_at),
        "active": active,
        "availability": _rounded(figures.availability, 6),
        "availability_24h": _rounded(figures.availability_24h, 6),
        "down_s": round(figures.down_s, 1),
        "pattern": _pattern(figures.pattern),
        "causes": {
            cause.value: count
            for cause, count in sorted(figures.causes.items(), key=lambda item: -item[1])
        },
        "recent_episodes": [_episode(item) for item in figures.recent_episodes],
    }


def _pattern(pattern: Pattern) -> dict[str, Any]:
    return {
        "kind": pattern.kind,
        "p_value": pattern.p_value,
        "episodes": pattern.episodes,
        "burst_ratio": _rounded(pattern.burst_ratio, 3),
        "period_s": _rounded(pattern.period_s, 1),
        "hour_of_day": _rounded(pattern.hour_of_day, 2),
        "channel": pattern.channel,
    }


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "start": iso(episode.start),
        "end": iso(episode.end),
        "errors": episode.errors,
        "cause": episode.cause.value,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def timeline(series: Mapping[str, Series]) -> dict[str, Any]:
    """The figures over time; channels in which nothing was tried, and none was down, left out."""
    return {
        name: {
            "start": iso(item.start),
            "step_s": item.step_s,
            "attempts": list(item.attempts),
            "errors": list(item.errors),
            "down_s": [round(seconds, 1) for seconds in item.down_s],
        }
        for name, item in series.items()
        if any(item.attempts) or any(item.down_s)
    }


def build_report(
    session: Session,
    failing: Set[str],
    diagnosis: Mapping[str, Any] | None,
    series: Callable[[float | None, int], Mapping[str, Series]],
) -> dict[str, Any]:
    """The report as JSON-like data. A part is None where this session has no errors in it.

    Args:
        failing: names of the channels in which the trouble goes on just now.
        series: the figures over time, of the last so many seconds, in at most so many steps.
    """
    if session.parts[PLUGIN].up is False:
        failing = failing | {PLUGIN}
    report: dict[str, Any] = {
        "schema": 1,
        "session_started_at": iso(session.started_at),
        "generated_at": iso(session.now),
        "channels": {
            name: section(figures, judge(figures), name in failing)
            for name, figures in session.channels.items()
        },
        "diagnosis": diagnosis,
        "timeline": {
            "session": timeline(series(None, MOST_STEPS)),
            "hour": timeline(series(3600.0, HOUR_STEPS)),
        },
    }
    for part in PARTS:
        figures = session.parts[part]
        channels = [item for name, item in session.channels.items() if part_of(name) == part]
        active = any(part_of(name) == part for name in failing)
        judgement = judge_part(figures, channels)
        report[part] = section(figures, judgement, active) if figures.errors else None
        report[f"{part}_attempts"] = figures.attempts
    return report
