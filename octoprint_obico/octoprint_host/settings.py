"""The plugin's part of OctoPrint's config.yaml."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .. import former_plugin
from ..host import LinkedPrinterInfo
from ..server.trust import Accepted
from ..settings import (
    as_accepted,
    as_alert_after,
    as_filament_nudge,
    as_printer_id,
    as_token,
)

log = logging.getLogger("octoprint.plugins.obico.host")


class OctoPrintSettings:
    """The plugin's part of config.yaml.

    Args:
        on_token: told the token whenever it is read, so that it is known what must not be shown.
    """

    def __init__(
        self, settings: Any, on_token: Callable[[str | None], None] = lambda token: None
    ) -> None:
        self._settings, self._on_token = settings, on_token

    def server_address(self) -> str:
        return str(self._settings.get(["endpoint_prefix"]) or "")

    def token(self) -> str | None:
        token = as_token(self._settings.get(["auth_token"]))
        self._on_token(token)
        return token

    def take_over(self) -> None:
        """Take the former plugin's link over, once: afterwards this plugin's own is what counts."""
        if self._settings.get(["former_settings_taken"]):
            return
        former = self._settings.global_get(["plugins", former_plugin.IDENTIFIER])
        taken = former_plugin.taken_over(self.token(), former)
        if taken:
            for key, value in {**taken, "former_settings_taken": True}.items():
                self._settings.set([key], value)
            self._settings.save()
            log.info("The link of the plugin %s was taken over", former_plugin.NAME)

    def printer(self) -> LinkedPrinterInfo:
        number = as_printer_id(self._settings.get(["printer_id"]))
        return LinkedPrinterInfo(number, str(self._settings.get(["printer_name"]) or ""))

    def save_link(self, address: str, token: str, printer: LinkedPrinterInfo) -> None:
        self._settings.set(["endpoint_prefix"], address)
        self._settings.set(["auth_token"], token)
        self._set_printer(printer)
        # the other open pages learn of it by OctoPrint's own event
        self._settings.save(trigger_event=True)

    def save_printer(self, printer: LinkedPrinterInfo) -> None:
        # without the event: it would ask in an open settings dialog whether to reload
        self._set_printer(printer)
        self._settings.save()

    def ca_file(self) -> str | None:
        return str(self._settings.get(["tls_ca_file"]) or "") or None

    def accepted_certificate(self) -> Accepted | None:
        pem = self._settings.get(["tls_accepted_certificate"])
        return as_accepted(pem, self._settings.get(["tls_accepted_for"]))

    def alert_after_s(self) -> float:
        return as_alert_after(self._settings.get(["alert_after_s"]))

    def filament_nudge_s(self) -> float:
        return as_filament_nudge(self._settings.get(["filament_nudge_s"]))

    def discovery(self) -> bool:
        return self._settings.get(["discovery"]) is not False

    def save_accepted_certificate(self, accepted: Accepted | None) -> None:
        self._settings.set(["tls_accepted_certificate"], accepted and accepted.pem)
        self._settings.set(["tls_accepted_for"], accepted.server if accepted else "")
        # without the event: no field of the settings dialog shows it
        self._settings.save()

    def _set_printer(self, printer: LinkedPrinterInfo) -> None:
        self._settings.set(["printer_id"], printer.id)
        self._settings.set(["printer_name"], printer.name)
