"""Turns the session's own seconds into Unix seconds, when figures are handed out.

Only then is it known what the time was: a clock that was set right in the meantime sets everything
before it right as well.
"""

from __future__ import annotations

from .figures import Episode, Failure, Figures


def dated(figures: Figures, start: float) -> Figures:
    """The same figures in Unix seconds.

    Args:
        start: Unix seconds of the session's start.
    """

    def at(moment: float | None) -> float | None:
        return None if moment is None else start + moment

    failing = figures.failing
    return figures._replace(
        recent_episodes=tuple(_episode(item, start) for item in figures.recent_episodes),
        first_error_at=at(figures.first_error_at),
        last_error_at=at(figures.last_error_at),
        last_success_at=at(figures.last_success_at),
        failing=None if failing is None else _failure(failing, start),
        failing_since=at(figures.failing_since),
        okay_since=at(figures.okay_since),
        recent=tuple(_failure(item, start) for item in figures.recent),
        evidence=tuple(item._replace(started_at=start) for item in figures.evidence),
    )


def _episode(item: Episode, start: float) -> Episode:
    return Episode(start + item.start, start + item.end, item.errors, item.cause)


def _failure(item: Failure, start: float) -> Failure:
    return Failure(start + item.at, item.channel, item.cause, item.stage, item.message, item.facts)
