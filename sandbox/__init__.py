"""A small Obico Server, a webcam and a control page, for development and tests only.

Nothing here is part of the plugin's wheel, and nothing here imports the plugin or OctoPrint.
"""

from __future__ import annotations

from sandbox.control import ControlServer
from sandbox.obico_server import SandboxServer
from sandbox.state import Printer
from sandbox.timing import Timing
from sandbox.webcam import SandboxWebcam

__all__ = ["ControlServer", "Printer", "SandboxServer", "SandboxWebcam", "Timing"]
