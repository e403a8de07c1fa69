"""The status message field by field, as PROTOCOL 5.1 to 5.4 has it: a table, and what checks it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

NUMBER = (int, float)
NUMBER_OR_NULL = (int, float, type(None))
TEXT = (str,)
FLAG = (bool,)
OBJECT = (dict,)
WHOLE = (int,)

MOST_TEXT = 1000


class Field(NamedTuple):
    """One field.

    Attributes:
        path: its keys from the message down, parted by dots; `*` is each key, or each item, there.
        types: what JSON may hold there; a bool is no number.
        required: whether it has to be there wherever the object around it is.
    """

    path: str
    types: tuple[type, ...]
    required: bool = False


FIELDS = (
    Field("status", OBJECT, True),
    Field("current_print_ts", WHOLE),
    Field("event", OBJECT),
    Field("event.event_type", TEXT, True),
    Field("event.data", (dict, type(None)), True),
    Field("event.data.name", TEXT),
    Field("settings", OBJECT),
    # ---- 5.2
    Field("status._ts", NUMBER, True),
    Field("status.state", OBJECT, True),
    Field("status.state.text", TEXT, True),
    Field("status.state.error", TEXT, True),
    Field("status.state.flags", OBJECT, True),
    Field("status.state.flags.*", FLAG),
    Field("status.state.flags.closedOrError", FLAG, True),
    Field("status.job", OBJECT, True),
    Field("status.job.file", OBJECT, True),
    Field("status.job.file.obico_g_code_file_id", WHOLE),
    Field("status.progress", OBJECT, True),
    Field("status.progress.completion", NUMBER_OR_NULL),
    Field("status.progress.printTime", NUMBER_OR_NULL),
    Field("status.progress.printTimeLeft", NUMBER_OR_NULL),
    Field("status.progress.filamentUsed", NUMBER_OR_NULL),
    Field("status.progress.filepos", NUMBER_OR_NULL),
    Field("status.temperatures", OBJECT, True),
    Field("status.temperatures.*", OBJECT),
    Field("status.temperatures.*.actual", NUMBER_OR_NULL, True),
    Field("status.temperatures.*.target", NUMBER_OR_NULL, True),
    Field("status.temperatures.*.offset", NUMBER),
    Field("status.currentZ", NUMBER),
    Field("status.currentLayerHeight", WHOLE),
    Field("status.currentFeedRate", NUMBER),
    Field("status.currentFlowRate", NUMBER),
    Field("status.currentFanSpeed", NUMBER),
    Field("status.display_status", OBJECT),
    Field("status.display_status.message", TEXT, True),
    Field("status.user_interaction_required", FLAG),
    Field("status.file_metadata", OBJECT),
    Field("status.file_metadata.analysis", OBJECT),
    Field("status.file_metadata.analysis.printingArea", OBJECT, True),
    Field("status.file_metadata.analysis.printingArea.maxZ", NUMBER, True),
    Field("status.file_metadata.obico", OBJECT),
    Field("status.file_metadata.obico.totalLayerCount", WHOLE, True),
    # ---- 5.3
    Field("settings.agent", OBJECT, True),
    Field("settings.agent.name", TEXT, True),
    Field("settings.agent.version", TEXT, True),
    Field("settings.octoprint_version", TEXT),
    Field("settings.platform_uname", (list,)),
    Field("settings.platform_uname.*", TEXT),
    Field("settings.installed_plugins", (list,)),
    Field("settings.installed_plugins.*", TEXT),
    Field("settings.temperature", OBJECT),
    Field("settings.temperature.profiles", (list,), True),
    Field("settings.temperature.profiles.*", OBJECT),
    Field("settings.temperature.profiles.*.name", TEXT, True),
    Field("settings.printer_metadata", OBJECT),
    Field("settings.webcams", (list,)),
    Field("settings.webcams.*", OBJECT),
    Field("settings.webcams.*.name", TEXT, True),
    Field("settings.webcams.*.is_primary_camera", FLAG, True),
    Field("settings.webcams.*.flipV", FLAG, True),
    Field("settings.webcams.*.flipH", FLAG, True),
    Field("settings.webcams.*.rotation", WHOLE, True),
    Field("settings.webcams.*.streamRatio", TEXT, True),
    Field("settings.webcams.*.data_channel_available", FLAG),
)

OF_OCTOPRINT = (
    *("status.state.flags." + name for name in ("operational", "printing", "paused", "ready")),
    *("status.state.flags." + name for name in ("error", "cancelling", "pausing", "resuming")),
    *("status.progress." + name for name in ("completion", "printTime", "printTimeLeft")),
)
"""What a healthy OctoPrint always gives, beyond what PROTOCOL requires."""


def odd_fields(message: Any) -> list[str]:
    """What in a message is not as the table has it; empty where all is."""
    if not isinstance(message, dict):
        return ["the message is no object"]
    odd = [f"unknown key {key}" for key in message if key not in _TOP]
    for field in FIELDS:
        keys = field.path.split(".")
        for around, parent in _found(message, keys[:-1]):
            name = f"{around}{keys[-1]}"
            is_gone = isinstance(parent, dict) and keys[-1] not in parent
            if is_gone and field.required:
                odd.append(f"{name} is missing")
        for name, value in _found(message, keys):
            odd += _odd_value(name.rstrip("."), value, field.types)
    return odd + _odd_wording(message)


_TOP = {"status", "current_print_ts", "event", "settings"}


def missing_of_octoprint(message: Mapping[str, Any]) -> list[str]:
    """Which of the fields that OctoPrint always gives are not there."""
    return [path for path in OF_OCTOPRINT if not list(_found(message, path.split(".")))]


def _found(value: Any, keys: list[str], around: str = "") -> Iterator[tuple[str, Any]]:
    """All that a path leads to, with its name; only objects, and lists by `*`, lead on."""
    if not keys:
        yield around, value
        return
    if keys[0] == "*" and isinstance(value, list):
        items: list[tuple[Any, Any]] = list(enumerate(value))
    elif isinstance(value, dict):
        items = [(key, item) for key, item in value.items() if keys[0] in ("*", key)]
    else:
        items = []
    for key, item in items:
        yield from _found(item, keys[1:], f"{around}{key}.")


def _odd_value(name: str, value: Any, types: tuple[type, ...]) -> list[str]:
    fits = bool in types if isinstance(value, bool) else isinstance(value, types)
    if not fits:
        return [f"{name} is a {type(value).__name__}"]
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{name} is {value}"]
    return []


def _odd_wording(message: Mapping[str, Any]) -> list[str]:
    """What no single field tells: texts too long, frames that JSON cannot say, order in it."""
    odd = []
    try:
        json.dumps(message, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        odd.append(f"not JSON: {error}")
    odd += [f"{name} is too long" for name, text in _texts(message) if len(text) > MOST_TEXT]
    settings = message.get("settings")
    uname = settings.get("platform_uname") if isinstance(settings, dict) else None
    if uname is not None and len(uname) != 7:
        odd.append("platform_uname has to have seven items")
    print_ts = message.get("current_print_ts")
    if isinstance(print_ts, int) and print_ts < 1 and print_ts != -1:
        odd.append(f"current_print_ts is {print_ts}")
    return odd


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{name}.key", key
            yield from _texts(item, f"{name}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
