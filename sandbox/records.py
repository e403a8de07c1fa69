"""What the sandbox server has received: bounded lists, newest last, without any token in them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar, cast

HIDDEN = "<token>"
LIMITS = {"requests": 1000, "frames": 1000, "pictures": 100, "events": 200, "connections": 200}


@dataclass
class RequestRecord:
    """One HTTP request or WebSocket handshake. `at` is in Unix seconds.

    status: None until it is answered, and for ever where it never was.
    header_names: lower case, sorted. token_sent: an Authorization header was there.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    header_names: tuple[str, ...]
    token_sent: bool
    status: int | None = None


@dataclass
class FrameRecord:
    """One data frame of the agent; `data` is parsed JSON, or the bytes of a binary frame."""

    at: float
    printer_id: int
    connection_id: int
    data: Any


@dataclass
class PictureRecord:
    """One accepted picture. The bytes of the newest are at the printer, not here."""

    at: float
    printer_id: int
    size: int
    width: int
    height: int
    format: str
    viewing_boost: bool
    is_primary_camera: bool
    is_nozzle_camera: bool
    camera_name: str


@dataclass
class EventRecord:
    """One printer event (the bell in the app)."""

    at: float
    printer_id: int
    fields: dict[str, Any] = field(default_factory=dict)
    snapshot_size: int | None = None


@dataclass
class ConnectionRecord:
    """One WebSocket of an agent. Times in Unix seconds.

    closed_by: "server", "agent" (it sent a close frame) or "lost" (TCP ended without one).
    close_code: of the first close frame; 1006 where there was none; None while it is open.
    """

    id: int
    printer_id: int
    opened_at: float
    closed_at: float | None = None
    close_code: int | None = None
    closed_by: str | None = None
    frames: int = 0
    pings_received: int = 0
    pongs_received: int = 0

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


Record = TypeVar("Record", RequestRecord, FrameRecord, PictureRecord, EventRecord, ConnectionRecord)


class Records:
    """The lists, guarded by `changed`, which is notified on every change."""

    def __init__(
        self,
        changed: threading.Condition,
        redact: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._changed = changed
        self._redact = redact
        self.now = now
        self._lists: Mapping[str, deque[Any]] = {
            kind: deque(maxlen=limit) for kind, limit in LIMITS.items()
        }

    def add(self, kind: str, record: Record) -> Record:
        with self._changed:
            self._lists[kind].append(record)
            self._changed.notify_all()
        return record

    def update(self, record: Record, **changes: Any) -> None:
        """Change fields of a record that was added before."""
        with self._changed:
            for name, value in changes.items():
                setattr(record, name, value)
            self._changed.notify_all()

    def count(self, record: ConnectionRecord, counter: str) -> None:
        """Add one to a counter of a connection."""
        self.update(record, **{counter: getattr(record, counter) + 1})

    def copies(self, kind: str) -> list[Any]:
        """Copies of the records of that kind, newest last. Raises KeyError."""
        with self._changed:
            return [replace(record) for record in self._lists[kind]]

    def as_json(self, kind: str, limit: int) -> list[dict[str, Any]]:
        """The newest `limit` records, ready for JSON, tokens hidden. Raises KeyError."""
        newest = self.copies(kind)[-limit:] if limit > 0 else []
        return [cast("dict[str, Any]", self.presentable(asdict(record))) for record in newest]

    def presentable(self, value: Any) -> Any:
        """The value with tokens hidden and bytes replaced by their number."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, bytes):
            return {"binary_bytes": len(value)}
        if isinstance(value, dict):
            return {self._redact(str(k)): self.presentable(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.presentable(item) for item in value]
        return value

    def forget(self) -> None:
        """Empty the lists; open connections stay listed."""
        with self._changed:
            for kind, records in self._lists.items():
                kept = [r for r in records if kind == "connections" and r.is_open]
                records.clear()
                records.extend(kept)
            self._changed.notify_all()
