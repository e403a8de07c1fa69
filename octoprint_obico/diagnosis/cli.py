"""What both commands share, and the stand-alone one: its options and its course."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from .._version import __version__
from ..server.trust import CaFileProblem, Trust, ca_file_problem
from ..webcam.snapshot import Webcam, url_webcam
from .job import DEADLINE_S, Request, diagnose
from .probes import own_connection_probe
from .result import EXIT_WRONG_USAGE, CheckResult, exit_status
from .terminal import Style, Terminal, forgiving
from .texts import render_check

SHORTEST_S, LONGEST_S = 1.0, 120.0
"""Seconds that a run may be given."""

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""What a shell calls an end by SIGINT and by SIGPIPE: 128 and the signal's number."""
EXIT_CANNOT_WRITE = 74
"""EX_IOERR of sysexits.h: the output cannot be written, e.g. the disk is full."""

EXIT_HELP = (
    "Exit status: 0 succeeded, 1 failed to contact the server, 2 invalid account credentials, "
    "3 the WebSocket failed, 4 only a webcam failed, 64 wrong usage."
)


# ---- what both commands share --------------------------------------------------------------------


def run(request: Request, *, as_json: bool, out: TextIO, environment: Mapping[str, str]) -> int:
    """Diagnose, show it on `out`, and return the exit status. Ctrl-C and `| head` end it quietly.

    Args:
        as_json: write one JSON document at the end instead of lines for people as they come.
    """
    try:
        return _shown(request, as_json, out, environment)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _discard(out)
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _discard(out)
        print(f"The result cannot be written: {error}", file=sys.stderr)
        return EXIT_CANNOT_WRITE


def _shown(request: Request, as_json: bool, out: TextIO, environment: Mapping[str, str]) -> int:
    forgiving(out)
    style = Style.of(out, environment)
    terminal = Terminal(style)

    def show(check: CheckResult) -> None:
        if not as_json:
            print(terminal.check(render_check(check, _same, request.secrets)), file=out, flush=True)

    result = diagnose(request, show).render(_same)
    text = (
        json.dumps(result, indent=2, ensure_ascii=not style.unicode)
        if as_json
        else terminal.result(result)
    )
    print(text, file=out, flush=True)
    return exit_status(result)


def _same(text: str) -> str:
    return text


def _discard(out: TextIO) -> None:
    """Let the rest of the output go nowhere: Python writes it out once more when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)


# ---- the stand-alone command ---------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse with the exit status of the DIAGNOSIS contract for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_WRONG_USAGE, f"{self.prog}: {message}\n")


def _seconds(text: str) -> float:
    value = float(text)
    if not SHORTEST_S <= value <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"must be from {SHORTEST_S:g} to {LONGEST_S:g}")
    return value


def _ca_file(path: str) -> str:
    """A file of certificates, tried at once: what is wrong with it is no fault of the server."""
    full = os.path.abspath(path)
    problem = ca_file_problem(full)
    if problem is not None:
        raise argparse.ArgumentTypeError(f"{path}: {_CA_FILE_PROBLEMS[problem]}")
    return full


_CA_FILE_PROBLEMS: Mapping[CaFileProblem, str] = {
    CaFileProblem.NOT_ABSOLUTE: "a full path is needed",
    CaFileProblem.MISSING: "there is no such file",
    CaFileProblem.UNREADABLE: "the file cannot be read",
    CaFileProblem.NOT_PEM: "there is no certificate in PEM format in it",
}

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--server", {"required": True, "metavar": "URL",
                  "help": "address of the Obico Server, e.g. https://app.obico.io"}),
    ("--token", {"help": "the printer's token; better given in the environment variable "
                         "OBICO_TOKEN: other users of this computer can see a command's "
                         "arguments with `ps`, and the shell keeps them in its history"}),
    ("--webcam", {"action": "append", "default": [], "metavar": "SNAPSHOT_URL",
                  "help": "a webcam's snapshot URL; can be given more than once"}),
    ("--stream", {"action": "append", "default": [], "metavar": "STREAM_URL",
                  "help": "a webcam's stream URL (motion JPEG), of which the first picture is "
                          "tried; can be given more than once"}),
    ("--ca-file", {"type": _ca_file, "metavar": "PATH",
                   "help": "trust the authorities in this file (PEM), too: for a server of your "
                           "own with a certificate of your own"}),
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
        f"moment. {EXIT_HELP} Colours are for terminals only; NO_COLOR=1 switches them off.",
    )
    for name, settings in _OPTIONS:
        parser.add_argument(name, **settings)
    return parser


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run the command and return its exit status."""
    options = build_parser().parse_args(arguments)
    request = _request(options)
    return run(request, as_json=options.json, out=out or sys.stdout, environment=os.environ)


def _request(options: argparse.Namespace) -> Request:
    token = (options.token or os.environ.get("OBICO_TOKEN") or "").strip() or None
    agent = f"obico-diagnosis/{__version__}"
    trust = Trust(ca_file=options.ca_file)
    webcams = [url_webcam(f"webcam {n}", url) for n, url in enumerate(options.webcam, 1)]
    webcams += [
        Webcam(f"stream {n}", None, None, stream=url) for n, url in enumerate(options.stream, 1)
    ]
    return Request(
        options.server,
        token,
        webcams,
        own_connection_probe(options.server, token, agent, trust) if token else None,
        agent,
        __version__,
        options.deadline,
        trust=trust,
    )
