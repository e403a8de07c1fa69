"""What the JSON routes share: reading a request's body, and answers that are not cached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..diagnosis.texts import explain, fill
from ..server.causes import Cause
from ..server.words import Word

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


def problem_words(
    problem: Word | None, facts: Mapping[str, Any], texts: Mapping[Any, str] | None = None
) -> dict[str, Any]:
    """What a problem is called, and what there is to do, as all routes tell it.

    Args:
        problem: a Cause, one that is a route's own, or None where all is well.
        texts: of the route's own problems; what to do stands in them.
    """
    if problem is None:
        return {"cause": None, "text": "", "remedy": []}
    if isinstance(problem, Cause):
        words = explain(problem, facts, gettext)
        return {"cause": problem.value, "text": words["explanation"], "remedy": words["remedy"]}
    text = fill((texts or {})[problem], facts, gettext)
    return {"cause": problem.value, "text": text, "remedy": []}
