"""The plugin's settings: the keys that users have today, their defaults, and who may see them."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from .server.address import DEFAULT_ADDRESS
from .server.trust import Accepted, ca_file_problem
from .session.trouble import MATTERS_AFTER_S

log = logging.getLogger("octoprint.plugins.obico")

VERSION = 1
"""Raise it with each change of meaning, and add the step to `migrated`."""

FILAMENT_NUDGE_S = 600.0
"""The bell rings for filament once in so many seconds, and again after as many while the printer
still waits; users of the app know this pause (PROTOCOL 14)."""

DEFAULTS: Mapping[str, Any] = {
    "endpoint_prefix": DEFAULT_ADDRESS,
    "auth_token": None,
    "printer_id": None,
    "printer_name": "",
    "tls_ca_file": "",
    "tls_accepted_certificate": None,
    "tls_accepted_for": "",
    "navbar_icon": True,
    "alerts": True,
    "alert_after_s": MATTERS_AFTER_S,
    "filament_nudge_s": FILAMENT_NUDGE_S,
    "discovery": True,
    "former_settings_taken": False,
}

# A path must be a list: a plain string restricts nothing (OctoPrint ignores it silently)
RESTRICTED_PATHS: Mapping[str, list[list[str]]] = {
    "never": [["auth_token"]],
    "admin": [
        ["endpoint_prefix"],
        ["tls_ca_file"],
        ["tls_accepted_certificate"],
        ["tls_accepted_for"],
    ],
}

SWITCHES = ("navbar_icon", "alerts", "discovery")

READ_ONLY_KEYS = (
    "printer_id",
    "printer_name",
    "tls_accepted_certificate",
    "tls_accepted_for",
    "former_settings_taken",
)
"""Written by linking, and by accepting a certificate whose fingerprint was confirmed; what a
settings dialog posts back is passed over."""


def cleaned(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return posted settings without what must not be written.

    A restricted value comes back as None from a dialog that never saw it; it must not erase the
    token. A token that is really given (automation does that) is taken.
    """
    kept = {key: value for key, value in data.items() if key not in READ_ONLY_KEYS}
    token = kept.get("auth_token")
    if "auth_token" in kept and not (isinstance(token, str) and token.strip()):
        del kept["auth_token"]
    address = kept.get("endpoint_prefix")
    if "endpoint_prefix" in kept and not isinstance(address, str):
        del kept["endpoint_prefix"]
    elif isinstance(address, str):
        kept["endpoint_prefix"] = address.strip()
    if "tls_ca_file" in kept:
        _clean_ca_file(kept)
    for switch in SWITCHES:
        if not isinstance(kept.get(switch, True), bool):
            del kept[switch]
    return kept


def _clean_ca_file(kept: dict[str, Any]) -> None:
    """Take the path of a usable CA file, or none; another leaves what is stored as it is."""
    path = kept.pop("tls_ca_file")
    if not isinstance(path, str):
        return
    problem = ca_file_problem(path.strip()) if path.strip() else None
    if problem is not None:
        log.warning("The CA file %s is not taken: %s", path.strip(), problem)
        return
    kept["tls_ca_file"] = path.strip()


def as_accepted(pem: object, server: object) -> Accepted | None:
    """The stored certificate and its server, or None where either is missing."""
    return Accepted(str(server), str(pem)) if pem and server else None


def as_token(value: Any) -> str | None:
    """A stored token, or None where there is none."""
    return (str(value).strip() or None) if value is not None else None


def as_alert_after(value: Any) -> float:
    """After how many seconds trouble is told: a stored number from 1 s to a day, or the default."""
    return _seconds(value, 1.0, MATTERS_AFTER_S)


def as_filament_nudge(value: Any) -> float:
    """How often filament is asked for: a stored number of seconds from 5 to a day, or the default.

    It is looked every 5 s whether a reminder is due.
    """
    return _seconds(value, 5.0, FILAMENT_NUDGE_S)


def _seconds(value: Any, least: float, default: float) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return default
    return default if math.isnan(seconds) else min(max(seconds, least), 86_400.0)


def as_printer_id(value: int | str | None) -> int | None:
    """A stored printer id, or None where it is missing or no number."""
    try:
        return int(value) if value is not None else None
    except (TypeError, ValueError):
        return None
