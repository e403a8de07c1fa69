"""All routes below /plugin/obico/, in one table."""

from __future__ import annotations

from typing import Any

import flask

from ..host import Host
from .api import Api
from .causes import show_causes
from .certificate import CertificateApi
from .doors import Doors
from .permissions import administrator, linker, troubleshooter
from .report import ReportPage


def build_blueprint(doors: Doors, host: Host, **kwargs: Any) -> flask.Blueprint:
    """Return the blueprint with every route behind its permission."""
    blueprint = flask.Blueprint("obico", __name__, **kwargs)
    api, page = Api(doors, host), ReportPage(doors, host)
    certificate = CertificateApi(doors, host)
    routes = (
        ("GET", "/api/status", api.status, troubleshooter),
        ("GET", "/api/report", api.report, troubleshooter),
        ("GET", "/api/diagnosis", api.diagnosis, troubleshooter),
        ("POST", "/api/diagnosis", api.start_diagnosis, troubleshooter),
        ("GET", "/api/link", api.link_state, linker),
        ("POST", "/api/link", api.start_link, linker),
        ("POST", "/api/address", api.check_address, linker),
        ("GET", "/api/certificate", certificate.show, administrator),
        ("POST", "/api/certificate", certificate.accept, administrator),
        ("DELETE", "/api/certificate", certificate.forget, administrator),
        ("POST", "/api/ca_file", certificate.check_ca_file, administrator),
        ("GET", "/report", page.show, troubleshooter),
        ("GET", "/causes", show_causes, troubleshooter),
    )
    for method, rule, view, guard in routes:
        endpoint = f"{method.lower()}{rule.replace('/', '_')}"
        blueprint.add_url_rule(rule, endpoint, guard(view), methods=[method])
    return blueprint
