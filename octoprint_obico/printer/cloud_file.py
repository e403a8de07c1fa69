"""Brings a file from the server into OctoPrint's storage, and prints it (PROTOCOL 7.3, 3 to 6)."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress

from ..host import PrinterHost
from ..server.deadline import Cancel
from ..server.errors import ChannelError
from ..server.file_client import Cancelled, FileError, Home, Limits, fetch
from ..server.gcode_files import rename
from ..server.link import Link
from .arguments import RefusedError
from .cloud_print import FOLDER, CloudFile
from .functions import Needs, demand
from .signature import Signatures

__all__ = ["Cancelled", "FileError", "bring", "start"]

log = logging.getLogger("octoprint.plugins.obico.printer")

LARGEST = 2 * 1024**3
"""Bytes of one file."""

RESERVE = 200 * 1024**2
"""Bytes of the disk that stay free; less is what OctoPrint calls critical
(octoprint/schema/config/server.py, DiskspaceConfig)."""

_PARTIAL = ".obico-download.part"
"""OctoPrint does not list what begins with a dot. One name, so that a crash leaves one file."""

_NOT_STORED = "OctoPrint could not store the file."


def bring(
    file: CloudFile, link: Link, printer: PrinterHost, signatures: Signatures, cancel: Cancel
) -> str:
    """Download the file, store it, and tell the server of it; return its path in the storage.

    Raises:
        FileError: for people; no partial file is left.
    """
    folder = printer.folder_on_disk(FOLDER)
    if folder is None:
        raise FileError(_NOT_STORED)
    partial = os.path.join(folder, _PARTIAL)
    try:
        _download(file, link, partial, cancel)
        path = printer.add_file(file.path, partial, file.filename)
    except OSError as error:
        raise FileError(_NOT_STORED) from error
    finally:
        with suppress(OSError):  # moved, or never made
            os.remove(partial)
    if path is None:
        raise FileError(_NOT_STORED)
    _sign(file, link, path, printer, signatures, cancel)
    return path


def _download(file: CloudFile, link: Link, partial: str, cancel: Cancel) -> None:
    with suppress(FileNotFoundError):  # of a crash; a link in its place must not be followed
        os.remove(partial)
    room = shutil.disk_usage(os.path.dirname(partial)).free - RESERVE
    home = Home(link.address, link.wanted.trust, link.user_agent)
    with open(partial, "xb", buffering=0) as sink:
        size = fetch(file.url, sink.write, home, Limits(min(LARGEST, max(room, 0))), cancel)
    log.info("Downloaded a file of %s bytes", size)


def _sign(
    file: CloudFile,
    link: Link,
    path: str,
    printer: PrinterHost,
    signatures: Signatures,
    cancel: Cancel,
) -> None:
    """Tell the server the file's signature: by it the print is found to be of this file.

    The print does not depend on it.
    """
    place = printer.file_on_disk(path)
    try:
        signed = signatures.of(place, lambda: cancel.requested) if place else None
        if place is None or signed is None:
            return
        rename(link.http, file.id, signed.signature, os.path.basename(place))
    except (OSError, ChannelError) as error:
        log.warning("The server was not told of a downloaded file: %s", type(error).__name__)


def start(path: str, printer: PrinterHost, cancel: Cancel) -> None:
    """Print a file of the storage, if the printer is still idle. Raises FileError."""
    if cancel.requested:
        raise Cancelled("The plugin was stopped.")
    try:
        demand(Needs.IDLE, printer)
    except RefusedError as error:
        raise FileError(f"{error} The file is in OctoPrint's folder {FOLDER}.") from error
    if not printer.select_file(path, True):
        raise FileError("OctoPrint cannot print the file.")
