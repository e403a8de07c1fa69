"""The adapter from OctoPrint's injected objects to :mod:`..host`. Every call into it is guarded."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import former_plugin
from ..webcam.snapshot import Webcam
from .guard import guarded
from .printer import OctoPrintPrinter
from .settings import OctoPrintSettings
from .webcams import all_webcams, server_webcams

if TYPE_CHECKING:
    from ..server.own_address import InNetwork

_BOARD = Path("/proc/device-tree/model")
"""Linux shows the device tree there (Documentation/devicetree); its texts end with a NUL."""


def board_model(path: Path = _BOARD) -> str:
    """The board's name, as "Raspberry Pi 4 Model B Rev 1.4"; empty on other computers."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file.read(200).decode("utf-8", "replace").replace("\0", "").strip()


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
        self._profiles = profiles
        self._listens_at: tuple[str | None, int | None] = (None, None)

    @property
    def settings(self) -> OctoPrintSettings:
        return self._settings

    @property
    def printer(self) -> OctoPrintPrinter:
        return self._printer

    def webcams(self) -> Sequence[Webcam]:
        return guarded(all_webcams, [], "webcams")

    def server_settings(self) -> Mapping[str, Any]:
        profiles: list[Any] = guarded(
            lambda: self._core_settings.global_get(["temperature", "profiles"]), [], "profiles"
        )
        installed: list[str] = guarded(self._installed_plugins, [], "plugins")
        # without the key the server keeps those that it knows: better than none (PROTOCOL 5.3)
        webcams: dict[str, Any] = guarded(lambda: {"webcams": server_webcams()}, {}, "webcams")
        return {
            "agent": {"name": "octoprint_obico", "version": self._versions["plugin"]},
            "octoprint_version": self._versions["octoprint"],
            "platform_uname": self._uname,
            "installed_plugins": installed,
            "temperature": {"profiles": list(profiles or [])},
            **webcams,
        }

    @cached_property
    def _uname(self) -> list[str]:
        """`platform.uname()` and the board's model, empty where none is known (PROTOCOL 5.3)."""
        uname: Sequence[str] = guarded(lambda: tuple(platform.uname()), (), "platform")
        padded = [*map(str, uname), *[""] * 6][:6]  # always seven with the model
        return [*padded, guarded(board_model, "", "board")]

    def _installed_plugins(self) -> list[str]:
        plugins = self._plugin_manager.plugins.items()
        return sorted(key for key, plugin in plugins if not plugin.bundled)

    def listens_at(self, host: str | None, port: int | None) -> None:
        """Take where OctoPrint's server listens, which it tells at its start."""
        self._listens_at = host, port

    def in_network(self) -> InNetwork:
        from .network import in_network  # of no use once it is linked

        return in_network(self._core_settings, self._profiles, *self._listens_at)

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
