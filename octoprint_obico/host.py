"""What the parts need of whoever hosts them. OctoPrint is one host, a test is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from .server.trust import Accepted
from .webcam.snapshot import Webcam

if TYPE_CHECKING:
    from .server.own_address import InNetwork


class LinkedPrinterInfo(NamedTuple):
    """The linked printer as it was last seen; kept in the settings so that it can be named."""

    id: int | None = None
    name: str = ""


class SettingsHost(Protocol):
    """The plugin's stored settings."""

    def server_address(self) -> str:
        """The server address as it is stored, not checked."""

    def token(self) -> str | None:
        """The printer's token, or None while not linked."""

    def printer(self) -> LinkedPrinterInfo:
        """The linked printer."""

    def save_link(self, address: str, token: str, printer: LinkedPrinterInfo) -> None:
        """Store a new link, at once."""

    def save_printer(self, printer: LinkedPrinterInfo) -> None:
        """Store the printer's name after it has changed on the server."""

    def ca_file(self) -> str | None:
        """Path of a file with further trusted authorities, or None."""

    def accepted_certificate(self) -> Accepted | None:
        """The certificate that an administrator has accepted, or None."""

    def alert_after_s(self) -> float:
        """How many seconds trouble has to last before people are told."""

    def filament_nudge_s(self) -> float:
        """Seconds in which people are told once at most that the printer waits for filament."""

    def discovery(self) -> bool:
        """Whether the app in the same network may find this OctoPrint while it is not linked."""

    def save_accepted_certificate(self, accepted: Accepted | None) -> None:
        """Store an accepted certificate in place of the one before, or forget that."""


class PrinterHost(Protocol):
    """The printer. Every call is guarded: it answers with what is known and does not raise.

    Those that answer with a bool tell whether OctoPrint took it, not whether the printer did it.
    """

    def current_data(self) -> Mapping[str, Any]:
        """OctoPrint's current data; empty where it cannot be had."""

    def temperatures(self) -> Mapping[str, Any]:
        """Heaters with actual and target; empty where they cannot be had."""

    def is_printing(self) -> bool | None:
        """Whether a job is current (running or paused); None where that is not known."""

    def pause_print(self) -> None:
        """Pause the current job."""

    def resume_print(self) -> None:
        """Resume the paused job."""

    def cancel_print(self) -> None:
        """Cancel the current job."""

    def send_gcode(self, lines: Sequence[str]) -> bool:
        """Send commands."""

    def jog(self, distances: Mapping[str, float]) -> bool:
        """Move the head by so many mm along each axis, as the printer's profile turns them."""

    def home(self, axes: Sequence[str]) -> bool:
        """Bring these axes to their home position."""

    def set_temperature(self, heater: str, target: float) -> bool:
        """Set a heater's target in degrees Celsius."""

    def connection_options(self) -> tuple[Sequence[str], Sequence[int]]:
        """The serial ports and the speeds to choose from; empty where they cannot be had."""

    def connect(self, port: str | None, baudrate: int | None) -> bool:
        """Connect to the printer; None: as OctoPrint is set."""

    def select_file(self, path: str, start: bool) -> bool:
        """Make a file of the local storage the current job, and print it where `start` says so."""

    def file_metadata(self, path: str) -> Mapping[str, Any]:
        """What OctoPrint knows of a file of the local storage; empty where that is nothing.

        May read the disk.
        """

    def open_file(self, path: str) -> IO[bytes] | None:
        """A file of the local storage, to be read and closed; None where it cannot be had."""

    def files(self, path: str | None, recursive: bool) -> Mapping[str, Any] | None:
        """The entries of a folder in the local storage (None: its root), in OctoPrint's own form.

        None where they cannot be had.
        """

    def file_on_disk(self, path: str) -> str | None:
        """Where a file of the local storage is on the disk; None where there is none."""

    def folder_on_disk(self, path: str) -> str | None:
        """The same for a folder, which is made where it is missing."""

    def add_file(self, path: str, source: str, display: str) -> str | None:
        """Move a file of the disk into the local storage, in place of one that is there.

        Args:
            path: where it shall be in the storage.
            source: where it is on the disk.
            display: its name for people.

        Returns:
            Its path in the storage, or None where OctoPrint did not take it.
        """


class Host(Protocol):
    """Everything together."""

    @property
    def settings(self) -> SettingsHost:
        """The stored settings."""

    @property
    def printer(self) -> PrinterHost:
        """The printer."""

    def webcams(self) -> Sequence[Webcam]:
        """All webcams, the one for snapshots first."""

    def server_settings(self) -> Mapping[str, Any]:
        """The settings section of the status message (PROTOCOL 5.3)."""

    def in_network(self) -> InNetwork:
        """Where a browser in the local network finds it."""

    def notify(self, topic: str) -> None:
        """Tell the open pages that something changed; they fetch it themselves."""

    def throttled(self) -> int | None:
        """The bits of the Raspberry Pi's `get_throttled`, where somebody here knows them."""

    def rival(self) -> str | None:
        """The name of an enabled plugin that would use the same printer's token, or None."""

    def versions(self) -> Mapping[str, str]:
        """Names and versions for people: plugin, OctoPrint, Python."""
