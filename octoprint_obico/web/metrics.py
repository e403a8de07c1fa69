"""The metrics' page: what Prometheus scrapes."""

from __future__ import annotations

import flask
from octoprint.server.util.flask import add_non_caching_response_headers
from prometheus_client.registry import CollectorRegistry

from ..host import Host
from .collector import SessionCollector, encode
from .doors import Doors


class MetricsPage:
    """The view behind /plugin/obico/metrics."""

    def __init__(self, doors: Doors, host: Host) -> None:
        # an own registry: the library's default one tells of OctoPrint's whole process
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SessionCollector(doors, host))

    def show(self) -> flask.Response:
        """Answer in the format that the request accepts: Prometheus' text format or OpenMetrics."""
        body, content_type = encode(self._registry, flask.request.headers.get("Accept", ""))
        response = flask.Response(body, content_type=content_type)
        response.headers["Vary"] = "Accept"
        answer: flask.Response = add_non_caching_response_headers(response)
        return answer
