"""Measures what the plugin costs OctoPrint: memory, threads, processor time, imports, files.

usage: make benchmark, or python -m benchmarks.cost [FILE]

Each OctoPrint that tests/bench.py knows, with the plugin (linked, idle) and without it, some of
each side by side. Takes about eight minutes. Linux and macOS.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import psutil
from setuptools.config.pyprojecttoml import read_configuration

from octoprint_obico.agent import Agent
from sandbox import SandboxServer
from sandbox.octoprint_config import QUIETED_PLUGINS
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import EDITIONS, ROOT, Edition
from tests.servers.hosts import FakeHost
from tests.soak.printing import gcode

PAGE = Path(__file__).with_name("cost.md")
PACKAGE = "octoprint_obico"
REPEATS = 3
SETTLE_S = 30.0
MINUTE_S = 60.0
IMPORTS, PROFILED = 9, 5
MOST_SHOWN = 8
LIMIT_S = 120.0

MOST_MEMORY_MB, MOST_THREADS, MOST_IMPORT_MS, MOST_FILES_MB = 4.0, 5, 30.0, 5.0
CPU_NOISE_S = 0.35
"""What plain OctoPrint takes in a minute: less than that is lost in its noise."""

PRINTING_CPU_S = 0.6
"""One percent of one core, in a minute."""

_MB = 1e6
_IMPORTED = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)$", re.MULTILINE)
"""A line of `python -X importtime`: microseconds of the module alone, and its name."""


@dataclass(frozen=True)
class Usage:
    """One OctoPrint in a minute without work, and in one in which it prints.

    Attributes:
        printing_s: processor time of the second; somebody watches in the app, there is no webcam.
    """

    memory: int
    threads: int
    cpu_s: float
    printing_s: float


@dataclass(frozen=True)
class Figure:
    """One line of the table, as texts."""

    what: str
    without: str
    with_us: str
    more: str
    most: str
    is_met: bool

    def line(self) -> str:
        """The line in Markdown."""
        met = "yes" if self.is_met else "**no**"
        cells = (self.what, self.without, self.with_us, self.more, self.most, met)
        return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True)
class Cost:
    """What one OctoPrint takes with the plugin and without it."""

    edition: Edition
    with_us: Sequence[Usage]
    without: Sequence[Usage]
    plain_import_ms: float
    import_ms: float
    import_memory: int
    new_modules: Mapping[str, float]
    files: Mapping[str, int]

    def more(self, name: str) -> float:
        """The difference of the medians."""
        sides = ([getattr(usage, name) for usage in side] for side in (self.with_us, self.without))
        ours, plain = (statistics.median(side) for side in sides)
        return float(ours - plain)

    def figures(self) -> Sequence[Figure]:
        """All that has a target."""
        files = sum(self.files.values()) / _MB
        return (
            self._compared("resident memory", "memory", _MB, "{:.1f} MB", MOST_MEMORY_MB),
            self._compared("threads", "threads", 1, "{:.0f}", MOST_THREADS),
            self._compared("processor time in a minute", "cpu_s", 1, "{:.2f} s", CPU_NOISE_S),
            self._compared(
                "the same, printing and watched", "printing_s", 1, "{:.2f} s", PRINTING_CPU_S
            ),
            _alone("import, processor time", self.import_ms, "{:.1f} ms", MOST_IMPORT_MS),
            _alone("files, with what it brings", files, "{:.2f} MB", MOST_FILES_MB),
        )

    def _compared(self, what: str, name: str, unit: float, shape: str, most: float) -> Figure:
        more = self.more(name) / unit
        without, with_us = self._sides(name, unit, shape)
        shown = shape.replace("{:", "{:+").format(more)
        return Figure(what, without, with_us, shown, shape.format(most), more <= most)

    def _sides(self, name: str, unit: float, shape: str) -> Iterator[str]:
        """The median of each side, and what the runs were between."""
        for side in (self.without, self.with_us):
            found = sorted(getattr(usage, name) / unit for usage in side)
            span = f"{shape.format(found[0])} to {shape.format(found[-1])}"
            yield f"{shape.format(statistics.median(found))} ({span})"


def _alone(what: str, more: float, shape: str, most: float) -> Figure:
    shown = shape.replace("{:", "{:+").format(more)
    return Figure(what, "–", "–", shown, shape.format(most), more <= most)


# ---- OctoPrint -------------------------------------------------------------------------------


@contextmanager
def running(edition: Edition, folder: Path, server: SandboxServer | None) -> Iterator[Any]:
    """OctoPrint, ready; linked to the server, or without the plugin where there is none."""
    config: dict[str, Any] = {"_disabled": [*QUIETED_PLUGINS, "obico"]}
    if server is not None:
        config = {"obico": {"endpoint_prefix": server.url, "auth_token": server.printer.token}}
    octoprint = OctoPrintInstance(edition.python(), folder, plugins_config=cast(Any, config))
    with octoprint:
        octoprint.wait_for_printer()
        if server is not None and not server.wait_for(lambda: server.agent_connected, LIMIT_S):
            raise RuntimeError("the plugin does not connect")
        # not its status: whoever asks for that is somebody looking, and loads what answers
        file = octoprint.session().get("/plugin/obico/static/css/obico.css").status_code
        if file != (404 if server is None else 200):
            raise RuntimeError(f"the plugin's style sheet answers {file}")
        yield octoprint


def usage_of(edition: Edition, server: SandboxServer | None) -> Usage:
    """Let one OctoPrint idle for a minute, and print for another."""
    with tempfile.TemporaryDirectory() as folder, running(edition, Path(folder), server) as found:
        process = psutil.Process(found.pid)
        threading.Event().wait(SETTLE_S)
        cpu_s = cpu_in_a_minute(process)
        memory, count = process.memory_info().rss, process.num_threads()
        start_print(found, server)
        threading.Event().wait(SETTLE_S / 3)
        return Usage(memory, count, cpu_s, cpu_in_a_minute(process))


def cpu_in_a_minute(process: psutil.Process) -> float:
    """Let a minute pass; the seconds of processor time that the process took in it."""
    before, began = process.cpu_times(), time.monotonic()
    threading.Event().wait(MINUTE_S)
    after, took_s = process.cpu_times(), time.monotonic() - began
    return (after.user + after.system - before.user - before.system) * MINUTE_S / took_s


def start_print(octoprint: OctoPrintInstance, server: SandboxServer | None) -> None:
    """Print for longer than is measured, at forty commands in a second, with a viewer."""
    if server is not None:
        server.set_remote_status(viewing=True, should_watch=True)
    files = {"file": ("cost.gcode", gcode(MINUTE_S * 2))}
    form = {"select": "true", "print": "true"}
    with octoprint.session() as api:
        answer = api.post("/api/files/local", files=files, data=form)
    if answer.status_code != 201:
        raise RuntimeError(f"it does not print: {answer.status_code}")


def usages(edition: Edition) -> tuple[Sequence[Usage], Sequence[Usage]]:
    """With the plugin and without it, all side by side."""
    with ExitStack() as stack, ThreadPoolExecutor(2 * REPEATS) as pool:
        servers = [stack.enter_context(SandboxServer()) for _ in range(REPEATS)]
        both = [pool.submit(usage_of, edition, each) for pair in servers for each in (pair, None)]
        found = [each.result() for each in both]
        return found[::2], found[1::2]


# ---- imports and files -----------------------------------------------------------------------


@contextmanager
def compiled_once(folder: Path) -> Iterator[None]:
    """Have all that is imported compiled into that folder, as it is where pip has installed it."""
    kept = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def imported(edition: Edition, server: SandboxServer | None) -> Sequence[str]:
    """The modules that OctoPrint imports in its first seconds."""
    os.environ["PYTHONPROFILEIMPORTTIME"] = "1"
    try:
        with tempfile.TemporaryDirectory() as name:
            with running(edition, Path(name), server) as octoprint:
                threading.Event().wait(5.0)
            text = octoprint.console_path.read_text("utf-8", "replace")
    finally:
        del os.environ["PYTHONPROFILEIMPORTTIME"]
    return [module for _, module in _IMPORTED.findall(text)]


def inside(edition: Edition, what: str, given: object, *flags: str) -> tuple[Any, str]:
    """What `benchmarks.cost_inside` tells, and what Python does."""
    done = subprocess.run(
        [str(edition.python()), *flags, "-m", "benchmarks.cost_inside", what],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def by_module(edition: Edition, both: tuple[Sequence[str], Sequence[str]]) -> Mapping[str, float]:
    """Milliseconds of each module that OctoPrint imports because of us, at its best."""
    best: dict[str, float] = {}
    for _ in range(PROFILED):
        _, text = inside(edition, "import", both, "-X", "importtime")
        for us, name in _IMPORTED.findall(text):
            best[name] = min(best.get(name, float("inf")), int(us) / 1000)
    return {name: ms for name, ms in best.items() if name in set(both[1])}


def required() -> Sequence[str]:
    """The names of the packages that the plugin requires."""
    lines = read_configuration(ROOT / "pyproject.toml", expand=False)["project"]["dependencies"]
    return [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in lines]


def cost_of(edition: Edition) -> Cost:
    """All of one OctoPrint."""
    with SandboxServer() as server:
        with_us = imported(edition, server)  # from here on everything is compiled
    plain = imported(edition, None)
    both = plain, [name for name in with_us if name not in set(plain)]
    times = [inside(edition, "import", both)[0] for _ in range(IMPORTS)]
    theirs, ours, memory = (min(side) for side in zip(*times))
    files, _ = inside(edition, "files", required())
    modules = by_module(edition, both)
    return Cost(edition, *usages(edition), theirs, ours, memory, modules, files)


def threads() -> Sequence[str]:
    """The names of the plugin's own threads, linked and idle."""
    with SandboxServer() as server, tempfile.TemporaryDirectory() as folder:
        host = FakeHost(server.url, server.printer.token)
        agent = Agent(host, "3.0.0", outbox_file=Path(folder) / "outbox.sqlite")
        agent.start()
        try:
            host.wait_for(lambda: agent.status().server.reason == "up")
            names = [each.name for each in threading.enumerate()]
            return sorted(name for name in names if name.startswith("obico-"))
        finally:
            agent.stop()


