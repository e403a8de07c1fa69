"""OctoPrint's printer and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from .guard import guarded, took

if TYPE_CHECKING:
    from ..printer.pause_script import PausedAt

_LOCAL = "local"
"""OctoPrint's own storage (FileDestinations.LOCAL)."""


def _tags() -> set[str]:
    """Who sends a command, for OctoPrint's hooks; it adds to the set that it is given."""
    return {"source:plugin", "plugin:obico"}


def _serial_options() -> Mapping[str, Any]:
    """What OctoPrint 2.0's serial connector can connect with."""
    from octoprint.printer.connection import ConnectedPrinter

    return dict(ConnectedPrinter.find("serial").connection_options())


class OctoPrintPrinter:
    """OctoPrint's printer; a connector that raises or answers None ends nothing of ours.

    Args:
        printer, file_manager, profiles: as OctoPrint injects them into the plugin.
    """

    def __init__(self, printer: Any, file_manager: Any = None, profiles: Any = None) -> None:
        self._printer, self._file_manager, self._profiles = printer, file_manager, profiles

    def current_data(self) -> Mapping[str, Any]:
        return guarded(lambda: dict(self._printer.get_current_data()), {}, "current data")

    def temperatures(self) -> Mapping[str, Any]:
        return guarded(lambda: dict(self._printer.get_current_temperatures()), {}, "temperatures")

    def is_printing(self) -> bool | None:
        def busy() -> bool:
            flags = self._printer.get_current_data()["state"]["flags"]
            names = ("printing", "paused", "pausing", "resuming", "cancelling", "finishing")
            return any(flags.get(name) for name in names)

        return guarded(busy, None, "whether it prints")

    def pause_print(self) -> None:
        guarded(self._printer.pause_print, None, "pause")

    def resume_print(self) -> None:
        guarded(self._printer.resume_print, None, "resume")

    def cancel_print(self) -> None:
        guarded(self._printer.cancel_print, None, "cancel")

    def send_gcode(self, lines: Sequence[str]) -> bool:
        return took(lambda: self._printer.commands(list(lines), tags=_tags()), "commands")

    def jog(self, distances: Mapping[str, float]) -> bool:
        def move() -> None:
            # OctoPrint leaves this to its page (control.js)
            axes = self._profiles.get_current_or_default()["axes"]
            turned = {axis: -1 if axes[axis].get("inverted") else 1 for axis in distances}
            moves = {axis: mm * turned[axis] for axis, mm in distances.items()}
            self._printer.jog(moves, relative=True, tags=_tags())

        return took(move, "jog")

    def home(self, axes: Sequence[str]) -> bool:
        # tags are no option here: without them OctoPrint 1.11 raises
        return took(lambda: self._printer.home(list(axes), tags=_tags()), "home")

    def set_temperature(self, heater: str, target: float) -> bool:
        return took(
            lambda: self._printer.set_temperature(heater, target, tags=_tags()), "temperature"
        )

    def connection_options(self) -> tuple[Sequence[str], Sequence[int]]:
        def ask() -> tuple[list[str], list[int]]:
            if hasattr(self._printer, "get_connection_options"):  # before 2.0
                options = self._printer.get_connection_options()
                ports, speeds = options["ports"], options["baudrates"]
            else:
                options = _serial_options()
                ports, speeds = options["port"], options["baudrate"]
            return [str(port) for port in ports], [int(speed) for speed in speeds]

        nothing: tuple[list[str], list[int]] = ([], [])
        return guarded(ask, nothing, "connection options")

    def connect(self, port: str | None, baudrate: int | None) -> bool:
        chosen = {"port": port, "baudrate": baudrate}
        chosen = {name: value for name, value in chosen.items() if value is not None}

        def tell() -> None:
            if hasattr(self._printer, "get_connection_options"):  # before 2.0
                self._printer.connect(**chosen)
            else:
                self._printer.connect(connector="serial", parameters=chosen)

        return took(tell, "connect")

    def select_file(self, path: str, start: bool) -> bool:
        def select() -> bool:
            if not self._file_manager.file_exists(_LOCAL, path):
                return False
            if hasattr(self._printer, "set_job"):  # since 2.0
                job = self._file_manager.create_job(_LOCAL, path)
                self._printer.set_job(job, print_after_select=start, tags=_tags())
            else:
                self._printer.select_file(path, False, printAfterSelect=start, tags=_tags())
            return True

        return guarded(select, False, "select a file")

    def file_metadata(self, path: str) -> Mapping[str, Any]:
        return guarded(
            lambda: dict(self._file_manager.get_metadata(_LOCAL, path) or {}), {}, "metadata"
        )

    def open_file(self, path: str) -> IO[bytes] | None:
        def ask() -> IO[bytes] | None:
            return open(self._file_manager.path_on_disk(_LOCAL, path), "rb")

        return guarded(ask, None, "the job's file")

    def files(self, path: str | None, recursive: bool) -> Mapping[str, Any] | None:
        def ask() -> Mapping[str, Any] | None:
            if path is not None and not self._file_manager.folder_exists(_LOCAL, path):
                return None  # OctoPrint 2.0 would make an error of it in its log
            new = getattr(self._file_manager, "list_storage_entries", None)  # since 2.0
            ask_for = new or self._file_manager.list_files
            found: Mapping[str, Any] = ask_for(_LOCAL, path=path, recursive=recursive, level=1)
            return found[_LOCAL]

        return guarded(ask, None, "files")

    def file_on_disk(self, path: str) -> str | None:
        def ask() -> str | None:
            if not self._file_manager.file_exists(_LOCAL, path):
                return None
            return str(self._file_manager.path_on_disk(_LOCAL, path))

        return guarded(ask, None, "where a file is")

    def folder_on_disk(self, path: str) -> str | None:
        def make() -> str:
            if not self._file_manager.folder_exists(_LOCAL, path):
                self._file_manager.add_folder(_LOCAL, path)
            return str(self._file_manager.path_on_disk(_LOCAL, path))

        return guarded(make, None, "make a folder")

    def add_file(self, path: str, source: str, display: str) -> str | None:
        def add() -> str:
            from octoprint.filemanager.util import DiskFileWrapper

            wrapped = DiskFileWrapper(path.rpartition("/")[2], source)
            added = self._file_manager.add_file(
                _LOCAL, path, wrapped, allow_overwrite=True, display=display
            )
            return str(added)

        return guarded(add, None, "add a file")


def paused_at(comm: Any, profiles: Any) -> PausedAt:
    """Where a printer on a serial line stands as it pauses.

    Args:
        comm: the line, as OctoPrint hands it to hooks. It asks for the position before a pause,
            unless its settings say not to.
        profiles: OctoPrint's printer profile manager.
    """

    from ..printer.pause_script import PausedAt  # loaded already: the server has paused

    def ask() -> PausedAt:
        at = comm.pause_position  # all None where the printer did not answer
        height = profiles.get_current_or_default()["volume"]["height"]
        room = None if at.z is None else float(height) - float(at.z)
        return PausedAt(room, None if at.f is None else float(at.f), at.t)

    return guarded(ask, PausedAt(), "where the printer stands")
