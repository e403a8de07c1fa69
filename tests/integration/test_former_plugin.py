"""The plugin that came before this one: its link is taken over; enabled beside it, it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import SandboxServer
from sandbox.octoprint_config import read_yaml
from tests.bench import Bench, Edition, add_plugin, running_bench
from tests.integration.driver import drive

FORMER = "thespaghettidetective"
RIVAL = """
__plugin_name__ = "Access Anywhere - The Spaghetti Detective"
__plugin_version__ = "1.0"
__plugin_pythoncompat__ = ">=3"
__plugin_implementation__ = __import__("octoprint.plugin").plugin.OctoPrintPlugin()
"""


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench where the former plugin is installed and was linked, and this one never was."""

    def former(server: SandboxServer) -> dict[str, dict[str, str]]:
        return {FORMER: {"auth_token": server.printer.token, "endpoint_prefix": server.url}}

    folder: Path = tmp_path_factory.mktemp(edition.id)
    add_plugin(folder, FORMER, RIVAL)
    with running_bench(edition, folder, linked=False, others=former) as bench:
        yield bench


def test_the_link_is_taken_over_once(bench: Bench) -> None:
    status = drive(bench).wait_for_status(lambda s: s["server"]["state"] == "okay", "connected")
    assert status["linked"]
    stored = read_yaml(bench.octoprint.basedir / "config.yaml")["plugins"]["obico"]
    assert stored["auth_token"] == bench.server.printer.token
    assert stored["endpoint_prefix"] == bench.server.url
    assert stored["former_settings_taken"] is True


def test_the_conflict_is_said(bench: Bench) -> None:
    conflict = bench.api.get("/plugin/obico/api/status").json()["conflict"]
    assert "Access Anywhere - The Spaghetti Detective" in conflict
    assert "Plugin Manager" in conflict
