"""What the outbox keeps, as data: events, their rows in the file, the limits, the problems."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from .errors import ObicoError
from .moments import Moment
from .words import Word


class Kind(Word):
    """How an event goes to the server. Each kind is in order; neither waits for the other."""

    SOCKET = "socket"
    """A message over the WebSocket (PROTOCOL 5.4)."""

    HTTP = "http"
    """The fields of a POST to printer_events (PROTOCOL 2.5)."""


class Limits(NamedTuple):
    """What is kept at most. Sizes are bytes.

    Attributes:
        total: of all texts and snapshots.
        texts: of the texts alone; these are in memory as well.
        snapshot: of a single snapshot; a larger one is not kept, its event is.
        unwritten: of the snapshots that wait for the disk in memory.
        age_s: seconds after which nobody wants to know any more.
    """

    events: int = 500
    total: int = 20_000_000
    text: int = 64_000
    texts: int = 2_000_000
    snapshot: int = 1_000_000
    unwritten: int = 2_000_000
    age_s: float = 7 * 86_400.0


class Entry(NamedTuple):
    """An event for whoever sends it.

    Attributes:
        number: names it, in this process.
        text: the message or the fields, as JSON.
        happened_at: Unix seconds, by what the clock says now.
        tries: how often it was handed over, this time included.
        has_snapshot: whether a picture belongs to it.
    """

    number: int
    kind: Kind
    text: str
    happened_at: float
    tries: int
    has_snapshot: bool

    @property
    def content(self) -> dict[str, Any]:
        """The message or the fields."""
        value = json.loads(self.text)
        return value if isinstance(value, dict) else {}


class Row(NamedTuple):
    """An event as it stands in the file.

    Attributes:
        size: bytes of its snapshot; 0: it has none.
        snapshot: None also where it is in the file already.
    """

    row: int
    kind: str
    link: str
    text: str
    moment: Moment
    tries: int
    size: int
    snapshot: bytes | None = None

    @property
    def is_snapshot_stored(self) -> bool:
        """Whether the snapshot is in the file, and not here."""
        return self.snapshot is None and self.size > 0

    @property
    def is_sound(self) -> bool:
        """Whether it can be used; a damaged file may hold anything."""
        try:
            Kind(self.kind)
            texts = (self.kind, self.link, self.text, self.moment.boot)
            times = (self.moment.wall, self.moment.since_boot)
            return (
                all(isinstance(text, str) for text in texts)
                and all(math.isfinite(time) and abs(time) < 1e11 for time in times)
                and isinstance(json.loads(self.text), dict)
                and isinstance(self.tries, int)
            )
        except (ValueError, TypeError, RecursionError):
            return False


class Problem(Word):
    """Why events are not kept on disk."""

    UNWRITABLE = "unwritable"
    """No space, no permission, a failing card, or another process that has the file."""

    BROKEN = "broken"
    """The file is damaged; it is moved aside."""

    NEWER = "newer"
    """The file is of a newer version of the plugin; it is left alone."""


class Unusable(ObicoError):
    """The file cannot be used now.

    Attributes:
        rows: what could be read of it all the same.
    """

    def __init__(self, problem: Problem, why: object) -> None:
        super().__init__(" ".join(str(why).split())[:200])
        self.problem = problem
        self.rows: tuple[Row, ...] = ()
