"""The outbox: printer events that survive a restart, a crash, a power cut, until they arrive.

Everybody only touches memory here, under a lock that is never held while the disk is used; the
keeper's thread brings what has changed to the file. So what happened a moment ago may be in memory
only: a crash loses what the disk has not taken yet, that is less than a second on one that works.
Where the disk fails, events are kept in memory, and sent all the same.

Events are sent one at a time (of each kind), and the next one when the file has forgotten the one
before: so a crash at any moment doubles one event of a kind at the most.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .address import Address
from .errors import Attempt
from .faults import Faults
from .messages import encode
from .moments import Moments
from .outbox_backlog import Backlog
from .outbox_events import Entry, Kind, Limits, Problem
from .outbox_keeper import Keeper, Question
from .retry_policy import Pace

log = logging.getLogger("octoprint.plugins.obico.outbox")

FILE_NAME = "outbox.sqlite"

_DISK = Pace(0.25, 1.0, 60.0)
"""Between attempts while the disk fails."""


def link_name(address: Address, token: str) -> str:
    """What names a linked printer in the file; neither address nor token can be told from it.

    Another address or token is another link: its events are not sent to the new one.
    """
    digest = hashlib.sha256(f"obico outbox\n{address.url}\n{token}".encode())
    return digest.hexdigest()[:32]


class OutboxState(NamedTuple):
    """How it stands with the events of the present link.

    Attributes:
        waiting: how many have not arrived yet.
        oldest_at: Unix seconds at which the oldest of them happened.
        unwritten: how many are in memory only.
        lost: how many were given up since the start.
        lost_snapshots: how many were kept without their snapshots.
        problem: why nothing is kept on disk; None while it is.
        detail: what the disk said, for logs and reports.
    """

    waiting: int
    oldest_at: float | None
    unwritten: int
    lost: int
    lost_snapshots: int
    problem: Problem | None
    detail: str


class Outbox:
    """Keeps events in order until they have arrived. Thread-safe.

    Args:
        path: the file; its folder exists.
        record: takes a fault of ours as a failed attempt of the plugin's own channel.
        on_due: an event of this kind can be taken, or it is known now that there is none from
            before. Called on any thread; must return at once.
        on_state: `state` tells something else. Called on the outbox's thread.
        pauses: seconds between attempts while the disk fails.
    """

    def __init__(
        self,
        path: Path,
        *,
        record: Callable[[Attempt], None],
        on_due: Callable[[Kind], None],
        on_state: Callable[[], None],
        moments: Moments | None = None,
        limits: Limits | None = None,
        pauses: Callable[[], Iterator[float]] = _DISK.pauses,
    ) -> None:
        self._on_due = on_due
        self._changed = threading.Condition(threading.Lock())
        limits = limits or Limits()
        self._backlog = Backlog(limits, moments or Moments())
        self._keeper = Keeper(
            path,
            self._backlog,
            self._changed,
            limits,
            Faults(record, log),
            self._tell,
            on_state,
            pauses,
        )

    def start(self) -> None:
        """Take up what an earlier run has left. Without it there is neither thread nor file."""
        self._keeper.start()

    def use(self, link: str | None) -> None:
        """From now on events are those of this link (`link_name`), and only its are handed out."""
        with self._changed:
            for kind in Kind:
                self._backlog.give_back(kind)
            self._backlog.link = link
        self._tell()

    # ---- for who has events --------------------------------------------------------------------

    def put(
        self,
        kind: Kind,
        content: Mapping[str, Any],
        snapshot: bytes | None = None,
        *,
        snapshot_within_s: float = 0.0,
    ) -> int | None:
        """Keep an event that happens now. Waits for nothing, never raises.

        Args:
            content: the message, or the fields.
            snapshot_within_s: it waits so long for its snapshot, which `attach` brings.

        Returns:
            Its number; None where it was not kept: no link, too large, no JSON, closed.
        """
        try:
            text = encode(content)
        except Exception as error:  # a fault of ours, which must not end OctoPrint's thread
            self._keeper.note(error)
            return None
        held_until = time.monotonic() + snapshot_within_s if snapshot_within_s else None
        with self._changed:
            if self._keeper.is_closing:
                return None
            number = self._backlog.add(kind, text, snapshot, held_until)
        self._keeper.wake()
        self._tell()
        return number

    def attach(self, number: int, snapshot: bytes | None) -> bool:
        """Bring the snapshot that an event waits for, or None: it goes without.

        Returns:
            Whether it goes with it; not so where it is under way by now.
        """
        with self._changed:
            taken = self._backlog.attach(number, snapshot)
        self._keeper.wake()
        self._tell()
        return taken

    # ---- for who sends them --------------------------------------------------------------------

    def take(self, kind: Kind, link: str | None = None) -> Entry | None:
        """Hand out the oldest event. It is under way until `confirmed`, `refused` or `give_back`.

        Nothing is handed out while one of its kind is under way.

        Args:
            link: of whoever asks: once another is in use (`use`), it gets nothing. So a connection
                that is about to end sends no event of the next link to its own server.
        """
        with self._changed:
            replaced = link is not None and link != self._backlog.link
            if replaced or self._keeper.is_reading:
                return None
            return self._backlog.take(kind, time.monotonic())

    def waiting(self, kind: Kind) -> int:
        """How many are still to be handed out, one more while it is not known.

        While there are any, hold back what must not overtake them: a status that says a print is
        over would close it on the server before the event tells how it ended.
        """
        with self._changed:
            return self._backlog.waiting(kind) + self._keeper.is_reading

    def snapshot(self, number: int, timeout_s: float = 5.0) -> bytes | None:
        """The snapshot of an event; may wait for the disk. None: it has none, or not in time."""
        with self._changed:
            row = self._backlog.row_of(number)
            if row is None or not row.is_snapshot_stored:
                return row.snapshot if row is not None else None
            question = Question(row.row)
            self._keeper.ask(question)
        self._keeper.wake()
        question.answered.wait(timeout_s)
        return question.answer

    def confirmed(self, number: int) -> None:
        """It has arrived."""
        self._remove(number, lost=False)

    def refused(self, number: int) -> None:
        """It will never arrive: the server does not want it."""
        self._remove(number, lost=True)

    def give_back(self, entry: Entry) -> None:
        """It may not have arrived: it is due again, unless it has been handed out anew since."""
        with self._changed:
            self._backlog.give_back(entry.kind, entry)
        self._keeper.wake()
        self._tell()

    # ---- for who looks -------------------------------------------------------------------------

    def state(self) -> OutboxState:
        """How it stands now."""
        with self._changed:
            backlog, trouble = self._backlog, self._keeper.trouble
            return OutboxState(
                backlog.of_link(),
                backlog.oldest_at(),
                backlog.unwritten,
                backlog.lost,
                backlog.lost_snapshots,
                trouble.problem if trouble is not None else None,
                str(trouble) if trouble is not None else "",
            )

    @property
    def problem(self) -> Problem | None:
        """Why events are not kept on disk; None while they are."""
        return self.state().problem

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is on disk, up to so many seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._backlog.is_written, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Bring all to the disk and end, waiting up to so many seconds. Nothing is kept then."""
        self._keeper.close(timeout_s)

    # ---- inside --------------------------------------------------------------------------------

    def _remove(self, number: int, *, lost: bool) -> None:
        with self._changed:
            self._backlog.remove(number, time.monotonic(), lost=lost)
        self._keeper.wake()
        self._tell()

    def _tell(self, has_read: bool = False) -> None:
        """Tell the senders what they can take."""
        with self._changed:
            now, reading = time.monotonic(), self._keeper.is_reading
            due = [kind for kind in Kind if not reading and self._backlog.has_due(kind, now)]
        for kind in Kind if has_read else due:
            self._on_due(kind)
