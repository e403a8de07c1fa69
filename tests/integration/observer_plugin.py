"""A plugin of one file for OctoPrint under test: fires events, and says how fast they are handled.

`POST /plugin/obico_observer/fire` with {"event": name, "payload": {...}, "count": n} fires so many
events at once, and answers {"seconds": [...]} when the last one has come round: how long each took
from the handling of the one before, which is what all plugins' handlers together took for it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import flask
import octoprint.plugin

LIMIT_S = 30.0
MARK = "obico_observer"


class Observer(octoprint.plugin.BlueprintPlugin, octoprint.plugin.EventHandlerPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        self._handled: list[float] = []
        self._changed = threading.Condition()

    def on_event(self, event: str, payload: Any) -> None:
        if isinstance(payload, dict) and MARK in payload:
            with self._changed:
                self._handled.append(time.monotonic())
                self._changed.notify_all()

    @octoprint.plugin.BlueprintPlugin.route("/fire", methods=["POST"])
    def fire(self) -> Any:
        wanted = flask.request.get_json()
        with self._changed:
            began, self._handled = time.monotonic(), []
            for _ in range(wanted["count"]):
                self._event_bus.fire(wanted["event"], {**wanted["payload"], MARK: True})
            came = self._changed.wait_for(lambda: len(self._handled) >= wanted["count"], LIMIT_S)
            moments = [began, *self._handled]
        assert came, f"{len(moments) - 1} events were handled within {LIMIT_S} s"
        took = [later - before for before, later in zip(moments, moments[1:])]
        return flask.jsonify({"seconds": took})

    def is_blueprint_protected(self) -> bool:
        return False

    def is_blueprint_csrf_protected(self) -> bool:
        return True


__plugin_name__ = "Observer"
__plugin_pythoncompat__ = ">=3.9,<4"
__plugin_implementation__ = Observer()
