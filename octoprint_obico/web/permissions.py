"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_babel import gettext
from octoprint.access import ADMIN_GROUP, USER_GROUP
from octoprint.access.permissions import Permissions
from octoprint.server.util.flask import no_firstrun_access

View = TypeVar("View", bound=Callable[..., Any])


def definitions() -> list[dict[str, Any]]:
    """The plugin's permissions in the form of OctoPrint's hook."""
    return [
        {
            "key": "TROUBLESHOOT",
            "name": "Troubleshoot",
            "description": gettext(
                "Allows to see the connection status and the diagnostic report, and to test the "
                "connection."
            ),
            "roles": ["troubleshoot"],
            "default_groups": [ADMIN_GROUP, USER_GROUP],
        },
        {
            "key": "LINK",
            "name": "Link",
            "description": gettext("Allows to link this OctoPrint to a printer in Obico."),
            "roles": ["link"],
            "dangerous": True,
            "default_groups": [ADMIN_GROUP],
        },
    ]


def troubleshooter(view: View) -> View:
    """Let only those who may troubleshoot; everybody else gets 403."""
    guarded: View = no_firstrun_access(Permissions.PLUGIN_OBICO_TROUBLESHOOT.require(403)(view))
    return guarded


def linker(view: View) -> View:
    """Let only those who may link; everybody else gets 403.

    OctoPrint's set-up wizard runs before there are users: it may link as well, as it may do
    everything else then.
    """
    guarded: View = Permissions.PLUGIN_OBICO_LINK.require(403)(view)
    return guarded


def anybody(view: View) -> View:
    """Let everybody, also before OctoPrint has users: `web/discovery.py` says why that is safe."""
    return view


def administrator(view: View) -> View:
    """Let only those who may change OctoPrint's settings; everybody else gets 403."""
    guarded: View = Permissions.SETTINGS.require(403)(view)
    return guarded
