"""The timeline's shapes: from the report's series to what the page draws and its table says."""

from __future__ import annotations

import re

import pytest

from octoprint_obico.web.language import ENGLISH
from octoprint_obico.web.report_timeline import ROW_PX, Timeline, timeline
from octoprint_obico.web.report_view import view
from octoprint_obico.web.report_words import channels_of
from tests.report_scenes import HOUR, SCENES, Scene
from tests.unit.report_maker import NOW, STATUS, report_of

FAILED = [name for name in SCENES if name != "calm"]
SPANS = ("session", "hour")


def drawn(name: str, span: str, part: str | None = None) -> Timeline:
    report = report_of(name)
    found = part or next(each for each in ("server", "webcam", "plugin") if report[each])
    line = timeline(report, channels_of(found, report), found, span)
    assert line is not None
    return line


def boxes(path: str) -> list[tuple[float, float, float, float]]:
    """The boxes of a path as left, bottom, width, height."""
    found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v-([\d.]+)h-[\d.]+z", path)
    assert "".join(f"M{x} {y}h{w}v-{h}h-{w}z" for x, y, w, h in found) == path
    return [tuple(float(each) for each in box) for box in found]  # type: ignore[misc]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("name", FAILED)
def test_all_shapes_lie_in_the_row(name: str, span: str) -> None:
    line = drawn(name, span)
    for row in line.rows:
        for path in (row.attempts, row.errors, row.down):
            for x, y, width, height in boxes(path):
                assert x >= 0 and x + width <= line.length + 1.5
                assert y - height >= 0 and y <= ROW_PX
        for left, width, _ in row.marks:
            assert left >= 0 and left + width <= 1.0001
    for mark in line.episodes:
        assert 0 <= mark.left <= mark.right <= 1
    assert all(0 <= tick.at <= 1 for tick in line.ticks)
    assert 1 <= len(line.ticks) <= 6


@pytest.mark.parametrize("name", FAILED)
def test_the_table_has_the_sums_of_the_session(name: str) -> None:
    report = report_of(name)
    for part in ("server", "webcam", "plugin"):
        if not report[part]:
            continue
        line = drawn(name, "session", part)
        for row in line.rows:
            channel = report["channels"][row.channel]
            assert sum(span.attempts for span in row.spans) == channel["attempts"]
            assert sum(span.errors for span in row.spans) == channel["errors"]
            assert sum(span.down_s for span in row.spans) == pytest.approx(
                channel["down_s"], abs=0.1 * 240
            )
            assert len(row.spans) <= 48
            moments = [moment for span in row.spans for moment in (span.start, span.end)]
            assert moments == sorted(moments)


def test_the_last_hour_is_an_hour() -> None:
    line = drawn("week", "hour")
    assert line.length == HOUR
    assert line.end == NOW
    assert line.episodes == ()


def test_a_single_error_among_thousands_is_seen() -> None:
    line = drawn("outage", "session")
    errors = {row.channel: boxes(row.errors) for row in line.rows}
    assert errors["http"] == []
    [(_, _, width, height)] = errors["websocket"]
    assert height >= 5 and width >= 60


def test_the_band_is_as_long_as_the_outage() -> None:
    line = drawn("outage", "session")
    [row] = [row for row in line.rows if row.channel == "websocket"]
    length = sum(width for _, _, width, _ in boxes(row.down))
    assert length == pytest.approx(4 * HOUR, rel=0.02)
    first = min(x for x, *_ in boxes(row.down))
    assert first == pytest.approx(3 * HOUR, abs=300)


def test_episodes_keep_their_numbers() -> None:
    line = drawn("bursts", "session")
    total = report_of("bursts")["server"]["pattern"]["episodes"]
    assert total > 50
    assert [mark.number for mark in line.episodes] == list(range(total - 49, total + 1))
    labelled = [(mark.left + mark.right) / 2 for mark in line.episodes if mark.labelled]
    assert all(b - a >= 0.09 for a, b in zip(labelled, labelled[1:]))
    shown = view(report_of("bursts"), STATUS, ENGLISH)
    [part] = shown.parts
    assert [episode.number for episode in part.episodes] == list(range(total, total - 50, -1))
    assert part.episodes_before == total - 50


def test_the_numbers_of_a_few_episodes() -> None:
    assert [mark.number for mark in drawn("few", "session").episodes] == [1, 2]


def test_ticks_are_round() -> None:
    assert all(tick.moment % HOUR == 0 for tick in drawn("few", "session").ticks)
    assert all(tick.moment % 86400 == 0 for tick in drawn("week", "session").ticks)


def test_nothing_to_draw() -> None:
    report = report_of(Scene(60, ()))
    assert timeline(report, [], "server", "session") is None


def test_the_first_moment_of_a_session() -> None:
    """A session of a second is drawn as well."""
    scene = Scene(1, ((0.5, "http", "connection_refused", {}),))
    report = report_of(scene)
    line = timeline(report, ["http"], "server", "session")
    assert line is not None and line.length >= 60
    assert boxes(line.rows[0].errors)
