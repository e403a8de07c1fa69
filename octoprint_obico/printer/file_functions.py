"""The app's calls that print a file by its record on the server (PROTOCOL 7.2, 7.3)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..host import PrinterHost
from . import arguments as a
from .arguments import RefusedError
from .cloud_print import CloudFile
from .functions import Function, Needs, demand
from .signature import Signatures

SIGNING_LIMIT_S = 30.0
"""For reading the file. The app gives up after 60 s (PROTOCOL 7.1)."""

_MOST_NAME_BYTES = 200
"""File systems take 255, and OctoPrint adds to it for a moment while it writes."""

_MOST_URL = 4096
_NAME_ENDS = (".gcode", ".gco", ".g")


class LocalFile(NamedTuple):
    """What a record says of a file that is here."""

    path: str
    signature: str


def _field(record: Any, name: str) -> Any:
    if not isinstance(record, dict):
        raise RefusedError("The file has to be a record with its fields.")
    return record.get(name)


def local_file(value: Any) -> LocalFile:
    """The record of a file in OctoPrint's storage; what else it holds is passed over."""
    signature = _field(value, "agent_signature")
    if not isinstance(signature, str) or not re.fullmatch(r"md5:[0-9a-fA-F]{32}", signature[:40]):
        raise RefusedError("The file's signature is missing, or is none.")
    return LocalFile(a.path(_field(value, "url")), signature.lower())


def cloud_file(value: Any) -> CloudFile:
    """The record of a file on the server; what else it holds is passed over."""
    number, url = _field(value, "id"), _field(value, "url")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63:
        raise RefusedError("The file's number is missing, or is none.")
    if not isinstance(url, str) or len(url) > _MOST_URL or not _is_web_address(url):
        raise RefusedError("The file's address has to begin with http:// or https://.")
    return CloudFile(number, url, _title(_field(value, "filename")), _safe_name(value))


def _is_web_address(url: str) -> bool:
    return url.isprintable() and " " not in url and url.startswith(("http://", "https://"))


def _title(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > a.MOST_TEXT:
        raise RefusedError("The file's name is missing, or is too long.")
    if not value.isprintable():
        raise RefusedError("The file's name holds characters that cannot be shown.")
    return value


def _safe_name(record: Any) -> str:
    """A name without a path, that OctoPrint knows as G-code."""
    name = _field(record, "safe_filename")
    if not isinstance(name, str) or not name.isprintable():
        raise RefusedError("The file's name on the disk is missing, or cannot be used.")
    if not name.lower().endswith(_NAME_ENDS):
        raise RefusedError("Only G-code files can be printed: .gcode, .gco or .g.")
    if name.startswith((".", "~")) or re.search(r'[/\\:*?"<>|]', name):
        raise RefusedError("The file's name on the disk must not hold a path.")
    if len(name.encode("utf-8", "replace")) > _MOST_NAME_BYTES:
        raise RefusedError("The file's name on the disk is too long.")
    return name


def file_functions(
    signatures: Signatures, download: Callable[[CloudFile], str]
) -> Mapping[tuple[str, str], Function]:
    """The table of these calls, in the form of :data:`..functions.FUNCTIONS`.

    Args:
        download: begins to fetch and print a file; returns the path that it will have.
    """

    def print_local(printer: PrinterHost, file: LocalFile) -> str:
        _check(printer, file, signatures)
        demand(Needs.IDLE, printer)  # once more: to read the file has taken its time
        if not printer.select_file(file.path, True):
            raise RefusedError("OctoPrint cannot print this file. Is it still there?")
        return "Success"

    def print_from_cloud(printer: PrinterHost, file: CloudFile) -> dict[str, str]:
        return {"target_path": download(file)}

    return {
        ("file_operations", "start_printer_local_print"): Function(
            print_local, Needs.IDLE, (local_file,)
        ),
        ("file_downloader", "download"): Function(print_from_cloud, Needs.IDLE, (cloud_file,)),
    }


def _check(printer: PrinterHost, file: LocalFile, signatures: Signatures) -> None:
    """Whether the file is what its record says. Raises RefusedError."""
    place = printer.file_on_disk(file.path)
    if place is None:
        raise RefusedError("The file is not on the printer any more.")
    limit = time.monotonic() + SIGNING_LIMIT_S
    try:
        signed = signatures.of(place, lambda: time.monotonic() > limit)
    except OSError as error:
        raise RefusedError("OctoPrint cannot read this file.") from error
    if signed is None:
        raise RefusedError("It took too long to read the file. Please print it from OctoPrint.")
    if signed.signature != file.signature:
        raise RefusedError("The file on the printer is another one now, under the same name.")
