"""What is made of the connects of a measured line."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from octoprint_obico.diagnosis.local import line as line_module
from octoprint_obico.diagnosis.local.line import (
    ALL_CONNECTS,
    FIRST_CONNECTS,
    Line,
    Sample,
    lost_packets,
    measure_line,
    resent_packets,
)
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.transport import Target


def line(*samples: tuple[float | None, int | None, bool]) -> Line:
    return Line("192.0.2.1", tuple(Sample(*sample) for sample in samples))


@pytest.mark.parametrize(
    ("seconds", "resent", "fastest", "lost"),
    [
        (0.02, 0, 0.02, 0),
        (1.03, 1, 0.02, 1),
        (3.1, 2, 0.02, 2),
        (None, 2, 0.02, 2),
        (None, 0, 0.02, 1),
        # a line that needs more than 1 s: sent again, but nothing lost
        (1.3, 1, 1.25, 0),
        (2.3, 1, 1.25, 1),
        # not counted by the system
        (0.3, None, 0.02, 0),
        (1.03, None, 0.02, 1),
        (3.1, None, 0.02, 2),
        (None, None, 0.02, 1),
    ],
)
def test_packets_lost_by_one_connect(
    seconds: float | None, resent: int | None, fastest: float, lost: int
) -> None:
    assert lost_packets(Sample(seconds, resent, False), fastest) == lost


def test_nothing_lost() -> None:
    measured = line((0.02, 0, False), (0.04, 0, False), (0.03, 0, False))
    assert (measured.lost, measured.sent, measured.percent) == (0, 3, 0)
    assert measured.median_s == 0.03


def test_the_median_leaves_out_what_was_lost() -> None:
    measured = line((0.02, 0, False), (1.02, 1, False), (3.02, 2, True), (None, 3, True))
    assert measured.median_s == 0.02
    assert (measured.lost, measured.sent) == (6, 10)


def test_a_short_queue_is_no_lossy_line() -> None:
    """What gets lost in a hurry only, and not at the careful pace, was dropped by the server."""
    measured = line((0.02, 0, False), (1.02, 1, False), (0.02, 0, True), (0.02, 0, True))
    assert measured.lost == 0


def test_nothing_measured() -> None:
    assert (line().lost, line().percent, line().median_s) == (0, 0.0, None)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def target(listener: socket.socket) -> Target:
    return Target(socket.AF_INET, listener.getsockname())


def test_a_healthy_line_is_quick(listener: socket.socket) -> None:
    losses: list[int] = []
    measured = measure_line(target(listener), Deadline(6), lambda: losses.append(1))
    assert len(measured.samples) == FIRST_CONNECTS
    assert (measured.lost, losses) == (0, [])
    assert measured.median_s is not None and measured.median_s < 0.2


def test_a_refusal_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        where = target(gone)
    measured = measure_line(where, Deadline(6), lambda: None)
    assert len(measured.samples) == FIRST_CONNECTS
    assert measured.lost == 0


@pytest.mark.parametrize("counted", [True, False], ids=["tcp-info", "by-time"])
def test_a_full_queue_drops_for_real(counted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel drops connects to a full queue: real loss, at the careful pace as well."""
    if not counted:
        monkeypatch.setattr(line_module, "resent_packets", lambda sock: None)
    losses: list[int] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        measured = measure_line(target(full), Deadline(2.6), lambda: losses.append(1))
    assert losses == [1]
    assert measured.percent > 40
    assert any(sample.careful for sample in measured.samples)
    assert len(measured.samples) <= ALL_CONNECTS


def test_the_system_counts_what_is_sent_again(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname(), timeout=5) as sock:
        assert resent_packets(sock) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as no_tcp:
        assert resent_packets(no_tcp) is None
