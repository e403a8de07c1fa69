"""The modes that G-code sets: how a printer takes the numbers that follow."""

from __future__ import annotations

_MODE_GROUPS = {
    "G90": "axes",
    "G91": "axes",
    "M82": "extruder",
    "M83": "extruder",
    "G20": "units",
    "G21": "units",
}
MODES = frozenset(_MODE_GROUPS)
"""The commands that set a mode."""


def modes_after(modes: tuple[str, ...], gcode: str) -> tuple[str, ...]:
    """The modes in force after one more command: the last of each group, in the order given.

    Sent again in this order they bring back the same state on every firmware: on some G90 and G91
    rule the extruder as well (Marlin 2), on others they do not (Marlin 1, Repetier, Klipper).
    """
    group = _MODE_GROUPS.get(gcode)
    if group is None:
        return modes
    return (*(mode for mode in modes if _MODE_GROUPS[mode] != group), gcode)
