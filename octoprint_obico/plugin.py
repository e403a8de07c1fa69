"""OctoPrint's mixins; every method hands on in a line or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import octoprint
import octoprint.plugin
from octoprint.access.permissions import Permissions
from octoprint.events import Events

from . import settings as s
from ._version import __version__
from .agent import Agent
from .log_ring import LogRing
from .octoprint_host import OctoPrintHost
from .octoprint_host.printer import paused_at
from .printer.commands import Lines
from .server import outbox
from .server.live_file import FILE_NAME, LiveFile
from .session.alerts import HEALTH
from .session.trouble import Trouble
from .web import health, permissions
from .web.blueprint import build_blueprint


class ObicoPlugin(
    octoprint.plugin.SettingsPlugin,
    octoprint.plugin.StartupPlugin,
    octoprint.plugin.ShutdownPlugin,
    octoprint.plugin.EventHandlerPlugin,
    octoprint.plugin.AssetPlugin,
    octoprint.plugin.TemplatePlugin,
    octoprint.plugin.WizardPlugin,
    octoprint.plugin.BlueprintPlugin,
):
    """The plugin as OctoPrint sees it."""

    def initialize(self) -> None:
        self._log_ring = LogRing()
        self._log_ring.attach()
        versions = {"plugin": __version__, "octoprint": octoprint.__version__}
        self._host = OctoPrintHost(
            self._settings,
            self._printer,
            self._plugin_manager,
            versions,
            self._notify,
            self._log_ring.hide,
            self._file_manager,
            self._printer_profile_manager,
        )
        folder = Path(self.get_plugin_data_folder())
        self._agent = Agent(
            self._host, __version__, LiveFile(folder / FILE_NAME), folder / outbox.FILE_NAME
        )

    def _notify(self, topic: str) -> None:
        if topic == HEALTH:
            health.refresh(self._event_bus)
            return
        # Only the topic travels: a page that may see more fetches it itself
        self._plugin_manager.send_plugin_message(
            self._identifier, {"topic": topic}, permissions=[Permissions.PLUGIN_OBICO_TROUBLESHOOT]
        )

    # ~~ StartupPlugin, ShutdownPlugin

    def on_startup(self, host: str | None, port: int | None) -> None:
        self._host.listens_at(host, port)

    def on_after_startup(self) -> None:
        self._host.take_over()
        self._agent.start()

    def on_shutdown(self) -> None:
        self._agent.stop()
        self._log_ring.detach()

    # ~~ EventHandlerPlugin

    def on_event(self, event: str, payload: dict[str, Any] | None) -> None:
        self._agent.on_printer_event(event, payload)
        if event == Events.SETTINGS_UPDATED:
            self._agent.on_settings_saved()
        elif event == Events.CONNECTIVITY_CHANGED and payload and payload.get("new") is True:
            self._agent.on_network_back()

    # ~~ SettingsPlugin

    def get_settings_defaults(self) -> dict[str, Any]:
        return dict(s.DEFAULTS)

    def get_settings_version(self) -> int:
        return s.VERSION

    def get_settings_restricted_paths(self) -> dict[str, Any]:
        return dict(s.RESTRICTED_PATHS)

    def on_settings_save(self, data: dict[str, Any]) -> Any:
        saved = octoprint.plugin.SettingsPlugin.on_settings_save(self, s.cleaned(data))
        self._agent.reconfigure()
        return saved

    # ~~ BlueprintPlugin

    def get_blueprint(self) -> Any:
        return build_blueprint(
            self._agent, self._host, self._log_ring, **self.get_blueprint_kwargs()
        )

    def get_blueprint_api_prefixes(self) -> list[str]:
        return ["/api"]  # an error of the report page is a page, too

    def is_blueprint_protected(self) -> bool:
        return False  # each route has its own permission

    def is_blueprint_csrf_protected(self) -> bool:
        return True

    def is_api_protected(self) -> bool:
        return True

    def is_template_autoescaped(self) -> bool:
        return True

    # ~~ AssetPlugin, TemplatePlugin

    def get_assets(self) -> dict[str, list[str]]:
        return {
            "js": [
                "js/obico_common.js",
                "js/obico_address.js",
                "js/obico_certificate.js",
                "js/obico_code.js",
                "js/obico_naming.js",
                "js/obico_linking.js",
                "js/obico_status.js",
                "js/obico_test.js",
                "js/obico_alerts.js",
                "js/obico.js",
                "js/obico_navbar.js",
                "js/obico_health.js",
            ],
            "clientjs": ["clientjs/obico.js"],
            "css": ["css/obico.css"],
        }

    def get_template_configs(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "settings",
                "name": "Obico for OctoPrint",
                "template": "obico_settings.jinja2",
                "custom_bindings": True,
            },
            {
                "type": "wizard",
                "name": "Obico for OctoPrint",
                "template": "obico_wizard.jinja2",
                "custom_bindings": True,
                "mandatory": False,
            },
            {
                "type": "navbar",
                "template": "obico_navbar.jinja2",
                "custom_bindings": True,
                "styles": ["display: none"],
                "data_bind": "visible: shown",
            },
        ]

    # ~~ WizardPlugin

    def is_wizard_required(self) -> bool:
        return self._host.settings.token() is None

    def get_wizard_version(self) -> int:
        return 1

    # ~~ hooks

    def on_gcode_script(
        self, comm: Any, kind: str, name: str, *args: Any, **kwargs: Any
    ) -> Lines | None:
        profiles = self._printer_profile_manager
        return self._agent.printer.on_script(name, lambda: paused_at(comm, profiles))

    def on_gcode_queued(
        self, comm: Any, phase: str, cmd: str, kind: Any, gcode: str | None, *args: Any, **more: Any
    ) -> None:
        self._agent.printer.on_gcode(gcode, cmd)

    def on_gcode_sent(
        self, comm: Any, phase: str, cmd: str, kind: Any, gcode: str | None, *args: Any, **more: Any
    ) -> None:
        self._agent.printer.on_sent(gcode, cmd, more.get("tags"))

    def on_gcode_received(self, comm: Any, line: Any, *args: Any, **more: Any) -> Any:
        self._agent.printer.on_received(line)
        return line

    def get_additional_permissions(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return permissions.definitions()

    def get_additional_health_checks(self, *args: Any, **kwargs: Any) -> list[Any]:
        return health.health_checks(self._troubles)

    def _troubles(self) -> tuple[Trouble, ...]:
        # the Health Check may look before this plugin is initialised
        return self._agent.alerts.troubles if hasattr(self, "_agent") else ()
