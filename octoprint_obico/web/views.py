"""The pages and routes, each loaded when somebody first asks for it.

A printer that prints for months with nobody looking needs none of them, nor their texts and
libraries, and a Raspberry Pi is short of memory.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..host import Host
from ..log_ring import LogRing
from .doors import Doors

if TYPE_CHECKING:
    from .api import Api
    from .bundle import BundleApi
    from .certificate import CertificateApi
    from .discovery import DiscoveryPage
    from .metrics import MetricsPage
    from .naming import NamingApi
    from .report import ReportPage


class Views:
    """Everything that answers below /plugin/obico/."""

    def __init__(self, doors: Doors, host: Host, log: LogRing) -> None:
        self._doors, self._host, self._log = doors, host, log

    @cached_property
    def api(self) -> Api:
        """The JSON routes of status, report, diagnosis and linking."""
        from .api import Api

        return Api(self._doors, self._host)

    @cached_property
    def certificate(self) -> CertificateApi:
        """The routes that accept a certificate."""
        from .certificate import CertificateApi

        return CertificateApi(self._doors, self._host)

    @cached_property
    def naming(self) -> NamingApi:
        """The routes that name the printer."""
        from .naming import NamingApi

        return NamingApi(self._doors)

    @cached_property
    def bundle(self) -> BundleApi:
        """The routes of the support bundle."""
        from .bundle import BundleApi

        return BundleApi(self._doors, self._host, self._log)

    @cached_property
    def discovery(self) -> DiscoveryPage:
        """The local handshake with the app."""
        from .discovery import DiscoveryPage

        return DiscoveryPage(self._doors)

    @cached_property
    def report(self) -> ReportPage:
        """The report's page."""
        from .report import ReportPage

        return ReportPage(self._doors, self._host)

    @cached_property
    def metrics(self) -> MetricsPage:
        """The metrics' page."""
        from .metrics import MetricsPage

        return MetricsPage(self._doors, self._host)

    def causes(self) -> Any:
        """The page of all causes."""
        from .causes import show_causes

        return show_causes()
