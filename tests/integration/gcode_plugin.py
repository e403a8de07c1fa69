"""A plugin of one file for OctoPrint under test: what was sent to the printer, line by line.

`GET /plugin/obico_gcode/sent` tells each line with its tags, in the order in which they were sent,
and where the printer stood at each pause.
"""

from __future__ import annotations

from typing import Any

import flask
import octoprint.plugin


class Recorder(octoprint.plugin.BlueprintPlugin, octoprint.plugin.EventHandlerPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        self.lines: list[tuple[str, list[str]]] = []
        self.positions: list[Any] = []

    def on_event(self, event: str, payload: Any) -> None:
        if event == "PrintPaused":
            self.positions.append(payload["position"])

    def on_sent(self, comm: Any, phase: Any, command: str, *more: Any, **others: Any) -> None:
        self.lines.append((command, sorted(others.get("tags") or ())))

    @octoprint.plugin.BlueprintPlugin.route("/sent", methods=["GET"])
    def sent(self) -> Any:
        return flask.jsonify({"lines": self.lines, "positions": self.positions})

    @octoprint.plugin.BlueprintPlugin.route("/sent", methods=["DELETE"])
    def forget(self) -> Any:
        self.lines, self.positions = [], []
        return flask.jsonify({})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "G-code recorder"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Recorder()
__plugin_hooks__ = {
    "octoprint.comm.protocol.gcode.sent": __plugin_implementation__.on_sent,
}
