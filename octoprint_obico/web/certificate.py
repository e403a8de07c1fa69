"""Accepting one certificate, and checking a CA file: for administrators."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext

from ..diagnosis.catalogue import N_
from ..diagnosis.texts import explain
from ..host import Host
from ..server.address import DEFAULT_ADDRESS, Address, parse_address
from ..server.certificate import Certificate, parse_certificate
from ..server.errors import AddressError
from ..server.trust import Accepted, CaFileProblem, ca_file_problem, server_name, trust_for
from ..trust_keeper import AcceptOutcome, AcceptProblem
from .answers import json_answer, json_body, problem_words, text_in
from .doors import Doors

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")

_CA_FILE_TEXTS: Mapping[CaFileProblem, str] = {
    CaFileProblem.NOT_ABSOLUTE: N_("Enter the whole path; it begins with a slash."),
    CaFileProblem.MISSING: N_("There is no such file on OctoPrint's computer."),
    CaFileProblem.UNREADABLE: N_("OctoPrint's user may not read this file."),
    CaFileProblem.NOT_PEM: N_(
        "There is no certificate in this file. It must be in PEM form: text that begins with "
        "-----BEGIN CERTIFICATE-----"
    ),
}

_PROBLEM_TEXTS: Mapping[AcceptProblem, str] = {
    AcceptProblem.CERTIFICATE_CHANGED: N_(
        "{host} shows another certificate now: the one below. Compare its fingerprint before you "
        "accept it."
    ),
}


class CertificateApi:
    """The views behind api/certificate and api/ca_file."""

    def __init__(self, doors: Doors, host: Host) -> None:
        self._doors, self._host = doors, host

    def show(self) -> flask.Response:
        """What was accepted, whether it applies to the stored address, and how accepting goes."""
        run, state, outcome = self._doors.accepting.state()
        ended = _outcome(outcome) if outcome is not None else None
        accepting = {"run": run, "state": state, "outcome": ended}
        return json_answer({"accepted": self._accepted(), **accepting})

    def start_accepting(self) -> flask.Response:
        """Accept: {"sha256": as shown, "server": address or missing for the stored one}.

        The certificate is fetched anew, and stored only if it is the one that was confirmed.
        """
        body = json_body()
        fingerprint = text_in(body, "sha256").strip().upper()
        if not _FINGERPRINT.fullmatch(fingerprint):
            flask.abort(400, description=gettext("A SHA-256 fingerprint is expected."))
        address = self._address(text_in(body, "server"))
        run = self._doors.accepting.start(address, fingerprint)
        if run is None:
            flask.abort(409, description=gettext("A certificate is being accepted already."))
        return json_answer({"run": run}, 202)

    def forget(self) -> flask.Response:
        self._doors.trust.forget()
        return json_answer({"accepted": self._accepted()})

    def check_ca_file(self) -> flask.Response:
        """Whether a CA file can be used: {"path": ...}; an empty path means none, which can."""
        path = text_in(json_body(), "path").strip()
        problem = ca_file_problem(path) if path else None
        text = gettext(_CA_FILE_TEXTS[problem]) if problem is not None else ""
        return json_answer({"ok": problem is None, "text": text})

    def _address(self, server: str) -> Address:
        try:
            address = parse_address(server or self._host.settings.server_address())
        except AddressError as error:
            text = explain(error.cause, error.facts, gettext)["explanation"]
            flask.abort(400, description=text)
        if not address.is_tls:
            text = gettext("An address that begins with http:// has no certificate.")
            flask.abort(400, description=text)
        if server_name(address) == server_name(parse_address(DEFAULT_ADDRESS)):
            # a public one, which is trusted: where another is shown, somebody stands in between
            text = gettext("The Obico Cloud's certificate needs no accepting.")
            flask.abort(400, description=text)
        return address

    def _accepted(self) -> dict[str, Any] | None:
        accepted = self._host.settings.accepted_certificate()
        if accepted is None:
            return None
        return {
            "server": accepted.server,
            "in_use": self._is_in_use(accepted),
            **_read(accepted.pem).evidence,
        }

    def _is_in_use(self, accepted: Accepted) -> bool:
        try:
            address = parse_address(self._host.settings.server_address())
        except AddressError:
            return False
        return address.is_tls and bool(trust_for(address, None, accepted).accepted_certificate)


def _outcome(outcome: AcceptOutcome) -> dict[str, Any]:
    shown, address = outcome.shown, outcome.address
    return {
        "ok": outcome.problem is None,
        **problem_words(outcome.problem, outcome.facts, _PROBLEM_TEXTS),
        # what the server shows now, and where
        "certificate": shown.evidence if shown is not None else None,
        "server": address.url if address is not None else None,
    }


def _read(pem: str) -> Certificate:
    """A stored certificate; where somebody has damaged it, one without contents."""
    try:
        return parse_certificate(ssl.PEM_cert_to_DER_cert(pem))
    except ValueError:
        return Certificate(pem, "")
