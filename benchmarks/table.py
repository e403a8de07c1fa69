"""The measurements as a page in Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib.metadata import version

from benchmarks.measure import Existing, Healthy, Timed
from octoprint_obico.diagnosis.job import DEADLINE_S

LIBRARIES = ("requests", "urllib3", "websocket-client")

_HEALTHY = """\
## A healthy server

The link is a relay on loopback that passes bytes on half a round trip later, each way. It cannot
delay a TCP connect, which the kernel answers before the relay learns of it; instead the first bytes
of a connection wait for the round trip that connecting would have cost. A connection that is only
opened and closed again, as by the check "Connect", therefore costs nothing here.

*Own round trips* are those that have to come one after the other (in brackets: all, side by side as
well); *ratio* is the time by that of the own round trips. Each time is the
middle one of three runs, with nothing else going on.
"""

_FAULTS = """\
## Faults

{count} faults, {side} side by side, {seconds:.0f} s in all. The time is the run's own, from its
start to its verdict; its limit is {deadline:.0f} s. *Existing behaviour* is that of the plugin that
users have today, measured in the same run: one GET of the printer's API with the token and a
time-out of 30 s, which knows an exception's class or a status, and looks at neither WebSocket nor
webcam. Faults of names and networks cannot be made on loopback: `tests/netns` has them.

Verdict and cause right: {right} of {count}. The slowest: {slowest}. The existing behaviour says
Succeeded in {content} of them, and takes 29 s or longer in {patient}.
"""


def document(
    healthy: Sequence[Healthy], faults: Sequence[Timed], side_by_side: int, seconds: float
) -> str:
    """The whole page."""
    slowest = max(faults, key=lambda row: row.seconds)
    existing = [row.existing for row in faults]
    summary = _FAULTS.format(
        count=len(faults),
        side=side_by_side,
        seconds=seconds,
        deadline=DEADLINE_S,
        right=sum(row.is_right for row in faults),
        slowest=f"{slowest.fault.title}, {_seconds(slowest.seconds)}",
        content=sum(each.answer == "Succeeded" for each in existing),
        patient=sum(each.seconds is None or each.seconds >= 29.0 for each in existing),
    )
    lines = [
        *("# Time to verdict", "", "Written by `make benchmark`; not a test. " + _machine(), ""),
        *(_HEALTHY, *_table(_HEALTHY_HEAD, map(_healthy_row, healthy)), ""),
        *(summary, *_table(_FAULT_HEAD, map(_fault_row, faults)), ""),
    ]
    return "\n".join(lines)


def _machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {libraries}."
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


_HEALTHY_HEAD = (
    *("link", "round trip", "verdict", "time", "own round trips", "ratio"),
    *("existing: time", "existing: answer"),
)
_FAULT_HEAD = (*("fault", "cause found", "right?", "time", "existing: time", "existing: answer"),)


def _healthy_row(row: Healthy) -> Sequence[str]:
    said = ", ".join((row.verdict, *(f"warning {cause}" for cause in row.warnings)))
    return (
        "https" if row.encrypted else "http",
        f"{row.round_trip_s * 1000:.0f} ms",
        said,
        _seconds(row.seconds),
        *_own_round_trips(row),
        *_existing(row.existing),
    )


def _own_round_trips(row: Healthy) -> tuple[str, str]:
    """Without a delay nothing tells what waits for what, so they are not counted then."""
    if row.ratio is None:
        return "–", "–"
    return f"{row.chain} ({row.round_trips})", f"{row.ratio:.2f}"


def _fault_row(row: Timed) -> Sequence[str]:
    right = "yes" if row.is_right else f"no: {row.fault.cause}"
    found = f"`{row.cause}`" if row.cause else row.verdict
    return (row.fault.title, found, right, _seconds(row.seconds), *_existing(row.existing))


def _existing(existing: Existing) -> tuple[str, str]:
    return _seconds(existing.seconds), existing.answer
