"""The page of all causes: the same as docs/causes.md, served here for who is offline."""

from __future__ import annotations

from typing import Any

import flask
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from .._version import __version__
from ..diagnosis.groups import sections


def show_causes() -> Any:
    """The view behind /plugin/obico/causes; each cause has its id as its anchor."""
    page = flask.render_template(
        "plugin_obico/obico_causes.jinja2", sections=sections(gettext), version=__version__
    )
    return add_non_caching_response_headers(flask.make_response(page))
