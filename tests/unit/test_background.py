"""A job in the background: one run at a time, whose end everybody sees."""

from __future__ import annotations

import logging
import threading

import pytest

from octoprint_obico.server.background import BackgroundJob, Started
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults

LIMIT_S = 10.0
log = logging.getLogger("octoprint.plugins.obico")


class Watched:
    """A job, what it announced, and its faults."""

    def __init__(self) -> None:
        self.faults: list[Attempt] = []
        self._told = threading.Condition()
        faults = Faults(self.faults.append, log)
        self.job: BackgroundJob[str, int] = BackgroundJob(
            "obico-test", "the test", faults, self._announce
        )

    def _announce(self) -> None:
        with self._told:
            self._told.notify_all()

    def wait_for(self, state: str) -> None:
        with self._told:
            assert self._told.wait_for(lambda: self.job.state()[1] == state, LIMIT_S)


def test_one_run_at_a_time_with_its_steps_and_its_outcome() -> None:
    it, go_on, stepped = Watched(), threading.Event(), threading.Event()

    def work() -> int:
        it.job.note("first")
        stepped.set()
        assert go_on.wait(LIMIT_S)
        it.job.note("second")
        return 7

    assert it.job.state() == (None, "none", [], None)
    first = it.job.start(work)
    assert first.is_new
    assert it.job.start(work) == Started(first.run, False)
    assert stepped.wait(LIMIT_S)
    assert it.job.state() == (first.run, "running", ["first"], None)
    assert it.job.last() is None
    go_on.set()
    it.wait_for("finished")
    assert it.job.state() == (first.run, "finished", ["first", "second"], 7)
    assert it.job.last() == 7


def test_a_new_run_forgets_the_steps_but_not_the_last_outcome_until_it_ends() -> None:
    it, go_on = Watched(), threading.Event()

    def first() -> int:
        it.job.note("first")
        return 1

    it.job.start(first)
    it.wait_for("finished")

    def second() -> int:
        assert go_on.wait(LIMIT_S)
        return 2

    run = it.job.start(second).run
    assert it.job.state() == (run, "running", [], None)
    assert it.job.last() == 1
    go_on.set()
    it.wait_for("finished")
    assert it.job.last() == 2


def test_a_fault_ends_the_run_and_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    it = Watched()

    def fail() -> int:
        raise ValueError("of the test")

    it.job.start(fail)
    it.wait_for("finished")
    assert it.job.state()[3] is None
    assert [(fault.channel, fault.message) for fault in it.faults] == [
        ("plugin", "the test: ValueError")
    ]
    assert "Unexpected error in the test" in caplog.text
    assert it.job.start(lambda: 1).is_new


def test_a_run_without_a_thread_is_not_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Watched()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            it.job.start(lambda: 1)
    assert it.job.state()[1:] == ("finished", [], None)
    it.job.start(lambda: 1)
    it.wait_for("finished")
    assert it.job.last() == 1
