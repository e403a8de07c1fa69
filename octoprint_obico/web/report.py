"""The diagnostic report: a page of its own that needs no JavaScript to be read."""

from __future__ import annotations

from typing import Any

import flask
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..agent import Agent
from ..host import Host
from .render import render_report, render_status


class ReportPage:
    """The view behind /plugin/obico/report."""

    def __init__(self, agent: Agent, host: Host) -> None:
        self._agent, self._host = agent, host

    def show(self) -> flask.Response:
        page = flask.render_template(
            "plugin_obico/obico_report.jinja2",
            report=render_report(self._agent, gettext),
            status=render_status(self._agent, self._host, gettext),
        )
        return self._uncached(page)

    @staticmethod
    def _uncached(page: str) -> Any:
        return add_non_caching_response_headers(flask.make_response(page))
