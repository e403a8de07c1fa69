"""What the report page and its text version show: the report's JSON with words beside the figures.

One model for both, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..diagnosis.catalogue import N_
from ..session.figures import PARTS
from .language import Language
from .report_guidance import Step, guidance
from .report_timeline import Row, Span, Timeline, numbered, seconds, timeline
from .report_words import (
    TITLES,
    Clocked,
    channel_title,
    channels_of,
    headline,
    pattern,
    percent,
    sentence,
    share,
    tone,
)

SPANS = ("session", "hour")

STATES: Mapping[str, str] = {
    "okay": N_("Okay"),
    "disconnected": N_("Disconnected"),
    "error": N_("Error"),
    "not_linked": N_("Not linked"),
}

_DAY_S = 86400.0

_OPEN_CAUSES = 2
"""Causes that are explained at once; the others are folded."""


@dataclass(frozen=True)
class ChannelView:
    """One channel of a part. Shares are texts in per cent, "" where nothing was observed."""

    name: str
    title: str
    attempts: str
    errors: str
    percent: str
    failed: bool
    active: bool
    available: str
    available_24h: str
    down: str
    row: Row | None


@dataclass(frozen=True)
class EpisodeView:
    """Errors that belong together; moments in ISO 8601."""

    number: int
    start: str
    length: str
    errors: str
    cause: str


@dataclass(frozen=True)
class PartView:
    """A part with errors.

    Attributes:
        section: its figures as they stand in the JSON.
        causes: in words, with `count`; those to be explained at once, then the others.
    """

    id: str
    title: str
    tone: str
    sentence: str
    section: Mapping[str, Any]
    attempts: str
    errors: str
    percent: str
    pattern: Clocked
    channels: tuple[ChannelView, ...]
    causes: Sequence[Mapping[str, Any]]
    more_causes: Sequence[Mapping[str, Any]]
    steps: Sequence[Step]
    episodes: Sequence[EpisodeView]
    episodes_before: int
    timeline: Timeline | None


@dataclass(frozen=True)
class CalmView:
    """A part without errors."""

    id: str
    title: str
    attempts: int


@dataclass(frozen=True)
class ReportView:
    """All that is shown."""

    headline: str
    tone: str
    state: str
    parts: tuple[PartView, ...]
    calm: tuple[CalmView, ...]


def view(
    report: Mapping[str, Any], status: Mapping[str, Any], language: Language, span: str = "session"
) -> ReportView:
    """Return what is shown of a report.

    Args:
        report, status: what `api/report` and `api/status` answer.
        span: what the timeline shows, one of `SPANS`.
    """
    failed = [part for part in PARTS if report.get(part)]
    parts = tuple(_part(part, report, status["address"], language, span) for part in failed)
    calm = tuple(
        CalmView(part, language.gettext(TITLES[part]), report[f"{part}_attempts"])
        for part in ("server", "webcam")
        if part not in failed
    )
    state = language.gettext(STATES[status["server"]["state"]])
    return ReportView(headline(report, language), _worst(parts, calm), state, parts, calm)


_TONES = (
    "untried",
    "calm",
    "harmless",
    "noticeable",
    "active",
    "act",
    "act_active",
    "no_connection",
)
"""How a part may look, the worst last."""


def _worst(parts: Sequence[PartView], calm: Sequence[CalmView]) -> str:
    """How the page as a whole is to be looked at."""
    tones = [part.tone for part in parts]
    tones += ["calm" if part.attempts else "untried" for part in calm]
    return max(tones, key=_TONES.index)


def _part(
    part: str, report: Mapping[str, Any], address: str | None, language: Language, span: str
) -> PartView:
    section = report[part]
    names = channels_of(part, report)
    drawn = timeline(report, names, part, span)
    rows = {row.channel: row for row in drawn.rows} if drawn else {}
    causes = section["words"]["causes"]
    spoken = tone(part, section)
    # where nothing has to be done, what could be done is not in the way
    opened = 0 if spoken == "harmless" else _OPEN_CAUSES
    episodes = _episodes(section, language)
    return PartView(
        id=part,
        title=language.gettext(TITLES[part]),
        tone=spoken,
        sentence=sentence(part, report, language),
        section=section,
        attempts=language.number(section["attempts"]),
        errors=language.number(section["errors"]),
        percent=percent(section["attempts"], section["errors"], language),
        pattern=pattern(part, report, language),
        channels=tuple(_channel(name, report, rows.get(name), language) for name in names),
        causes=causes[:opened],
        more_causes=causes[opened:],
        steps=guidance(part, report, address, language),
        episodes=episodes,
        episodes_before=section["pattern"]["episodes"] - len(episodes),
        timeline=drawn,
    )


def _channel(
    name: str, report: Mapping[str, Any], row: Row | None, language: Language
) -> ChannelView:
    section = report["channels"][name]
    attempts, errors = section["attempts"], section["errors"]
    available, recent = section["availability"], section["availability_24h"]
    age_s = seconds(report["generated_at"]) - seconds(report["session_started_at"])
    if age_s <= _DAY_S:
        recent = None  # the same as that of the session
    return ChannelView(
        name=name,
        title=channel_title(name, language),
        attempts=language.number(attempts),
        errors=language.number(errors),
        percent=percent(attempts, errors, language),
        failed=bool(errors),
        active=section["active"],
        available="" if available is None else share(available, language),
        available_24h="" if recent is None else share(recent, language),
        down=language.duration(section["down_s"]) if section["down_s"] else "",
        row=row,
    )


def _episodes(section: Mapping[str, Any], language: Language) -> list[EpisodeView]:
    """The last ones, the most recent first."""
    titles = {cause["cause"]: cause["title"] for cause in section["words"]["causes"]}
    found = numbered(section["recent_episodes"], section)
    return [
        EpisodeView(
            number,
            episode["start"],
            language.duration(seconds(episode["end"]) - seconds(episode["start"])),
            language.number(episode["errors"]),
            titles.get(episode["cause"], episode["cause"]),
        )
        for number, episode in reversed(found)
    ]


def channel_words(channel: ChannelView, language: Language) -> str:
    """The figures of a channel in a sentence."""
    _ = language.gettext
    pieces = [
        _("attempts: %(count)s, none failed", count=channel.attempts)
        if not channel.failed
        else _(
            "%(errors)s of %(attempts)s attempts failed (%(percent)s %%)",
            errors=channel.errors,
            attempts=channel.attempts,
            percent=channel.percent,
        )
    ]
    if channel.available:
        pieces.append(_("available for %(share)s %% of the session", share=channel.available))
    if channel.available_24h:
        pieces.append(_("%(share)s %% of the last 24 hours", share=channel.available_24h))
    if channel.down:
        pieces.append(_("down for %(duration)s in all", duration=channel.down))
    return " · ".join(pieces)


def span_words(span: Span, language: Language) -> str:
    """What happened in a stretch of the timeline, for its tooltip."""
    _ = language.gettext
    pieces = [
        _("attempts: %(count)s", count=language.number(span.attempts)),
        _("errors: %(count)s", count=language.number(span.errors)),
    ]
    if span.down_s:
        pieces.append(_("down: %(duration)s", duration=language.duration(span.down_s)))
    return ", ".join(pieces)
