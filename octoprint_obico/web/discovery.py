"""The local handshake of discovery: the app's page learns our secret, and so proves where it is.

The one route without a log-in, because whoever links a printer has none to this OctoPrint: the app
opens it in a pop-up (PROTOCOL 3.2). What protects the secret instead:

- Only callers in the local network are answered, by the address that OctoPrint has found out with
  its own trusted proxies (`server.reverseProxy.trustedProxies`). X-Forwarded-For is not read here:
  anybody can write one.
- That alone is not enough. A page on the internet can make the browser of somebody in the network
  call this route, by a link, a script, or a name that it lets point here (DNS rebinding), and the
  answer may be read by every origin. What such a page does not know is the device id: 128 random
  bits, new at each start, told to the configured server only, and by it to the user's app.
- The secret alone links nothing: it has to come back from the server, with a code, in the answer
  to our own announcement. There is none, here as there, once we are linked, switched off, or the
  minutes of announcing are over.

Every refusal is the same 403: it tells nobody which of these it was.
"""

from __future__ import annotations

import secrets
from typing import Any

import flask
from flask_babel import get_locale, gettext
from octoprint.server.util.flask import add_non_caching_response_headers

from ..server.own_address import is_near
from .doors import Doors

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
}


class DiscoveryPage:
    """The view behind /plugin/obico/grab-discovery-secret?device_id=..."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def answer(self) -> Any:
        """The secret, as a page that hands it to its opener or as JSON (PROTOCOL 3.2.3)."""
        secret = self._secret()
        if secret is None:
            flask.abort(403, description=gettext("This is for the Obico app while it links."))
        response = _answer(secret)
        response.headers.update(_CORS)
        return add_non_caching_response_headers(response)

    def _secret(self) -> str | None:
        request = flask.request
        if not is_near(request.remote_addr):
            return None
        return self._doors.discovery.secret_for(request.args.get("device_id"))


def _answer(secret: str) -> flask.Response:
    request = flask.request
    if request.method == "OPTIONS":
        return flask.make_response("", 204)
    kinds = request.accept_mimetypes
    if kinds.best_match(["text/html", "application/json"]) == "application/json":
        return flask.jsonify(device_secret=secret)
    nonce = secrets.token_urlsafe(16)
    page = flask.render_template(
        "plugin_obico/obico_discovered.jinja2",
        message={"device_secret": secret},
        nonce=nonce,
        locale=str(get_locale() or "en").replace("_", "-"),
    )
    response = flask.make_response(page)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; frame-ancestors 'none'"
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
