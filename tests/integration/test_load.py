"""Fifty changes of the printer's state in a second, for a minute, while it prints.

OctoPrint still answers, the printer gets its commands as before, and the server is not flooded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import pytest

from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench
from tests.integration.driver import drive, print_file, status_frames
from tests.soak.printing import Seen, gcode

PER_S, SECONDS = 50.0, 60.0
CALM_S = 12.0
"""Of the same print before the load, to compare with."""

ANSWERED_S, TYPICALLY_S = 1.0, 0.2
GAP_S = 0.5
"""Between two commands. A printer's own buffer holds about half a second of moves."""

STATUSES_PER_S = 5.0
"""More than this would be no news for anybody."""

PATHS = ("/api/version", "/api/job", "/api/printer", "/plugin/obico/api/status")


class Answer(NamedTuple):
    """A request to OctoPrint and the seconds that its answer took."""

    path: str
    seconds: float


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    for name, path in (
        ("obico_load", ROOT / "tests" / "integration" / "load_plugin.py"),
        ("soak_observer", ROOT / "tests" / "soak" / "observer_plugin.py"),
    ):
        add_plugin(folder, name, path.read_text("utf-8"))
    with running_bench(edition, folder) as bench:
        yield bench


def answer(bench: Bench, path: str) -> Answer:
    began = time.monotonic()
    assert bench.api.get(path).status_code == 200, path
    return Answer(path, time.monotonic() - began)


def start_print(bench: Bench, seconds: float) -> float:
    """Print a file that takes about so long; return when it began (Unix seconds)."""
    print_file(bench, "load.gcode", gcode(seconds))

    def starts() -> list[float]:
        return [at for name, at in Seen.by(bench.api).events if name == "PrintStarted"]

    bench.octoprint.wait_until(lambda: bool(starts()), "the print has started")
    return starts()[-1]


def load(bench: Bench) -> list[Answer]:
    """Let the state change for a minute, and ask OctoPrint things all the while."""
    body = {"per_s": PER_S, "seconds": SECONDS}
    assert bench.api.post("/plugin/obico_load/start", json=body).status_code == 200
    answers: list[Answer] = []

    def ended() -> bool:
        answers.extend(answer(bench, path) for path in PATHS)
        return bool(bench.api.get("/plugin/obico_load/fired").json()["ended"])

    bench.octoprint.wait_until(ended, "the load has ended", SECONDS * 2)
    return answers


def test_fifty_changes_in_a_second_for_a_minute(bench: Bench) -> None:
    driver = drive(bench)
    driver.wait_until_connected()
    bench.server.set_remote_status(viewing=True)
    start = start_print(bench, CALM_S + SECONDS + 30.0)
    bench.octoprint.wait_until(lambda: time.time() > start + CALM_S, "it prints", CALM_S * 2)

    bench.server.forget()
    began = time.time()
    answers = load(bench)
    ended = time.time()
    frames = status_frames(bench.server.frames)
    fired = bench.api.get("/plugin/obico_load/fired").json()["fired"]
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()

    assert fired > PER_S * SECONDS * 0.9, "the load was none"
    slow = [item for item in answers if item.seconds > ANSWERED_S]
    assert not slow
    assert median(item.seconds for item in answers) < TYPICALLY_S

    seen = Seen.by(bench.api)
    calm = seen.between(start + 2.0, began)
    loaded = seen.between(began, ended)
    assert loaded.per_s > calm.per_s * 0.9, (calm, loaded)
    assert loaded.longest_gap_s < GAP_S, (calm, loaded)

    assert len(frames) <= STATUSES_PER_S * (ended - began), "the server is flooded"
    assert len(frames) >= (ended - began) / 10.0, "the app is told nothing"
    assert driver.report()["plugin"] is None, "a fault of ours"
    driver.wait_until_connected()
