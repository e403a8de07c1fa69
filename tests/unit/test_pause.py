"""The wait between two attempts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from octoprint_obico.server.address_watch import AddressWatch
from octoprint_obico.server.pause import Pause
from octoprint_obico.server.waker import Waker

LONG_S = 60.0


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


@pytest.fixture
def pause(waker: Waker) -> Iterator[Pause]:
    pause = Pause(waker)
    yield pause
    pause.close()


def test_it_ends_by_itself(pause: Pause) -> None:
    began = time.monotonic()
    pause.wait(0.05)
    assert 0.05 <= time.monotonic() - began < 5.0


def test_it_is_ended_by_another_thread(pause: Pause) -> None:
    began = time.monotonic()
    threading.Timer(0.05, pause.end).start()
    pause.wait(LONG_S)
    assert time.monotonic() - began < 5.0


def test_an_end_before_the_wait_counts_once(pause: Pause) -> None:
    began = time.monotonic()
    pause.end()
    pause.wait(LONG_S)
    assert time.monotonic() - began < 5.0
    pause.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_what_wakes_the_thread_for_something_else_does_not_end_it(
    pause: Pause, waker: Waker
) -> None:
    """A status that is to be sent while there is no connection."""
    began = time.monotonic()
    waker.wake()
    pause.wait(0.1)
    assert time.monotonic() - began >= 0.1


def test_where_no_address_is_announced_the_wait_goes_on_alone(
    pause: Pause, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another system, or a sandbox without netlink."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("octoprint_obico.server.address_watch.socket.socket", refuse)
    assert AddressWatch().readable is None
    assert not AddressWatch().drain()
    pause.wait(0.02)
