"""A plugin of one file for OctoPrint under test: what is sent to the printer, apart from ours.

`GET /plugin/gcode_observer/sent` tells the commands in their order.
"""

from __future__ import annotations

from typing import Any

import flask
import octoprint.plugin


class Observer(octoprint.plugin.BlueprintPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        self.sent: list[str] = []

    def on_sent(self, comm: Any, phase: Any, command: str, *more: Any, **others: Any) -> None:
        self.sent.append(command)

    @octoprint.plugin.BlueprintPlugin.route("/sent", methods=["GET"])
    def seen(self) -> Any:
        return flask.jsonify({"sent": self.sent})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "G-code observer"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Observer()
__plugin_hooks__ = {
    "octoprint.comm.protocol.gcode.sent": __plugin_implementation__.on_sent,
}
