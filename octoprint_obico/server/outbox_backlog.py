"""The printer events that have not arrived yet, in order: what the outbox keeps, without the disk.

Not thread-safe and never slow: the outbox guards it with a lock that everybody may wait for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .moments import Moment, Moments
from .outbox_events import Entry, Kind, Limits, Row

MAX_TRIES = 100
"""An event that fails so often, each time over a connection that works, keeps others waiting."""

SETTLE_S = 1.0
"""For so long the next event waits for the disk to forget the one that has arrived. So a crash
doubles one event at most; a disk that hangs does not keep events from being sent."""

_NOT_HELD = float("-inf")
_CLOCK_TOLERANCE_S = 2.0
"""Smaller corrections of the clock are not worth a write."""


class Batch(NamedTuple):
    """What is to be brought to the file together. Doing it twice does no harm.

    Attributes:
        changes: rows that are there, whose tries or snapshot are others now.
        boot: names this start of the machine.
        boot_at: its Unix seconds, where the clock was set: its rows get theirs anew. Else None.
    """

    deletes: tuple[int, ...]
    inserts: tuple[Row, ...]
    changes: tuple[Row, ...]
    boot: str
    boot_at: float | None
    items: tuple[tuple[_Item, int], ...]

    @property
    def is_empty(self) -> bool:
        return not (self.deletes or self.items or self.boot_at is not None)


class _Item:
    """An event with where it is: `row` once it may be in the file, `saved` once it is."""

    def __init__(self, number: int, kind: Kind, link: str, text: str, moment: Moment) -> None:
        self.number, self.kind, self.link = number, kind, link
        self.text, self.moment = text, moment
        self.snapshot: bytes | None = None
        self.size = self.tries = self.revision = 0
        self.row: int | None = None
        self.saved = self.changed = self.in_flight = False
        self.held_until = _NOT_HELD

    def touch(self) -> None:
        self.changed, self.revision = True, self.revision + 1


class Backlog:
    """Events in order, each until it is confirmed, and what of them the file does not know yet.

    Attributes:
        link: whose events are handed out; others wait until it is theirs again, or they fall out.
        settles: whether an event waits for the disk to forget the one before; off while it fails.
        lost: events that were given up: too many, too old, tried too often, refused.
        lost_snapshots: those whose events were kept without them.
    """

    def __init__(self, limits: Limits, moments: Moments) -> None:
        self._limits, self._moments = limits, moments
        self._items: list[_Item] = []
        self._doomed: set[int] = set()
        self._settling: dict[Kind, tuple[int, float]] = {}
        self._next_number, self._lowest_number, self._next_row = 1, 1, 1
        self._texts = self._sizes = 0
        self._boot_at = moments.boot_at()
        self.link: str | None = None
        self.settles = True
        self.lost = self.lost_snapshots = 0

    def __len__(self) -> int:
        return len(self._items)

    # ---- for the senders -----------------------------------------------------------------------

    def add(
        self, kind: Kind, text: str, snapshot: bytes | None, held_until: float | None
    ) -> int | None:
        """Append an event of the present link; return its number, None where it is not kept."""
        if self.link is None:
            return None
        if len(text) > self._limits.text:
            self.lost += 1
            return None
        moment = self._moments.now()
        item = _Item(self._next_number, kind, self.link, text, moment)
        item.held_until = _NOT_HELD if held_until is None else held_until
        self._next_number += 1
        self._items.append(item)
        self._texts += len(text)
        if snapshot:
            self._attach(item, snapshot)
        self._trim()
        return item.number

    def attach(self, number: int, snapshot: bytes | None) -> bool:
        """Give an event the snapshot it waited for; None: there is none. Return whether it was."""
        item = self._find(number)
        if item is None or item.in_flight or item.size:
            return False
        item.held_until = _NOT_HELD
        if snapshot:
            self._attach(item, snapshot)
        self._trim()
        return item.size > 0

    def take(self, kind: Kind, now: float) -> Entry | None:
        """Hand out the oldest event; None while one is under way, so that at most it is doubled."""
        item = self._due(kind, now)
        if item is None:
            return None
        item.in_flight, item.tries = True, item.tries + 1
        item.touch()
        at = self._moments.unix(item.moment)
        return Entry(item.number, kind, item.text, at, item.tries, item.size > 0)

    def has_due(self, kind: Kind, now: float) -> bool:
        return self._due(kind, now) is not None

    def held_until(self) -> float | None:
        """When the next event stops waiting for its snapshot; None where none does."""
        held = [item.held_until for item in self._items if item.held_until > _NOT_HELD]
        return min(held, default=None)

    def release(self, now: float) -> None:
        """Let events go without a snapshot that did not come in time."""
        for item in self._items:
            if item.held_until <= now:
                item.held_until = _NOT_HELD

    def waiting(self, kind: Kind) -> int:
        """How many are still to be handed out."""
        return sum(1 for item in self._of_link(kind) if not item.in_flight)

    def of_link(self) -> int:
        """How many have not arrived yet."""
        return sum(1 for item in self._items if item.link == self.link)

    def oldest_at(self) -> float | None:
        """Unix seconds of the oldest that has not arrived yet."""
        item = next((item for item in self._items if item.link == self.link), None)
        return None if item is None else self._moments.unix(item.moment)

    def remove(self, number: int, now: float, *, lost: bool = False) -> None:
        """Forget an event: it has arrived, or is given up. One that is gone already may be."""
        item = self._find(number)
        if item is None:
            return
        self._drop(item, lost)
        if item.row is not None:
            self._settling[item.kind] = (item.row, now)

    def give_back(self, kind: Kind, entry: Entry | None = None) -> None:
        """What was handed out did not arrive: it is due again. With `entry`, only if it was that.

        An event that was handed out again since has been tried once more.
        """
        for item in [item for item in self._items if item.kind is kind and item.in_flight]:
            if entry is not None and (item.number, item.tries) != (entry.number, entry.tries):
                continue
            item.in_flight = False
            if item.tries >= MAX_TRIES:
                self._drop(item, True)

    def drop_old(self) -> None:
        """Give up what is too old."""
        for item in list(self._items):
            if self._moments.age_s(item.moment) > self._limits.age_s:
                self._drop(item, True)

    # ---- for the file --------------------------------------------------------------------------

    @property
    def is_written(self) -> bool:
        """Whether nothing would be lost, and nothing sent twice, if the process ended now.

        How often an event was tried may be missing: that is written with the next change.
        """
        return not self._doomed and self.unwritten == 0

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write, be it only a number of tries or the time."""
        changed = any(item.changed for item in self._items)
        return changed or not self.is_written or (self._clock_was_set and bool(self._items))

    @property
    def unwritten(self) -> int:
        """How many events are in memory only, or lack their snapshot in the file."""
        return sum(1 for item in self._items if not item.saved or item.snapshot is not None)

    @property
    def unwritten_snapshots(self) -> int:
        """Bytes of the snapshots in memory."""
        return sum(len(item.snapshot) for item in self._items if item.snapshot is not None)

    def reconcile(self, rows: Sequence[Row]) -> None:
        """Take what the file really holds, after it was opened: as the older events."""
        found = {row.row for row in rows}
        known = {item.row for item in self._items} | self._doomed
        for item in self._items:
            if item.row not in found:
                item.saved = False
                if item.snapshot is None:
                    self._strip(item)
        self._doomed &= found
        self._next_row = max(self._next_row, max(found, default=0) + 1)
        strangers = [row for row in rows if row.row not in known]
        self._lowest_number -= len(strangers)
        adopted = []
        for number, row in enumerate(strangers, self._lowest_number):
            moment = self._moments.read_again(row.moment)
            item = _Item(number, Kind(row.kind), row.link, row.text, moment)
            item.size, item.tries, item.row, item.saved = row.size, row.tries, row.row, True
            self._texts += len(row.text)
            self._sizes += row.size
            adopted.append(item)
            off_s = abs(self._moments.unix(row.moment) - row.moment.wall)
            if moment.boot == self._moments.boot and off_s > _CLOCK_TOLERANCE_S:
                self._boot_at = float("-inf")
        self._items[:0] = adopted
        self.drop_old()
        self._trim()

    def batch(self) -> Batch:
        """All that the file does not know. Only after it was reconciled: rows are numbered here."""
        for item in self._items:
            if item.row is None:
                item.row, self._next_row = self._next_row, self._next_row + 1
        new = [item for item in self._items if not item.saved]
        changed = [item for item in self._items if item.saved and item.changed]
        return Batch(
            tuple(self._doomed),
            tuple(self._row(item) for item in new),
            tuple(self._row(item) for item in changed),
            self._moments.boot,
            self._moments.boot_at() if self._clock_was_set else None,
            tuple((item, item.revision) for item in (*new, *changed)),
        )

    def written(self, batch: Batch) -> None:
        """The batch is in the file; what has changed meanwhile stays to be written."""
        self._doomed.difference_update(batch.deletes)
        if batch.boot_at is not None:
            self._boot_at = batch.boot_at
        for item, revision in batch.items:
            item.saved = True
            if item.revision == revision:
                item.changed, item.snapshot = False, None

    def row_of(self, number: int) -> Row | None:
        """The event as it is to be in the file; None where it is gone."""
        item = self._find(number)
        return None if item is None else self._row(item)

    # ---- inside --------------------------------------------------------------------------------

    @property
    def _clock_was_set(self) -> bool:
        return abs(self._moments.boot_at() - self._boot_at) > _CLOCK_TOLERANCE_S

    def _row(self, item: _Item) -> Row:
        moment, row = item.moment, item.row or 0
        return Row(
            row, item.kind, item.link, item.text, moment, item.tries, item.size, item.snapshot
        )

    def _find(self, number: int) -> _Item | None:
        return next((item for item in self._items if item.number == number), None)

    def _of_link(self, kind: Kind) -> Iterator[_Item]:
        return (item for item in self._items if item.kind is kind and item.link == self.link)

    def _due(self, kind: Kind, now: float) -> _Item | None:
        row, since = self._settling.get(kind, (0, 0.0))
        if self.settles and row in self._doomed and now - since < SETTLE_S:
            return None
        first = next(self._of_link(kind), None)
        if first is None or first.held_until > now:
            return None
        return None if any(item.in_flight for item in self._of_link(kind)) else first

    def _attach(self, item: _Item, snapshot: bytes) -> None:
        if len(snapshot) > self._limits.snapshot:
            self.lost_snapshots += 1
            return
        item.snapshot, item.size = snapshot, len(snapshot)
        self._sizes += item.size
        item.touch()

    def _strip(self, item: _Item) -> None:
        if item.size:
            self._sizes -= item.size
            item.snapshot, item.size = None, 0
            self.lost_snapshots += 1
            item.touch()

    def _drop(self, item: _Item, lost: bool) -> None:
        self._items.remove(item)
        self._texts -= len(item.text)
        self._sizes -= item.size
        self.lost += lost
        if item.row is not None:  # it may be in the file, also while that is being written
            self._doomed.add(item.row)

    def _trim(self) -> None:
        """Bring everything within the limits: snapshots go first, then the oldest events."""
        limits = self._limits
        unwritten = self.unwritten_snapshots
        for item in self._items:
            in_memory = item.snapshot is not None
            if in_memory and unwritten > limits.unwritten:
                unwritten -= item.size
            elif self._texts + self._sizes <= limits.total:
                continue
            self._strip(item)
        while (
            len(self._items) > limits.events
            or self._texts > limits.texts
            or self._texts + self._sizes > limits.total
        ):
            oldest = min(self._items, key=lambda item: (item.in_flight, item.link == self.link))
            self._drop(oldest, True)
