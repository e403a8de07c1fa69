"""The live HTTP channel: its states, over calls of several threads, and what it records."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.channel_state import HTTP_TRANSITIONS, Snapshot, State
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.http_channel import Calls, HttpChannel, log
from sandbox import SandboxServer

from . import faults as f
from .live import AGENT, TOKEN, Move, Records, all_moves

Serve = Callable[[f.Behaviour], f.FaultServer]
Told = list[tuple[Snapshot, Snapshot]]
JSON = "Content-Type: application/json"
THREADS = 4


@contextlib.contextmanager
def channel_of(
    url: str, token: str = TOKEN, records: Records | None = None, told: Told | None = None
) -> Iterator[HttpChannel]:
    record = (records or Records()).record
    changes: Told = told if told is not None else []
    channel = HttpChannel(
        parse_address(url), token, AGENT, record, lambda *change: changes.append(change)
    )
    try:
        yield channel
    finally:
        channel.close()


class Desk:
    """A server that answers /good and /bad at once, what begins with /slow when let, and resets."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def __call__(self, peer: f.Peer) -> None:
        while head := peer.read_head():
            path = head.split()[1]
            if path == b"/reset":
                return peer.reset()
            if path.startswith(b"/slow"):
                assert self.let.wait(f.LIMIT_S)
            status = "200 OK" if path.endswith(b"good") else "500 Internal Server Error"
            peer.send(f.http_bytes(status, b"{}", JSON))


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.let.set()


def ask(channel: HttpChannel, path: str) -> State:
    """Ask once, whatever the answer is; return the state after it."""
    with contextlib.suppress(ChannelError):
        channel.call("GET", path, lambda value: True)
    return channel.snapshot().state


@contextlib.contextmanager
def meanwhile(server: f.FaultServer, channel: HttpChannel, path: str) -> Iterator[Future[State]]:
    """Ask on another thread; the block begins when the server has the question."""
    with ThreadPoolExecutor(1) as pool:
        asked = len(server.heads)
        answer = pool.submit(ask, channel, path)
        assert server.wait_for(lambda: len(server.heads) > asked)
        yield answer


# ---- what is recorded ----------------------------------------------------------------------------


def cause_of(channel: HttpChannel) -> str | None:
    """What the last attempt failed with."""
    error = channel.snapshot().error
    return error.cause.value if error is not None else None


def test_every_call_ends_in_one_record(sandbox: SandboxServer) -> None:
    records = Records()
    with channel_of(sandbox.url, sandbox.printer.token, records) as channel:
        assert channel.who_am_i()["printer"]["id"] == sandbox.printer.id
        sandbox.set_fault("http_500")
        with pytest.raises(ChannelError):
            channel.who_am_i()
        assert cause_of(channel) == "server_error"
        sandbox.clear()
        channel.who_am_i()
        assert cause_of(channel) is None
        assert channel.snapshot().attempts == 3
    assert records.causes() == [None, "server_error", None]


def test_an_uncounted_call_is_seen_but_not_recorded(sandbox: SandboxServer) -> None:
    records = Records()
    sandbox.set_fault("revoked")
    with channel_of(sandbox.url, sandbox.printer.token, records) as channel:
        with pytest.raises(ChannelError):
            channel.who_am_i(counted=False)
        assert cause_of(channel) == "credentials_invalid"
        sandbox.clear()
        channel.who_am_i(counted=False)
        assert cause_of(channel) is None
    assert records.causes() == []


def test_a_fresh_connection_that_is_reset_counts(serve: Serve) -> None:
    records = Records()
    with channel_of(serve(f.reset_after_request).url, records=records) as channel:
        assert ask(channel, "/") is State.WAITING
    assert records.causes() == ["connection_reset"]


# ---- what it writes to the log -------------------------------------------------------------------


def test_a_long_outage_is_two_lines(
    serve: Serve, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, log.name)
    with channel_of(serve(desk).url) as channel:
        for path in ("/good", *["/bad"] * 30, "/good", *["/good"] * 30):
            ask(channel, path)
        lines = [record.getMessage() for record in caplog.records if record.name == log.name]
    first, lost, back = lines
    assert first == "HTTP: connected"
    assert lost.startswith("HTTP: connected -> waiting: server_error")
    assert re.fullmatch(r"HTTP: connected after \d+ s and 30 failed attempts", back)


# ---- states and transitions ----------------------------------------------------------------------


def a_life(serve: Serve, desk: Desk) -> None:
    with channel_of(serve(desk).url) as channel:
        assert channel.snapshot().state is State.OFFLINE
        answers = [ask(channel, path) for path in ("/good", "/good", "/bad", "/bad", "/good")]
    up, down = State.CONNECTED, State.WAITING
    assert answers == [up, up, down, down, up]
    assert channel.snapshot().state is State.STOPPED


def a_failure_beside_a_call_under_way(serve: Serve, desk: Desk) -> None:
    server = serve(desk)
    with channel_of(server.url) as channel:
        ask(channel, "/good")
        with meanwhile(server, channel, "/slow/good") as answer:
            assert channel.snapshot().state is State.CONNECTED, "the last answer was good"
            assert ask(channel, "/bad") is State.CONNECTING
            desk.let.set()
            assert answer.result(f.LIMIT_S) is State.CONNECTED


