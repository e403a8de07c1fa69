"""What the server and its app have to do with G-code files, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..host import PrinterHost
from ..server.faults import Faults
from ..server.link import Link
from .cloud_print import CloudPrint
from .file_tracker import FileTracker
from .signature import Signatures

if TYPE_CHECKING:
    from .functions import Function


class PrintFiles:
    """The printed file's number on the server, and the app's calls that print a file.

    Args:
        link: the channels of now, or None.
        store: keeps a printer event for the server.
        on_change: called when the status is another.
    """

    def __init__(
        self,
        printer: PrinterHost,
        link: Callable[[], Link | None],
        faults: Faults,
        store: Callable[[Mapping[str, str]], object],
        on_change: Callable[[], object],
    ) -> None:
        self._signatures = Signatures()

        def on_found() -> None:
            on_change()

        self._tracker = FileTracker(printer, self._signatures, link, faults, on_found)
        self._cloud = CloudPrint(printer, self._signatures, link, faults, store, on_change)

    def functions(self) -> Mapping[tuple[str, str], Function]:
        """The app's calls that print a file."""
        from .file_functions import file_functions  # of no use before the first call

        return file_functions(self._signatures, self._cloud.begin)

    def complete(self, message: Mapping[str, Any], *, may_begin: bool) -> Mapping[str, Any]:
        """A status message with what is known of files; see :meth:`FileTracker.complete`."""
        return self._cloud.complete(self._tracker.complete(message, may_begin=may_begin))

    def stop(self) -> None:
        """End what is under way, without waiting for it."""
        self._tracker.stop()
        self._cloud.stop()
