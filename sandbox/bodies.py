"""Reading request bodies the way the server does: JSON, form or multipart; and pictures."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from PIL import Image, UnidentifiedImageError

MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
FILE_FIELDS = frozenset({"pic", "snapshot"})
TRUE_TEXTS = frozenset({"true", "t"})


class BadBody(ValueError):
    """The body cannot be read; the server answers 400 with the message."""


class UnsupportedType(ValueError):
    """The endpoint does not take this content type; the server answers 415."""


class CorruptedImage(ValueError):
    """The file is empty or no image; the server answers 400."""


@dataclass
class Body:
    """Fields (text from forms, any JSON value from JSON) and the bytes of file parts."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def flag(self, name: str, default: bool = False) -> bool:
        """A text `true` or `t`. Raises TypeError for a JSON value that is no text."""
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a text")
        return value.lower() in TRUE_TEXTS


async def read_body(request: web.Request, *accepted: str) -> Body:
    """Read the body by its content type. Raises BadBody, UnsupportedType."""
    kind = request.content_type
    if kind not in accepted:
        raise UnsupportedType(f'Unsupported media type "{kind}" in request.')
    try:
        if kind == JSON:
            return Body(fields=_json_object(await request.text()))
        if kind == MULTIPART:
            return await _read_multipart(request)
        return Body(fields=dict(await request.post()))
    except UnsupportedType:
        raise
    except ValueError as exc:
        raise BadBody(f"Parse error - {exc}") from exc


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise BadBody("Invalid data. Expected a dictionary.")
    return value


async def _read_multipart(request: web.Request) -> Body:
    """Parts named like a picture are files, with or without a file name."""
    body = Body()
    reader = await request.multipart()
    while True:
        part = await reader.next()
        if part is None:
            return body
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        data = bytes(await part.read(decode=True))
        if part.name in FILE_FIELDS:
            body.files[part.name] = data
        else:
            body.fields[part.name] = data.decode("utf-8", "replace")


@dataclass(frozen=True)
class PictureInfo:
    format: str
    width: int
    height: int


def inspect_picture(data: bytes) -> PictureInfo:
    """Open the picture's header. Raises CorruptedImage; OSError where it is cut off there."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return PictureInfo(str(image.format), image.width, image.height)
    except UnidentifiedImageError as exc:
        raise CorruptedImage("Corrupted image.") from exc
