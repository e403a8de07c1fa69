"""What the plugin costs a running OctoPrint in threads, and a stopping one in time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from sandbox.octoprint_config import QUIETED_PLUGINS
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import drive

#: WebSocket, HTTP, webcam; and what a TEST, linking or OctoPrint itself may just be about.
THREADS = 5
#: Threads come and go while OctoPrint settles down.
SETTLE_S = 15.0
#: What the plugin may add to the time that OctoPrint takes to end.
SHUTDOWN_S = 3.0
SHUTDOWN_LIMIT_S = 30.0


def without_plugin(basedir: Path, edition: Edition) -> OctoPrintInstance:
    """The same OctoPrint with the plugin disabled."""
    disabled = cast("dict[str, Any]", {"_disabled": [*QUIETED_PLUGINS, "obico"]})
    return OctoPrintInstance(edition.python(), basedir, plugins_config=disabled)


@dataclass
class Comparison:
    """The same OctoPrint without the plugin, with it, and with it before a silent server."""

    plain: OctoPrintInstance
    connected: Bench
    silenced: Bench


@pytest.fixture(scope="module")
def comparison(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """All three, started side by side."""
    folder = tmp_path_factory.mktemp(edition.id)
    with ExitStack() as stack, ThreadPoolExecutor(3) as starters:
        plain = without_plugin(folder / "plain", edition)
        stack.callback(plain.stop)

        def opened_bench(name: str) -> Bench:
            return stack.enter_context(running_bench(edition, folder / name))

        started = starters.submit(plain.start)
        opened = [starters.submit(opened_bench, name) for name in ("connected", "silenced")]
        started.result()
        connected, silenced = (future.result() for future in opened)
        plain.wait_for_printer()
        drive(connected).wait_until_connected()
        yield Comparison(plain, connected, silenced)


def thread_count(octoprint: OctoPrintInstance) -> int:
    return psutil.Process(octoprint.pid).num_threads()


def test_few_threads(comparison: Comparison) -> None:
    """Linked and idle, the plugin has at most five threads. (Runs first.)"""
    counts: list[tuple[int, int]] = []

    def few() -> bool:
        plain, linked = thread_count(comparison.plain), thread_count(comparison.connected.octoprint)
        counts.append((plain, linked))
        return linked - plain <= THREADS

    comparison.connected.octoprint.wait_until(few, "few threads", SETTLE_S)


def test_threads_do_not_add_up(comparison: Comparison) -> None:
    """Linking again and TESTs leave no thread behind, nor do reconnects."""
    bench = comparison.connected
    driver = drive(bench)
    before = thread_count(bench.octoprint)
    for _ in range(5):
        driver.link(bench.server.new_code(bench.server.printer.id))
        driver.wait_until_connected()
        bench.server.kick()
        driver.diagnose()
    driver.wait_until_connected()
    bench.octoprint.wait_until(
        # as many of OctoPrint's own request workers may have been added meanwhile
        lambda: thread_count(bench.octoprint) <= before + 3,
        "the threads have ended",
        SETTLE_S,
    )


def seconds_to_end(octoprint: OctoPrintInstance) -> float:
    """Ask OctoPrint to end and wait for it."""
    os.kill(octoprint.pid, signal.SIGTERM)
    began = time.monotonic()
    assert octoprint.wait_for_exit(SHUTDOWN_LIMIT_S) is not None, octoprint.log_tail()
    return time.monotonic() - began


def silence(bench: Bench) -> None:
    """Let the server hang while a TEST and both channels wait for it."""
    driver = drive(bench)
    driver.wait_until_connected()
    bench.server.set_fault("silent")
    driver.start_test()
    bench.server.wait_for(
        lambda: any(r.status is None and r.path != "/ws/dev/" for r in bench.server.requests)
    )


def test_shutdown_takes_no_longer(comparison: Comparison) -> None:
    """OctoPrint ends about as soon as without the plugin, whatever the server does. (Runs last.)"""
    silence(comparison.silenced)
    ends: dict[str, Callable[[], float]] = {
        "plain": lambda: seconds_to_end(comparison.plain),
        "connected": lambda: seconds_to_end(comparison.connected.octoprint),
        "silenced": lambda: seconds_to_end(comparison.silenced.octoprint),
    }
    # one after the other: they would take each other's time
    took = {name: end() for name, end in ends.items()}
    assert took["connected"] <= took["plain"] + SHUTDOWN_S, took
    assert took["silenced"] <= took["plain"] + SHUTDOWN_S, took
    log = comparison.connected.octoprint.log_text()
    assert " - ERROR - " not in log, log[-2000:]