# ---- the page --------------------------------------------------------------------------------

_PAGE = """\
# What the plugin costs OctoPrint

Written by `make benchmark`; not a test. {machine}

Each OctoPrint with the virtual printer, {repeats} times with the plugin (linked to a server on
loopback, idle, nobody looking) and {repeats} times without it, side by side, in one run. Medians;
in brackets the least and the most. Memory, threads and processor time are those of the process in
a minute without work, which begins {settle:.0f} s after the printer and the server are connected;
then it prints, forty commands in a second, while somebody watches in the app, without a webcam.
Other work ran on the machine (load average at the end: {load}): all times are the processor's own.

*Import*: what the modules take that OctoPrint imports because of us until it idles, linked, where
all that it imports without us is there already, and compiled; the least of {imports}, since other
work only adds to it. *Files*: the package and what it brings that OctoPrint does not, each with its
compiled files.

The plugin's own threads, linked and idle, are {count}: {threads}.
{editions}"""

_EDITION = """
## {title}

| | without | with | difference | target | met |
| --- | --- | --- | --- | --- | --- |
{rows}

Files: {files}.

Importing what OctoPrint imports without us takes {plain:.0f} ms. Because of us it imports {count}
modules more, of which {own} are our own; that alone takes {memory:.1f} MB of the memory. By room,
in milliseconds (each module without what it imports in its turn, the least of {profiled} runs with
the profiler's overhead): {rooms}. The slowest modules: {slow}.
"""


