"""What a web server that is not an Obico Server looks like, from what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEAD = 20_000
"""Characters of a page that are looked at."""

# Where to look, what to look for, what it is. The special comes before the general: many devices
# run nginx. The texts are for people and say whose address it probably is.
_SIGNS: tuple[tuple[str, str, str], ...] = (
    ("location", r"/login/\?redirect=.*permissions=", "OctoPrint itself"),
    ("page", r"<title>\s*octoprint|octoprint login|OctoPrint-web", "OctoPrint itself"),
    ("title", r"\boctoprint\b", "OctoPrint itself"),
    ("title", r"\b(mainsail|fluidd)\b", "a Klipper web interface"),
    ("page", r"moonraker", "a Klipper web interface"),
    ("title", r"fritz!?\s?box", "a FRITZ!Box router"),
    ("any", r"tp-?link|netgear|\basus(wrt)?\b|\brouteros\b|mikrotik|openwrt|\bluci\b", "a router"),
    ("any", r"speedport|vodafone station|livebox|\bunifi\b|edgeos|\bpfsense\b", "a router"),
    ("title", r"\brouter\b|gateway|modem", "a router"),
    ("any", r"pi-?hole", "a Pi-hole"),
    ("any", r"adguard", "AdGuard Home"),
    ("title", r"home assistant", "Home Assistant"),
    ("any", r"synology|diskstation|qnap", "a network storage"),
    ("any", r"mjpg[-_]?streamer|ustreamer|camera-streamer|go2rtc|\bip ?cam", "a camera"),
    ("any", r"nginx proxy manager", "a reverse proxy without this host name (Nginx Proxy Manager)"),
    ("page", r"welcome to nginx", "a fresh nginx without an Obico Server behind it"),
    ("page", r"apache2? (debian|ubuntu)? ?default page|it works!", "a fresh Apache"),
    ("page", r"404 page not found", "a reverse proxy without a rule for it (Traefik, for example)"),
    ("server", r"caddy", "a Caddy web server"),
    ("server", r"nginx|openresty", "an nginx web server"),
    ("server", r"apache", "an Apache web server"),
    ("server", r"lighttpd", "a lighttpd web server"),
    ("server", r"tornado", "a Tornado web server (OctoPrint runs on one)"),
)
UNKNOWN = "another web server"


def looks_like(headers: Mapping[str, str], title: str, body: str) -> str:
    """What answers, in a few words.

    Args:
        headers: names in lower case.
        title, body: of the page.
    """
    server, page = headers.get("server", "")[:200], body[:_HEAD]
    places = {
        "server": server,
        "location": headers.get("location", "")[:500],
        "title": title,
        "page": page,
        "any": f"{server} {title} {page}",
    }
    for place, sign, what in _SIGNS:
        if re.search(sign, places[place], re.IGNORECASE):
            return what
    return UNKNOWN
