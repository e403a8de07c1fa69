"""A thread that works in turns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.worker import Worker

LIMIT_S = 10.0
LONG_S = 3600.0
log = logging.getLogger("octoprint.plugins.obico")


def worker(
    turn: Callable[[], float],
    faults: list[Attempt] | None = None,
    ended: Callable[[], None] = lambda: None,
) -> Worker:
    record = (faults if faults is not None else []).append
    return Worker(
        "obico-test", turn, Faults(record, log), "the test", after_fault_s=LONG_S, ended=ended
    )


def test_it_looks_when_woken_and_survives_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    looks = threading.Semaphore(0)
    faults: list[Attempt] = []

    def look() -> float:
        looks.release()
        raise ValueError("of the test")

    watch = worker(look, faults)
    watch.start()
    assert looks.acquire(timeout=LIMIT_S)
    watch.wake()
    assert looks.acquire(timeout=LIMIT_S)
    watch.stop(LIMIT_S)
    assert "of the test" in caplog.text
    assert [fault.facts["part"] for fault in faults] == ["the test"] * 2


def test_the_turn_says_when_the_next_one_is_due() -> None:
    turns = threading.Semaphore(0)

    def turn() -> float:
        turns.release()
        return 0.0

    busy = worker(turn)
    busy.start()
    for _ in range(3):
        assert turns.acquire(timeout=LIMIT_S)
    busy.stop(LIMIT_S)


def test_it_tidies_up_when_it_ends() -> None:
    ended = threading.Event()
    idle = worker(lambda: LONG_S, ended=ended.set)
    idle.start()
    idle.stop(LIMIT_S)
    assert ended.is_set()


def test_one_that_was_never_started_stops() -> None:
    worker(lambda: LONG_S).stop(LIMIT_S)
