"""When the next status goes out: at once on a change, more often while somebody views."""

from __future__ import annotations

import pytest

from octoprint_obico.server.status_pace import (
    STATUS_INTERVAL_S,
    STATUS_PAUSE_S,
    VIEWED_INTERVAL_S,
    StatusPace,
)


class Viewer:
    def __init__(self) -> None:
        self.views = False

    def __call__(self) -> bool:
        return self.views


@pytest.fixture
def viewer() -> Viewer:
    return Viewer()


@pytest.fixture
def pace(viewer: Viewer) -> StatusPace:
    made = StatusPace(viewer)
    made.sent(100.0)
    return made


def test_the_intervals_are_those_of_the_protocol() -> None:
    """PROTOCOL 4.3 and 14: something every 120 s at the least; 50 s, and 10 s while viewed."""
    assert (STATUS_INTERVAL_S, VIEWED_INTERVAL_S) == (50.0, 10.0)


def test_first_of_a_connection_is_due_at_once(pace: StatusPace) -> None:
    pace.begin()
    assert pace.due_at() == float("-inf")


def test_regular_status(pace: StatusPace, viewer: Viewer) -> None:
    assert pace.due_at() == 100.0 + STATUS_INTERVAL_S
    viewer.views = True
    assert pace.due_at() == 100.0 + VIEWED_INTERVAL_S
    viewer.views = False
    assert pace.due_at() == 100.0 + STATUS_INTERVAL_S


def test_change_is_sent_soon_and_a_burst_does_not_postpone_it(pace: StatusPace) -> None:
    for _ in range(50):
        pace.ask()
        assert pace.due_at() == 100.0 + STATUS_PAUSE_S
    pace.sent(100.3)
    assert pace.due_at() == 100.3 + STATUS_INTERVAL_S


def test_change_while_it_is_built_needs_another(pace: StatusPace) -> None:
    pace.ask()
    pace.sent(100.3)
    pace.ask()
    assert pace.due_at() == 100.3 + STATUS_PAUSE_S
