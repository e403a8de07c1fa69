"""The bench itself: OctoPrint has started quietly, with our plugin, and talks to nobody."""

from __future__ import annotations

import re
from typing import Any

import psutil

from tests.bench import Bench
from tests.conftest import is_loopback

#: Log lines that would tell of a mistake of ours; the level stands between dashes.
COMPLAINT = re.compile(
    r" - (WARNING|ERROR|CRITICAL) - |DEPRECATED|CSRF.*DISABLED|autoescap", re.IGNORECASE
)


def plugin_entry(bench: Bench) -> dict[str, Any]:
    """What the plugin manager says of our plugin."""
    answer = bench.api.get("/plugin/pluginmanager/plugins")
    answer.raise_for_status()
    entries = {entry["key"]: entry for entry in answer.json()["plugins"]}
    assert "obico" in entries, f"not found by OctoPrint; it knows {sorted(entries)}"
    entry: dict[str, Any] = entries["obico"]
    return entry


def test_octoprint_is_of_the_edition(bench: Bench) -> None:
    """The environment holds the OctoPrint that its name says."""
    assert bench.octoprint.version.startswith(bench.edition.series)


def test_plugin_is_loaded_and_enabled(bench: Bench) -> None:
    """OctoPrint has found the plugin by its entry point and runs it."""
    entry = plugin_entry(bench)
    assert entry["enabled"] is True
    assert not entry["safe_mode_victim"]
    assert entry["version"] == "3.0.0"


def test_log_has_no_complaint_about_the_plugin(bench: Bench) -> None:
    """No error, warning or deprecation names the plugin."""
    complaints = [
        line
        for line in bench.octoprint.log_text().splitlines()
        if "obico" in line.lower() and COMPLAINT.search(line)
    ]
    assert complaints == []


def test_each_user_has_his_rights(bench: Bench) -> None:
    """The three users and an anonymous visitor are who they should be."""
    octoprint = bench.octoprint
    for user in (octoprint.admin, octoprint.operator, octoprint.reader):
        current = octoprint.session(user).get("/api/currentuser").json()
        assert current["name"] == user.name
        assert set(user.groups) <= set(current["groups"])
    assert octoprint.anonymous_session().get("/api/settings").status_code == 403


def test_nothing_leaves_the_machine(bench: Bench) -> None:
    """OctoPrint and its children listen on, and are connected to, loopback only."""
    process = psutil.Process(bench.octoprint.pid)
    addresses = [
        address.ip
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections(kind="inet")
        for address in (connection.laddr, connection.raddr)
        if address
    ]
    assert addresses, "not even OctoPrint's own port is seen: the test sees nothing"
    # IPv4 in IPv6 form is what a socket for both families shows
    elsewhere = [ip for ip in addresses if not is_loopback(ip.replace("::ffff:", ""))]
    assert elsewhere == []


def test_webcam_is_the_sandbox_one(bench: Bench) -> None:
    """OctoPrint shows the sandbox's webcam."""
    settings = bench.api.get("/api/settings").json()["plugins"]["classicwebcam"]
    assert settings["snapshot"] == bench.webcam.snapshot_url
    assert settings["stream"] == bench.webcam.stream_url
