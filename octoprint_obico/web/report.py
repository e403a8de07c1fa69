"""The diagnostic report: a page of its own that needs no JavaScript to be read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import flask
import flask_babel
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..host import Host
from ..session.report import iso
from .doors import Doors
from .language import Language, parsed, utc
from .render import render_report, render_status
from .report_text import report_text
from .report_view import SPANS, channel_words, span_words, view


class ReportPage:
    """The view behind /plugin/obico/report; ?span=hour shows the last hour on the timelines."""

    def __init__(self, doors: Doors, host: Host) -> None:
        self._doors, self._host = doors, host

    def show(self) -> Any:
        self._doors.look()
        asked = flask.request.args.get("span", "")
        span = asked if asked in SPANS else SPANS[0]
        language = reader()
        report = render_report(self._doors, gettext)
        status = render_status(self._doors, self._host, gettext)
        shown = view(report, status, language, span)
        page = flask.render_template(
            "plugin_obico/obico_report.jinja2",
            report=report,
            status=status,
            shown=shown,
            span=span,
            text=report_text(report, status, language, shown),
            language=language,
            moment=_Moments(language, report["generated_at"]),
            channel_words=lambda channel: channel_words(channel, language),
            span_words=lambda at: span_words(at, language),
        )
        return add_non_caching_response_headers(flask.make_response(page))


def reader() -> Language:
    """The language of whoever asks; only while a request is answered."""
    locale = flask_babel.get_locale()
    return Language(gettext, flask_babel.ngettext, str(locale) if locale else "en")


class _Moments:
    """Moments for the page: for programs, in UTC for people, and how long ago."""

    def __init__(self, language: Language, now: str) -> None:
        self._language, self._now = language, now

    def __call__(self, moment: str | None) -> dict[str, str] | None:
        """A moment in ISO 8601; None stays None."""
        if moment is None:
            return None
        ago = self._language.ago(moment, self._now)
        return {"iso": moment, "utc": utc(moment), "ago": ago}

    def at(self, seconds: float) -> dict[str, str]:
        """A moment on a timeline (Unix seconds), to the minute."""
        when = datetime.fromtimestamp(seconds, timezone.utc)
        return {"iso": iso(seconds) or "", "utc": f"{when:%Y-%m-%d %H:%M}"}

    def tick(self, seconds: float, length: float) -> str:
        """A label of an axis that is so many seconds long, in UTC."""
        when = datetime.fromtimestamp(seconds, timezone.utc)
        return f"{when:%d %b %H:%M}" if length > 86400 else f"{when:%H:%M}"

    def clock(self, clock: str) -> str:
        """The time of day "03:10" in UTC, today, in ISO 8601."""
        return f"{parsed(self._now):%Y-%m-%d}T{clock}:00Z"
