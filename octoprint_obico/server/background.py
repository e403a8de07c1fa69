"""Work in the background: a browser's request starts it and does not wait for it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from .faults import Faults

Step = TypeVar("Step")
Outcome = TypeVar("Outcome")


class Started(NamedTuple):
    """The run that is under way; `is_new` tells whether it was started by this call."""

    run: str
    is_new: bool


class BackgroundJob(Generic[Step, Outcome]):
    """Owns the one run that may be under way, its steps so far, and how the last one ended.

    Args:
        name: the thread's.
        part: what the work is, for the record of a fault.
        faults: takes what the work raises. The run ends all the same, without an outcome.
        announce: called after each step and at the end, from the job's threads.
    """

    def __init__(self, name: str, part: str, faults: Faults, announce: Callable[[], None]) -> None:
        self._name, self._part = name, part
        self._faults, self._announce = faults, announce
        self._lock = threading.Lock()
        self._run: str | None = None
        self._running = False
        self._steps: list[Step] = []
        self._outcome: Outcome | None = None

    def start(self, work: Callable[[], Outcome]) -> Started:
        """Start the work, unless a run is under way. Never waits.

        Raises:
            RuntimeError: the computer has no thread left for it.
        """
        with self._lock:
            if self._running and self._run is not None:
                return Started(self._run, False)
            run = uuid.uuid4().hex[:12]
            self._run, self._running, self._steps = run, True, []
        try:
            threading.Thread(target=self._do, args=(work,), name=self._name, daemon=True).start()
        except RuntimeError:  # the next press must not meet a run that never was
            self._end(None)
            raise
        return Started(run, True)

    def _do(self, work: Callable[[], Outcome]) -> None:
        outcome = None
        try:
            outcome = work()
        except Exception as error:  # whoever waits for the run must see its end
            self._faults.note(self._part, error)
        finally:
            self._end(outcome)
            self._announce()

    def _end(self, outcome: Outcome | None) -> None:
        with self._lock:
            self._outcome, self._running = outcome, False

    def note(self, step: Step) -> None:
        """Take a step of the run that is under way."""
        with self._lock:
            self._steps.append(step)
        self._announce()

    def state(self) -> tuple[str | None, str, list[Step], Outcome | None]:
        """The run's id; "none", "running" or "finished"; its steps so far; and its outcome.

        There is no outcome before the end, nor where a fault has ended the run.
        """
        with self._lock:
            state = "none" if self._run is None else "running" if self._running else "finished"
            return self._run, state, list(self._steps), None if self._running else self._outcome

    def last(self) -> Outcome | None:
        """The outcome of the most recent run that has ended."""
        with self._lock:
            return self._outcome
