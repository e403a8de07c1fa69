"""Status and report in words: what the JSON routes and the report page show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnosis.catalogue import CATALOGUE, N_
from ..diagnosis.job import shown_address
from ..diagnosis.texts import Translate, explain, fill
from ..host import Host
from ..server.address import parse_address
from ..server.causes import Cause
from ..server.channel_state import State
from ..server.errors import AddressError
from ..session.figures import PARTS, PLUGIN, Failure, Figures
from ..session.report import build_report, iso
from ..session.status import (
    ChannelStatus,
    ServerStatus,
    Status,
    WebcamStatus,
    failing_channels,
)
from .alerts import render_alert
from .doors import Doors
from .kept_events import render_events

SCHEMA = 1

# by ServerStatus.reason; the cause's own words follow where there is one
_SERVER_TEXTS: Mapping[str, str] = {
    "up": N_("HTTP and WebSocket are connected."),
    "not_linked": N_("This OctoPrint is not linked to a printer in Obico yet."),
    "connecting": N_("Connecting to the server."),
    "websocket_down": N_("The lasting connection (WebSocket) is down."),
    "failing": N_("The WebSocket is connected, but HTTP fails."),
    "recovering": N_(
        "Connected again. Failed attempts in the last minutes: {count}. Most recently: {title}."
    ),
}

_WEBCAM_TEXTS: Mapping[str, str] = {
    "okay": N_("Gives pictures."),
    "unknown": N_("No picture was taken yet."),
    "not_configured": N_("Has no snapshot URL."),
}

_SEVERITY_TEXTS: Mapping[str, str] = {
    "harmless": N_("Below 5 %: this is harmless."),
    "noticeable": N_("Between 5 and 20 %: noticeable. Keep an eye on it."),
    "act": N_("Above 20 %: something is wrong. Follow the steps below."),
    "no_connection": N_("100 %: there has been no connection at all."),
}

# where the time down, or one channel alone, is worse than the rate
_RAISED_TEXTS: Mapping[str, str] = {
    "noticeable": N_("Noticeable. Keep an eye on it."),
    "act": N_("Something is wrong. Follow the steps below."),
}

_FAULT_TITLE = N_("A part of the plugin failed")
_FAULT_TEXT = N_("Most recently: {part} ({error}). The plugin's log says more.")

_PATTERN_TEXTS: Mapping[str, str] = {
    "too_few": N_("Too few errors or attempts to tell whether they come in bursts."),
    "random": N_("The errors come at random."),
    "bursts": N_("The errors come in bursts."),
    "periodic": N_("The errors come at regular times."),
    "constant": N_("Every attempt failed."),
}


def render_status(doors: Doors, host: Host, translate: Translate) -> dict[str, Any]:
    """What `GET api/status` answers."""
    status = doors.status()
    settings, versions = host.settings, host.versions()
    linked = bool(settings.token())
    address = settings.server_address()
    return {
        "schema": SCHEMA,
        "linked": linked,
        "printer": linked_printer(host),
        "account": doors.account(),
        "discovery": {"running": doors.discovery.running},
        "address": shown_address(address),
        "server": _server(status, translate),
        "channels": {
            "http": _channel(status.http, translate),
            "websocket": {
                **_channel(status.websocket, translate),
                "last_pong_at": iso(status.websocket.last_pong_at),
            },
        },
        "webcams": [_webcam(webcam, translate) for webcam in status.webcams],
        "alert": render_alert(doors.alerts.current, translate),
        "conflict": _conflict(host.rival(), translate),
        "events": render_events(
            doors.events(), status.websocket.state == State.CONNECTED.value, translate
        ),
        "plugin_version": versions["plugin"],
        "octoprint_version": versions["octoprint"],
        "now": iso(doors.session().now),
    }


_CONFLICT = N_(
    "The plugin “{rival}” is enabled beside this one. Both would use the same printer in Obico and "
    "throw each other out. Disable or uninstall it in OctoPrint's Plugin Manager, then restart "
    "OctoPrint; this printer stays linked."
)


def _conflict(rival: str | None, translate: Translate) -> str | None:
    return None if rival is None else fill(_CONFLICT, {"rival": rival}, translate)


def linked_printer(host: Host) -> dict[str, Any] | None:
    """The linked printer for a page, or None while there is none."""
    settings = host.settings
    if not settings.token():
        return None
    printer, address = settings.printer(), settings.server_address()
    return {"id": printer.id, "name": printer.name, "url": printer_url(address, printer.id)}


def printer_url(address: str, number: int | None) -> str | None:
    """The printer's page on the server, or None where either is not known."""
    try:
        return parse_address(address).join(f"/printers/{number}/") if number else None
    except AddressError:
        return None


