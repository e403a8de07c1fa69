"""All routes below /plugin/obico/, in one table."""

from __future__ import annotations

from typing import Any

import flask

from ..host import Host
from ..log_ring import LogRing
from .doors import Doors
from .permissions import administrator, anybody, linker, troubleshooter
from .views import Views


def build_blueprint(doors: Doors, host: Host, log: LogRing, **kwargs: Any) -> flask.Blueprint:
    """Return the blueprint with every route behind its permission."""
    blueprint = flask.Blueprint("obico", __name__, **kwargs)
    views = Views(doors, host, log)
    routes = (
        ("GET", "/api/status", lambda: views.api.status(), troubleshooter),
        ("GET", "/api/report", lambda: views.api.report(), troubleshooter),
        ("GET", "/api/diagnosis", lambda: views.api.diagnosis(), troubleshooter),
        ("POST", "/api/diagnosis", lambda: views.api.start_diagnosis(), troubleshooter),
        ("GET", "/api/link", lambda: views.api.link_state(), linker),
        ("POST", "/api/link", lambda: views.api.start_link(), linker),
        ("GET", "/api/printer_name", lambda: views.naming.state(), linker),
        ("POST", "/api/printer_name", lambda: views.naming.start(), linker),
        ("POST", "/api/address", lambda: views.api.check_address(), linker),
        ("GET", "/api/certificate", lambda: views.certificate.show(), administrator),
        ("POST", "/api/certificate", lambda: views.certificate.start_accepting(), administrator),
        ("DELETE", "/api/certificate", lambda: views.certificate.forget(), administrator),
        ("POST", "/api/ca_file", lambda: views.certificate.check_ca_file(), administrator),
        ("GET", "/api/bundle", lambda: views.bundle.save(), troubleshooter),
        ("GET", "/api/bundle/contents", lambda: views.bundle.contents(), troubleshooter),
        ("GET", "/report", lambda: views.report.show(), troubleshooter),
        # OPTIONS first: a GET brings Flask's own with it
        ("OPTIONS", "/grab-discovery-secret", lambda: views.discovery.answer(), anybody),
        ("GET", "/grab-discovery-secret", lambda: views.discovery.answer(), anybody),
        ("GET", "/causes", lambda: views.causes(), troubleshooter),
        ("GET", "/metrics", lambda: views.metrics.show(), troubleshooter),
    )
    for method, rule, view, guard in routes:
        endpoint = f"{method.lower()}{rule.replace('/', '_')}"
        blueprint.add_url_rule(rule, endpoint, guard(view), methods=[method])
    return blueprint
