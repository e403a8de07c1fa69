"""The server's options on pause as G-code (PROTOCOL 6.1): what a pause adds, what a resume undoes.

Pure: measures nothing, sends nothing. Every move is relative, bounded, and taken back by the same
number; what cannot be taken back for certain is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_LIFT_MM = 50.0
MAX_RETRACT_MM = 50.0
MAX_TARGET_C = 500.0

_RETRACT_MM_MIN = 1800
_LIFT_MM_MIN = 300
"""Slow: an axis Z on a lead screw loses steps when it is hurried."""

_FINISH = "M400"  # wait for the moves

_HOT_WITHIN_C = 15.0
"""So near to its target, a nozzle prints; a colder one must not be made to pull filament."""


class PauseOptions(NamedTuple):
    """What the server wants of a pause; 0 and False mean: do not."""

    retract_mm: float = 0.0
    lift_mm: float = 0.0
    tools_off: bool = False
    bed_off: bool = False


class PausedAt(NamedTuple):
    """Where a printer stands as it pauses; None where that is not known.

    Attributes:
        room_mm: how far the nozzle can still rise.
        feed_mm_min: the feed rate of the file's last move.
        tool: the number of the tool in use.
    """

    room_mm: float | None = None
    feed_mm_min: float | None = None
    tool: int | None = None


class PauseScripts(NamedTuple):
    """G-code lines for after the pause and for before the resume."""

    paused: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()


def pause_options(args: Mapping[str, Any]) -> PauseOptions:
    """The options in a command's arguments. One that is bad counts as one that is absent."""
    return PauseOptions(
        _length(args.get("retract"), MAX_RETRACT_MM),
        _length(args.get("lift_z"), MAX_LIFT_MM),
        args.get("tools_off") is True,
        args.get("bed_off") is True,
    )


def pause_scripts(
    options: PauseOptions,
    heaters: Mapping[str, Any],
    modes: tuple[str, ...] | None,
    at: PausedAt,
) -> PauseScripts:
    """The lines for one pause and its resume.

    Args:
        heaters: as OctoPrint's temperatures: name to `actual` and `target` in °C.
        modes: of :func:`modes_after`; None where OctoPrint does not see what the printer does (it
            prints from its own card).
    """
    before, after = _moves(options, heaters, modes, at)
    off, on = _heating(options, heaters)
    return PauseScripts((*before, *off), (*on, *after))


def _moves(
    options: PauseOptions,
    heaters: Mapping[str, Any],
    modes: tuple[str, ...] | None,
    at: PausedAt,
) -> tuple[list[str], list[str]]:
    # A wrong guess at the extruder's mode would make the file's next move metres long
    if modes is None or not {"M82", "M83"} & set(modes) or "G20" in modes:
        return [], []
    retract = _number(options.retract_mm) if _is_hot(heaters, at.tool) else ""
    # A lift that the end of the axis cuts short would be taken back too far, into the print
    lift = _number(min(options.lift_mm, max(at.room_mm or 0.0, 0.0)))
    there, back = [], []
    if retract:
        there.append(f"G1 E-{retract} F{_RETRACT_MM_MIN}")
        back.append(f"G1 E{retract} F{_RETRACT_MM_MIN}")
    if lift:
        there.append(f"G1 Z{lift} F{_LIFT_MM_MIN}")
        back.insert(0, f"G1 Z-{lift} F{_LIFT_MM_MIN}")
    if not there:
        return [], []
    restored = [mode for mode in modes if mode != "G21"]
    if not {"G90", "G91"} & set(restored):
        restored.insert(0, "G90")  # what every firmware begins with
    feed = _number(at.feed_mm_min or 0.0)
    relative = ["G91", "M83"]
    speed = [f"G1 F{feed}"] if feed else []
    # no mode changes under a move that still waits: not every printer keeps the two in order
    return (
        [*relative, *there, _FINISH, *restored],
        [*relative, *back, _FINISH, *restored, *speed],
    )


def _heating(options: PauseOptions, heaters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Lines that switch off, and those that bring the targets back and wait for them.

    The bed first: a nozzle that is hot for as long as a bed takes would drip on the print.
    """
    off, on = [], []
    bed = _target(heaters, "bed") if options.bed_off else 0.0
    if bed:
        off.append("M140 S0")
        on.append(f"M190 S{_number(bed)}")
    names = _tools(heaters)
    numbers = {name: "" if names == ["tool0"] else f" T{name[4:]}" for name in names}
    targets = {name: _target(heaters, name) for name in names} if options.tools_off else {}
    hot = [(numbers[name], _number(target)) for name, target in targets.items() if target]
    off += [f"M104{tool} S0" for tool, _ in hot]
    if len(hot) > 1:  # all at the same time
        on += [f"M104{tool} S{target}" for tool, target in hot]
    on += [f"M109{tool} S{target}" for tool, target in hot]
    return off, on


def _is_hot(heaters: Mapping[str, Any], tool: int | None) -> bool:
    names = _tools(heaters)
    name = names[0] if len(names) == 1 else f"tool{tool}"
    target = _target(heaters, name)
    if not target:
        return False
    actual = _finite(heaters[name].get("actual"))
    return actual is not None and actual >= target - _HOT_WITHIN_C


def _tools(heaters: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in heaters if name[:4] == "tool" and name[4:].isdecimal())


def _target(heaters: Mapping[str, Any], name: str) -> float:
    """A heater's target in °C; 0 where it has none, or none that could be set again."""
    heater = heaters.get(name)
    target = _finite(heater.get("target")) if isinstance(heater, Mapping) else None
    return target if target is not None and 1.0 <= target <= MAX_TARGET_C else 0.0


def _length(value: Any, most: float) -> float:
    length = _finite(value)
    return length if length is not None and 0.0 < length <= most else 0.0


def _finite(value: Any) -> float | None:
    """A number that a line can hold, or None. A bool is none, though Python takes it for one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _number(value: float) -> str:
    """A number as G-code has it, to a thousandth; empty for what rounds to 0."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "" if text in ("0", "-0") else text
