"""What OctoPrint's Software Update plugin is told; that it takes it is an integration test."""

from __future__ import annotations

import re
from pathlib import Path

from octoprint_obico._version import __version__
from octoprint_obico.software_update import check_config

ROOT = Path(__file__).resolve().parent.parent.parent


def test_it_is_this_plugins_own_repository() -> None:
    """The one that pyproject.toml names; an update from another one would be another plugin."""
    check = check_config()["obico"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    named = re.search(r"github\.com/([^/]+)/([^/]+)/", project)
    assert named is not None
    assert (check["user"], check["repo"]) == named.groups()
    assert check["pip"] == (
        f"https://github.com/{check['user']}/{check['repo']}/archive/{{target_version}}.zip"
    )


def test_the_versions_are_the_installed_one() -> None:
    check = check_config()["obico"]
    assert (check["current"], check["displayVersion"]) == (__version__, __version__)
