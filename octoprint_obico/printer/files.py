"""OctoPrint's files as the app reads them (PROTOCOL 7.2, `list_files`)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .plain import number

MOST_ENTRIES = 2000
"""Of one answer; what is more is left out."""

_MOST_DEPTH = 20
_FOLDER = "folder"


def file_tree(entries: Mapping[str, Any], search: str = "") -> dict[str, Any]:
    """The entries of a folder, each with what the app shows of it.

    Args:
        entries: as OctoPrint has them, by name: objects since 2.0, dictionaries before.
        search: keep files and folders with this in their name, and the folders around them.
    """
    return _tree(entries, search.casefold(), itertools.count(), 0)


def _tree(entries: Any, search: str, kept: Iterator[int], depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    if depth >= _MOST_DEPTH or not isinstance(entries, Mapping):
        return tree
    for key, entry in list(entries.items()):  # OctoPrint's own, which may change meanwhile
        node = _node(str(key), entry)
        if node["type"] == _FOLDER:
            node["children"] = _tree(_part(entry, "children"), search, kept, depth + 1)
        found = search in str(node["display"]).casefold() or search in str(node["name"]).casefold()
        if not found and not node.get("children"):
            continue
        if next(kept) >= MOST_ENTRIES:
            break
        tree[str(key)] = node
    return tree


def _node(key: str, entry: Any) -> dict[str, Any]:
    name = str(_part(entry, "name") or key)
    node = {
        "name": name,
        "display": str(_part(entry, "display") or name),
        "path": str(_part(entry, "path") or name),
        "type": str(_part(entry, "type") or _part(entry, "entry_type") or ""),
    }
    if node["type"] == _FOLDER:
        return node
    analysis = _part(entry, "analysis") or _part(_part(entry, "metadata"), "analysis")
    file_hash = _part(entry, "hash")
    return {
        **node,
        "size": number(_part(entry, "size")),
        "date": _seconds(_part(entry, "date")),
        "hash": str(file_hash) if file_hash else None,
        "analysis": _analysis(analysis),
    }


def _analysis(analysis: Any) -> dict[str, Any]:
    tools = _part(analysis, "filament")
    used = tools.items() if isinstance(tools, Mapping) else ()
    return {
        "dimensions": {"height": number(_part(_part(analysis, "dimensions"), "height"))},
        "estimatedPrintTime": number(_part(analysis, "estimatedPrintTime")),
        "filament": {str(tool): {"length": number(_part(use, "length"))} for tool, use in used},
    }


def _part(entry: Any, name: str) -> Any:
    return entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)


def _seconds(date: Any) -> float | int | None:
    return int(date.timestamp()) if isinstance(date, datetime) else number(date)
