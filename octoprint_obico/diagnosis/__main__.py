"""The stand-alone diagnosis: ``python -m octoprint_obico.diagnosis --server URL``.

Needs no OctoPrint, so it also runs on a Klipper host or before OctoPrint starts.
"""

from __future__ import annotations

import sys


def start() -> int:
    """Run the command; Ctrl-C ends it quietly from the first moment on."""
    try:
        from .cli import main  # takes a while on a small computer

        return main()
    except KeyboardInterrupt:
        return 130  # as a shell calls an end by SIGINT


if __name__ == "__main__":
    sys.exit(start())
