"""The metrics' page: what Prometheus scrapes."""

from __future__ import annotations

import flask
from octoprint.server.util.flask import add_non_caching_response_headers

from ..host import Host
from .collector import encode, registry_of
from .doors import Doors


class MetricsPage:
    """The view behind /plugin/obico/metrics."""

    def __init__(self, doors: Doors, host: Host) -> None:
        self._doors, self._host = doors, host

    def show(self) -> flask.Response:
        """Answer in the format that the request accepts: Prometheus' text format or OpenMetrics."""
        registry = registry_of(self._doors, self._host)
        body, content_type = encode(registry, flask.request.headers.get("Accept", ""))
        response = flask.Response(body, content_type=content_type)
        response.headers["Vary"] = "Accept"
        answer: flask.Response = add_non_caching_response_headers(response)
        return answer
