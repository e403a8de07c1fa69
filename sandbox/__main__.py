"""Starts the sandbox server, webcam and control page: `python -m sandbox`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Sequence

from sandbox.control import ControlServer
from sandbox.obico_server import SandboxServer
from sandbox.webcam import SandboxWebcam

EXIT_OK = 0
EXIT_PORT_IN_USE = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM. The exit status is 1 where a port is in use."""
    options = _parser().parse_args(argv)
    server = SandboxServer(options.host, options.port)
    webcam = SandboxWebcam(options.host, options.webcam_port)
    control = ControlServer(server, webcam, options.host, options.control_port)
    with contextlib.ExitStack() as stack:
        parts = (server, webcam, control)
        for part in parts:  # those that are never started have a loop to close as well
            stack.callback(part.stop)
        for part in parts:
            try:
                part.start()
            except OSError as exc:
                print(f"cannot listen: {exc}", file=sys.stderr)
                return EXIT_PORT_IN_USE
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        print(_addresses(server, webcam, control), flush=True)
        stopped.wait()
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A small Obico Server, a webcam, a control page."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    for name in ("port", "control-port", "webcam-port"):
        parser.add_argument(f"--{name}", type=int, default=0, help="0: any free port")
    return parser


def _addresses(server: SandboxServer, webcam: SandboxWebcam, control: ControlServer) -> str:
    lines = (
        ("Obico Server", server.url),
        ("Code to link a printer", server.new_code()),
        ("Control page", control.url),
        ("Webcam snapshot", webcam.snapshot_url),
        ("Webcam stream", webcam.stream_url),
        ("Stop", "Ctrl-C"),
    )
    return "\n".join(f"{label + ':':<24}{value}" for label, value in lines)


if __name__ == "__main__":
    sys.exit(main())
