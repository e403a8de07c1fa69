"""The JSON routes (DIAGNOSIS contract, "what programs may read")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext

from ..diagnosis.catalogue import N_
from ..host import Host
from ..server.address import parse_address
from ..server.causes import Cause
from ..server.errors import AddressError
from ..server.linking import LinkError, LinkOutcome, LinkProblem, normalise_code
from .answers import json_answer, json_body, problem_words, text_in
from .doors import Doors
from .render import linked_printer, printer_url, render_report, render_status

_LINK_TEXTS: Mapping[LinkProblem, str] = {
    LinkProblem.CODE_MALFORMED: N_("The code has six digits."),
    LinkProblem.CODE_REJECTED: N_(
        "{host} does not know this code: it is wrong, was used already, or is older than two "
        "hours. Get a new one in the Obico app."
    ),
}


class Api:
    """The views behind /plugin/obico/api/; each returns JSON that must not be cached."""

    def __init__(self, doors: Doors, host: Host) -> None:
        self._doors, self._host = doors, host

    def status(self) -> flask.Response:
        # a page that only keeps an icon up to date is nobody who waits for the next attempt
        if "peek" not in flask.request.args:
            self._doors.look()
        return json_answer(render_status(self._doors, self._host, gettext))

    def report(self) -> flask.Response:
        return json_answer(render_report(self._doors, gettext))

    def diagnosis(self) -> flask.Response:
        return json_answer(self._doors.diagnosis.state(gettext))

    def start_diagnosis(self) -> flask.Response:
        return json_answer({"run": self._doors.diagnosis.start()}, 202)

    def start_link(self) -> flask.Response:
        """Start linking: {"code": "123456", "server": address or missing for the stored one}."""
        body = json_body()
        code = text_in(body, "code")
        server = text_in(body, "server") if body.get("server") else ""
        try:
            normalise_code(code)
        except LinkError as error:
            flask.abort(400, description=_link_words(error)["text"])
        run = self._doors.linking.start(server or self._host.settings.server_address(), code)
        if run is None:
            flask.abort(409, description=gettext("Linking is under way already."))
        return json_answer({"run": run}, 202)

    def link_state(self) -> flask.Response:
        run, state, outcome = self._doors.linking.state()
        discovery = self._doors.discovery
        discovery.look()
        answer = {"run": run, "state": state, "outcome": _outcome(outcome)}
        # whatever has linked it: a page that waits for a code can stop waiting
        answer["linked"] = linked_printer(self._host)
        return json_answer({**answer, "discovery": {"running": discovery.running}})

    def check_address(self) -> flask.Response:
        """Check an address while it is typed: no network, only its form."""
        self._doors.discovery.look()  # the panel for linking begins with this question
        typed = text_in(json_body(), "address")
        try:
            address = parse_address(typed)
        except AddressError as error:
            words = problem_words(error.cause, error.facts)
            return json_answer({"ok": False, "address": None, **words})
        return json_answer({"ok": True, "address": address.url, **problem_words(None, {})})


def _link_words(error: LinkError) -> dict[str, Any]:
    return problem_words(error.problem, error.facts, _LINK_TEXTS)


def _outcome(outcome: LinkOutcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    if outcome.printer is not None:
        printer = outcome.printer
        url = printer_url(printer.address.url, printer.id)
        seen = {"id": printer.id, "name": printer.name, "url": url}
        empty = {"certificate": None, "server": None}
        return {"ok": True, **problem_words(None, {}), "printer": seen, **empty}
    error = outcome.error or LinkError(Cause.UNKNOWN_ERROR)
    return {
        "ok": False,
        **_link_words(error),
        "printer": None,
        # one that an administrator may accept, and where
        "certificate": error.certificate.evidence if error.certificate else None,
        "server": error.address.url if error.address else None,
    }
