"""The status message (PROTOCOL 5.1 to 5.4), built from OctoPrint's own data without trusting it.

A part that cannot be built is left out and named, the rest is sent: a printer that reports no
temperatures must not look offline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .plain import number, plain, text

_HEATER = re.compile(r"tool\d{1,2}|bed|chamber")
NOT_PRINTING = -1

Part = tuple[str, Callable[[], Any]]
"""A key of the status, and what builds its value; None: the key is left out."""


def build_status_message(
    current: Mapping[str, Any],
    temperatures: Mapping[str, Any],
    print_ts: int | None,
    now: float,
    *,
    settings: Mapping[str, Any] | None = None,
    event: Mapping[str, Any] | None = None,
    extras: Sequence[Part] = (),
) -> tuple[dict[str, Any], list[str]]:
    """Return a status message, and the names of the parts that could not be built.

    Args:
        current: OctoPrint's current data (state, job, progress, currentZ).
        temperatures: heater name to an object with actual and target.
        print_ts: start of the current print in Unix seconds, -1 while not printing, None unknown.
        now: Unix seconds.
        settings: the settings section, when it is due.
        event: event_type and data, when the message tells of one.
        extras: further parts, of what OctoPrint's current data do not tell.
    """
    parts: tuple[Part, ...] = (
        ("state", lambda: _state(current.get("state"))),
        ("job", lambda: _job(current.get("job"))),
        ("progress", lambda: _progress(current)),
        ("temperatures", lambda: _temperatures(temperatures)),
        ("currentZ", lambda: number(current.get("currentZ"))),
        *extras,
    )
    status, faults = _built(parts)
    message: dict[str, Any] = {"status": {"_ts": now, **_fallbacks(), **status}}
    if print_ts is not None:
        message["current_print_ts"] = int(print_ts)
    if settings is not None:
        message["settings"] = dict(settings)
    if event is not None:
        message["event"] = dict(event)
    return message, faults


def _fallbacks() -> dict[str, Any]:
    """What a status without the part must have all the same (PROTOCOL 5.2, 13.16, 13.17)."""
    return {
        "state": {"text": "Unknown", "flags": {"closedOrError": True}, "error": ""},
        "job": {"file": {}},
        "progress": {},
        "temperatures": {},
    }


def _built(parts: Sequence[Part]) -> tuple[dict[str, Any], list[str]]:
    """The parts that there are, and the names of those whose building failed."""
    built: dict[str, Any] = {}
    faults: list[str] = []
    for name, build in parts:
        try:
            value = build()
        except Exception as error:  # whatever OctoPrint's data hold; it is named and recorded
            faults.append(f"{name}: {type(error).__name__}")
        else:
            if value is not None:
                built[name] = value
    return built, faults


def _state(state: Any) -> dict[str, Any]:
    flags = {text(name): bool(value) for name, value in dict(state["flags"]).items()}
    flags.setdefault("closedOrError", not flags.get("operational", False))
    # failure detection goes by it; OctoPrint 2.0 says of a paused printer that it prints as well
    flags["printing"] = flags.get("printing", False) and not flags.get("paused", False)
    return {"text": text(state["text"]), "flags": flags, "error": text(state.get("error") or "")}


def _job(job: Any) -> dict[str, Any]:
    result = plain(job) if job else {}
    # Neither job nor job.file may be null: the server reads into them (PROTOCOL 13.16)
    file = _object(result, "job").get("file") or {}
    return {**result, "file": _object(file, "job.file")}


def _progress(current: Mapping[str, Any]) -> dict[str, Any]:
    progress = _object(plain(current.get("progress") or {}), "progress")
    job = current.get("job")
    filament = job.get("filament") if isinstance(job, Mapping) else None
    tool = filament.get("tool0") if isinstance(filament, Mapping) else None
    if isinstance(tool, Mapping):
        progress.setdefault("filamentUsed", number(tool.get("length")))
    numbers = {name: number(progress.get(name)) for name in _NUMBERS if name in progress}
    return {**progress, **numbers}


# The server and the app reckon with these (PROTOCOL 5.2)
_NUMBERS = ("completion", "printTime", "printTimeLeft", "filamentUsed", "filepos")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is not an object")
    return value


def _temperatures(temperatures: Mapping[str, Any]) -> dict[str, Any]:
    """Heaters only, each with actual and target, which the server insists on (PROTOCOL 5.2)."""
    result = {}
    for name, values in temperatures.items():
        if _HEATER.fullmatch(str(name)) and isinstance(values, Mapping):
            result[str(name)] = {
                "actual": number(values.get("actual")),
                "target": number(values.get("target")),
                "offset": number(values.get("offset")) or 0,
            }
    return result
