"""The routes that name the linked printer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext

from ..diagnosis.catalogue import N_
from ..server.causes import Cause
from ..server.naming import NameOutcome, NameProblem, NamingError
from .answers import json_answer, json_body, problem_words, text_in
from .doors import Doors

_TEXTS: Mapping[NameProblem, str] = {
    NameProblem.NAME_EMPTY: N_("The name is empty: enter at least one letter or digit."),
    NameProblem.NAME_TOO_LONG: N_("The name is too long: use at most {limit} characters."),
    NameProblem.NAME_UNFIT: N_(
        "The name holds a line break or another character that cannot be shown: remove it."
    ),
    NameProblem.NOT_LINKED: N_("This OctoPrint is not linked to a printer in Obico yet."),
    NameProblem.LINK_CHANGED: N_(
        "OctoPrint was linked anew meanwhile, or the server was changed. Look which printer is "
        "linked now, then name that one."
    ),
}


class NamingApi:
    """The views behind api/printer_name."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def start(self) -> flask.Response:
        """Start to give the linked printer another name: {"name": ...}."""
        typed = text_in(json_body(), "name")
        try:
            run = self._doors.naming.start(typed)
        except NamingError as error:
            status = 409 if error.problem is NameProblem.NOT_LINKED else 400
            flask.abort(status, description=_words(error)["text"])
        if run is None:
            flask.abort(409, description=gettext("The name is being saved already."))
        return json_answer({"run": run}, 202)

    def state(self) -> flask.Response:
        run, state, outcome = self._doors.naming.state()
        ended = _outcome(outcome) if outcome is not None else None
        return json_answer({"run": run, "state": state, "outcome": ended})


def _outcome(outcome: NameOutcome) -> dict[str, Any]:
    error = outcome.error
    if error is None:
        return {"ok": True, "name": outcome.name, **problem_words(None, {})}
    return {"ok": False, "name": None, **_words(error)}


def _words(error: NamingError) -> dict[str, Any]:
    words = problem_words(error.problem, error.facts, _TEXTS)
    if isinstance(
        error.problem, Cause
    ):  # the plugin keeps trying to connect, but a name is sent once
        words["remedy"] = [*words["remedy"], gettext("Then save the name again.")]
    return words
