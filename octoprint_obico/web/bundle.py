"""The support bundle: what is in it, and the zip itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import flask
from flask_babel import gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..diagnosis.catalogue import N_
from ..diagnosis.job import shown_address
from ..diagnosis.texts import fill
from ..host import Host, SettingsHost
from ..installation import describe, version_numbers
from ..log_ring import LogRing
from ..server.scrub import Scrubber, passwords_in
from ..server.words import iso
from ..session.bundle import BundleFile, Section, file_name, make_file, make_files, packed
from ..webcam.snapshot import shown_url
from .answers import json_answer
from .doors import Doors
from .render import SCHEMA, render_report, render_status
from .report import reader
from .report_text import report_text

_MOST_WEBCAMS = 32
_LONGEST_NAME = 200

README = "README.txt"

# name: what it is called, what is in it
_TEXTS: Mapping[str, tuple[str, str]] = {
    README: (N_("Read me"), N_("What this is, when it was saved, and what was taken out.")),
    "report.txt": (
        N_("Diagnostic report"),
        N_("What has failed since OctoPrint was started, how often, why, and what to do."),
    ),
    "report.json": (N_("Diagnostic report, for programs"), N_("The same figures as JSON.")),
    "diagnosis.json": (
        N_("Last connection test"),
        N_("The result of TEST: each check and what it has seen of your network."),
    ),
    "status.json": (
        N_("Plugin status"),
        N_("The state of the connections at this moment, the server address and the printer."),
    ),
    "webcams.json": (
        N_("Webcams"),
        N_("Their names and addresses, without user names and passwords."),
    ),
    "settings.json": (
        N_("Settings"),
        N_("The settings of this plugin alone. Of the token only whether there is one."),
    ),
    "versions.json": (
        N_("Versions"),
        N_("The versions of the plugin, OctoPrint, Python and the system, and the computer model."),
    ),
    "plugin.log": (
        N_("Log of the plugin"),
        N_("The last lines that this plugin has logged since OctoPrint was started."),
    ),
}

# The settings that are told, one by one: a new one stays out until somebody decides
_SETTINGS: tuple[tuple[str, Callable[[SettingsHost], Any]], ...] = (
    ("endpoint_prefix", lambda settings: shown_address(settings.server_address())),
    ("auth_token_set", lambda settings: bool(settings.token())),
    ("printer_id", lambda settings: settings.printer().id),
    ("printer_name", lambda settings: settings.printer().name),
    ("tls_ca_file", lambda settings: settings.ca_file()),
    ("tls_accepted_certificate_set", lambda settings: settings.accepted_certificate() is not None),
    ("alert_after_s", lambda settings: settings.alert_after_s()),
)

_README = N_("""\
Support bundle of Obico for OctoPrint
=====================================

Saved at {moment} (UTC).

What this is
------------
What the plugin knows about its connections since OctoPrint was started. It was saved to be handed
to somebody who helps; nothing was sent anywhere. Look through it before you pass it on: all files
are plain text.

What was taken out
------------------
The printer's token, passwords, user names in addresses, cookies and link codes; e-mail addresses;
hardware (MAC) addresses; the names of users in paths of files. In their place stands what was
there, for example [token] or [hardware address 1]. The same number means the same thing in every
file.
{addresses}
What was left in
----------------
Names of computers and servers, addresses inside of your own network, the names of the printer and
the webcams, without which nobody could tell what failed.

