"""The test bench: a real OctoPrint of either version, linked to the sandbox's Obico Server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import ControlServer, SandboxServer, SandboxWebcam
from sandbox.octoprint_instance import LoopbackSession, OctoPrintInstance

ROOT = Path(__file__).resolve().parent.parent

PLUGIN_LOGGER = "octoprint.plugins.obico"


@dataclass(frozen=True)
class Edition:
    """One of the OctoPrints that the plugin is tested with, and where its interpreter is."""

    id: str
    series: str
    python_variable: str
    environment: str

    def python(self) -> Path:
        """The interpreter of this OctoPrint's environment.

        Raises:
            FileNotFoundError: says how to make it; a test must fail then, never be skipped.
        """
        override = os.environ.get(self.python_variable)
        path = Path(override) if override else ROOT / self.environment / "bin" / "python"
        if not path.exists():
            raise FileNotFoundError(
                f"no OctoPrint {self.series} to test with: {path} does not exist. Make it with"
                f" `make {self.environment}/.test-ready`, or name another environment's Python in"
                f" {self.python_variable}."
            )
        return path


EDITIONS = (
    Edition("octoprint-1.11", "1.11", "OCTOPRINT1_PYTHON", ".venv"),
    Edition("octoprint-2.0", "2.0", "OCTOPRINT2_PYTHON", ".venv2"),
)


@dataclass(frozen=True)
class Bench:
    """OctoPrint with the plugin, the Obico Server it is linked to, and its webcam.

    ``api`` sends requests to OctoPrint as its administrator; paths suffice as addresses.
    """

    edition: Edition
    octoprint: OctoPrintInstance
    server: SandboxServer
    webcam: SandboxWebcam
    control: ControlServer
    api: LoopbackSession

    def mend(self) -> None:
        """Take back whatever a test has broken, so that the next one finds all in order."""
        self.server.clear()
        self.webcam.clear()


def add_plugin(basedir: Path, name: str, source: str) -> None:
    """Put a plugin of one file into an OctoPrint's folder; the next start loads it."""
    folder = basedir / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source, "utf-8")


@contextmanager
def running_bench(
    edition: Edition,
    basedir: Path,
    *,
    linked: bool = True,
    others: Callable[[SandboxServer], Mapping[str, Any]] = lambda server: {},
    **plugin_settings: Any,
) -> Iterator[Bench]:
    """Start a bench, ready when the virtual printer is connected; stop all of it afterwards.

    Args:
        basedir: a fresh folder for OctoPrint.
        linked: whether the plugin has the token of the server's ready printer from the start.
        others: the settings of other plugins, by their identifiers.
        plugin_settings: further settings of the plugin.
    """
    with ExitStack() as stack:
        server = stack.enter_context(SandboxServer())
        webcam = stack.enter_context(SandboxWebcam())
        control = stack.enter_context(ControlServer(server, webcam))
        settings = {"endpoint_prefix": server.url, **plugin_settings}
        if linked:
            settings["auth_token"] = server.printer.token
        octoprint = OctoPrintInstance(
            edition.python(),
            basedir,
            plugins_config={"obico": settings, **others(server)},
            snapshot_url=webcam.snapshot_url,
            stream_url=webcam.stream_url,
            log_levels={PLUGIN_LOGGER: "DEBUG"},
        )
        stack.enter_context(octoprint)
        octoprint.wait_for_printer()
        api = stack.enter_context(octoprint.session())
        yield Bench(edition, octoprint, server, webcam, control, api)
