"""The status message (PROTOCOL 5.1 to 5.4), built from OctoPrint's own data without trusting it.

A part that cannot be built is left out and named, the rest is sent: a printer that reports no
temperatures must not look offline.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_HEATER = re.compile(r"tool\d+|bed|chamber")
NOT_PRINTING = -1


def build_status_message(
    current: Mapping[str, Any],
    temperatures: Mapping[str, Any],
    print_ts: int | None,
    now: float,
    *,
    settings: Mapping[str, Any] | None = None,
    event: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return a status message, and the names of the parts that could not be built.

    Args:
        current: OctoPrint's current data (state, job, progress, currentZ).
        temperatures: heater name to an object with actual and target.
        print_ts: start of the current print in Unix seconds, -1 while not printing, None unknown.
        now: Unix seconds.
        settings: the settings section, when it is due.
        event: event_type and data, when the message tells of one.
    """
    status: dict[str, Any] = {"_ts": now}
    faults: list[str] = []
    builders: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("state", lambda: _state(current.get("state"))),
        ("job", lambda: _job(current.get("job"))),
        ("progress", lambda: _progress(current)),
        ("temperatures", lambda: _temperatures(temperatures)),
        ("currentZ", lambda: _number(current.get("currentZ"))),
    )
    for name, build in builders:
        try:
            status[name] = build()
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            faults.append(f"{name}: {type(error).__name__}")
            status.update(_FALLBACKS.get(name, {}))
    message: dict[str, Any] = {"status": status}
    if print_ts is not None:
        message["current_print_ts"] = int(print_ts)
    if settings is not None:
        message["settings"] = dict(settings)
    if event is not None:
        message["event"] = dict(event)
    return message, faults


_FALLBACKS: Mapping[str, Mapping[str, Any]] = {
    "state": {"state": {"text": "Unknown", "flags": {"closedOrError": True}}},
    "job": {"job": {"file": {}}},
    "progress": {"progress": {}},
    "temperatures": {"temperatures": {}},
}


def _state(state: Any) -> dict[str, Any]:
    flags = {str(name): bool(value) for name, value in dict(state["flags"]).items()}
    flags.setdefault("closedOrError", not flags.get("operational", False))
    return {"text": str(state["text"]), "flags": flags, "error": str(state.get("error") or "")}


def _job(job: Any) -> dict[str, Any]:
    result = _plain(job) if job else {}
    if not isinstance(result, dict):
        raise TypeError("job is not an object")
    # Neither job nor job.file may be null: the server reads into them (PROTOCOL 13.16)
    result["file"] = result.get("file") or {}
    return result


def _progress(current: Mapping[str, Any]) -> dict[str, Any]:
    progress = _plain(current.get("progress") or {})
    filament = (current.get("job") or {}).get("filament") or {}
    tool = filament.get("tool0") if isinstance(filament, Mapping) else None
    if isinstance(tool, Mapping):
        progress.setdefault("filamentUsed", _number(tool.get("length")))
    return dict(progress)


def _temperatures(temperatures: Mapping[str, Any]) -> dict[str, Any]:
    """Heaters only, each with actual and target, which the server insists on (PROTOCOL 5.2)."""
    result = {}
    for name, values in temperatures.items():
        if _HEATER.fullmatch(str(name)) and isinstance(values, Mapping):
            result[str(name)] = {
                "actual": _number(values.get("actual")),
                "target": _number(values.get("target")),
                "offset": _number(values.get("offset")) or 0,
            }
    return result


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def _plain(value: Any, depth: int = 0) -> Any:
    """A copy that JSON can say: unknown objects become text, endless depth is cut."""
    if depth > 8:
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    return _number(value) if isinstance(value, (int, float)) else str(value)
