"""Measures the session's record: memory and time of ten million records.

usage: make benchmark, or python -m benchmarks.session_record [FILE [RECORDS]]

The clock is not the real one: the records lie so far apart that together they fill all minutes and
hours that are kept. Takes one to three minutes.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from itertools import count, cycle, islice
from pathlib import Path
from random import Random
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from benchmarks.simple_counter import SimpleCounter
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.clock import Clock
from octoprint_obico.session.tracker import Tracker

PAGE = Path(__file__).with_name("session_record.md")
RECORDS = 10_000_000
DAYS = 190
"""More than are kept, so that everything is full."""

MOST_BYTES = 2 * 1024 * 1024
ERROR_RATE = 0.05
TIMED_ALONE = 200_000

Record = Callable[[Attempt], None]


@dataclass(frozen=True)
class Measured:
    """One kind of records, given to one kind of tracker."""

    what: str
    records: int
    mean_us: float
    median_us: float
    p99_us: float
    bytes_after: int

    def row(self) -> str:
        cells = (
            self.what,
            f"{self.records:,}",
            f"{self.mean_us:.1f} µs",
            f"{self.median_us:.1f} µs",
            f"{self.p99_us:.1f} µs",
            f"{self.bytes_after / 1024:,.0f} KB",
        )
        return "| " + " | ".join(cells) + " |"


def ordinary() -> list[Attempt]:
    """What a linked printer with two webcams records, one in twenty failed."""
    chance = Random(1)
    facts = {"host": "app.obico.io", "port": 443, "seconds": 60.1, "code": 1006, "reason": ""}
    channels = ("http", "websocket", "websocket", "plugin", "webcam:front", "webcam:back")
    made = []
    for _ in range(10_000):
        channel = chance.choice(channels)
        if chance.random() >= ERROR_RATE:
            made.append(Attempt.success(channel))
            continue
        cause = chance.choice((Cause.WEBSOCKET_DROPPED, Cause.CONNECTION_TIMED_OUT))
        error = ChannelError(cause, Stage.OPEN, "closed after 60.1 s, code 1006", facts)
        made.append(Attempt.failure(channel, error))
    return made


def hostile() -> list[Attempt]:
    """All causes, ever new webcams, texts without end: four of five failed."""
    chance, made = Random(2), []
    for _ in range(2000):
        name = f"{chance.random()}" * 9
        channel = chance.choice(("http", "websocket", "plugin", f"webcam:{name}"))
        facts = {f"{number} {chance.random()}": chr(0x1F600) * 900 for number in range(20)}
        cause = chance.choice(list(Cause))
        failed = chance.random() < 0.8
        message = chr(0x1F600) * 900
        made.append(
            Attempt(channel, False, cause, Stage.OPEN, message, {"seconds": 9.5, **facts})
            if failed
            else Attempt.success(channel)
        )
    return made


def measure(
    what: str, make: Callable[[int], Any], attempts: Sequence[Attempt], records: int
) -> Measured:
    """Record that many attempts, over and over the same ones."""
    tracker = make(records + TIMED_ALONE)
    record: Record = tracker.record
    gc.collect()
    started = time.thread_time()
    for attempt in islice(cycle(attempts), records):
        record(attempt)
    mean_us = (time.thread_time() - started) / records * 1e6
    alone = sorted(_one_by_one(record, attempts))
    if isinstance(tracker, Tracker):
        tracker.session()
    found = Measured(
        what,
        records,
        mean_us,
        alone[len(alone) // 2],
        alone[len(alone) * 99 // 100],
        deep_size(tracker),
    )
    print(found.row(), flush=True)
    return found


def _one_by_one(record: Record, attempts: Sequence[Attempt]) -> Iterator[float]:
    clock = time.thread_time_ns
    for attempt in islice(cycle(attempts), TIMED_ALONE):
        before = clock()
        record(attempt)
        yield (clock() - before) / 1000


def tracker_for(records: int) -> Tracker:
    """A tracker whose clock moves on with each record."""
    step_s = DAYS * 86400 / records
    return Tracker(Clock(count(0.0, step_s).__next__, lambda: 1.7e9))


def counter_for(records: int) -> SimpleCounter:
    """The base line, with the same clock."""
    return SimpleCounter(count(0.0, DAYS * 86400 / records).__next__)


_NOT_ITS_OWN = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Enum)


def deep_size(root: object) -> int:
    """Bytes of an object and of everything that only hangs on it."""
    seen: set[int] = set()
    waiting, size = [root], 0
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, _NOT_ITS_OWN):
            continue
        seen.add(id(item))
        size += sys.getsizeof(item)
        waiting.extend(gc.get_referents(item))
    return size


_PAGE = """\
# The session's record

Written by `make benchmark`; not a test. {machine}

Each row: so many attempts in {days} days of a clock that is not the real one, so that all minutes
and hours that are kept are full. *Mean* is over all records, in one go; *median* and *99 of 100*
are those of {alone:,} more, each timed on its own, which takes time itself. All are the processor's
time, so that what else the machine does counts less. *Memory* is that of the tracker and all that
hangs on it, at the end; it may take 2,048 KB.

- *simple counter*: the base line, counters and a ring of failures without bounds for their texts;
- *ordinary*: http, WebSocket, two webcams and the plugin's own channel, 5 % of attempts failed;
- *hostile*: all causes, ever new names of webcams, 20 facts of 900 characters of four bytes each,
  80 % failed.

| tracker, records | records | mean | median | 99 of 100 | memory |
| --- | --- | --- | --- | --- | --- |
{rows}
"""


def write(page: Path = PAGE, records: int = RECORDS) -> bool:
    """Measure, write the page, and return whether the memory is within its bound."""
    usual, evil = ordinary(), hostile()
    rows: list[Measured] = [
        measure("simple counter, ordinary", counter_for, usual, records),
        measure("session's record, ordinary", tracker_for, usual, records),
        measure("simple counter, hostile", counter_for, evil, records // 10),
        measure("session's record, hostile", tracker_for, evil, records // 10),
    ]
    machine = (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}."
    )
    table = "\n".join(row.row() for row in rows)
    text = _PAGE.format(machine=machine, days=DAYS, alone=TIMED_ALONE, rows=table)
    page.write_text(text, encoding="utf-8")
    return all(row.bytes_after < MOST_BYTES for row in rows[1::2])


def main() -> int:
    """Ends with 1 where the record takes too much memory."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    return 0 if write(page, int(sys.argv[2]) if len(sys.argv) > 2 else RECORDS) else 1


if __name__ == "__main__":
    sys.exit(main())