def document(costs: Sequence[Cost], names: Sequence[str]) -> str:
    """The whole page."""
    return _PAGE.format(
        machine=(
            f"{datetime.now(timezone.utc):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
            f"{os.cpu_count()} cores, Python {platform.python_version()}."
        ),
        repeats=REPEATS,
        settle=SETTLE_S,
        load=f"{os.getloadavg()[0]:.1f}",
        imports=IMPORTS,
        count=len(names),
        threads=", ".join(f"`{name}`" for name in names),
        editions="".join(map(_edition, costs)),
    )


def _edition(cost: Cost) -> str:
    own = [name for name in cost.new_modules if name.startswith(PACKAGE)]
    return _EDITION.format(
        title=f"OctoPrint {cost.edition.series}",
        rows="\n".join(figure.line() for figure in cost.figures()),
        files=", ".join(f"{name} {size / _MB:.2f} MB" for name, size in cost.files.items()),
        plain=cost.plain_import_ms,
        memory=cost.import_memory / _MB,
        count=len(cost.new_modules),
        own=len(own),
        profiled=PROFILED,
        rooms=_slowest(by_room(cost.new_modules)),
        slow=_slowest(cost.new_modules),
    )


def by_room(modules: Mapping[str, float]) -> Mapping[str, float]:
    """The sums of our rooms, and of the other packages."""
    sums: dict[str, float] = defaultdict(float)
    for name, ms in modules.items():
        sums[".".join(name.split(".")[: 2 if name.startswith(PACKAGE) else 1])] += ms
    return sums


def _slowest(times: Mapping[str, float]) -> str:
    ordered = sorted(times.items(), key=lambda item: -item[1])[:MOST_SHOWN]
    return ", ".join(f"`{name}` {ms:.1f}" for name, ms in ordered)


def write(page: Path = PAGE) -> bool:
    """Measure, write the page, and return whether all targets are met."""
    with tempfile.TemporaryDirectory() as folder, compiled_once(Path(folder)):
        costs = [cost_of(edition) for edition in EDITIONS]
    text = document(costs, threads())
    page.write_text(text, encoding="utf-8")
    print(text)
    return all(figure.is_met for cost in costs for figure in cost.figures())


def main() -> int:
    """Ends with 1 where a target is missed."""
    return 0 if write(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE) else 1


if __name__ == "__main__":
    sys.exit(main())
