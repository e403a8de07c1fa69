"""The diagnostic report: a page of its own that needs no JavaScript to be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import flask
from flask_babel import format_timedelta, gettext, ngettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..diagnosis.catalogue import N_
from ..host import Host
from .doors import Doors
from .render import render_report, render_status

_TITLES: Mapping[str, str] = {
    "server": N_("Connection to server"),
    "webcam": N_("Connection to webcam"),
}

_JUDGEMENTS: Mapping[str, str] = {
    "harmless": N_("Harmless."),
    "noticeable": N_("Noticeable."),
    "act": N_("Something is wrong."),
}

_STATES: Mapping[str, str] = {
    "okay": N_("Okay"),
    "disconnected": N_("Disconnected"),
    "error": N_("Error"),
    "not_linked": N_("Not linked"),
}


class ReportPage:
    """The view behind /plugin/obico/report."""

    def __init__(self, doors: Doors, host: Host) -> None:
        self._doors, self._host = doors, host

    def show(self) -> flask.Response:
        self._doors.look()
        report = render_report(self._doors, gettext)
        status = render_status(self._doors, self._host, gettext)
        page = flask.render_template(
            "plugin_obico/obico_report.jinja2",
            report=report,
            status=status,
            state=gettext(_STATES[status["server"]["state"]]),
            parts=[_part(name, report) for name in _TITLES if report[name] is not None],
            calm=[_calm(name, report) for name in _TITLES if report[name] is None],
            moment=lambda iso: _moment(iso, report["generated_at"]),
        )
        return self._uncached(page)

    @staticmethod
    def _uncached(page: str) -> Any:
        return add_non_caching_response_headers(flask.make_response(page))


def _calm(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """A part without errors: its title and how often it was tried."""
    return {"id": name, "title": gettext(_TITLES[name]), "attempts": report[f"{name}_attempts"]}


def _part(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """A part with errors: its figures, with the sentences that stand above them."""
    section = report[name]
    return {
        **section,
        "id": name,
        "title": gettext(_TITLES[name]),
        "percent": percent(section["attempts"], section["errors"]),
        "sentence": _sentence(section, report["generated_at"]),
        "chance": _chance(section["pattern"]["p_value"]),
    }


def percent(attempts: int, errors: int) -> str:
    """The error rate in per cent, as short as it can be without claiming too much."""
    rate = 100.0 * errors / attempts if attempts else 0.0
    if 0 < rate < 0.1:
        return "< 0.1"
    if rate < 10:
        return f"{rate:.1f}".replace(".0", "")
    # 100 % means that not one attempt succeeded; 99.9 % must not look the same
    return str(round(rate) if errors == attempts else min(round(rate), 99))


def _sentence(section: Mapping[str, Any], now: str) -> str:
    """What a layman wants to know first, e.g. "9 of 214 attempts failed (4 %), ..."."""
    attempts, errors = section["attempts"], section["errors"]
    facts = {
        "attempts": attempts,
        "errors": errors,
        "percent": percent(attempts, errors),
        "last": ago(section["last_error_at"], now),
    }
    if section["severity"] == "no_connection":
        return ngettext(
            "The only attempt failed (100 %%), %(last)s.",
            "All %(attempts)s attempts failed (100 %%), the last %(last)s.",
            attempts,
            **facts,
        )
    episodes = section["pattern"]["episodes"]
    judgement = gettext(_JUDGEMENTS[section["severity"]])
    if errors == 1:
        text = gettext("1 of %(attempts)s attempts failed (%(percent)s %%), %(last)s.", **facts)
        return f"{text} {judgement}"
    text = ngettext(
        "%(errors)s of %(attempts)s attempts failed (%(percent)s %%), all in a row, "
        "the last %(last)s.",
        "%(errors)s of %(attempts)s attempts failed (%(percent)s %%), in %(episodes)s episodes, "
        "the last %(last)s.",
        episodes,
        episodes=episodes,
        **facts,
    )
    return f"{text} {judgement}"


def _chance(p_value: float | None) -> str:
    """How likely such a pattern is at random, where that was tested; else ""."""
    if p_value is None or p_value > 0.5:
        return ""
    if p_value < 1e-6:
        return gettext("chance of this at random: less than 1 in a million")
    return gettext("chance of this at random: 1 in %(count)s", count=f"{round(1 / p_value):,}")


def _moment(iso: str | None, now: str) -> dict[str, str] | None:
    """A moment for the page: for programs, in UTC for people, and how long ago."""
    if iso is None:
        return None
    return {"iso": iso, "utc": f"{_parsed(iso):%Y-%m-%d %H:%M:%S} UTC", "ago": ago(iso, now)}


def ago(iso: str, now: str) -> str:
    """How long before `now` a moment was, e.g. "3 hours ago", in the reader's language."""
    text: str = format_timedelta(_parsed(iso) - _parsed(now), add_direction=True)
    return text


def _parsed(iso: str) -> datetime:
    return datetime.fromisoformat(iso.replace("Z", "+00:00"))
