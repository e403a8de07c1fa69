"""OctoPrint's command line: ``octoprint plugins obico:diagnose``.

OctoPrint loads the plugins for it, but starts none: the settings can be read, nothing else runs.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click
import octoprint
import octoprint.plugin
from octoprint.webcams import ProvidedWebcam

from ._version import __version__
from .diagnosis.catalogue import N_
from .diagnosis.cli import EXIT_HELP, LONGEST_S, SHORTEST_S, run
from .diagnosis.job import DEADLINE_S, Request, shown_address
from .diagnosis.probes import own_connection_probe
from .diagnosis.result import EXIT_WRONG_USAGE
from .diagnosis.running_plugin import running_plugin_probe
from .octoprint_host.guard import guarded
from .octoprint_host.settings import OctoPrintSettings
from .octoprint_host.webcams import as_webcam
from .server.live_file import FILE_NAME
from .settings import DEFAULTS
from .trust_keeper import TrustKeeper
from .webcam.snapshot import Webcam

IDENTIFIER = "obico"
BUNDLED_WEBCAMS = "classicwebcam"
"""OctoPrint's own webcam plugin: it needs its settings, nothing that runs."""

_NOT_ASKED = N_("{webcam}: not tried, this webcam plugin answers only while OctoPrint runs")


class _Command(click.Command):
    """click with the exit status of the DIAGNOSIS contract for wrong usage: its own is 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.exit_code = EXIT_WRONG_USAGE
            raise


def commands(cli_group: Any, pass_octoprint_ctx: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """The hook ``octoprint.cli.commands``: what stands behind ``octoprint plugins obico:``.

    Args:
        cli_group: has OctoPrint's `settings` and `plugin_manager`, both ready.
    """

    @click.command(
        "diagnose",
        cls=_Command,
        help="Finds out why this OctoPrint cannot reach its Obico Server, with the address, the "
        "token and the webcams of its settings. While OctoPrint runs and its connection is up, "
        "that is left alone; else a connection is opened for the test.",
        epilog=EXIT_HELP,
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
    @click.option(
        "--deadline",
        type=float,
        callback=_within_limits,
        default=DEADLINE_S,
        metavar="SECONDS",
        help=f"Time limit of the whole run (default: {DEADLINE_S:g}).",
    )
    def diagnose(as_json: bool, deadline: float) -> None:
        _keep_logs_off(sys.stdout)
        request = _request(cli_group.settings, cli_group.plugin_manager, deadline)
        sys.exit(run(request, as_json=as_json, out=sys.stdout, environment=os.environ))

    return [diagnose]


def _within_limits(context: click.Context, option: click.Parameter, value: float) -> float:
    if not SHORTEST_S <= value <= LONGEST_S:  # click's own range lets "nan" through
        raise click.BadParameter(f"must be from {SHORTEST_S:g} to {LONGEST_S:g}")
    return value


def _keep_logs_off(out: TextIO) -> None:
    """Send log lines to standard error; OctoPrint's command line logs to standard output."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is out:
            handler.setStream(sys.stderr)


def _request(settings: Any, plugin_manager: Any, deadline_s: float) -> Request:
    """What OctoPrint's settings say is to be diagnosed."""
    stored = OctoPrintSettings(
        octoprint.plugin.plugin_settings(IDENTIFIER, defaults=dict(DEFAULTS), settings=settings)
    )
    address, token = stored.server_address(), stored.token()
    agent = f"obico-diagnosis/{__version__}"
    trust = TrustKeeper(stored, lambda: None).at_stored_address()
    probe = None
    if token:
        file = Path(settings.getBaseFolder("data")) / IDENTIFIER / FILE_NAME
        own = own_connection_probe(address, token, agent, trust)
        probe = running_plugin_probe(file, shown_address(address), own)
    return Request(
        address,
        token,
        _webcams(settings, plugin_manager),
        probe,
        agent,
        __version__,
        deadline_s,
        trust=trust,
    )


def _webcams(settings: Any, plugin_manager: Any) -> Sequence[Webcam]:
    """The webcams that can be known without a running OctoPrint; of the others just the name."""
    providers: Mapping[str, Any] = {
        info.key: info
        for info in plugin_manager.enabled_plugins.values()
        if isinstance(info.implementation, octoprint.plugin.WebcamProviderPlugin)
    }
    found: list[Webcam] = []
    for key in sorted(providers, key=lambda key: (key != BUNDLED_WEBCAMS, key)):
        asked = None
        if key == BUNDLED_WEBCAMS:
            asked = guarded(lambda: _bundled(settings, plugin_manager), None, "webcams")
        unknown = Webcam(str(providers[key].name or key), None, None, unknown=_NOT_ASKED)
        found += [unknown] if asked is None else asked
    return found


def _bundled(settings: Any, plugin_manager: Any) -> list[Webcam]:
    """The webcams of OctoPrint's own plugin, which is given its settings as the server does it."""
    info = plugin_manager.get_plugin_info(BUNDLED_WEBCAMS)
    plugin_manager.initialize_implementation(
        BUNDLED_WEBCAMS,
        info,
        info.implementation,
        additional_inject_factories=[octoprint.settings_plugin_inject_factory(settings)],
    )
    configurations = info.implementation.get_webcam_configurations()
    return [as_webcam(ProvidedWebcam(item, BUNDLED_WEBCAMS)) for item in configurations]
