"""Where OctoPrint's Software Update plugin finds new versions of this one."""

from __future__ import annotations

from typing import Any

from ._version import __version__

USER, REPOSITORY = "TheSpaghettiDetective", "OctoPrint-Obico"
"""The repository on GitHub of the plugin with this id; a test compares it with pyproject.toml."""

STABLE, CANDIDATE = "master", "rc"
"""The branches that releases and release candidates are made from: a release names its own."""


def check_config() -> dict[str, Any]:
    """The answer to the hook octoprint.plugin.softwareupdate.check_config.

    Source: OctoPrint's documentation, "Bundled plugins", "Software Update plugin", "Version checks"
    (github_release) and "Update methods" (pip). `{target_version}` is for OctoPrint to fill in.
    """
    return {
        "obico": {
            "displayName": "Obico for OctoPrint",
            "displayVersion": __version__,
            "current": __version__,
            "type": "github_release",
            "user": USER,
            "repo": REPOSITORY,
            "stable_branch": {"name": "Stable", "branch": STABLE, "comittish": [STABLE]},
            "prerelease_branches": [
                {
                    "name": "Release Candidate",
                    "branch": CANDIDATE,
                    "comittish": [CANDIDATE, STABLE],
                }
            ],
            "pip": f"https://github.com/{USER}/{REPOSITORY}/archive/{{target_version}}.zip",
        }
    }
