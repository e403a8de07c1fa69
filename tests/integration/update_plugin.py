"""A plugin of one file for OctoPrint under test: has its Software Update plugin check one target.

`POST /plugin/obico_update_lab/check` with {"releases": address with {user} and {repo}, "channel":
None or a prerelease channel} lets it look for releases there instead of at GitHub, and answers what
it made of them. At OctoPrint's start nothing is checked: that would ask the internet for all the
other targets.
"""

from __future__ import annotations

import sys
from typing import Any

import flask
import octoprint.plugin

TARGET = "obico"


class UpdateLab(octoprint.plugin.BlueprintPlugin, octoprint.plugin.StartupPlugin):  # type: ignore[misc]
    def on_startup(self, host: str, port: int) -> None:
        self._updates().on_after_startup = lambda: None

    def _updates(self) -> Any:
        return self._plugin_manager.get_plugin_info("softwareupdate").implementation

    @octoprint.plugin.BlueprintPlugin.route("/check", methods=["POST"])
    def check(self) -> Any:
        updates = self._updates()
        github = sys.modules[type(updates).__module__].version_checks.github_release
        wanted = flask.request.get_json()
        github.RELEASE_URL = wanted["releases"]
        # else it asks octoprint.org for changes to the checks
        updates._overlay_cache, updates._overlay_cache_timestamp = {}, float("inf")
        configured = updates._get_configured_checks()[TARGET]
        channel = wanted["channel"]
        chosen = {"prerelease": True, "prerelease_channel": channel} if channel else {}
        check = updates._populated_check(TARGET, {**configured, **chosen})
        found = updates._get_current_version(TARGET, check, credentials={}, force=True)
        information, available, possible, _, error = found
        return flask.jsonify(
            {
                "configured": configured,
                "name": check["displayName"],
                "information": information,
                "available": available,
                "possible": possible,
                "error": error,
            }
        )

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "Update lab"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = UpdateLab()
