"""The stand-alone diagnosis: ``python -m octoprint_obico.diagnosis --server URL``.

Needs no OctoPrint, so it also runs on a Klipper host or before OctoPrint starts.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TextIO

from .._version import __version__
from ..webcam.snapshot import Webcam, url_webcam
from .engine import DEADLINE_S
from .job import Request, diagnose
from .probes import own_connection_probe
from .result import EXIT_WRONG_USAGE, CheckResult, exit_status
from .texts import render_check

_MARKS = {"passed": "ok  ", "warned": "warn", "failed": "FAIL", "skipped": "–   "}


class _Parser(argparse.ArgumentParser):
    """argparse with the exit status of the DIAGNOSIS contract for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_WRONG_USAGE, f"{self.prog}: {message}\n")


def _seconds(text: str) -> float:
    value = float(text)
    if not 1.0 <= value <= 120.0:
        raise argparse.ArgumentTypeError("must be from 1 to 120")
    return value


_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--server", {"required": True, "metavar": "URL",
                  "help": "address of the Obico Server, e.g. https://app.obico.io"}),
    ("--token", {"help": "the printer's token; better given in the environment variable "
                         "OBICO_TOKEN, where `ps` does not show it"}),
    ("--webcam", {"action": "append", "default": [], "metavar": "SNAPSHOT_URL",
                  "help": "a webcam's snapshot URL; can be given more than once"}),
    ("--stream", {"action": "append", "default": [], "metavar": "STREAM_URL",
                  "help": "a webcam's stream URL; taken, but not tried yet"}),
    ("--deadline", {"type": _seconds, "default": DEADLINE_S, "metavar": "SECONDS",
                    "help": "time limit of the whole run (default: %(default)s)"}),
    ("--json", {"action": "store_true",
                "help": "print one JSON document instead of lines for people"}),
    ("--version", {"action": "version", "version": __version__}),
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The command line; its help is a part of the documentation."""
    parser = _Parser(
        prog="python -m octoprint_obico.diagnosis",
        description="Finds out why a printer cannot reach its Obico Server.",
        epilog="The WebSocket is tried with a connection of its own. A server keeps one WebSocket "
        "for each token, so a plugin that runs with the same token loses its connection for a "
        "moment. Exit status: 0 succeeded, 1 failed to contact the server, 2 invalid account "
        "credentials, 3 the WebSocket failed, 4 only a webcam failed, 64 wrong usage.",
    )
    for name, settings in _OPTIONS:
        parser.add_argument(name, **settings)
    return parser


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Run the command and return its exit status."""
    options = build_parser().parse_args(arguments)
    if isinstance(out, io.TextIOWrapper):  # a terminal that knows ASCII only gets question marks
        out.reconfigure(errors="replace")
    token = (options.token or os.environ.get("OBICO_TOKEN") or "").strip() or None
    agent = f"obico-diagnosis/{__version__}"
    probe = own_connection_probe(options.server, token, agent) if token else None
    webcams: list[Webcam] = [
        url_webcam(f"webcam {number}", url) for number, url in enumerate(options.webcam, 1)
    ]
    request = Request(options.server, token, webcams, probe, agent, __version__, options.deadline)

    def show(check: CheckResult) -> None:
        if not options.json:
            line = _line(render_check(check, _same, request.secrets))
            print(line, file=out, flush=True)

    result = diagnose(request, show).render(_same)
    print(
        json.dumps(result, indent=2, ensure_ascii=False) if options.json else _prose(result),
        file=out,
        flush=True,
    )
    return exit_status(result)


def _same(text: str) -> str:
    return text


def _line(check: dict[str, Any]) -> str:
    mark = _MARKS[check["outcome"]]
    return f"  {mark}  {check['title']:<12} {check['summary']} ({check['duration_ms']} ms)"


def _prose(result: dict[str, Any]) -> str:
    lines = ["", result["headline"], f"  {result['explanation']}"]
    lines += _steps(result["remedy"])
    for item in [*result["warnings"], *(cam for cam in result["webcams"] if cam["cause"])]:
        lines += ["", item["title"], f"  {item['explanation']}", *_steps(item["remedy"])]
    if result["cause"]:
        lines += ["", f"Cause: {result['cause']}   Help: {result['help_url']}"]
    return "\n".join(lines)


def _steps(remedy: Sequence[str]) -> list[str]:
    return [f"  {number}. {step}" for number, step in enumerate(remedy, 1)]


if __name__ == "__main__":
    sys.exit(main())
