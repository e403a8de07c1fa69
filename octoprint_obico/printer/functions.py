"""The functions that the app may call (PROTOCOL 7.2): the table, and what each does.

Nothing else can be called: a name that the server sends is looked up in this table alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from ..host import PrinterHost
from . import arguments as a
from .arguments import Reader, RefusedError
from .current import flags_of
from .files import file_tree


class Needs(Enum):
    """What a printer has to be."""

    NOTHING = "nothing"
    CONNECTED = "connected"
    STILL = "connected, and not moved by a print; it may be paused"
    IDLE = "connected, without a print"


class Function(NamedTuple):
    """One function.

    Attributes:
        run: does it; takes the printer, and the arguments as they were read.
        args: what each argument has to be; all have to be there.
        kwargs: by its name in the call, the parameter's name in `run` and what it has to be; each
            may be missing.
    """

    run: Callable[..., Any]
    needs: Needs
    args: tuple[Reader, ...] = ()
    kwargs: Mapping[str, tuple[str, Reader]] = {}


def call(function: Function, printer: PrinterHost, args: Any, kwargs: Any) -> Any:
    """Carry a call out; return its result, which JSON can say.

    Args:
        args, kwargs: as they came.

    Raises:
        RefusedError: for wrong arguments, a printer that cannot do it now, or a failing OctoPrint.
    """
    given, named = _read_args(function, args), _read_kwargs(function, kwargs)
    demand(function.needs, printer)
    return function.run(printer, *given, **named)


def _read_args(function: Function, args: Any) -> list[Any]:
    values = [] if args is None else args
    if not isinstance(values, list) or len(values) != len(function.args):
        raise RefusedError(f"The call has to have {len(function.args)} arguments.")
    return [read(value) for read, value in zip(function.args, values)]


def _read_kwargs(function: Function, kwargs: Any) -> dict[str, Any]:
    values = {} if kwargs is None else kwargs
    if not isinstance(values, dict) or not values.keys() <= function.kwargs.keys():
        raise RefusedError("The call has an argument that is not known.")
    readers = {name: function.kwargs[name] for name in values}
    return {name: read(values[key]) for key, (name, read) in readers.items()}


def demand(needs: Needs, printer: PrinterHost) -> None:
    """Raise RefusedError where the printer is not what it has to be."""
    if needs is Needs.NOTHING:
        return
    flags = flags_of(printer.current_data())
    if not flags.get("operational"):
        raise RefusedError("The printer is not connected.")
    if _BUSY[needs](flags):
        raise RefusedError("The printer is busy.")


def _moves(flags: Mapping[str, Any]) -> bool:
    # OctoPrint 2.0 says of a paused printer that it prints as well
    printing = flags.get("printing") and not flags.get("paused")
    return bool(printing) or any(map(flags.get, ("pausing", "resuming", "cancelling", "finishing")))


def _has_job(flags: Mapping[str, Any]) -> bool:
    # not ready is also who receives a file
    return _moves(flags) or bool(flags.get("paused")) or not flags.get("ready", True)


_BUSY: Mapping[Needs, Callable[[Mapping[str, Any]], bool]] = {
    Needs.CONNECTED: lambda flags: False,
    Needs.STILL: _moves,
    Needs.IDLE: _has_job,
}


def _must(done: bool, otherwise: str = "OctoPrint could not do this.") -> None:
    if not done:
        raise RefusedError(otherwise)


def _send(printer: PrinterHost, lines: tuple[str, ...]) -> None:
    _must(printer.send_gcode(lines))


def _jog(printer: PrinterHost, distances: Mapping[str, float]) -> None:
    _must(printer.jog(distances))


def _home(printer: PrinterHost, axes: tuple[str, ...]) -> None:
    _must(printer.home(axes))


def _heat(printer: PrinterHost, heater: str, target: float) -> None:
    _must(printer.set_temperature(heater, target))


def _ports(printer: PrinterHost) -> dict[str, Any]:
    ports, baudrates = printer.connection_options()
    return {"ports": list(ports), "baudrates": list(baudrates)}


def _connect(printer: PrinterHost, port: str | None, baudrate: int | None) -> None:
    ports, baudrates = printer.connection_options()
    _must(port is None or port in ports, "OctoPrint does not know this port.")
    _must(baudrate is None or baudrate in baudrates, "OctoPrint does not know this speed.")
    _must(printer.connect(port, baudrate), "OctoPrint could not connect to the printer.")


def _select(printer: PrinterHost, path: str, unused: None, *, start: bool = False) -> None:
    _must(printer.select_file(path, start), "OctoPrint cannot print this file. Is it still there?")


def _list(
    printer: PrinterHost,
    *,
    path: str | None = None,
    recursive: bool = False,
    search: str = "",
    level: int = 1,
) -> dict[str, Any]:
    entries = printer.files(path, recursive)
    if entries is None:
        raise RefusedError("OctoPrint could not list the files.")
    return {"local": file_tree(entries, search)}


FUNCTIONS: Mapping[tuple[str, str], Function] = {
    ("_printer", "commands"): Function(_send, Needs.CONNECTED, (a.gcode,)),
    ("_printer", "jog"): Function(_jog, Needs.STILL, (a.distances,)),
    ("_printer", "home"): Function(_home, Needs.STILL, (a.axes,)),
    ("_printer", "set_temperature"): Function(_heat, Needs.CONNECTED, (a.heater, a.degrees)),
    ("_printer", "get_connection_options"): Function(_ports, Needs.NOTHING),
    ("_printer", "connect"): Function(_connect, Needs.NOTHING, (a.port, a.baudrate)),
    ("_printer", "select_file"): Function(
        _select, Needs.IDLE, (a.path, a.nothing), {"printAfterSelect": ("start", a.truth)}
    ),
    ("_file_manager", "list_files"): Function(
        _list,
        Needs.NOTHING,
        kwargs={
            "path": ("path", a.folder),
            "filter": ("search", a.search),
            "recursive": ("recursive", a.truth),
            "level": ("level", a.level),
        },
    ),
}


def terminal_function(toggle: Callable[[str], bool]) -> Function:
    """The call that switches the app's terminal.

    Args:
        toggle: does what is wanted, and tells whether it is on then.
    """
    return Function(lambda printer, wanted: toggle(wanted), Needs.NOTHING, (a.switch,))
