"""What is said of the printer's events that the server has not taken yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnosis.catalogue import N_
from ..diagnosis.texts import Translate, fill
from ..server.outbox import OutboxState
from ..server.outbox_events import Problem
from ..session.report import iso

_WAITING = N_("Events of prints waiting for the server: {count}.")
_LOST = N_("Events that were given up, as too many or too old ones were waiting: {count}.")

_PROBLEM_TEXTS: Mapping[Problem, str] = {
    Problem.UNWRITABLE: N_(
        "Events of prints cannot be written to disk. They are sent all the same, but those that "
        "wait are lost when OctoPrint restarts. The disk is full or failing, or OctoPrint may not "
        "write to the plugin's data folder: free some space, then check the folder's permissions."
    ),
    Problem.BROKEN: N_(
        "The file of printer events is damaged. It is set aside and a new one is begun; events "
        "are sent all the same. If this comes again, check the disk or SD card."
    ),
    Problem.NEWER: N_(
        "The file of printer events is from a newer version of this plugin and is left as it is. "
        "Events are sent all the same, but those that wait are lost when OctoPrint restarts. "
        "Update the plugin."
    ),
}


def render_events(
    state: OutboxState | None, connected: bool, translate: Translate
) -> dict[str, Any] | None:
    """The section of the status; its two texts are empty where all is well.

    Args:
        connected: whether the server can be reached: what waits then is under way, and not told.
    """
    if state is None:
        return None
    waits = state.waiting > 0 and not connected
    troubles = [translate(_PROBLEM_TEXTS[state.problem])] if state.problem else []
    if state.lost:
        troubles.append(fill(_LOST, {"count": state.lost}, translate))
    return {
        "waiting": state.waiting,
        "oldest_at": iso(state.oldest_at),
        "lost": state.lost,
        "problem": state.problem.value if state.problem else None,
        "text": fill(_WAITING, {"count": state.waiting}, translate) if waits else "",
        "problem_text": " ".join(troubles),
    }
