"""All routes below /plugin/obico/, in one table."""

from __future__ import annotations

from typing import Any

import flask

from ..host import Host
from ..log_ring import LogRing
from .api import Api
from .bundle import BundleApi
from .causes import show_causes
from .certificate import CertificateApi
from .doors import Doors
from .metrics import MetricsPage
from .permissions import administrator, linker, troubleshooter
from .report import ReportPage


def build_blueprint(doors: Doors, host: Host, log: LogRing, **kwargs: Any) -> flask.Blueprint:
    """Return the blueprint with every route behind its permission."""
    blueprint = flask.Blueprint("obico", __name__, **kwargs)
    api, page = Api(doors, host), ReportPage(doors, host)
    certificate, bundle = CertificateApi(doors, host), BundleApi(doors, host, log)
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
        ("GET", "/api/bundle", bundle.save, troubleshooter),
        ("GET", "/api/bundle/contents", bundle.contents, troubleshooter),
        ("GET", "/report", page.show, troubleshooter),
        ("GET", "/causes", show_causes, troubleshooter),
        ("GET", "/metrics", MetricsPage(doors, host).show, troubleshooter),
    )
    for method, rule, view, guard in routes:
        endpoint = f"{method.lower()}{rule.replace('/', '_')}"
        blueprint.add_url_rule(rule, endpoint, guard(view), methods=[method])
    return blueprint
