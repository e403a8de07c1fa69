"""Reads BSON (bsonspec.org, version 1.1), in which a server may write any message (PROTOCOL 4.5).

Only read, and only what JSON could say as well, and bytes. A package of its own would be larger
than the plugin: the small ones are not kept any more, and the large one is a database's driver.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

_MOST_DEPTH = 50
"""Objects in objects; JSON's reader has its own limit."""

_Read = Callable[[bytes, int, int], "tuple[Any, int]"]


def read_document(data: bytes) -> dict[str, Any]:
    """The document that is all of these bytes.

    Raises:
        ValueError: they are none, or hold a type that JSON does not know.
    """
    try:
        document, end = _document(data, 0, 0)
    except (struct.error, IndexError) as error:
        raise ValueError("not all of the document is there") from error
    if end != len(data):
        raise ValueError("something follows the document")
    return document


def _document(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth > _MOST_DEPTH:
        raise ValueError("too many objects in each other")
    (length,) = struct.unpack_from("<i", data, at)
    end = at + length
    if length < 5 or end > len(data) or data[end - 1] != 0:
        raise ValueError("the length of a document is wrong")
    at += 4
    document: dict[str, Any] = {}
    while at < end - 1:
        read = _READERS.get(data[at])
        if read is None:
            raise ValueError(f"type {data[at]:#04x} is not known")
        name_end = data.index(b"\0", at + 1, end)
        name = data[at + 1 : name_end].decode("utf-8")
        document[name], at = read(data, name_end + 1, depth)
    if at != end - 1:
        raise ValueError("a value ends behind its document")
    return document, end


def _array(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    """An array is a document; the names of its items are their numbers."""
    document, end = _document(data, at, depth + 1)
    return list(document.values()), end


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    return _document(data, at, depth + 1)


def _string(data: bytes, at: int, depth: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<i", data, at)
    end = at + 4 + length
    if length < 1 or end > len(data) or data[end - 1] != 0:
        raise ValueError("the length of a text is wrong")
    return data[at + 4 : end - 1].decode("utf-8"), end


def _binary(data: bytes, at: int, depth: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<i", data, at)
    start = at + 5  # a byte between tells what the bytes are, which nobody here asks
    if length < 0 or start + length > len(data):
        raise ValueError("the length of bytes is wrong")
    return data[start : start + length], start + length


def _bool(data: bytes, at: int, depth: int) -> tuple[bool, int]:
    return data[at] != 0, at + 1


def _null(data: bytes, at: int, depth: int) -> tuple[None, int]:
    return None, at


def _packed(form: str) -> _Read:
    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)

    return read


_READERS: Mapping[int, _Read] = {
    0x01: _packed("<d"),
    0x02: _string,
    0x03: _object,
    0x04: _array,
    0x05: _binary,
    0x08: _bool,
    0x09: _packed("<q"),  # a time, in milliseconds since 1970
    0x0A: _null,
    0x10: _packed("<i"),
    0x12: _packed("<q"),
}
