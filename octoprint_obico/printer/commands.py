"""The server's commands to the printer (PROTOCOL 6.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from ..host import PrinterHost
from ..server.messages import Command

log = logging.getLogger("octoprint.plugins.obico.printer")


def perform(command: Command, printer: PrinterHost) -> None:
    """Carry out one command. The effect shows in the next status; nobody waits for an answer."""
    log.info("The server asks the printer to %s (%s)", command.name, command.initiator)
    _actions(printer)[command.name]()


def _actions(printer: PrinterHost) -> Mapping[str, Callable[[], None]]:
    return {
        "pause": printer.pause_print,
        "resume": printer.resume_print,
        "cancel": printer.cancel_print,
    }
