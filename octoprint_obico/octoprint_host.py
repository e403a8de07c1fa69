"""The adapter from OctoPrint's injected objects to :mod:`.host`. Every call into it is guarded."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from octoprint.webcams import get_snapshot_webcam, get_webcams

from . import former_plugin
from .host import LinkedPrinterInfo
from .printer.pause_script import PausedAt
from .server.trust import Accepted
from .settings import as_accepted, as_alert_after, as_printer_id, as_token
from .webcam.snapshot import Webcam

log = logging.getLogger("octoprint.plugins.obico.host")

T = TypeVar("T")

_LOCAL = "local"
"""OctoPrint's own storage (FileDestinations.LOCAL)."""


def guarded(call: Callable[[], T], fallback: T, what: str) -> T:
    """Return what `call` gives, or `fallback` where OctoPrint, or a plugin of it, raises."""
    try:
        return call()
    except Exception:
        log.debug("OctoPrint could not tell: %s", what, exc_info=True)
        return fallback


def took(call: Callable[[], object], what: str) -> bool:
    """Tell OctoPrint to do something; whether it did not raise."""

    def tell() -> bool:
        call()
        return True

    return guarded(tell, False, what)


def _tags() -> set[str]:
    """Who sends a command, for OctoPrint's hooks; it adds to the set that it is given."""
    return {"source:plugin", "plugin:obico"}


def _serial_options() -> Mapping[str, Any]:
    """What OctoPrint 2.0's serial connector can connect with."""
    from octoprint.printer.connection import ConnectedPrinter

    return dict(ConnectedPrinter.find("serial").connection_options())


class OctoPrintSettings:
    """The plugin's part of config.yaml.

    Args:
        on_token: told the token whenever it is read, so that it is known what must not be shown.
    """

    def __init__(
        self, settings: Any, on_token: Callable[[str | None], None] = lambda token: None
    ) -> None:
        self._settings, self._on_token = settings, on_token

    def server_address(self) -> str:
        return str(self._settings.get(["endpoint_prefix"]) or "")

    def token(self) -> str | None:
        token = as_token(self._settings.get(["auth_token"]))
        self._on_token(token)
        return token

    def take_over(self) -> None:
        """Take the former plugin's link over, once: afterwards this plugin's own is what counts."""
        if self._settings.get(["former_settings_taken"]):
            return
        former = self._settings.global_get(["plugins", former_plugin.IDENTIFIER])
        taken = former_plugin.taken_over(self.token(), former)
        if taken:
            for key, value in {**taken, "former_settings_taken": True}.items():
                self._settings.set([key], value)
            self._settings.save()
            log.info("The link of the plugin %s was taken over", former_plugin.NAME)

    def printer(self) -> LinkedPrinterInfo:
        number = as_printer_id(self._settings.get(["printer_id"]))
        return LinkedPrinterInfo(number, str(self._settings.get(["printer_name"]) or ""))

    def save_link(self, address: str, token: str, printer: LinkedPrinterInfo) -> None:
        self._settings.set(["endpoint_prefix"], address)
        self._settings.set(["auth_token"], token)
        self._set_printer(printer)
        # the other open pages learn of it by OctoPrint's own event
        self._settings.save(trigger_event=True)

    def save_printer(self, printer: LinkedPrinterInfo) -> None:
        # without the event: it would ask in an open settings dialog whether to reload
        self._set_printer(printer)
        self._settings.save()

    def ca_file(self) -> str | None:
        return str(self._settings.get(["tls_ca_file"]) or "") or None

    def accepted_certificate(self) -> Accepted | None:
        pem = self._settings.get(["tls_accepted_certificate"])
        return as_accepted(pem, self._settings.get(["tls_accepted_for"]))

    def alert_after_s(self) -> float:
        return as_alert_after(self._settings.get(["alert_after_s"]))

    def save_accepted_certificate(self, accepted: Accepted | None) -> None:
        self._settings.set(["tls_accepted_certificate"], accepted and accepted.pem)
        self._settings.set(["tls_accepted_for"], accepted.server if accepted else "")
        # without the event: no field of the settings dialog shows it
        self._settings.save()

    def _set_printer(self, printer: LinkedPrinterInfo) -> None:
        self._settings.set(["printer_id"], printer.id)
        self._settings.set(["printer_name"], printer.name)


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

    def files(self, path: str | None, recursive: bool) -> Mapping[str, Any] | None:
        def ask() -> Mapping[str, Any] | None:
            if path is not None and not self._file_manager.folder_exists(_LOCAL, path):
                return None  # OctoPrint 2.0 would make an error of it in its log
            new = getattr(self._file_manager, "list_storage_entries", None)  # since 2.0
            ask_for = new or self._file_manager.list_files
            found: Mapping[str, Any] = ask_for(_LOCAL, path=path, recursive=recursive, level=1)
            return found[_LOCAL]

        return guarded(ask, None, "files")


