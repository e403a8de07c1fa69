"""Obico for OctoPrint: links OctoPrint to an Obico Server, and says why when that fails.

Imports without OctoPrint, so that the diagnosis also runs where there is none.
"""

from __future__ import annotations

from typing import Any

from ._version import __version__

__plugin_name__ = "Obico for OctoPrint"
__plugin_description__ = (
    "Watch and control your printer from anywhere, with failure detection, through the Obico "
    "Cloud or your own Obico Server. Finds the cause when the connection fails."
)
__plugin_author__ = "The contributors of Obico for OctoPrint"
__plugin_url__ = "https://www.obico.io"
__plugin_license__ = "AGPL-3.0-or-later"
__plugin_version__ = __version__
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_privacypolicy__ = "https://www.obico.io/privacy.html"


def __plugin_load__() -> None:
    """Build the plugin; called by OctoPrint once the plugin is enabled."""
    from .plugin import ObicoPlugin

    def commands(*args: Any, **kwargs: Any) -> Any:
        from .cli import commands as build  # of no use to a server

        return build(*args, **kwargs)

    def check_config(*args: Any, **kwargs: Any) -> Any:
        from .software_update import check_config as build  # rarely asked

        return build()

    global __plugin_implementation__, __plugin_hooks__
    implementation = ObicoPlugin()
    __plugin_implementation__ = implementation
    __plugin_hooks__ = {
        "octoprint.access.permissions": implementation.get_additional_permissions,
        "octoprint.cli.commands": commands,
        "octoprint.comm.protocol.gcode.queued": implementation.on_gcode_queued,
        "octoprint.comm.protocol.gcode.received": implementation.on_gcode_received,
        "octoprint.comm.protocol.gcode.sent": implementation.on_gcode_sent,
        "octoprint.comm.protocol.scripts": implementation.on_gcode_script,
        "octoprint.plugin.health_check.get_additional_checks": (
            implementation.get_additional_health_checks
        ),
        "octoprint.plugin.softwareupdate.check_config": check_config,
    }


__plugin_implementation__: Any
__plugin_hooks__: dict[str, Any]