def closed_while_connecting(serve: Serve, desk: Desk) -> None:
    server = serve(desk)
    desk.let.clear()
    with channel_of(server.url) as channel, meanwhile(server, channel, "/slow/bad") as answer:
        assert channel.snapshot().state is State.CONNECTING
        channel.close()
        stopped = channel.snapshot()
        desk.let.set()
        assert answer.result(f.LIMIT_S) is State.STOPPED
        assert channel.snapshot() == stopped, "what ends later changes nothing"


def closed_while_waiting(serve: Serve, desk: Desk) -> None:
    with channel_of(serve(desk).url) as channel:
        ask(channel, "/bad")


def closed_before_it_began(serve: Serve, desk: Desk) -> None:
    with channel_of(serve(desk).url):
        pass


SCENES = (
    a_life,
    a_failure_beside_a_call_under_way,
    closed_while_connecting,
    closed_while_waiting,
    closed_before_it_began,
)


def test_every_transition_happens_and_no_other(serve: Serve, desk: Desk, moves: list[Move]) -> None:
    for scene in SCENES:
        scene(serve, desk)
    assert set(moves) == all_moves("HTTP", HTTP_TRANSITIONS)
    assert {move.after for move in moves} | {State.OFFLINE} == set(State)


def test_changes_of_state_and_of_cause_are_told(serve: Serve, desk: Desk) -> None:
    told: Told = []
    with channel_of(serve(desk).url, told=told) as channel:
        for path in ("/bad", "/bad", "/reset"):
            ask(channel, path)
    waits = [after.error.cause.value for _, after in told if after.error is not None]
    # begun and ended, three times; closing leaves no cause
    assert waits == ["server_error"] * 3 + ["server_error", "connection_reset"]
    assert told[-1][1].state is State.STOPPED


def test_since_when_it_is_down(serve: Serve, desk: Desk) -> None:
    with channel_of(serve(desk).url) as channel:
        made = channel.snapshot()
        assert made.down_since == made.since
        ask(channel, "/good")
        assert channel.snapshot().down_since is None
        ask(channel, "/bad")
        first = channel.snapshot()
        ask(channel, "/bad")
        assert channel.snapshot().down_since == first.down_since == first.since


def test_a_fault_of_ours_tells_nothing_of_the_server(serve: Serve, desk: Desk) -> None:
    """It goes to whoever asked; the channel is as it was, and no call seems to be under way."""

    def surprised(value: object) -> bool:
        raise KeyError("printer")

    records = Records()
    with channel_of(serve(desk).url, records=records) as channel:
        with pytest.raises(KeyError):
            channel.call("GET", "/good", surprised)
        assert (channel.snapshot().state, channel.snapshot().error) == (State.WAITING, None)
        ask(channel, "/good")
        with pytest.raises(KeyError):
            channel.call("GET", "/good", surprised)
        assert channel.snapshot().state is State.CONNECTED
    assert records.causes() == [None]


def test_several_threads_at_once_leave_it_as_what_ended_last(serve: Serve, desk: Desk) -> None:
    """A reader never sees a state and a cause that do not belong together."""
    inconsistent: list[Snapshot] = []
    told: Told = []
    with channel_of(serve(desk).url, told=told) as channel, ThreadPoolExecutor(THREADS) as pool:

        def work(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(25):
                ask(channel, chance.choice(["/good", "/bad"]))
                now = channel.snapshot()
                up = now.state is State.CONNECTED
                if up is not (now.error is None) or up is not (now.down_since is None):
                    inconsistent.append(now)

        for finished in [pool.submit(work, seed) for seed in range(THREADS)]:
            finished.result(f.LIMIT_S * 3)
        now = channel.snapshot()
        assert now.attempts == THREADS * 25
        assert now.state in (State.CONNECTED, State.WAITING), "none is under way any more"
    assert not inconsistent
    assert told


@given(st.lists(st.sampled_from(["begin", "good", "bad", "fault", "close"]), max_size=30))
def test_the_state_follows_from_what_is_under_way_and_what_ended_last(steps: list[str]) -> None:
    calls, begun, ended, last, closed = Calls(), 0, 0, "", False
    for step in steps:
        before = calls.state
        if step == "begin":
            calls, begun = calls.begin(), begun + 1
        elif step == "close":
            calls, closed = calls.close(), True
        elif ended < begun:
            calls = calls.end({"good": True, "bad": False}.get(step))
            ended, last = ended + 1, last if step == "fault" else step
        wanted = [
            (closed, State.STOPPED),
            (last == "good", State.CONNECTED),
            (ended < begun, State.CONNECTING),
            (begun > 0, State.WAITING),
            (True, State.OFFLINE),
        ]
        assert calls.state is next(state for holds, state in wanted if holds)
        assert calls.state is before or calls.state in HTTP_TRANSITIONS[before]
