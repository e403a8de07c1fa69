"""The session as a drawing: from the report's series to shapes, for the page to write as SVG.

Lengths on the axis of time are seconds since its beginning (the page stretches them to its width);
those across it are pixels. Pure: the same data give the same shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .language import parsed

BAR_PX = 30
"""Height of the highest bar."""

BASE_PX = 32
"""Where the bars stand, from the top of a row."""

BAND_PX, BAND_TOP_PX = 6, 36
"""The band below the bars, where the channel was down."""

ROW_PX = 44

_LEAST_ERROR_PX = 5
"""One error among a thousand attempts must be seen."""

_LABEL_GAP = 0.09
"""Share of the width that the number of an episode needs for itself."""

_MOST_SPANS = 48
"""Rows of the table of a channel; more of them nobody reads."""

HOUR_S = 3600.0


@dataclass(frozen=True)
class Span:
    """A stretch of time of one channel, as the table tells it. Times are Unix seconds."""

    start: float
    end: float
    attempts: int
    errors: int
    down_s: float


@dataclass(frozen=True)
class Row:
    """One channel: three paths, and the same figures for the table.

    Attributes:
        marks: the spans in which something failed, with where they begin and how long they are,
            in shares of the axis.
    """

    channel: str
    attempts: str
    errors: str
    down: str
    spans: tuple[Span, ...]
    marks: tuple[tuple[float, float, Span], ...]


@dataclass(frozen=True)
class Mark:
    """An episode: where it is in shares of the axis, and its number if there is room for that."""

    left: float
    right: float
    number: int
    labelled: bool


@dataclass(frozen=True)
class Tick:
    """A label of the axis, at a share of it (0 to 1); Unix seconds."""

    at: float
    moment: float


@dataclass(frozen=True)
class Timeline:
    """What is drawn for one part. Times are Unix seconds."""

    start: float
    end: float
    rows: tuple[Row, ...]
    episodes: tuple[Mark, ...]
    ticks: tuple[Tick, ...]

    @property
    def length(self) -> float:
        return self.end - self.start


def timeline(
    report: Mapping[str, Any], channels: Sequence[str], part: str, span: str
) -> Timeline | None:
    """The drawing of a part, or None where nothing was tried in that time.

    Args:
        channels: the part's channels, in the order in which they are shown.
        span: "session" or "hour".
    """
    found = report.get("timeline", {}).get(span, {})
    series = {name: found[name] for name in channels if found.get(name)}
    if not series:
        return None
    start, end = _limits(report, series, span)
    rows = tuple(_row(name, item, start, end) for name, item in series.items())
    section = report[part] or {}
    marks = _episodes(section.get("recent_episodes", ()), section, start, end)
    return Timeline(start, end, rows, marks, _ticks(start, end))


def seconds(iso: str) -> float:
    """A moment of the report's JSON in Unix seconds."""
    return parsed(iso).timestamp()


def _limits(
    report: Mapping[str, Any], series: Mapping[str, Mapping[str, Any]], span: str
) -> tuple[float, float]:
    """From the session's start, or an hour ago, until now."""
    end = seconds(report["generated_at"])
    start = seconds(report["session_started_at"])
    if span == "hour":
        start = max(start, end - HOUR_S)
    first = min(seconds(item["start"]) for item in series.values())
    start = min(start, first) if span == "session" else max(min(start, first), end - HOUR_S)
    return start, max(end, start + 60.0)


def _row(channel: str, item: Mapping[str, Any], start: float, end: float) -> Row:
    spans = list(_spans(item, start, end))
    most = max((span.attempts for span in spans), default=0)
    attempts, errors = [], []
    for span in spans:
        x, width = span.start - start, span.end - span.start
        if span.attempts:
            attempts.append(_box(x, width, BASE_PX, max(2.0, BAR_PX * span.attempts / most)))
        if span.errors:
            height = max(_LEAST_ERROR_PX, BAR_PX * span.errors / most)
            errors.append(_box(x, width, BASE_PX, height))
    folded = _folded(spans)
    length = end - start
    return Row(
        channel,
        "".join(attempts),
        "".join(errors),
        _band(spans, start),
        _without_quiet_rows(folded),
        tuple(
            ((span.start - start) / length, (span.end - span.start) / length, span)
            for span in folded
            if span.errors or span.down_s
        ),
    )


