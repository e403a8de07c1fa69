"""The support bundle: files made one by one, looked through once more, and packed."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..server.redact import redact
from ..server.scrub import Scrubber

MAX_FILE = 2 * 1024 * 1024
"""Bytes of one file; more than any of them should ever have."""

_READABLE = 0o100644 << 16
"""A plain file that everybody may read; without it some unpackers make it one that nobody may."""

_FIRST_OF_ZIP = 315_532_800.0
"""1980: a computer without a clock may be before the first moment that a zip knows."""

LEFT_OUT = "left out: a secret was found in it"


@dataclass(frozen=True)
class Section:
    """A part of the bundle.

    Attributes:
        name: the file's; `.json` holds JSON, everything else is text.
        title, description: for people, in their language.
        make: gives a JSON-like value, or a text. Where it raises, the file says so, and the others
            are made all the same.
    """

    name: str
    title: str
    description: str
    make: Callable[[], Any]


@dataclass(frozen=True)
class BundleFile:
    """A section as it is saved; `problem` says why its content is missing, and is else empty."""

    section: Section
    data: bytes
    problem: str = ""


def make_file(section: Section, scrubber: Scrubber) -> BundleFile:
    """One section as a file. Whatever fails in it stays in it."""
    try:
        text = _as_text(section, scrubber)
        data = text.encode("utf-8", "replace")
        if len(data) > MAX_FILE:
            raise ValueError(f"too large: {len(data)} bytes")
    except Exception as error:  # any fault: whoever asks for help has something that is broken
        return _failed(section, scrubber.text(redact(f"{type(error).__name__}: {error}")))
    if scrubber.has_secret(text):
        return _failed(section, LEFT_OUT)
    return BundleFile(section, data)


def _as_text(section: Section, scrubber: Scrubber) -> str:
    value = section.make()
    if not section.name.endswith(".json"):
        return scrubber.text(str(value))
    return _as_json(scrubber.value(value), indent=2)


def _as_json(value: Any, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n"


def _failed(section: Section, problem: str) -> BundleFile:
    """A file of one line, which says what is wrong with it."""
    if section.name.endswith(".json"):
        text = _as_json({"schema": 1, "error": problem}, indent=None)
    else:
        text = f"This part could not be made. {problem}\n"
    return BundleFile(section, text.encode("utf-8", "replace"), problem)


def make_files(sections: Iterable[Section], scrubber: Scrubber) -> list[BundleFile]:
    """All sections as files."""
    return [make_file(section, scrubber) for section in sections]


def packed(files: Sequence[BundleFile], moment: float) -> bytes:
    """The files as a zip, each with the date `moment` (Unix seconds; in UTC, as zips know none)."""
    date = time.gmtime(max(moment, _FIRST_OF_ZIP))[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            info = zipfile.ZipInfo(file.section.name, date_time=date)
            info.external_attr = _READABLE
            archive.writestr(info, file.data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def file_name(moment: float) -> str:
    """The bundle's name, with its moment in UTC."""
    return f"obico-support-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(moment))}.zip"
