"""What is measured inside OctoPrint's environment: imports and files.

usage: PYTHON -m benchmarks.cost_inside import|files < JSON

`import` takes two lists: the modules that OctoPrint imports without the plugin, and those that it
imports because of the plugin. It imports the first, then the second, and tells how many
milliseconds of processor time each takes, and how many bytes the second adds to the resident
memory. `files` takes a list of the packages that the plugin requires, and tells the bytes of the
plugin, and of each package that it brings and OctoPrint does not.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import marshal
import re
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psutil

PACKAGE = "octoprint_obico"

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PYC_HEAD = 16
"""Bytes before the code in a compiled file (PEP 552)."""

_WANTED_ELSEWHERE = re.compile(r"extra\s*==")


def imports(theirs: list[str], ours: list[str]) -> tuple[float, float, int]:
    """Milliseconds of processor time for theirs, and for ours after them; ours in bytes."""
    began = time.process_time()
    for name in theirs:
        with contextlib.suppress(Exception):  # some work in a running OctoPrint only
            importlib.import_module(name)
    process = psutil.Process()
    memory, between = process.memory_info().rss, time.process_time()
    for name in ours:
        with contextlib.suppress(ImportError):  # what a library tries, and can do without
            __import__(name)  # the profiler does not see what importlib imports
    ended = time.process_time()
    return (between - began) * 1000, (ended - between) * 1000, process.memory_info().rss - memory


def needed(name: str, seen: set[str]) -> Iterator[str]:
    """The installed packages that one needs, and itself, by normalised names."""
    name = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
    if name in seen:
        return
    with contextlib.suppress(PackageNotFoundError):
        requirements = distribution(name).requires or ()
        seen.add(name)
        yield name
        for requirement in requirements:
            found = _NAME.match(requirement)
            if found is not None and not _WANTED_ELSEWHERE.search(requirement):
                yield from needed(found.group(), seen)


def size_of(name: str) -> int:
    """Bytes of an installed package's files, and of what pip compiles them to."""
    paths = {Path(str(file.locate())) for file in distribution(name).files or ()}
    return sum(map(_size, paths))


def _size(path: Path) -> int:
    if not path.is_file() or "__pycache__" in path.parts:
        return 0
    size = path.stat().st_size
    if path.suffix == ".py":
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        size += _PYC_HEAD + len(marshal.dumps(code))
    return size


def files(required: list[str]) -> Mapping[str, int]:
    """Bytes by package: the plugin, and what it brings."""
    folder = Path(str(importlib.import_module(PACKAGE).__file__)).parent
    seen = set(needed("OctoPrint", set()))
    brought = [name for requirement in required for name in needed(requirement, seen)]
    return {
        PACKAGE: sum(map(_size, folder.rglob("*"))),
        **{name: size_of(name) for name in brought},
    }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(imports(*given) if sys.argv[1] == "import" else files(given)))
