"""The outbox's thread: brings what has changed to the file, and what the file holds to the memory.

It is there only while there is something to keep, and holds no lock while it uses the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .faults import Faults
from .outbox_backlog import Backlog
from .outbox_events import Limits, Problem, Unusable

if TYPE_CHECKING:
    from .outbox_file import OutboxFile

log = logging.getLogger("octoprint.plugins.obico.outbox")

TICK_S = 60.0
"""While events wait: how often it is looked whether one is too old, or the clock was set."""

LINGER_S = 10.0
"""How long the thread stays when there is nothing more to keep."""

READ_S = 5.0
"""New events wait so long for older ones to be read from the file, which go first."""

_PART = "keeping printer events"


class Question:
    """Somebody waits for the snapshot of a row."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.answer: bytes | None = None
        self.answered = threading.Event()


class Keeper:
    """Owns the file and the one thread that uses it.

    Args:
        backlog: what is to be kept, guarded by `changed`.
        changed: notified after each turn; its lock is held for moments only.
        on_turn: called after each turn: something may have become due. Told whether it was in
            this turn that the older events were read, or could not be.
        on_state: called when `trouble` has changed, or something was lost.
        pauses: seconds between attempts while the disk fails.

    Attributes:
        trouble: why nothing is kept on disk; None while it is.
    """

    def __init__(
        self,
        path: Path,
        backlog: Backlog,
        changed: threading.Condition,
        limits: Limits,
        faults: Faults,
        on_turn: Callable[[bool], None],
        on_state: Callable[[], None],
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        self._path, self._backlog, self._changed, self._limits = path, backlog, changed, limits
        self._faults, self._on_turn, self._on_state = faults, on_turn, on_state
        self._new_pauses, self._pauses = pauses, pauses()
        self._retry_at = float("-inf")
        self._file: OutboxFile | None = None
        self._damage: Unusable | None = None
        self._is_left = False  # by an earlier run, and not read yet
        self._read_by = float("-inf")
        self._busy_at = float("-inf")
        self._told_lost = 0
        self._is_losing = False
        self._questions: deque[Question] = deque(maxlen=4)
        self._errors: deque[Exception] = deque(maxlen=4)
        self._work = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: Unusable | None = None

    # ---- for other threads; those that say so with the lock held -------------------------------

    def start(self) -> None:
        """Read what an earlier run has left. Without it there is neither a thread nor a file."""
        if self._path.exists():
            self._is_left, self._read_by = True, time.monotonic() + READ_S
            self.wake()

    def wake(self) -> None:
        """Let the thread look at what has changed; start it where there is none. Never waits."""
        self._work.set()
        with self._changed:
            if self._thread is not None or self._closing.is_set():
                return
            run = self._faults.guarded(_PART, self._run, self._closing)
            thread = threading.Thread(target=run, name="obico-outbox", daemon=True)
            self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads, or Python ends: the next event tries again
            with self._changed:
                self._thread = None

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    @property
    def is_reading(self) -> bool:
        """Whether older events are expected out of the file any moment. With the lock held."""
        return self._is_left and self.trouble is None and time.monotonic() < self._read_by

    def note(self, error: Exception) -> None:
        """Take a fault of ours; it is logged by the thread, as writing a log may take long."""
        self._errors.append(error)
        self.wake()

    def ask(self, question: Question) -> None:
        """Have a snapshot read. With the lock held; `wake` has to follow."""
        self._questions.append(question)

    def close(self, timeout_s: float) -> None:
        """Write what is left and end, waiting up to so many seconds."""
        with self._changed:
            self._closing.set()
            thread = self._thread
        self._work.set()
        if thread is not None and thread.ident is not None:
            thread.join(timeout_s)

    # ---- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        self._work.set()  # also when begun anew after a fault
        try:
            while not self._has_ended():
                self._work.wait(self._wait_s())
                self._work.clear()
                self._turn()
        finally:
            self._let_go()

    def _turn(self) -> None:
        now = time.monotonic()
        with self._changed:
            was_reading = self.is_reading
            self._backlog.release(now)
            self._backlog.drop_old()
        if now >= self._retry_at or self._closing.is_set():
            try:
                self._write()
                self._answer()
                self._works()
            except Unusable as error:
                self._fails(error)
        while self._questions and self.trouble is not None:
            self._questions.popleft().answered.set()
        self._tell_losses()
        while self._errors:
            self._faults.note(_PART, self._errors.popleft())
        with self._changed:
            self._changed.notify_all()
            has_read = was_reading and not self.is_reading
        self._on_turn(has_read)

    def _write(self) -> None:
        with self._changed:
            has_changes = self._backlog.has_changes
        if not (has_changes or self._questions or self._is_left or self.trouble is not None):
            return
        self._busy_at = time.monotonic()
        file = self._file or self._open()
        with self._changed:
            batch = self._backlog.batch()
        if batch.is_empty:
            return
        file.write(batch)
        with self._changed:
            self._backlog.written(batch)

    def _open(self) -> OutboxFile:
        """Open the file and take what it holds; a damaged one is moved aside and made anew."""
        from .outbox_file import OutboxFile, move_aside

        try:
            if self._damage is not None:
                raise self._damage
            self._file = OutboxFile(self._path)
            rows = self._file.load(self._limits)
        except Unusable as error:
            if error.problem is not Problem.BROKEN:
                raise
            self._let_go()
            log.warning("The file of printer events is damaged and is moved aside: %s", error)
            move_aside(self._path)
            self._damage = None
            with self._changed:  # now: the new file may not come to be
                self._backlog.reconcile(error.rows)
            self._file = OutboxFile(self._path)
            rows = self._file.load(self._limits)
        with self._changed:
            self._backlog.reconcile(rows)
            self._is_left = False
        return self._file

    def _answer(self) -> None:
        while self._questions and self._file is not None:
            question = self._questions.popleft()
            try:
                question.answer = self._file.snapshot(question.row)
            finally:
                question.answered.set()

    def _works(self) -> None:
        self._retry_at = float("-inf")
        if self.trouble is not None:
            log.info("Printer events are kept on disk again")
            self._set_trouble(None)
            self._pauses = self._new_pauses()

    def _fails(self, error: Unusable) -> None:
        self._let_go()
        if error.problem is Problem.BROKEN:  # noticed while it was in use: all is in memory
            self._damage = error
        self._retry_at = time.monotonic() + next(self._pauses)
        if self.trouble is None or self.trouble.problem is not error.problem:
            log.warning("Printer events are kept in memory only, not on disk: %s", error)
            self._set_trouble(error)

    def _set_trouble(self, error: Unusable | None) -> None:
        with self._changed:
            self.trouble = error
            self._backlog.settles = error is None
        self._on_state()

    def _tell_losses(self) -> None:
        """Say once that events are given up, and how many it were when that has ended."""
        with self._changed:
            lost, count = self._backlog.lost, len(self._backlog)
        if lost > self._told_lost and not self._is_losing:
            self._is_losing = True
            log.warning("Printer events are given up: too many or too old ones are waiting")
            self._on_state()
        elif self._is_losing and count <= self._limits.events // 2:
            self._is_losing = False
            log.info("%d printer events were given up", lost - self._told_lost)
            self._told_lost = lost

    def _wait_s(self) -> float:
        """How long there is nothing to do, unless woken."""
        now = time.monotonic()
        with self._changed:
            held_until = self._backlog.held_until()
            is_empty = not len(self._backlog)
        until = self._busy_at + LINGER_S if is_empty else now + TICK_S
        if self.trouble is not None:
            until = self._retry_at
        return max(0.0, (until if held_until is None else min(until, held_until)) - now)

    def _has_ended(self) -> bool:
        """Whether there is nothing more to do; then there is no thread any more, either."""
        now = time.monotonic()
        with self._changed:
            if self._closing.is_set():
                done = self._backlog.is_written or self.trouble is not None
                return done and not self._work.is_set()
            if not self._is_idle(now):
                return False
        self._let_go()  # before there may be another thread, which opens it again
        with self._changed:
            if self._is_idle(now):
                self._thread = None
                return True
        return False

    def _is_idle(self, now: float) -> bool:
        nothing = not len(self._backlog) and self._backlog.is_written and not self._is_left
        waits = self._work.is_set() or self._questions or self.trouble is not None
        return nothing and not waits and now - self._busy_at >= LINGER_S

    def _let_go(self) -> None:
        """Close the file. Its unused space is given back where nothing is in it."""
        file, self._file = self._file, None
        if file is not None:
            file.close(compact=not len(self._backlog))
