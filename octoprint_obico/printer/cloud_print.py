"""Prints a file that the app has on the server (PROTOCOL 7.3)."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..host import PrinterHost
from ..server.background import BackgroundJob
from ..server.deadline import Cancel
from ..server.faults import Faults
from ..server.link import Link
from ..server.messages import printer_event
from .signature import Signatures

log = logging.getLogger("octoprint.plugins.obico.printer")

PART = "printing a file from the cloud"
FOLDER = "ObicoUpload"
"""Where such files are kept; the app does not show it (PROTOCOL 7.2)."""

STATE_TEXT = "G-Code Downloading"

_FAULT = "The plugin could not do this. OctoPrint's log tells more."


class CloudFile(NamedTuple):
    """A file on the server, as its record names it.

    Attributes:
        id: the record's number.
        filename: its name for people.
        safe_filename: its name here, without a path.
    """

    id: int
    url: str
    filename: str
    safe_filename: str

    @property
    def path(self) -> str:
        """Where it is kept, within OctoPrint's local storage."""
        return f"{FOLDER}/{self.safe_filename}"


class CloudPrint:
    """Owns the one download that may be under way, on a thread that ends with it. Thread-safe.

    Args:
        link: the channels of now, or None.
        store: keeps a printer event for the server (PROTOCOL 2.5).
        on_change: called when the status is another.
    """

    def __init__(
        self,
        printer: PrinterHost,
        signatures: Signatures,
        link: Callable[[], Link | None],
        faults: Faults,
        store: Callable[[Mapping[str, str]], object],
        on_change: Callable[[], object],
    ) -> None:
        self._printer, self._signatures, self._link = printer, signatures, link
        self._store, self._on_change = store, on_change
        self._job: BackgroundJob[None, None] = BackgroundJob(
            "obico-download", PART, faults, lambda: None
        )
        self._cancel = Cancel()
        self._is_loading = False

    def begin(self, file: CloudFile) -> str:
        """Begin to fetch a file, and print it then; return the path that it will have.

        Raises:
            RefusedError: another one is fetched, or there is no server.
        """
        from .arguments import RefusedError

        link = self._link()
        if link is None or self._cancel.requested:
            raise RefusedError("The printer is not linked to a server.")
        if not self._job.start(lambda: self._run(file, link)).is_new:
            raise RefusedError("The printer is busy: another file is downloaded.")
        return file.path

    def stop(self) -> None:
        """End a download at once; its partial file is removed. Nothing is printed any more."""
        self._cancel.cancel()

    def complete(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """The status message as it has to be while a file is fetched."""
        if not self._is_loading:
            return message
        status = message.get("status") or {}
        state = status.get("state") or {}
        flags = state.get("flags") or {}
        if not flags.get("operational"):  # it has gone off meanwhile
            return message
        loading = {**state, "text": STATE_TEXT, "flags": {**flags, "operational": False}}
        return {**message, "status": {**status, "state": loading}}

    # ---- on the thread of its own --------------------------------------------------------------

    def _run(self, file: CloudFile, link: Link) -> None:
        from . import cloud_file as work  # rarely needed

        self._loading(True)
        log.info("Downloading a file that the app wants to print")
        try:
            path = work.bring(file, link, self._printer, self._signatures, self._cancel)
            self._loading(False)  # first, or the print would begin under this name
            work.start(path, self._printer, self._cancel)
        except work.Cancelled:
            log.info("The download has ended with the plugin")
        except work.FileError as error:
            self._tell(file, link, str(error))
        except Exception:
            self._tell(file, link, _FAULT)
            raise
        finally:
            self._loading(False)

    def _loading(self, is_loading: bool) -> None:
        changed, self._is_loading = self._is_loading is not is_loading, is_loading
        if changed:
            self._on_change()

    def _tell(self, file: CloudFile, link: Link, why: str) -> None:
        log.warning("A file from the app was not printed: %s", why)
        fields = {
            "event_type": "PRINTER_ERROR",
            "event_class": "ERROR",
            "event_title": "File not printed",
            "event_text": f"{html.escape(file.filename, quote=False)}: {why}",
        }
        link.supervisor.send(printer_event(fields))
        self._store(fields)
