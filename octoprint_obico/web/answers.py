"""What the JSON routes share: reading a request's body, and answers that are not cached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

_MAX_TEXT = 500
"""Characters of an address, a code or a path that are looked at."""


def json_answer(value: Mapping[str, Any], status: int = 200) -> flask.Response:
    """A JSON answer that must not be cached."""
    response = flask.jsonify(value)
    response.status_code = status
    cached: flask.Response = add_non_caching_response_headers(response)
    return cached


def json_body() -> Mapping[str, Any]:
    """The request's JSON object, or 400."""
    value = flask.request.get_json(silent=True)
    if not isinstance(value, dict):
        flask.abort(400, description=gettext("A JSON object is expected."))
    return value


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A short text of the body, "" where it is missing; 400 where it is something else."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        flask.abort(400, description=gettext("A short text is expected."))
    return value