def _spans(item: Mapping[str, Any], start: float, end: float) -> Sequence[Span]:
    """The steps of a series, as far as they lie in the drawing."""
    first, step = seconds(item["start"]), float(item["step_s"])
    spans = []
    for index, (attempts, errors, down) in enumerate(
        zip(item["attempts"], item["errors"], item["down_s"])
    ):
        begin = first + index * step
        left, right = max(begin, start), min(begin + step, end)
        if right > left:
            spans.append(Span(left, right, attempts, errors, min(down, right - left)))
    return spans


def _box(x: float, width: float, base: float, height: float) -> str:
    """A box that stands on `base`."""
    return f"M{x:.0f} {base:g}h{width:.0f}v{-height:.3g}h{-width:.0f}z"


def _band(spans: Sequence[Span], start: float) -> str:
    """Where it was down; within a step at the side where the neighbour was down as well."""
    boxes = []
    for index, span in enumerate(spans):
        if span.down_s <= 0:
            continue
        width = span.end - span.start
        length = min(width, max(span.down_s, width / 4))  # a second of a day is seen as well
        goes_on = index + 1 < len(spans) and spans[index + 1].down_s > 0
        came = index > 0 and spans[index - 1].down_s > 0
        x = span.start - start + (width - length if goes_on and not came else 0.0)
        boxes.append(_box(x, length, BAND_TOP_PX + BAND_PX, BAND_PX))
    return "".join(boxes)


def _folded(spans: Sequence[Span]) -> list[Span]:
    """The same figures in at most so many spans as the table has rows."""
    size = -(-len(spans) // _MOST_SPANS) or 1
    return [_sum(spans[index : index + size]) for index in range(0, len(spans), size)]


def _without_quiet_rows(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Neighbours in which nothing failed are one row."""
    rows: list[Span] = []
    for span in spans:
        calm = not span.errors and not span.down_s
        if calm and rows and not rows[-1].errors and not rows[-1].down_s:
            rows[-1] = _sum([rows[-1], span])
        else:
            rows.append(span)
    return tuple(row for row in rows if row.attempts or row.down_s)


def _sum(spans: Sequence[Span]) -> Span:
    return Span(
        spans[0].start,
        spans[-1].end,
        sum(span.attempts for span in spans),
        sum(span.errors for span in spans),
        sum(span.down_s for span in spans),
    )


def _episodes(
    found: Sequence[Mapping[str, Any]], section: Mapping[str, Any], start: float, end: float
) -> tuple[Mark, ...]:
    """The episodes that can be seen, numbered as in the list, labelled where there is room."""
    marks: list[Mark] = []
    labelled = -1.0
    for number, episode in numbered(found, section):
        left = (seconds(episode["start"]) - start) / (end - start)
        right = (seconds(episode["end"]) - start) / (end - start)
        if right < 0 or left > 1:
            continue
        left, right = max(left, 0.0), min(max(right, left), 1.0)
        room = (left + right) / 2 - labelled >= _LABEL_GAP
        labelled = (left + right) / 2 if room else labelled
        marks.append(Mark(left, right, number, room))
    return tuple(marks)


def numbered(
    found: Sequence[Mapping[str, Any]], section: Mapping[str, Any]
) -> list[tuple[int, Mapping[str, Any]]]:
    """The episodes that are still known with their numbers in the session, from 1."""
    total = section.get("pattern", {}).get("episodes", len(found))
    first = max(0, total - len(found))
    return [(first + index, episode) for index, episode in enumerate(found, 1)]


_STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MOST_TICKS = 5


def _ticks(start: float, end: float) -> tuple[Tick, ...]:
    """Round times of UTC; the page's script puts those of the reader's zone in their place."""
    length = end - start
    days = next((n for n in range(1, 400) if length / (n * 86400) <= _MOST_TICKS), 400) * 86400
    step = next((step for step in _STEPS_S if length / step <= _MOST_TICKS), days)
    moment = (start // step + 1) * step
    ticks = []
    while moment <= end:
        ticks.append(Tick((moment - start) / length, moment))
        moment += step
    return tuple(ticks)