def _server(status: Status, translate: Translate) -> dict[str, Any]:
    server: ServerStatus = status.server
    known = server.cause is not None and server.reason != "not_linked"
    words = explain(server.cause, server.facts, translate) if known and server.cause else None
    title = words["title"] if words else ""
    facts = {**server.facts, "count": server.recent_errors, "title": title}
    text = fill(_SERVER_TEXTS[server.reason], facts, translate)
    # What is over must not be explained as if it went on
    explained = words is not None and server.reason != "recovering"
    return {
        "state": server.state.value,
        "reason": server.reason,
        "since": iso(server.since),
        "heals_at": iso(server.heals_at),
        "cause": server.cause.value if server.cause else None,
        "cause_title": title,
        "text": f"{text} {words['explanation']}" if words and explained else text,
    }


def _channel(channel: ChannelStatus, translate: Translate) -> dict[str, Any]:
    return {
        "state": channel.state,
        "since": iso(channel.since),
        "last_success_at": iso(channel.last_success_at),
        "cause": channel.cause.value if channel.cause else None,
        "cause_title": _title(channel.cause, channel.facts, translate),
    }


def _title(cause: Cause | None, facts: Mapping[str, Any], translate: Translate) -> str:
    return fill(CATALOGUE[cause].title, facts, translate) if cause else ""


def _webcam(webcam: WebcamStatus, translate: Translate) -> dict[str, Any]:
    facts = {"webcam": webcam.name, **webcam.facts}
    if webcam.cause is not None and webcam.state == "error":
        text = explain(webcam.cause, facts, translate)["explanation"]
    else:
        text = translate(_WEBCAM_TEXTS[webcam.state])
    return {
        "name": webcam.name,
        "state": webcam.state,
        "since": iso(webcam.since),
        "cause": webcam.cause.value if webcam.cause else None,
        "cause_title": _title(webcam.cause, facts, translate) if webcam.state == "error" else "",
        "text": text,
    }


def render_report(doors: Doors, translate: Translate) -> dict[str, Any]:
    """What `GET api/report` answers, and what the report page shows."""
    done = doors.diagnosis.last()
    session = doors.session()
    diagnosis = done.render(translate) if done is not None else None
    report = build_report(session, failing_channels(doors.status()), diagnosis, doors.series)
    for part in PARTS:
        if report[part] is not None:
            figures = session.parts[part]
            facts = {f.cause: _facts(f) for f in figures.recent}
            report[part]["words"] = _section_words(report[part], facts, translate)
    if report[PLUGIN] is not None:
        report[PLUGIN]["words"]["causes"] = _faults(session.parts[PLUGIN], translate)
    return report


def _facts(failure: Failure) -> Mapping[str, Any]:
    """What fills the texts of a failure; a webcam's name is that of its channel."""
    return {"webcam": failure.channel.partition(":")[2], **failure.facts}


def _faults(figures: Figures, translate: Translate) -> list[dict[str, Any]]:
    """The plugin's own faults in words, in place of what the causes of a connection say."""
    facts = figures.recent[-1].facts if figures.recent else {}
    return [
        {
            "cause": cause.value,
            "title": translate(_FAULT_TITLE),
            "explanation": fill(_FAULT_TEXT, facts, translate),
            "remedy": [],
            "count": count,
        }
        for cause, count in figures.causes.items()
    ]


def _section_words(
    section: Mapping[str, Any], facts: Mapping[Cause, Mapping[str, Any]], translate: Translate
) -> dict[str, Any]:
    causes = [Cause(name) for name in section["causes"]]
    texts = _SEVERITY_TEXTS
    if section["severity_because"] != "rate":
        texts = {**_SEVERITY_TEXTS, **_RAISED_TEXTS}
    return {
        "severity": translate(texts[section["severity"]]),
        "pattern": translate(_PATTERN_TEXTS[section["pattern"]["kind"]]),
        "causes": [
            {
                **explain(cause, facts.get(cause, {}), translate),
                "count": section["causes"][cause.value],
            }
            for cause in causes
        ],
    }