class OctoPrintHost:
    """OctoPrint as the agent's host.

    Args:
        settings, printer, plugin_manager: as OctoPrint injects them into the plugin.
        versions: of the plugin and of OctoPrint.
        notify: sends a topic to the open pages of those who may see it.
        on_token: told each token that is read.
        file_manager, profiles: as injected, as well.
    """

    def __init__(
        self,
        settings: Any,
        printer: Any,
        plugin_manager: Any,
        versions: Mapping[str, str],
        notify: Callable[[str], None],
        on_token: Callable[[str | None], None] = lambda token: None,
        file_manager: Any = None,
        profiles: Any = None,
    ) -> None:
        self._settings = OctoPrintSettings(settings, on_token)
        self._printer = OctoPrintPrinter(printer, file_manager, profiles)
        self._core_settings = settings
        self._plugin_manager = plugin_manager
        self._versions, self._notify = dict(versions), notify

    @property
    def settings(self) -> OctoPrintSettings:
        return self._settings

    @property
    def printer(self) -> OctoPrintPrinter:
        return self._printer

    def webcams(self) -> Sequence[Webcam]:
        return guarded(_webcams, [], "webcams")

    def server_settings(self) -> Mapping[str, Any]:
        profiles: list[Any] = guarded(
            lambda: self._core_settings.global_get(["temperature", "profiles"]), [], "profiles"
        )
        installed: list[str] = guarded(self._installed_plugins, [], "plugins")
        return {
            "agent": {"name": "octoprint_obico", "version": self._versions["plugin"]},
            "octoprint_version": self._versions["octoprint"],
            "platform_uname": [str(item) for item in platform.uname()] + [""],
            "installed_plugins": installed,
            "temperature": {"profiles": list(profiles or [])},
        }

    def _installed_plugins(self) -> list[str]:
        plugins = self._plugin_manager.plugins.items()
        return sorted(key for key, plugin in plugins if not plugin.bundled)

    def take_over(self) -> None:
        """Take the former plugin's link over, where there is one and none of ours."""
        guarded(self._settings.take_over, None, "the former plugin's settings")

    def rival(self) -> str | None:
        def ask() -> str | None:
            found = self._plugin_manager.get_plugin_info(
                former_plugin.IDENTIFIER, require_enabled=True
            )
            return former_plugin.NAME if found is not None else None

        return guarded(ask, None, "plugins")

    def notify(self, topic: str) -> None:
        guarded(lambda: self._notify(topic), None, "notify")

    def throttled(self) -> int | None:
        """What the Pi Support plugin has seen of the power supply: bits of `get_throttled`.

        None on another computer, without the plugin, or where it cannot ask.
        """

        def ask() -> int | None:
            # the plugin's public helper; it answers False where it cannot tell, -1 before it has
            helpers = self._plugin_manager.get_helpers("pi_support", "get_throttled") or {}
            state = helpers["get_throttled"]() if "get_throttled" in helpers else False
            bits = state.get("raw_value") if isinstance(state, Mapping) else None
            return bits if isinstance(bits, int) and bits >= 0 else None

        return guarded(ask, None, "under-voltage")

    def versions(self) -> Mapping[str, str]:
        return self._versions


def paused_at(comm: Any, profiles: Any) -> PausedAt:
    """Where a printer on a serial line stands as it pauses.

    Args:
        comm: the line, as OctoPrint hands it to hooks. It asks for the position before a pause,
            unless its settings say not to.
        profiles: OctoPrint's printer profile manager.
    """

    def ask() -> PausedAt:
        at = comm.pause_position  # all None where the printer did not answer
        height = profiles.get_current_or_default()["volume"]["height"]
        room = None if at.z is None else float(height) - float(at.z)
        return PausedAt(room, None if at.f is None else float(at.f), at.t)

    return guarded(ask, PausedAt(), "where the printer stands")


def _webcams() -> list[Webcam]:
    """All webcams of OctoPrint's webcam API, the one for snapshots first."""
    provided = dict(get_webcams())
    preferred = guarded(get_snapshot_webcam, None, "the webcam for snapshots")
    first = preferred.config.name if preferred is not None else None
    names = sorted(provided, key=lambda name: (name != first, name))
    # one plugin's odd webcam must not take the others along
    found = [guarded(partial(as_webcam, provided[name]), None, f"webcam {name}") for name in names]
    return [webcam for webcam in found if webcam is not None]


def as_webcam(provided: Any) -> Webcam:
    """One webcam of OctoPrint's webcam API (octoprint.webcams.ProvidedWebcam)."""
    config, provider = provided.config, provided.providerPlugin
    compat = getattr(config, "compat", None)
    extras = getattr(config, "extras", None) or {}
    stream = getattr(compat, "stream", None) or extras.get("stream")
    url = getattr(compat, "snapshot", None) or config.snapshotDisplay

    def take() -> Any:
        return provider.take_webcam_snapshot(config.name)

    return Webcam(
        str(config.name),
        str(url) if url else None,
        take if config.canSnapshot else None,
        complete_stream_url(str(stream)) if stream else None,
    )


def complete_stream_url(url: str) -> str:
    """A stream URL as OctoPrint's pages complete it (validateWebcamUrl in its helpers.js).

    "/webcam/" belongs to the host and port of the page that shows it. No page is open here, so it
    is asked where OctoPi and its like have their reverse proxy: on this computer, at port 80.
    """
    url = url.strip()
    if url.startswith("//"):
        return f"http:{url}"
    return f"http://127.0.0.1{url}" if url.startswith("/") else url
