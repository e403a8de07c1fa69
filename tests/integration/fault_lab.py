"""Runs the bodies of tests on several benches side by side: they mostly wait."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import Bench, Edition, running_bench

#: Benches per OctoPrint. They idle most of the time, so that two cores carry them all.
BENCHES = 3

#: All bodies of one OctoPrint together.
LIMIT_S = 110.0

Body = Callable[[Bench], None]


class FaultLab:
    """Takes bodies with a name, runs each on a bench of its edition, and has the outcomes ready.

    A body that fails does so in the test that asks for its outcome; its bench is mended and kept.
    """

    def __init__(self, jobs: Sequence[tuple[Edition, str, Body]], folder: Path) -> None:
        self._outcomes: dict[tuple[str, str], Future[None]] = {}
        self._queues: dict[str, queue.SimpleQueue[tuple[Body, Future[None]]]] = {}
        self._editions = {edition.id: edition for edition, _, _ in jobs}
        self._folder = folder
        for edition, name, body in jobs:
            outcome: Future[None] = Future()
            self._outcomes[edition.id, name] = outcome
            waiting = self._queues.setdefault(edition.id, queue.SimpleQueue())
            waiting.put((body, outcome))

    @contextmanager
    def running(self) -> Iterator[FaultLab]:
        """Start all benches and work; on leaving, what has not been started is given up."""
        count = max(1, len(self._queues) * BENCHES)
        with ThreadPoolExecutor(count, "fault-lab") as workers:
            for edition_id in self._queues:
                for number in range(BENCHES):
                    workers.submit(self._work, edition_id, number)
            try:
                yield self
            finally:
                self._give_up()

    def outcome(self, edition: Edition, name: str) -> None:
        """Wait for the body of that name; raises what it raised."""
        self._outcomes[edition.id, name].result(LIMIT_S)

    def _work(self, edition_id: str, number: int) -> None:
        """Run bodies on one bench until none is left."""
        folder = self._folder / f"{edition_id}-{number}"
        with ExitStack() as stack:
            bench: Bench | None = None
            while (job := self._next(edition_id)) is not None:
                body, outcome = job
                try:
                    bench = bench or stack.enter_context(
                        running_bench(self._editions[edition_id], folder)
                    )
                    run_on(bench, body)
                except BaseException as error:  # belongs to the test that asks for the outcome
                    outcome.set_exception(error)
                else:
                    outcome.set_result(None)

    def _next(self, edition_id: str) -> tuple[Body, Future[None]] | None:
        try:
            return self._queues[edition_id].get_nowait()
        except queue.Empty:
            return None

    def _give_up(self) -> None:
        for edition_id in self._queues:
            while (job := self._next(edition_id)) is not None:
                job[1].cancel()


def run_on(bench: Bench, body: Body) -> None:
    """Run a body and mend the bench; a failure has the end of OctoPrint's log with it."""
    try:
        body(bench)
    except AssertionError as error:
        log = bench.octoprint.log_tail()
        raise AssertionError(f"{error}\n--- OctoPrint's log:\n{log}") from error
    finally:
        bench.mend()
