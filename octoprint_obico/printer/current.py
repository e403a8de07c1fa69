"""What is read from OctoPrint's current data, whatever they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NOTHING: Mapping[str, Any] = {}


def flags_of(current: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flags of the printer's state; empty where there are none."""
    return _object(_object(current.get("state")).get("flags"))


def job_file(current: Mapping[str, Any]) -> Mapping[str, Any]:
    """The current job's file; empty where there is none."""
    return _object(_object(current.get("job")).get("file"))


def is_paused(current: Mapping[str, Any]) -> bool:
    """Whether the current print stands still.

    Not while it is on its way there or back: then the printer moves.
    """
    flags = flags_of(current)
    return bool(flags.get("paused")) and not flags.get("resuming")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING
