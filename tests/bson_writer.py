"""Writes BSON (bsonspec.org), as a server may; the plugin only reads it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any


def written(document: Mapping[str, Any]) -> bytes:
    """A document as BSON, by the shortest way to write one."""
    body = b"".join(element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def element(name: str, value: Any) -> bytes:
    kind, data = payload(value)
    return bytes([kind]) + name.encode() + b"\0" + data


def payload(value: Any) -> tuple[int, bytes]:
    if value is None:
        return 0x0A, b""
    if isinstance(value, bool):
        return 0x08, bytes([value])
    if isinstance(value, int):
        return (0x10, struct.pack("<i", value)) if -(2**31) <= value < 2**31 else wide(value)
    if isinstance(value, float):
        return 0x01, struct.pack("<d", value)
    if isinstance(value, str):
        data = value.encode() + b"\0"
        return 0x02, struct.pack("<i", len(data)) + data
    if isinstance(value, bytes):
        return 0x05, struct.pack("<i", len(value)) + b"\0" + value
    if isinstance(value, list):
        return 0x04, written({str(number): item for number, item in enumerate(value)})
    return 0x03, written(value)


def wide(value: int) -> tuple[int, bytes]:
    return 0x12, struct.pack("<q", value)
