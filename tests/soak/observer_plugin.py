"""A plugin of one file for OctoPrint under test: what OctoPrint did, apart from the Obico plugin.

`GET /plugin/soak_observer/seen` tells each event of a print with its time, in the order in which
OctoPrint told its plugins, and when each command was sent to the printer (Unix seconds).
"""

from __future__ import annotations

import time
from array import array
from typing import Any

import flask
import octoprint.plugin


class Observer(octoprint.plugin.BlueprintPlugin, octoprint.plugin.EventHandlerPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        self.events: list[tuple[str, float]] = []
        self.sent = array("d")

    def on_event(self, event: str, payload: Any) -> None:
        if event.startswith("Print") and event != "PrinterStateChanged":
            self.events.append((event, time.time()))

    def on_sent(self, comm: Any, phase: Any, command: str, *more: Any, **others: Any) -> None:
        self.sent.append(time.time())

    @octoprint.plugin.BlueprintPlugin.route("/seen", methods=["GET"])
    def seen(self) -> Any:
        return flask.jsonify({"events": self.events, "sent": self.sent.tolist()})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "Soak observer"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Observer()
__plugin_hooks__ = {
    "octoprint.comm.protocol.gcode.sent": __plugin_implementation__.on_sent,
}
