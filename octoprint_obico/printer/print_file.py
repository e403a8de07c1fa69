"""What the file of the current job tells: its height and its layers (PROTOCOL 5.2)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..host import PrinterHost
from ..server.background import BackgroundJob
from ..server.faults import Faults
from .current import job_file
from .plain import number

if TYPE_CHECKING:
    from .layers import Layers

_ANALYSED = "MetadataAnalysisFinished"
_LOCAL = "local"


class _Wanted(NamedTuple):
    """A file as OctoPrint's job names it; `layers`: it is printed, so they are wanted as well."""

    path: str
    size: float | None
    date: float | None
    layers: bool


class _Facts(NamedTuple):
    max_z: float | None = None
    layers: Layers | None = None


class PrintFile:
    """Follows the job's file. It is read once for a print, by a thread that lives as long.

    Files on the printer's own card tell nothing: OctoPrint cannot read them.

    Args:
        on_change: called from that thread when it knows more.
    """

    def __init__(
        self, printer: PrinterHost, faults: Faults, on_change: Callable[[], object]
    ) -> None:
        self._printer, self._on_change = printer, on_change
        self._reading: BackgroundJob[None, None] = BackgroundJob(
            "obico-file", "reading the job's file", faults, self._announce
        )
        self._stopped = threading.Event()
        self._wanted: _Wanted | None = None
        self._begun: _Wanted | None = None
        self._facts = _Facts()

    def stop(self) -> None:
        """End the reading; does not wait for it."""
        self._stopped.set()

    def on_event(self, name: str, payload: Mapping[str, Any] | None) -> None:
        """Take one of OctoPrint's events: what it has found out may be news. Only notes it."""
        wanted = self._wanted
        if name != _ANALYSED or wanted is None or payload is None:
            return
        if payload.get("path") == wanted.path:
            self._begun = None

    def follow(self, current: Mapping[str, Any], printing: bool) -> None:
        """See whether the job has another file now, and have it read. Never waits.

        Args:
            current: OctoPrint's current data.
            printing: whether a print is open.
        """
        before, wanted = self._wanted, _wanted(current, printing)
        if before is not None and wanted is not None and before[:3] == wanted[:3]:
            wanted = wanted._replace(layers=wanted.layers or before.layers)
        else:
            self._facts, self._begun = _Facts(), None
        self._wanted = wanted
        if wanted is not None and wanted != self._begun and not self._stopped.is_set():
            self._reading.start(self._read)

    def _announce(self) -> None:
        self._on_change()

    def _read(self) -> None:
        self._begun = wanted = self._wanted
        if wanted is None:
            return
        max_z = _max_z(self._printer.file_metadata(wanted.path))
        layers = self._layers(wanted) if wanted.layers else None
        if self._is_current(wanted):
            self._facts = _Facts(max_z, layers)

    def _layers(self, wanted: _Wanted) -> Layers | None:
        from .layers import find_layers  # of no use before the first print

        file = self._printer.open_file(wanted.path)
        if file is None:
            return None
        with file:
            return find_layers(file, lambda: not self._is_current(wanted))

    def _is_current(self, wanted: _Wanted) -> bool:
        return self._wanted == wanted and not self._stopped.is_set()

    def metadata(self) -> dict[str, Any] | None:
        """The status's `file_metadata`, of what is known; None where nothing is."""
        max_z, layers = self._facts
        known: dict[str, Any] = {}
        if max_z is not None:
            known["analysis"] = {"printingArea": {"maxZ": max_z}}
        if layers is not None and layers.total is not None:
            known["obico"] = {"totalLayerCount": layers.total}
        return known or None

    def layer(self, current: Mapping[str, Any]) -> int | None:
        """The number of the layer that is printed, from 1; None where it is not known."""
        layers, progress = self._facts.layers, current.get("progress")
        position = number(progress.get("filepos")) if isinstance(progress, Mapping) else None
        return layers.at(position) if layers is not None and position is not None else None


def _wanted(current: Mapping[str, Any], printing: bool) -> _Wanted | None:
    file = job_file(current)
    if file.get("origin") != _LOCAL:
        return None
    path = file.get("path")
    if not isinstance(path, str) or not path:
        return None
    return _Wanted(path, number(file.get("size")), number(file.get("date")), printing)


def _max_z(metadata: Mapping[str, Any] | None) -> float | None:
    """The height of what is printed, in mm, as OctoPrint's analysis of the file has it."""
    value: Any = metadata
    for key in ("analysis", "printingArea", "maxZ"):
        value = value.get(key) if isinstance(value, Mapping) else None
    found = number(value)
    return found if found is not None and found >= 0 else None
