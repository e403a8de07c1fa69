"""The report as plain text: to be copied into a message, and for the support bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .language import Language, utc
from .report_view import PartView, ReportView, channel_words, view

_MOST_EPISODES = 10


def report_text(
    report: Mapping[str, Any],
    status: Mapping[str, Any],
    language: Language,
    shown: ReportView | None = None,
) -> str:
    """Return the report in lines of text, times in UTC.

    Args:
        report, status: what `api/report` and `api/status` answer; both are redacted already.
        shown: the view of them, where there is one already; what it draws does not count here.
    """
    shown = shown or view(report, status, language)
    blocks = [
        _head(report, status, shown, language),
        *(_calm(report, shown, language)),
        *("\n".join(_part(part, report, language)) for part in shown.parts),
        "\n".join(_test(report, language)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _moment(iso: str | None, now: str, language: Language) -> str:
    return f"{utc(iso)} ({language.ago(iso, now)})" if iso else "–"


def _head(
    report: Mapping[str, Any], status: Mapping[str, Any], shown: ReportView, language: Language
) -> str:
    _, now = language.gettext, report["generated_at"]
    title = _("Obico diagnostic report")
    lines = [
        title,
        "=" * len(title),
        shown.headline,
        "",
        f"{_('Session since')}: {_moment(report['session_started_at'], now, language)}",
        f"{_('As of')}: {utc(now)}",
        f"{_('Plugin')} {status['plugin_version']}, OctoPrint {status['octoprint_version']}",
        f"{_('Server')}: {status['address'] or '–'}",
        f"{_('Now')}: {shown.state}"
        + (
            f", {_('since')} {_moment(status['server']['since'], now, language)}"
            if status["server"]["since"]
            else ""
        ),
    ]
    return "\n".join(lines)


def _calm(report: Mapping[str, Any], shown: ReportView, language: Language) -> Iterator[str]:
    for part in shown.calm:
        if part.attempts:
            said = language.ngettext(
                "nothing failed in this session (%(count)s attempt).",
                "nothing failed in this session (%(count)s attempts).",
                part.attempts,
                count=language.number(part.attempts),
            )
        else:
            said = language.gettext("not tried in this session.")
        yield f"{part.title}: {said}"


def _part(part: PartView, report: Mapping[str, Any], language: Language) -> Iterator[str]:
    _, now, section = language.gettext, report["generated_at"], part.section
    yield part.title
    yield "-" * len(part.title)
    yield part.sentence
    yield f"{_('First error')}: {_moment(section['first_error_at'], now, language)}"
    yield f"{_('Most recent error')}: {_moment(section['last_error_at'], now, language)}"
    yield f"{_('Last success')}: {_moment(section['last_success_at'], now, language)}"
    yield f"{_('Still going on?')} {_('Yes') if section['active'] else _('No')}"
    yield f"{_('Pattern')}: {part.pattern.plain}"
    for channel in part.channels:
        yield f"- {channel.title}: {channel_words(channel, language)}"
    yield ""
    yield f"{_('Causes')}:"
    for cause in [*part.causes, *part.more_causes]:
        yield f"- {cause['count']} × {cause['title']} [{cause['cause']}]: {cause['explanation']}"
        yield from (f"  {number}. {step}" for number, step in enumerate(cause["remedy"], 1))
    yield from _guidance(part, language)
    yield from _episodes(part, now, language)


def _guidance(part: PartView, language: Language) -> Iterator[str]:
    if part.steps:
        yield ""
        yield f"{language.gettext('What to do')}:"
    for number, step in enumerate(part.steps, 1):
        yield f"{number}. {step.text}"
        if step.command:
            yield f"   {step.command}"


def _episodes(part: PartView, now: str, language: Language) -> Iterator[str]:
    if part.episodes:
        yield ""
        yield f"{language.gettext('Most recent episodes')}:"
    for episode in part.episodes[:_MOST_EPISODES]:
        errors = language.gettext("errors: %(count)s", count=episode.errors)
        start = _moment(episode.start, now, language)
        yield f"{episode.number}. {start}, {episode.length}, {errors}, {episode.cause}"


def _test(report: Mapping[str, Any], language: Language) -> Iterator[str]:
    _, test = language.gettext, report["diagnosis"]
    title = _("Last test")
    yield title
    yield "-" * len(title)
    if test is None:
        yield _("TEST was not pressed in this session.")
        return
    yield _moment(test["started_at"], report["generated_at"], language)
    yield f"{test['headline']}. {test['explanation']}"
    yield from (f"{number}. {step}" for number, step in enumerate(test["remedy"], 1))
    for aside in test["warnings"]:
        yield f"- {aside['title']}: {aside['explanation']}"
    for check in test["checks"]:
        name = f"{check['title']} {check.get('subject', '')}".strip()
        yield f"  {check['outcome']:8}{name}: {check['summary']}"
