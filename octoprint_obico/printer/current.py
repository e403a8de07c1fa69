"""What OctoPrint's state flags say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_paused(current: Mapping[str, Any]) -> bool:
    """Whether the current print stands still, by OctoPrint's current data.

    Not while it is on its way there or back: then the printer moves.
    """
    state = current.get("state")
    flags = state.get("flags") if isinstance(state, Mapping) else None
    return isinstance(flags, Mapping) and bool(flags.get("paused")) and not flags.get("resuming")
