"""A plugin of one file for OctoPrint under test: puts a played session in place of the real one.

`POST /plugin/obico_stage/SCENE` plays a scene of tests/report_scenes.py into the Obico plugin's
tracker. The line that sets the path is completed when the file is put into OctoPrint's folder.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import flask
import octoprint.plugin

ROOT = "@ROOT@"


class Stage(octoprint.plugin.BlueprintPlugin):  # type: ignore[misc]
    @octoprint.plugin.BlueprintPlugin.route("/<name>", methods=["POST"])
    def play(self, name: str) -> Any:
        if ROOT not in sys.path:
            sys.path.append(ROOT)
        from tests.report_scenes import SCENES, play

        plugin = self._plugin_manager.get_plugin_info("obico").implementation
        plugin._agent._tracker = play(SCENES[name](), time.time(), runs=True)
        return flask.jsonify({})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "Stage"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Stage()