Files
-----
{files}
""")

_WITHOUT_IP = N_("""\
Public IP addresses were taken out as well, and stand there as [public IP 1] and so on.
""")
_WITH_IP = N_("""\
Public IP addresses were left in, as it was asked for.
""")
_MISSING = N_("This part could not be made: {problem}")


class BundleApi:
    """The views behind api/bundle and api/bundle/contents."""

    def __init__(self, doors: Doors, host: Host, log: LogRing) -> None:
        self._doors, self._host, self._log = doors, host, log

    def contents(self) -> flask.Response:
        """What is in the bundle, before it is saved."""
        keep_ip = _keeps_ip()
        files = [_entry(file) for file in self._files(keep_ip, time.time())]
        return json_answer({"schema": SCHEMA, "files": files, "ip_addresses_removed": not keep_ip})

    def save(self) -> flask.Response:
        """The bundle as a zip."""
        now = time.time()
        response = flask.Response(
            packed(self._files(_keeps_ip(), now), now), mimetype="application/zip"
        )
        response.headers.set("Content-Disposition", "attachment", filename=file_name(now))
        response.headers["X-Content-Type-Options"] = "nosniff"
        uncached: flask.Response = add_non_caching_response_headers(response)
        return uncached

    def _files(self, keep_ip: bool, now: float) -> list[BundleFile]:
        """All files, the one to be read first at the beginning."""
        scrubber = self._scrubber(keep_ip)
        files = make_files(self._sections(), scrubber)
        about = _section(README, partial(_readme, files, keep_ip, now))
        return [make_file(about, scrubber), *files]

    def _sections(self) -> list[Section]:
        doors, host = self._doors, self._host
        makers: Mapping[str, Callable[[], Any]] = {
            "report.txt": partial(_report_text, doors, host),
            "report.json": lambda: render_report(doors, gettext),
            "diagnosis.json": lambda: _diagnosis(doors),
            "status.json": lambda: render_status(doors, host, gettext),
            "webcams.json": lambda: _webcams(host),
            "settings.json": lambda: _settings(host.settings),
            "versions.json": lambda: {"schema": SCHEMA, **self._versions()},
            "plugin.log": self._log.text,
        }
        return [_section(name, make) for name, make in makers.items()]

    def _versions(self) -> dict[str, Any]:
        session = self._doors.session()
        return describe(self._host.versions(), session.now - session.started_at)

    def _scrubber(self, keep_ip: bool) -> Scrubber:
        """What knows the secrets of this OctoPrint, also those that were replaced meanwhile."""
        last = self._doors.diagnosis.last()
        settings, webcams = self._host.settings, self._host.webcams()
        tokens = [*self._log.hidden, settings.token(), *(last.request.secrets if last else ())]
        urls = [settings.server_address(), last.request.address if last else ""]
        urls += [url or "" for webcam in webcams for url in (webcam.url, webcam.stream)]
        return Scrubber(
            {"token": [token for token in tokens if token], "password": passwords_in(urls)},
            keep_ip=keep_ip,
            versions=version_numbers(describe(self._host.versions(), 0.0)),
        )


def _keeps_ip() -> bool:
    return flask.request.args.get("keep_ip") == "1"


def _section(name: str, make: Callable[[], Any]) -> Section:
    title, description = _TEXTS[name]
    return Section(name, gettext(title), gettext(description), make)


def _entry(file: BundleFile) -> dict[str, Any]:
    section = file.section
    return {
        "name": section.name,
        "title": section.title,
        "description": section.description,
        "size": len(file.data),
        "problem": fill(_MISSING, {"problem": file.problem}, gettext) if file.problem else "",
    }


def _readme(files: Sequence[BundleFile], keep_ip: bool, now: float) -> str:
    entries = [_entry(file) for file in files]
    lines = [
        f"{entry['name']}: {' '.join(filter(None, (entry['description'], entry['problem'])))}"
        for entry in entries
    ]
    facts = {
        "moment": iso(now),
        "addresses": gettext(_WITH_IP if keep_ip else _WITHOUT_IP),
        "files": "\n".join(lines),
    }
    return fill(_README, facts, gettext)


def _report_text(doors: Doors, host: Host) -> str:
    report, status = render_report(doors, gettext), render_status(doors, host, gettext)
    return report_text(report, status, reader())


def _diagnosis(doors: Doors) -> dict[str, Any]:
    last = doors.diagnosis.last()
    if last is None:
        return {"schema": SCHEMA, "note": gettext("TEST was not pressed in this session.")}
    return last.render(gettext)


def _settings(settings: SettingsHost) -> dict[str, Any]:
    return {"schema": SCHEMA, **{name: read(settings) for name, read in _SETTINGS}}


def _webcams(host: Host) -> dict[str, Any]:
    webcams = [
        {
            "name": webcam.name[:_LONGEST_NAME],
            "snapshot": shown_url(webcam.url) if webcam.url else None,
            "stream": shown_url(webcam.stream) if webcam.stream else None,
            "gives_snapshots": webcam.take is not None,
        }
        for webcam in host.webcams()[:_MOST_WEBCAMS]
    ]
    return {"schema": SCHEMA, "webcams": webcams}
