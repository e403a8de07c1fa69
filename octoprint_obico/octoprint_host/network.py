"""Where OctoPrint is in the local network, and which printer it says it has."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ..server.own_address import InNetwork
from .guard import guarded

_HTTP_PORT = 80


def in_network(settings: Any, profiles: Any, host: str | None, port: int | None) -> InNetwork:
    """What a browser in the local network needs to open OctoPrint, and the printer's profile.

    Args:
        settings, profiles: as OctoPrint injects them into the plugin.
        host, port: where it listens, as it tells a plugin at its start.
    """
    announced: Mapping[str, Any] = guarded(
        lambda: settings.global_get(["plugins", "discovery"]) or {}, {}, "its public address"
    )
    profile: Mapping[str, Any] = guarded(
        lambda: profiles.get_current_or_default(), {}, "printer profile"
    )
    return InNetwork(
        str(announced.get("publicHost") or ""),
        _public_port(announced.get("publicPort"), host, port),
        str(profile.get("name") or ""),
        str(profile.get("model") or ""),
    )


def _public_port(told: Any, host: str | None, port: int | None) -> int:
    """The port to open in a browser.

    What an administrator has set for OctoPrint's own announcements in the network comes first
    (OctoPrint's documentation, bundled plugin Discovery, publicPort; OctoPi sets it to 80). An
    OctoPrint that listens on loopback only is reached through a reverse proxy, at 80 as a rule. In
    every other case its own port works, whether a proxy stands beside it or not.
    """
    if isinstance(told, int) and not isinstance(told, bool) and 0 < told < 65536:
        return told
    return _HTTP_PORT if port is None or _is_loopback(host) else port


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:  # a name, or all addresses
        return False
