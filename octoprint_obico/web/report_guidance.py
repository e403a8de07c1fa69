"""What to do about a part of the report: a table of steps, picked by what the figures say."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..diagnosis.catalogue import N_
from ..diagnosis.texts import fill
from ..server.address import parse_address
from ..server.causes import Cause
from ..server.errors import AddressError
from .language import Language
from .report_words import channels_of

_HEALTH_PATH = "/hc/"
"""The server's answer there needs no token."""

_MOST_STEPS = 6


@dataclass(frozen=True)
class Step:
    """One step of the guidance; `command` is a line for a terminal, or ""."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class _Advice:
    """A row of the table: it holds where the part is `part` and all of `when` are true of it.

    `when` names a severity ("act"), a pattern ("bursts", "lifetime", "hour"), or a trait: see
    `_traits`. Names joined by "|" are alternatives.
    """

    part: str
    when: tuple[str, ...]
    text: str
    command: str = ""


_OFTEN = "noticeable|act"
_TROUBLE = "noticeable|act|no_connection|active"

_LINE_CAUSES = frozenset(
    cause.value
    for cause in (
        Cause.NETWORK_DOWN,
        Cause.HOST_UNREACHABLE,
        Cause.DNS_TIMEOUT,
        Cause.DNS_UNAVAILABLE,
        Cause.CONNECTION_TIMED_OUT,
        Cause.CONNECTION_RESET,
        Cause.TLS_HANDSHAKE_FAILED,
        Cause.RESPONSE_TIMED_OUT,
        Cause.WEBSOCKET_HANDSHAKE_TIMED_OUT,
        Cause.WEBSOCKET_RESET,
        Cause.WEBSOCKET_DROPPED,
        Cause.WEBSOCKET_UNRESPONSIVE,
    )
)
"""What a bad line looks like; what a server or a proxy says itself is none of it."""

_TABLE: tuple[_Advice, ...] = (
    # ---- the server
    _Advice(
        "server",
        ("harmless", "over"),
        N_("Nothing has to be done: what failed was tried again by itself."),
    ),
    _Advice(
        "server",
        ("lifetime",),
        N_(
            "Something between here and the server cuts connections that are quiet for {period}: "
            "most often a reverse proxy. Raise its idle time-out to some minutes (nginx: "
            "proxy_read_timeout 300s; Apache: ProxyTimeout 300; Traefik: respondingTimeouts)."
        ),
    ),
    _Advice(
        "server",
        ("hour",),
        N_(
            "Find out what happens at that time of day: a router that restarts, a provider that "
            "renews the connection, a backup that fills the line."
        ),
    ),
    _Advice(
        "server",
        ("tested_failed", _TROUBLE),
        N_("The last TEST ({tested}) has found: {headline}. What it says stands below."),
    ),
    _Advice(
        "server",
        ("tested_okay", _TROUBLE),
        N_("The last TEST ({tested}) succeeded: press it again while the trouble goes on."),
    ),
    _Advice(
        "server",
        ("untested", _TROUBLE),
        N_(
            "Press TEST in Settings > Obico for OctoPrint > Troubleshooting: within 15 seconds it "
            "says what is wrong and what to do."
        ),
    ),
    _Advice(
        "server",
        ("no_connection|unreached", "address"),
        N_(
            "Try it without the plugin: log in to this computer (by SSH or with a keyboard) and "
            "enter the line below. A line that begins with “< HTTP” means that the server was "
            "reached; where there is none, the last line with “*” says how far it came. (Is your "
            "certificate an own one? Then curl refuses it, which proves nothing.)"
        ),
        "curl",
    ),
    _Advice(
        "server",
        ("no_connection",),
        N_(
            "Does another device in the same network reach {address} in its browser? If not, the "
            "fault is at the server, the router or the Internet connection; if it does, it is at "
            "this computer."
        ),
    ),
    _Advice(
        "server",
        ("wifi_weak", _OFTEN, "line"),
        N_(
            "The Wi-Fi signal of {interface} is weak ({signal} in the last TEST): move this "
            "computer and the router closer together, or connect it with a network cable."
        ),
    ),
    _Advice(
        "server",
        ("wifi_good", _OFTEN, "line"),
        N_(
            "The Wi-Fi signal of {interface} was good enough in the last TEST ({signal}), but it "
            "may vary: a network cable, if only for a day, tells whether it is the Wi-Fi."
        ),
    ),
    _Advice(
        "server",
        ("wired", _OFTEN, "line"),
        N_(
            "The last TEST saw no Wi-Fi in use: try another network cable, and another port of the "
            "router."
        ),
    ),
    _Advice(
        "server",
        ("untested", _OFTEN, "line", "too_few|random|bursts|constant"),
        N_(
            "Most often it is the Wi-Fi: move this computer and the router closer together, away "
            "from metal and USB 3 cables, or connect it with a network cable."
        ),
    ),
    _Advice(
        "server",
        ("bursts", _OFTEN),
        N_(
            "Errors in bursts mean that something goes away and comes back. Compare the times of "
            "the episodes below with what else happens in your house and network."
        ),
    ),
    _Advice(
        "server",
        ("random", _OFTEN, "line"),
        N_(
            "Errors at random mean a line that loses data all the time: a weak Wi-Fi signal, or an "
            "Internet connection that is at its limit."
        ),
    ),
    # ---- the webcam
    _Advice(
        "webcam",
        ("harmless", "over"),
        N_("Nothing has to be done: the next picture was taken by itself."),
    ),
    _Advice(
        "webcam",
        (_TROUBLE,),
        N_(
            "Check the webcam's addresses in OctoPrint: Settings > Webcam & Timelapse (“Classic "
            "Webcam”). The Test button beside the snapshot URL has to show a picture."
        ),
    ),
    _Advice(
        "webcam",
        ("noticeable|act|active", "too_few|random|bursts|periodic"),
        N_(
            "A webcam that fails now and then often lacks power or time: try another USB port or "
            "cable, a smaller resolution, or fewer pictures per second."
        ),
    ),
    _Advice(
        "webcam",
        ("hour",),
        N_("Find out what happens at that time of day: a camera or a router that restarts?"),
    ),
    # ---- the plugin itself
    _Advice(
        "plugin",
        (),
        N_("This is not your network: a part of the plugin itself did not work."),
    ),
    _Advice("plugin", ("active",), N_("Restart OctoPrint.")),
    _Advice(
        "plugin",
        (),
        N_(
            "Does it come back? Save a support bundle (below) and send it to those who support "
            "you; a newer version of the plugin or of OctoPrint may have mended it."
        ),
    ),
)


def guidance(
    part: str, report: Mapping[str, Any], address: str | None, language: Language
) -> list[Step]:
    """The steps for a part with errors, the first to be tried first.

    Args:
        address: the server address as it is shown; no line for a terminal is made of one that
            cannot be used.
    """
    traits = _traits(part, report, address)
    facts = _facts(report, address, language)
    steps = [
        Step(
            fill(row.text, facts, language.gettext),
            curl_line(address) if row.command == "curl" else "",
        )
        for row in _TABLE
        if row.part == part and all(traits & set(need.split("|")) for need in row.when)
    ]
    return steps[:_MOST_STEPS]


def curl_line(address: str | None) -> str:
    """A line for a shell that asks the server for its health, or "" for an unusable address.

    The address is what somebody typed: it is quoted, and its brackets are taken as they are.
    """
    try:
        url = parse_address(address).join(_HEALTH_PATH)
    except AddressError:
        return ""
    return f"curl --verbose --globoff --max-time 15 --output /dev/null {shlex.quote(url)}"


def _traits(part: str, report: Mapping[str, Any], address: str | None) -> frozenset[str]:
    """What is true of a part, as the table names it."""
    section = report[part]
    pattern = section["pattern"]
    marks = {section["severity"], pattern["kind"], "active" if section["active"] else "over"}
    channels = [report["channels"][name] for name in channels_of(part, report)]
    lost = sum(count for cause, count in section["causes"].items() if cause in _LINE_CAUSES)
    if 2 * lost >= section["errors"]:
        marks.add("line")
    if any(channel["severity"] == "no_connection" for channel in channels):
        marks.add("unreached")
    if pattern.get("period_s"):
        marks.add("lifetime")
    if pattern.get("hour_of_day") is not None:
        marks.add("hour")
    if curl_line(address):
        marks.add("address")
    return frozenset(marks | _tested(report))


def _tested(report: Mapping[str, Any]) -> set[str]:
    """What the last TEST adds."""
    test = report["diagnosis"]
    if test is None:
        return {"untested"}
    found = {"tested_failed" if test["cause"] else "tested_okay"}
    outcome = _check(report, "wifi").get("outcome")
    if _wifi(report).get("signal"):
        found.add("wifi_weak" if outcome == "warned" else "wifi_good")
    elif outcome == "skipped" and _check(report, "network").get("outcome") == "passed":
        found.add("wired")
    return found


def _check(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    checks = (report["diagnosis"] or {}).get("checks", ())
    return next((check for check in checks if check["id"] == name), {})


def _wifi(report: Mapping[str, Any]) -> Mapping[str, Any]:
    evidence: Mapping[str, Any] = _check(report, "wifi").get("evidence") or {}
    return evidence


def _facts(report: Mapping[str, Any], address: str | None, language: Language) -> dict[str, Any]:
    """What fills the steps' placeholders."""
    test = report["diagnosis"] or {}
    wifi = _wifi(report)
    period = next(
        (
            section["pattern"]["period_s"]
            for section in report["channels"].values()
            if section["pattern"].get("period_s")
        ),
        None,
    )
    return {
        "address": address or "–",
        "period": language.duration(period) if period else "",
        "signal": wifi.get("signal"),
        "interface": wifi.get("interface"),
        "headline": test.get("title") or test.get("headline"),
        "tested": _age(test.get("started_at"), report["generated_at"], language),
    }


def _age(iso: str | None, now: str, language: Language) -> str:
    return language.ago(iso, now) if iso else ""
