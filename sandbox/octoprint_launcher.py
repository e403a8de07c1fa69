"""Runs OctoPrint in this process, and ends it when whoever started it is gone.

usage: octoprint_launcher.py [OctoPrint's arguments], with the Python of OctoPrint's environment and
a pipe as standard input. The starter holds the other end: when that closes, however the starter
came to its end, OctoPrint gets SIGTERM. So none is left behind, on Linux and macOS alike.
Imports nothing of this package: OctoPrint's environment need not know it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_starter() -> None:
    """Wait until the pipe from the starter closes, then ask this process to end."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Watch the starter and run OctoPrint's own command line."""
    # The folder of this file is no place to import from: its names would hide others.
    sys.path.pop(0)
    threading.Thread(target=end_with_starter, name="starter-watch", daemon=True).start()
    import octoprint

    octoprint.main()


if __name__ == "__main__":
    main()
