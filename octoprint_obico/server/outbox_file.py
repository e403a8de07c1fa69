"""The outbox's file: SQLite, so that neither a crash nor a power cut leaves half an event.

Only the outbox's own thread uses it. Imported when there is something to keep: sqlite3 takes a
moment to load on a Raspberry Pi.

How it is set up. With a write-ahead log an event costs one write at the log's end and one sync,
where a rollback journal costs three syncs and the making and removing of a file: an SD card wears
with each and takes from 10 ms to seconds over it. `synchronous = FULL` syncs with every commit;
with NORMAL a power cut takes all since the last checkpoint, which is what must not be. The lock is
held as long as the file is open: a second OctoPrint with the same folder is refused instead of
sending everything twice, and no memory shared between processes is needed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .moments import Moment
from .outbox_backlog import Batch
from .outbox_events import Kind, Limits, Problem, Row, Unusable

BUSY_S = 1.0
"""How long a lock of another process is waited for."""

_STEPS = (
    "CREATE TABLE events (row INTEGER PRIMARY KEY, kind TEXT NOT NULL, link TEXT NOT NULL,"
    " text TEXT NOT NULL, wall REAL NOT NULL, since_boot REAL NOT NULL, boot TEXT NOT NULL,"
    " tries INTEGER NOT NULL, snapshot BLOB)",
)
"""What each version of the file added to the one before."""

SCHEMA = len(_STEPS)
"""The version that this code writes; it refuses newer ones."""

_COLUMNS = "row, kind, link, text, wall, since_boot, boot, tries"
_PRAGMAS = (
    "locking_mode = EXCLUSIVE",  # before the journal mode: then nothing is shared
    "journal_mode = WAL",
    "synchronous = FULL",
    "journal_size_limit = 1000000",
    "cache_size = -256",  # kB; the default of 2 MB is much for a few events
    "temp_store = MEMORY",
)
_COMPACT_PAGES = 64


@contextmanager
def _converted() -> Iterator[None]:
    """Raise what goes wrong as Unusable.

    For a damaged file sqlite3 raises DatabaseError itself, and for all else one derived from it;
    codes that tell more came with Python 3.11.
    """
    try:
        yield
    except sqlite3.Error as error:
        damaged = type(error) is sqlite3.DatabaseError
        raise Unusable(Problem.BROKEN if damaged else Problem.UNWRITABLE, error) from error
    except OSError as error:
        raise Unusable(Problem.UNWRITABLE, error.strerror or error) from error


class OutboxFile:
    """An open file. Every method raises Unusable; then it has to be closed, and opened anew.

    Args:
        path: where it stands, or is made, for its owner alone; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        with _converted():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self._db = sqlite3.connect(str(path), timeout=BUSY_S, isolation_level=None)
        try:
            with _converted():
                self._set_up()
        except Unusable:
            self._db.close()
            raise

    def _set_up(self) -> None:
        self._db.text_factory = lambda data: data.decode("utf-8", "replace")
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        version = int(self._one("PRAGMA user_version"))
        if version > SCHEMA:
            raise Unusable(Problem.NEWER, f"its version is {version}, not {SCHEMA}")
        if 0 <= version < SCHEMA:
            with self._transaction():
                for step in _STEPS[version:]:
                    self._db.execute(step)
                self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        columns = [row[1] for row in self._db.execute("PRAGMA table_info(events)")]
        if ", ".join(columns) != f"{_COLUMNS}, snapshot":
            raise Unusable(Problem.BROKEN, "its tables are not those of the outbox")

    def load(self, limits: Limits) -> list[Row]:
        """The newest events without their snapshots, the oldest first; all else is removed.

        Raises:
            Unusable: with the events that could be read before and behind the damage.
        """
        rows: dict[int, Row] = {}
        try:
            with _converted(), self._transaction():
                self._read(rows, limits, "DESC")
                found = self._db.execute("SELECT row FROM events").fetchall()
                removed = [row for row in found if row[0] not in rows]
                self._db.executemany("DELETE FROM events WHERE row = ?", removed)
        except Unusable as error:
            with suppress(sqlite3.Error):
                self._read(rows, limits, "ASC")
            error.rows = tuple(rows[row] for row in sorted(rows))
            raise
        return [rows[row] for row in sorted(rows)]

    def _read(self, rows: dict[int, Row], limits: Limits, order: str) -> None:
        """Add events until all are there, or the damage is met."""
        found = self._db.execute(
            f"SELECT {_COLUMNS}, coalesce(length(snapshot), 0) FROM events"
            f" WHERE length(text) <= ? AND length(link) <= 200 ORDER BY row {order} LIMIT ?",
            (limits.text, limits.events),
        )
        for row, kind, link, text, wall, since_boot, boot, tries, size in found:
            read = Row(row, kind, link, text, Moment(wall, since_boot, boot), tries, size)
            if read.is_sound:
                rows[row] = read

    def write(self, batch: Batch) -> None:
        """Bring a batch to the disk: all of it or nothing. It is there when this returns."""
        with _converted(), self._transaction():
            deletes = [(row,) for row in batch.deletes]
            self._db.executemany("DELETE FROM events WHERE row = ?", deletes)
            self._db.executemany(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_values(row) for row in batch.inserts],
            )
            self._db.executemany(
                "UPDATE events SET tries = ?, snapshot = CASE WHEN ? THEN snapshot ELSE ? END"
                " WHERE row = ?",
                [(r.tries, r.is_snapshot_stored, r.snapshot, r.row) for r in batch.changes],
            )
            if batch.boot_at is not None:
                self._db.execute(
                    "UPDATE events SET wall = since_boot + ? WHERE boot = ?",
                    (batch.boot_at, batch.boot),
                )

    def snapshot(self, row: int) -> bytes | None:
        """The snapshot of an event; None where it has none."""
        with _converted():
            found = self._db.execute("SELECT snapshot FROM events WHERE row = ?", (row,)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else None

    def close(self, *, compact: bool = False) -> None:
        """Close it. What was written stays written, also where this fails.

        Args:
            compact: give a large file's unused space back; cheap while there are no events in it.
        """
        with suppress(sqlite3.Error):
            if compact and int(self._one("PRAGMA page_count")) > _COMPACT_PAGES:
                self._db.execute("VACUUM")
        with suppress(sqlite3.Error):
            self._db.close()

    def _one(self, query: str) -> str:
        row = self._db.execute(query).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # it has rolled back by itself, or never will
                self._db.execute("ROLLBACK")
            raise


def _values(row: Row) -> tuple[object, ...]:
    moment = row.moment
    times = (moment.wall, moment.since_boot, moment.boot)
    return (row.row, str(Kind(row.kind)), row.link, row.text, *times, row.tries, row.snapshot)


def move_aside(path: Path) -> None:
    """Keep a damaged file under another name, in place of one that was kept before.

    Raises:
        Unusable: it cannot be moved.
    """
    with _converted():
        path.replace(path.with_name(path.name + ".broken"))
    for ending in ("-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + ending).unlink()
