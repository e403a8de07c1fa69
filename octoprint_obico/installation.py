"""What the plugin runs on: versions for who helps. Asks no command and no network."""

from __future__ import annotations

import platform
import re
import ssl
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = (
    "asn1crypto",
    "certifi",
    "Flask",
    "requests",
    "sarge",
    "tornado",
    "urllib3",
    "websocket-client",
)
"""Distributions whose versions are told: what the plugin's connections are made of."""

_MAX_LENGTH = 200
_FOUR_NUMBERS = re.compile(r"\d+(?:\.\d+){3}")


def describe(versions: Mapping[str, str], session_s: float) -> dict[str, Any]:
    """What is installed here, as JSON-like data; None where something is not known.

    Args:
        versions: of the plugin and of OctoPrint.
        session_s: seconds since the session began.
    """
    return {
        "plugin": versions.get("plugin"),
        "octoprint": versions.get("octoprint"),
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "virtual_environment": sys.prefix != sys.base_prefix,
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": {name: _version_of(name) for name in LIBRARIES},
        "os": _distribution() or platform.system(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "model": _first_line(Path("/proc/device-tree/model")),
        "utc_offset": time.strftime("%z"),
        "session_s": round(session_s),
    }


def version_numbers(described: Mapping[str, Any]) -> set[str]:
    """The versions of a description, for who must not take them for anything else."""
    own = (described[name] for name in ("plugin", "octoprint", "python"))
    sentences = (str(described[name]) for name in ("openssl", "os", "platform"))
    inside = (number for text in sentences for number in _FOUR_NUMBERS.findall(text))
    return {str(item) for item in (*own, *described["libraries"].values(), *inside) if item}


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _distribution() -> str | None:
    """The name of the Linux distribution (os-release(5)); None elsewhere."""
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        with suppress(OSError):
            for line in path.read_text("utf-8", "replace")[:10_000].splitlines():
                name, _, value = line.partition("=")
                if name == "PRETTY_NAME":
                    return value.strip("\"' ")[:_MAX_LENGTH]
    return None


def octopi_version() -> str | None:
    """The version of the OctoPi image that this computer was set up with; None elsewhere."""
    return _first_line(Path("/etc/octopi_version"))


def _first_line(path: Path) -> str | None:
    """A file of one line; None where there is no such file."""
    with suppress(OSError):
        return path.read_text("utf-8", "replace").strip("\0\r\n ")[:_MAX_LENGTH] or None
    return None
