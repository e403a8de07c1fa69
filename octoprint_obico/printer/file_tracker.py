"""Which of the server's files the current print is of (PROTOCOL 2.6, 5.2)."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..host import PrinterHost
from ..server.background import BackgroundJob
from ..server.backoff import Backoff
from ..server.errors import ChannelError
from ..server.faults import Faults
from ..server.journal import Once
from ..server.link import Link
from ..server.retry_policy import HTTP
from .current import job_file
from .signature import Signatures

if TYPE_CHECKING:
    from ..server.gcode_files import GcodeFile

log = logging.getLogger("octoprint.plugins.obico.printer")

PART = "telling the server of the printed file"

_LOCAL = "local"
_ENDS = frozenset({"PrintFailed", "PrintDone"})


class Tracked(NamedTuple):
    """One print of a file, on one server.

    Attributes:
        link: which server, as `link_name` names it.
        path: within OctoPrint's local storage.
        name: for people.
    """

    print_ts: int
    link: str
    path: str
    name: str


class FileTracker:
    """Finds the number of the printed file on the server, and puts it into the status.

    A print is noticed by its status, also where it began before this plugin did. The work is done
    on a thread of its own that ends with it, or with the print. Thread-safe.

    Args:
        link: the channels of now, or None.
        on_found: called when a search has ended.
    """

    def __init__(
        self,
        printer: PrinterHost,
        signatures: Signatures,
        link: Callable[[], Link | None],
        faults: Faults,
        on_found: Callable[[], None],
    ) -> None:
        self._printer, self._signatures, self._link = printer, signatures, link
        self._faults = faults
        self._lock = threading.Lock()
        self._job: BackgroundJob[None, None] = BackgroundJob(
            "obico-signature", PART, faults, on_found
        )
        self._tracked: Tracked | None = None
        self._is_over = threading.Event()
        self._number: int | None = None
        self._told = Once()

    def stop(self) -> None:
        """End what is under way; it does not start again by itself."""
        self._is_over.set()

    def complete(self, message: Mapping[str, Any], *, may_begin: bool) -> Mapping[str, Any]:
        """The status message with the file's number, where that is known. Waits for nothing.

        Args:
            may_begin: whether a print that is new may be looked up now, which starts a thread.
        """
        link = self._link()
        tracked = _tracked(message, "" if link is None else link.wanted.name)
        if message.get("current_print_ts") is None:  # whether it prints is not known
            return message
        if tracked != self._tracked and (may_begin or tracked is None):
            self._follow(tracked, link is not None)
        with self._lock:
            number = self._number if tracked is not None and tracked == self._tracked else None
        if (message.get("event") or {}).get("event_type") in _ENDS:
            self._is_over.set()
        return message if number is None else _with_number(message, number)

    def _follow(self, tracked: Tracked | None, is_linked: bool) -> None:
        """Leave the former print, and begin with this one."""
        self._is_over.set()
        is_over = threading.Event()
        if tracked is not None and self._job.state()[1] == "running":
            return  # the former search has not noticed yet; the status that follows its end will
        with self._lock:
            self._tracked, self._number, self._is_over = tracked, None, is_over
        if tracked is None or not is_linked:
            return
        try:
            self._job.start(lambda: self._find(tracked, is_over))
        except RuntimeError as error:  # no thread is left; a status must not fail for that
            self._faults.note(PART, error)

    # ---- on the thread of its own --------------------------------------------------------------

    def _find(self, tracked: Tracked, is_over: threading.Event) -> None:
        from ..server.gcode_files import is_unwanted, register

        file = self._file(tracked, is_over)
        backoff = Backoff(HTTP)
        while file is not None and not is_over.is_set():
            link = self._link()
            if link is None or link.wanted.name != tracked.link:
                return  # the status of another link begins anew
            began = time.monotonic()
            try:
                number = register(link.http, file)
            except ChannelError as error:
                if is_unwanted(error):
                    self._tell(f"The server does not take note of printed files: {error}")
                    return
                took_s = time.monotonic() - began
                is_over.wait(backoff.failed(error, watched=False, took_s=took_s))
            else:
                with self._lock:
                    if self._tracked == tracked:
                        self._number = number
                log.debug("The server knows the printed file as %s", number)
                return

    def _file(self, tracked: Tracked, is_over: threading.Event) -> GcodeFile | None:
        place = self._printer.file_on_disk(tracked.path)
        if place is None:
            self._tell("The printed file is not among OctoPrint's files; the server is not told")
            return None
        try:
            signed = self._signatures.of(place, is_over.is_set)
        except OSError as error:
            self._tell(f"The printed file cannot be read: {type(error).__name__}")
            return None
        if signed is None:
            return None
        from ..server.gcode_files import GcodeFile

        base_name = os.path.basename(place)
        return GcodeFile(
            tracked.name or base_name, base_name, signed.signature, signed.num_bytes, tracked.path
        )

    def _tell(self, what: str) -> None:
        log.log(logging.WARNING if self._told.is_new(what) else logging.DEBUG, "%s", what)


def _tracked(message: Mapping[str, Any], link: str) -> Tracked | None:
    """The print that a status tells of; None where none is, or its file is the printer's own."""
    print_ts = message.get("current_print_ts")
    file = job_file(message.get("status") or {})
    if not isinstance(print_ts, int) or print_ts <= 0:
        return None
    path, name = file.get("path"), file.get("display") or file.get("name")
    if file.get("origin") != _LOCAL or not isinstance(path, str) or not path:
        return None
    return Tracked(print_ts, link, path, str(name or ""))


def _with_number(message: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    status = message["status"]
    file = {**status["job"]["file"], "obico_g_code_file_id": number}
    return {**message, "status": {**status, "job": {**status["job"], "file": file}}}
