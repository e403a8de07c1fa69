"""Prints the rules of the plugin's blueprint as JSON; run with the Python of an OctoPrint.

Without a running OctoPrint there are no permissions of plugins, so the guards are left out here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import flask

from octoprint_obico.web import blueprint


def unguarded(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view as it is."""
    return view


def rules() -> list[tuple[str, str]]:
    """Method and path below /plugin/obico of each route of the plugin's own."""
    app = flask.Flask(__name__, static_folder=None)
    with mock.patch.multiple(blueprint, troubleshooter=unguarded, linker=unguarded):
        parts = (mock.MagicMock(), mock.MagicMock(), mock.MagicMock())
        app.register_blueprint(blueprint.build_blueprint(*parts))
    automatic = {"HEAD", "OPTIONS"}
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - automatic)
    ]


if __name__ == "__main__":
    print(json.dumps(rules()))
