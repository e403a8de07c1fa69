"""Which checks of a run have ended, for a check that goes by how another one ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .result import CheckResult


class Progress:
    """The run notes each result here; checks wait for what they need to know. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._changed = threading.Condition()
        self._results: dict[str, CheckResult] = {}
        self._running: frozenset[str] = frozenset()
        self._monotonic = monotonic
        self._began = monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self._monotonic() - self._began

    def note(self, result: CheckResult) -> None:
        """A check has ended."""
        with self._changed:
            self._results[result.id] = result
            self._changed.notify_all()

    def now_running(self, keys: frozenset[str]) -> None:
        """These are the checks that run at this moment; called by the run at each change."""
        with self._changed:
            self._running = keys
            self._changed.notify_all()

    def wait_for(self, check_id: str, seconds: float) -> CheckResult | None:
        """The result of a check; None where it has not ended `seconds` from now."""
        with self._changed:
            self._changed.wait_for(lambda: check_id in self._results, seconds)
            return self._results.get(check_id)

    def is_last(self, check_id: str) -> bool:
        """Whether nothing but this check runs any more: to go on would make the run longer."""
        with self._changed:
            return self._running <= {check_id}
