"""A plugin of one file for OctoPrint under test: its printer's state changes all the time.

`POST /plugin/obico_load/start` with {"per_s": n, "seconds": s} lets it change so often, on a thread
of its own; `GET /plugin/obico_load/fired` tells how often it has and whether that has ended.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import flask
import octoprint.plugin

STATES = ("PRINTING", "PAUSING", "PAUSED", "RESUMING")


class Load(octoprint.plugin.BlueprintPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        self._fired, self._ended = 0, threading.Event()

    def _change(self, per_s: float, seconds: float) -> None:
        began = time.monotonic()
        while not self._ended.is_set() and time.monotonic() - began < seconds:
            state = STATES[self._fired % len(STATES)]
            self._event_bus.fire("PrinterStateChanged", {"state_id": state, "state_string": state})
            self._fired += 1
            self._ended.wait(max(began + self._fired / per_s - time.monotonic(), 0.0))
        self._ended.set()

    @octoprint.plugin.BlueprintPlugin.route("/start", methods=["POST"])
    def start(self) -> Any:
        wanted = flask.request.get_json()
        self._fired, self._ended = 0, threading.Event()
        arguments = (wanted["per_s"], wanted["seconds"])
        threading.Thread(target=self._change, args=arguments, daemon=True).start()
        return flask.jsonify({})

    @octoprint.plugin.BlueprintPlugin.route("/fired", methods=["GET"])
    def fired(self) -> Any:
        return flask.jsonify({"fired": self._fired, "ended": self._ended.is_set()})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "Load"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Load()
