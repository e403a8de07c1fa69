"""The outbox: order, at least once, nothing lost, whatever happens to the process and the disk."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from octoprint_obico.server import outbox_backlog, outbox_file, outbox_keeper
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.moments import CLOCK_SET_AFTER, Moment, Moments
from octoprint_obico.server.outbox import FILE_NAME, Outbox, OutboxState, link_name
from octoprint_obico.server.outbox_backlog import MAX_TRIES, Backlog
from octoprint_obico.server.outbox_events import Entry, Kind, Limits, Problem, Row, Unusable

SOCKET, HTTP = Kind.SOCKET, Kind.HTTP
LIMIT_S = 10.0
NOW = 1_790_000_000.0
LONG = int(os.environ.get("OBICO_PROPERTY_EXAMPLES", "0"))
"""For a longer search in the test against a model, with other examples each time."""

pytestmark = pytest.mark.timeout(120 + LONG)
JPEG = b"\xff\xd8\xff picture"


class Time:
    """A machine's clocks, at the test's will."""

    def __init__(self, wall: float = NOW, since_boot: float = 100.0, boot: str = "first") -> None:
        self.wall, self.since_boot, self.boot = wall, since_boot, boot

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.since_boot += seconds

    def moments(self) -> Moments:
        return Moments(lambda: self.wall, lambda: self.since_boot, self.boot)


class Box:
    """An outbox under test: one process' life."""

    def __init__(self, path: Path, link: str | None = "link", **more: Any) -> None:
        self._told = threading.Condition()
        self.faults: list[Attempt] = []
        self.states = 0
        self._taken: dict[Kind, Entry] = {}
        more.setdefault("pauses", lambda: repeat(0.02))
        self.outbox = Outbox(
            path,
            record=self.faults.append,
            on_due=lambda kind: self._tell(),
            on_state=self._on_state,
            **more,
        )
        self.outbox.use(link)
        self.outbox.start()

    def _tell(self) -> None:
        with self._told:
            self._told.notify_all()

    def _on_state(self) -> None:
        self.states += 1
        self._tell()

    def put(self, name: object, kind: Kind = SOCKET, **more: Any) -> int:
        number = self.outbox.put(kind, {"name": name}, **more)
        assert number is not None
        return number

    def until(self, condition: Callable[[OutboxState], bool]) -> OutboxState:
        with self._told:
            met = self._told.wait_for(lambda: condition(self.outbox.state()), LIMIT_S)
        assert met, self.outbox.state()
        return self.outbox.state()

    def take(self, kind: Kind = SOCKET) -> Entry:
        """The next event, once it is due."""
        found: list[Entry] = []

        def taken() -> bool:
            entry = self.outbox.take(kind)
            found.extend([entry] if entry is not None else [])
            return entry is not None

        with self._told:
            assert self._told.wait_for(taken, LIMIT_S), self.outbox.state()
        self._taken[kind] = found[0]
        return found[0]

    def give_back(self, kind: Kind = SOCKET) -> None:
        """What was taken last may not have arrived."""
        self.outbox.give_back(self._taken[kind])

    def drain(self, kind: Kind = SOCKET) -> list[Any]:
        """Send and confirm all that is there; return what it was."""
        names = []
        with self._told:
            assert self._told.wait_for(lambda: not self.outbox._keeper.is_reading, LIMIT_S)
        while self.outbox.waiting(kind):
            entry = self.take(kind)
            names.append(entry.content["name"])
            self.outbox.confirmed(entry.number)
        return names

    def flushed(self) -> Box:
        assert self.outbox.flush(LIMIT_S)
        return self

    def close(self) -> None:
        self.outbox.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE_NAME


@pytest.fixture
def make(path: Path) -> Iterator[Callable[..., Box]]:
    """Makes boxes one after another, each of which ends the one before."""
    boxes: list[Box] = []

    def made(**more: Any) -> Box:
        for box in boxes:
            box.close()
        boxes.append(Box(more.pop("path", path), **more))
        return boxes[-1]

    yield made
    for box in boxes:
        box.close()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "obico-outbox"]


def rows(path: Path) -> list[tuple[Any, ...]]:
    """What stands in a file that is not open."""
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT text, wall, tries, snapshot FROM events ORDER BY row").fetchall()
    finally:
        db.close()


def held_writing(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """A disk that hangs: set when it is written to, and what lets it go on."""
    writing, go_on = threading.Event(), threading.Event()
    write = outbox_file.OutboxFile.write

    def hangs(file: outbox_file.OutboxFile, batch: Any) -> None:
        writing.set()
        assert go_on.wait(LIMIT_S)
        write(file, batch)

    monkeypatch.setattr(outbox_file.OutboxFile, "write", hangs)
    return writing, go_on


# ---- the ordinary way ----------------------------------------------------------------------------


def test_without_an_event_there_is_no_file_no_thread_and_no_database(tmp_path: Path) -> None:
    code = """
import sys, threading
from pathlib import Path
from octoprint_obico.server.outbox import Kind, Outbox
box = Outbox(Path(sys.argv[1]), record=print, on_due=print, on_state=lambda: None)
box.use("link")
box.start()
assert box.take(Kind.SOCKET) is None and box.waiting(Kind.SOCKET) == 0
box.close()
assert "sqlite3" not in sys.modules and threading.active_count() == 1
"""
    path = tmp_path / FILE_NAME
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_events_come_out_in_order_one_at_a_time(make: Callable[..., Box]) -> None:
    box = make()
    for name in range(5):
        box.put(name)
    first = box.take()
    assert first.content == {"name": 0}
    assert (first.kind, first.tries, first.has_snapshot) == (SOCKET, 1, False)
    assert box.outbox.take(SOCKET) is None, "one is under way"
    assert box.outbox.waiting(SOCKET) == 4
    assert box.outbox.state().waiting == 5
    box.outbox.confirmed(first.number)
    assert box.drain() == [1, 2, 3, 4]
    assert box.outbox.state() == OutboxState(0, None, 0, 0, 0, None, "")


def test_an_event_can_be_taken_at_once_without_waiting_for_the_disk(
    make: Callable[..., Box], path: Path
) -> None:
    """So nothing that is sent later can overtake it."""
    box = make(path=path / "no" / "folder")
    number = box.put("end")
    assert box.outbox.waiting(SOCKET) == 1
    entry = box.outbox.take(SOCKET)
    assert entry is not None and entry.number == number


def test_the_two_kinds_do_not_wait_for_each_other(make: Callable[..., Box]) -> None:
    box = make()
    for name in range(4):
        box.put(name, Kind("http") if name % 2 else SOCKET)
    assert box.take(SOCKET).content == {"name": 0}
    assert box.take(HTTP).content == {"name": 1}
    assert box.outbox.take(SOCKET) is box.outbox.take(HTTP) is None
    box.give_back(HTTP)
    assert box.outbox.take(SOCKET) is None
    assert box.take(HTTP).content == {"name": 1}


def test_what_is_returned_is_due_again_and_counts_its_tries(make: Callable[..., Box]) -> None:
    box = make()
    box.put("a")
    box.put("b")
    for tries in (1, 2, 3):
        entry = box.take()
        assert (entry.content["name"], entry.tries) == ("a", tries)
        box.give_back()
    box.flushed()
    box = make()
    assert box.take().tries == 4, "counted over a restart"


def test_what_fails_again_and_again_is_given_up(make: Callable[..., Box]) -> None:
    """It would keep all others waiting."""
    box = make()
    box.put("poison")
    box.put("next")
    for _ in range(MAX_TRIES):
        assert box.take().content == {"name": "poison"}
        box.give_back()
    assert box.drain() == ["next"]
    assert box.outbox.state().lost == 1


def test_what_the_server_refuses_is_given_up(make: Callable[..., Box], path: Path) -> None:
    box = make()
    box.put("bad")
    box.outbox.refused(box.take().number)
    box.put("good")
    assert box.drain() == ["good"]
    assert box.outbox.state().lost == 1
    box.flushed().close()
    assert rows(path) == []


def test_confirming_twice_or_something_unknown_does_nothing(make: Callable[..., Box]) -> None:
    box = make()
    number = box.put("a")
    box.outbox.confirmed(12345)
    assert box.take().number == number
    box.outbox.confirmed(number)
    box.outbox.confirmed(number)
    box.outbox.refused(number)
    assert (box.outbox.state().waiting, box.outbox.state().lost) == (0, 0)


def test_events_of_another_link_are_not_handed_out(make: Callable[..., Box]) -> None:
    box = make()
    box.put("of the first")
    box.take()
    box.outbox.use("other")
    assert box.outbox.take(SOCKET) is None
    assert box.outbox.state().waiting == 0
    box.put("of the other")
    assert box.drain() == ["of the other"]
    box.flushed()
    box = make(link="other")
    box.put("later")
    assert box.drain() == ["later"]
    box.outbox.use("link")
    assert box.drain() == ["of the first"], "back again"


def test_a_connection_that_is_replaced_gets_nothing_and_takes_nothing_back(
    make: Callable[..., Box],
) -> None:
    """It ends on a thread of its own, a while after the next one has begun."""
    box = make()
    box.put("a")
    old = box.outbox.take(SOCKET, "link")
    assert old is not None
    box.outbox.use("link")  # the same printer, trusted otherwise
    new = box.outbox.take(SOCKET, "link")
    assert new is not None and new.number == old.number
    box.outbox.give_back(old)
    assert box.outbox.take(SOCKET) is None, "it is under way on the new one"
    box.outbox.give_back(new)
    assert box.take().content == {"name": "a"}
    box.outbox.use("other")
    box.put("b")
    assert box.outbox.take(SOCKET, "link") is None
    assert box.outbox.take(SOCKET, "other") is not None


def test_nothing_is_kept_without_a_link(make: Callable[..., Box], path: Path) -> None:
    box = make(link=None)
    assert box.outbox.put(SOCKET, {}) is None
    box.close()
    assert not path.exists()


def test_a_links_name_tells_neither_address_nor_token() -> None:
    one = parse_address("http://one.example")
    name = link_name(one, "0123456789abcdef")
    assert "example" not in name and "0123456789abcdef" not in name and len(name) == 32
    assert name == link_name(one, "0123456789abcdef")
    assert name != link_name(one, "0123456789abcdeF")
    assert name != link_name(parse_address("http://two.example"), "0123456789abcdef")


class Odd(dict[str, Any]):
    """Raises what no encoder would."""

    def items(self) -> Any:
        raise KeyError("odd")


@pytest.mark.parametrize(
    "content",
    [{"x": float("nan")}, {"x": object()}, Odd(x=1)],
    ids=["not a number", "object", "raises"],
)
def test_what_is_no_json_is_a_fault_and_never_raised(
    make: Callable[..., Box], content: Any
) -> None:
    box = make()
    assert box.outbox.put(SOCKET, content) is None
    box.put("next")
    assert box.drain() == ["next"]
    box.flushed().close()
    assert [fault.channel for fault in box.faults] == ["plugin"]


def test_no_thread_to_be_had_is_no_error_of_the_event(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    box = make()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        box.put("a")
    box.put("b")
    box.flushed()
    assert box.drain() == ["a", "b"]


def test_the_file_is_for_its_owner_alone(make: Callable[..., Box], path: Path) -> None:
    path.touch(0o644)
    box = make()
    box.put("a")
    box.flushed()
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == [FILE_NAME, FILE_NAME + "-wal"]
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_the_thread_ends_when_there_is_nothing_to_keep_and_begins_anew(
    make: Callable[..., Box], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_keeper, "LINGER_S", 0.0)
    box = make()
    for name in range(3):
        box.put(name)
        assert box.drain() == [name]
        box.flushed()
        for thread in [each for each in threading.enumerate() if each.name == "obico-outbox"]:
            thread.join(LIMIT_S)
        assert threads() == []
        assert [each.name for each in path.parent.iterdir()] == [FILE_NAME], "closed"
    box.put("stays", snapshot=JPEG)
    assert make().drain() == ["stays"]


def test_close_writes_what_is_left_and_then_nothing_is_taken(
    make: Callable[..., Box], path: Path
) -> None:
    box = make()
    for name in range(50):
        box.put(name)
    box.close()
    assert len(rows(path)) == 50
    assert threads() == []
    assert box.outbox.put(SOCKET, {}) is None
    box.close()


# ---- restart -------------------------------------------------------------------------------------


def test_after_a_restart_all_that_was_not_confirmed_is_due_in_order(
    make: Callable[..., Box],
) -> None:
    box = make()
    for name in range(6):
        box.put(name)
    box.outbox.confirmed(box.take().number)
    assert box.take().content == {"name": 1}, "under way when it ends"
    box.flushed()
    box = make()
    box.put("new")
    assert box.drain() == [1, 2, 3, 4, 5, "new"]
    box.flushed()
    assert make().drain() == []


def with_an_old_event(make: Callable[..., Box]) -> None:
    """An earlier run has left an event, and has ended."""
    box = make()
    box.put("old")
    box.close()


def test_new_events_wait_for_the_older_ones_to_be_read(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_old_event(make)
    reading, go_on = threading.Event(), threading.Event()
    load = outbox_file.OutboxFile.load

    def slow(file: outbox_file.OutboxFile, limits: Limits) -> Any:
        reading.set()
        assert go_on.wait(LIMIT_S)
        return load(file, limits)

    monkeypatch.setattr(outbox_file.OutboxFile, "load", slow)
    box = make()
    assert reading.wait(LIMIT_S)
    assert box.outbox.waiting(SOCKET) == 1, "not known yet: better wait"
    box.put("new")
    assert box.outbox.take(SOCKET) is None
    go_on.set()
    assert box.drain() == ["old", "new"]


def test_a_disk_that_does_not_read_does_not_keep_new_events_for_ever(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_old_event(make)
    go_on = threading.Event()
    load = outbox_file.OutboxFile.load

    def hangs(file: outbox_file.OutboxFile, limits: Limits) -> Any:
        assert go_on.wait(LIMIT_S)
        return load(file, limits)

    monkeypatch.setattr(outbox_file.OutboxFile, "load", hangs)
    monkeypatch.setattr(outbox_keeper, "READ_S", 0.0)
    box = make()
    box.put("new")
    assert box.take().content == {"name": "new"}
    go_on.set()
    assert box.flushed().outbox.state().waiting == 2
    box.give_back()
    assert box.drain() == ["old", "new"]


def test_putting_waits_for_no_disk(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs: everything but the disk goes on, and nothing is lost by it."""
    writing, go_on = held_writing(monkeypatch)
    monkeypatch.setattr(outbox_backlog, "SETTLE_S", 0.0)
    box = make()
    box.put(0)
    assert writing.wait(LIMIT_S)
    for name in range(1, 20):
        box.put(name)
    first = box.take()
    box.outbox.confirmed(first.number)
    assert box.take().content == {"name": 1}
    assert box.outbox.state().unwritten == 19
    assert not box.outbox.flush(0.0)
    box.give_back()
    go_on.set()
    assert make().drain() == list(range(1, 20)), "what was confirmed while it was written is gone"


def test_the_next_event_waits_until_the_file_has_forgotten_the_one_before(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a crash would double both."""
    box = make()
    box.put("a")
    box.put("b")
    box.flushed()
    writing, go_on = held_writing(monkeypatch)
    box.outbox.confirmed(box.take().number)
    assert writing.wait(LIMIT_S)
    assert box.outbox.take(SOCKET) is None
    assert box.outbox.waiting(SOCKET) == 1
    go_on.set()
    assert box.take().content == {"name": "b"}


def test_who_waits_for_the_reading_is_told_that_there_was_nothing(
    make: Callable[..., Box], path: Path
) -> None:
    """A status that was held back meanwhile is to be sent now."""
    make().put("a")
    assert make().drain() == ["a"]
    make().close()
    told = threading.Semaphore(0)
    outbox = Outbox(
        path, record=print, on_due=lambda kind: told.release(), on_state=lambda: None
    )  # fmt: skip
    outbox.start()
    assert all(told.acquire(timeout=LIMIT_S) for _ in Kind)
    assert outbox.waiting(SOCKET) == 0
    outbox.close()


# ---- snapshots -----------------------------------------------------------------------------------


def test_a_snapshot_goes_with_its_event_over_a_restart(make: Callable[..., Box]) -> None:
    box = make()
    box.put("with", HTTP, snapshot=JPEG)
    box.put("without", HTTP)
    box.flushed()
    for _ in range(2):
        entry = box.take(HTTP)
        assert entry.has_snapshot
        assert box.outbox.snapshot(entry.number) == JPEG
        box = make()
    entry = box.take(HTTP)
    box.outbox.confirmed(entry.number)
    assert box.outbox.snapshot(entry.number) is None
    entry = box.take(HTTP)
    assert not entry.has_snapshot
    assert box.outbox.snapshot(entry.number) is None


def test_an_event_waits_for_its_snapshot_but_not_long(make: Callable[..., Box]) -> None:
    box = make()
    number = box.put("a", HTTP, snapshot_within_s=60.0)
    box.put("b", HTTP)
    assert box.outbox.take(HTTP) is None
    assert box.outbox.attach(number, JPEG)
    assert not box.outbox.attach(number, b"another")
    entry = box.take(HTTP)
    assert box.outbox.snapshot(entry.number) == JPEG
    assert not box.outbox.attach(number, b"too late")
    box.outbox.confirmed(number)
    assert not box.outbox.attach(number, b"too late")
    assert box.drain(HTTP) == ["b"]
    box.put("never comes", HTTP, snapshot_within_s=0.05)
    assert box.drain(HTTP) == ["never comes"]
    number = box.put("none to be had", HTTP, snapshot_within_s=60.0)
    assert not box.outbox.attach(number, None)
    assert box.drain(HTTP) == ["none to be had"]


def test_a_snapshot_that_comes_after_its_event_was_written_is_written_too(
    make: Callable[..., Box],
) -> None:
    box = make()
    number = box.put("a", HTTP, snapshot_within_s=60.0)
    box.flushed()
    assert box.outbox.attach(number, JPEG)
    box.flushed()
    box = make()
    assert box.outbox.snapshot(box.take(HTTP).number) == JPEG


def test_a_snapshot_that_comes_while_its_event_is_written_is_written_too(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = held_writing(monkeypatch)
    box = make()
    number = box.put("a", HTTP, snapshot_within_s=60.0)
    assert writing.wait(LIMIT_S)
    assert box.outbox.attach(number, JPEG)
    go_on.set()
    box.flushed()
    box = make()
    assert box.outbox.snapshot(box.take(HTTP).number) == JPEG


def test_a_snapshot_that_the_disk_does_not_give_is_gone(make: Callable[..., Box]) -> None:
    box = make()
    box.put("a", HTTP, snapshot=JPEG)
    box.flushed()
    entry = box.take(HTTP)
    assert box.outbox.snapshot(entry.number, timeout_s=0.0) in (None, JPEG)


# ---- limits --------------------------------------------------------------------------------------


def test_the_oldest_fall_out_and_it_is_said_once(
    make: Callable[..., Box], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    box = make(limits=Limits(events=10))
    for name in range(30):
        box.put(name)
    state = box.flushed().until(lambda state: state.lost == 20)
    assert state.waiting == 10
    assert box.drain() == list(range(20, 30))
    box.flushed().close()
    assert rows(path) == []
    texts = [record.getMessage() for record in caplog.records if "given up" in record.message]
    assert len(texts) == 2, texts
    assert texts[1].startswith("20 ")


def test_events_of_a_former_link_fall_out_first(make: Callable[..., Box]) -> None:
    box = make(limits=Limits(events=3))
    box.outbox.use("former")
    box.put("former")
    box.outbox.use("link")
    for name in range(3):
        box.put(name)
    assert box.drain() == [0, 1, 2]


def test_snapshots_fall_out_before_events(make: Callable[..., Box]) -> None:
    box = make(limits=Limits(total=2500, unwritten=2500))
    for name in range(4):
        box.put(name, HTTP, snapshot=bytes(1000))
    state = box.outbox.state()
    assert (state.waiting, state.lost, state.lost_snapshots) == (4, 0, 2)
    box.flushed()
    box = make()
    kept = []
    for _ in range(4):
        entry = box.take(HTTP)
        kept.append(len(box.outbox.snapshot(entry.number) or b""))
        box.outbox.confirmed(entry.number)
    assert kept == [0, 0, 1000, 1000]


def test_what_is_too_large_is_not_kept(make: Callable[..., Box]) -> None:
    box = make(limits=Limits(text=100, snapshot=100))
    assert box.outbox.put(SOCKET, {"name": "x" * 100}) is None
    box.put("a", HTTP, snapshot=bytes(101))
    assert not box.take(HTTP).has_snapshot
    assert (box.outbox.state().lost, box.outbox.state().lost_snapshots) == (1, 1)


def test_what_is_too_old_is_given_up(make: Callable[..., Box]) -> None:
    time = Time()
    box = make(moments=time.moments())
    box.put("old")
    time.go(Limits().age_s - 60.0)
    box.put("young")
    box.flushed()
    box = make(moments=time.moments())
    time.go(61.0)
    box.put("wakes it")
    box.until(lambda state: state.lost == 1)
    assert box.drain() == ["young", "wakes it"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "put", "put", "write", "take", "confirm", "link"]),
            st.integers(0, 30),
            st.integers(0, 120),
        ),
        max_size=60,
    )
)
def test_the_limits_hold_whatever_is_put(steps: list[tuple[str, int, int]]) -> None:
    limits = Limits(events=8, total=400, text=25, texts=100, snapshot=100, unwritten=150)
    backlog = Backlog(limits, Time().moments())
    backlog.link = "a"
    added: list[int] = []
    rows: list[Row | None] = []
    file: dict[int, int] = {}
    for step, length, picture in steps:
        if step == "put":
            number = backlog.add(HTTP, "x" * length, bytes(picture), None)
            assert (number is None) is (length > limits.text)
            added.extend([number] if number is not None else [])
        elif step == "write":
            batch = backlog.batch()
            for row in batch.deletes:
                file.pop(row, None)
            for change in (*batch.inserts, *batch.changes):
                file[change.row] = len(change.text) + change.size
            backlog.written(batch)
        elif step == "take":
            backlog.take(HTTP, 0.0)
        elif step == "confirm" and added:
            backlog.remove(added[length % len(added)], 0.0)
        else:
            backlog.link = "a" if backlog.link == "b" else "b"
        rows = [backlog.row_of(number) for number in added]
        left = [row for row in rows if row is not None]
        assert len(left) == len(backlog) <= limits.events
        assert sum(len(row.text) for row in left) <= limits.texts
        assert sum(len(row.text) + row.size for row in left) <= limits.total
        assert backlog.unwritten_snapshots <= limits.unwritten
        assert len(file) <= limits.events and sum(file.values()) <= limits.total
    batch = backlog.batch()
    assert len(batch.inserts) == sum(row is not None and row.row not in file for row in rows)


# ---- when it happened ----------------------------------------------------------------------------


def test_an_event_tells_when_it_happened(make: Callable[..., Box]) -> None:
    time = Time()
    box = make(moments=time.moments())
    box.put("a")
    time.go(3600.0)
    assert box.outbox.state().oldest_at == NOW
    assert box.take().happened_at == NOW


def test_a_clock_that_is_set_later_mends_the_times(make: Callable[..., Box], path: Path) -> None:
    """The machine starts in 1970, a print ends, a restart, a time server answers."""
    time = Time(wall=100.0)
    box = make(moments=time.moments())
    box.put("a")
    box.flushed()
    box = make(moments=time.moments())
    time.go(60.0)
    time.wall = NOW + 60.0
    assert box.take().happened_at == NOW
    box.give_back()  # something to write: the time goes with it
    box.flushed().close()
    assert rows(path)[0][1] == pytest.approx(NOW)
    later = Time(NOW + 7200.0, 10.0, "second")
    assert make(moments=later.moments()).take().happened_at == NOW, "also in the next boot"


def test_a_clock_that_was_never_set_loses_no_event(make: Callable[..., Box]) -> None:
    box = make(moments=Time(wall=100.0).moments())
    box.put("a")
    box.flushed()
    second = Time(NOW, 10.0, "second")
    box = make(moments=second.moments())
    assert box.take().happened_at == NOW, "nothing more is known than that it is past"


def test_no_event_of_a_former_boot_is_of_the_future() -> None:
    ahead = Moment(NOW + 1e6, 5.0, "first")
    assert Time(NOW, 1.0, "second").moments().unix(ahead) == NOW
    assert Time(NOW, 1.0, "second").moments().age_s(ahead) == 0.0
    unset = Time(100.0, 1.0, "second").moments()
    assert unset.unix(ahead) == ahead.wall, "here it is the clock of now that is wrong"
    assert unset.age_s(Moment(NOW, 5.0, "first")) == 0.0


def test_the_real_clocks() -> None:
    moments = Moments()
    moment = moments.now()
    assert moment.wall > CLOCK_SET_AFTER
    assert moments.unix(moment) == pytest.approx(moment.wall, abs=1.0)
    assert 0.0 <= moments.age_s(moment) < 1.0
    assert Moments().boot == moments.boot, "the same for every process of one boot"


# ---- a disk that fails ---------------------------------------------------------------------------


def test_where_nothing_can_be_written_events_stay_in_memory_and_are_sent(
    make: Callable[..., Box], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    box = make(path=folder / FILE_NAME)
    box.put("a", HTTP, snapshot=JPEG)
    state = box.until(lambda state: state.problem is not None)
    assert (state.problem, state.unwritten) == (Problem.UNWRITABLE, 1)
    assert box.outbox.problem is Problem.UNWRITABLE
    assert box.states == 1
    assert str(tmp_path) not in state.detail
    entry = box.take(HTTP)
    assert box.outbox.snapshot(entry.number) == JPEG
    box.outbox.confirmed(entry.number)
    for name in range(3):
        box.put(name)
    folder.mkdir()
    box.until(lambda state: state.problem is None)
    assert box.states == 2
    box.flushed()
    assert make(path=folder / FILE_NAME).drain() == [0, 1, 2]
    assert len([record for record in caplog.records if record.levelno > logging.INFO]) == 1


def test_a_problem_is_told_as_long_as_it_lasts_also_when_nothing_waits(
    make: Callable[..., Box], tmp_path: Path
) -> None:
    tries, folder = threading.Semaphore(0), tmp_path / "folder"

    def pauses() -> Iterator[float]:
        while True:
            tries.release()
            yield 0.01

    box = make(path=folder / FILE_NAME, pauses=pauses)
    box.put("a")
    box.until(lambda state: state.problem is not None)
    assert box.drain() == ["a"]
    for _ in range(5):
        assert tries.acquire(timeout=LIMIT_S)
    assert (box.outbox.problem, box.states) == (Problem.UNWRITABLE, 1)
    folder.mkdir()
    box.until(lambda state: state.problem is None)
    assert box.states == 2


def test_a_write_that_fails_after_it_was_done_doubles_nothing(
    make: Callable[..., Box], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose outcome is not known, as of a disk that fails in the midst of it."""
    write, calls = outbox_file.OutboxFile.write, count()

    def fails_after(file: outbox_file.OutboxFile, batch: Any) -> None:
        write(file, batch)
        if next(calls) in (0, 2):
            raise Unusable(Problem.UNWRITABLE, "disk I/O error")

    monkeypatch.setattr(outbox_file.OutboxFile, "write", fails_after)
    box = make()
    box.put("a", HTTP, snapshot=JPEG)
    box.until(lambda state: state.problem is not None)
    box.flushed()
    box.put("b", HTTP)
    box.flushed()
    box = make()
    entry = box.take(HTTP)
    assert box.outbox.snapshot(entry.number) == JPEG
    box.give_back(HTTP)
    assert box.drain(HTTP) == ["a", "b"]


def test_a_file_that_another_process_uses_is_left_to_it(
    make: Callable[..., Box], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_file, "BUSY_S", 0.05)
    make().put("old")
    make().close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    box = make()
    assert box.until(lambda state: state.problem is not None).problem is Problem.UNWRITABLE
    box.put("new")
    assert box.outbox.state().waiting == 1
    other.close()
    assert box.until(lambda state: state.problem is None).waiting == 2
    assert box.drain() == ["old", "new"], "what was in the file happened before"


def test_closing_does_not_wait_for_a_disk_that_fails(
    make: Callable[..., Box], tmp_path: Path
) -> None:
    box = make(path=tmp_path / "no" / FILE_NAME, pauses=lambda: repeat(60.0))
    box.put("a")
    box.until(lambda state: state.problem is not None)
    box.close()
    assert threads() == []


def test_memory_is_bounded_while_the_disk_fails(make: Callable[..., Box], tmp_path: Path) -> None:
    limits = Limits(events=20, unwritten=10_000)
    box = make(path=tmp_path / "no" / FILE_NAME, limits=limits)
    for name in range(200):
        box.put(name, HTTP, snapshot=bytes(1000))
    state = box.outbox.state()
    assert (state.waiting, state.lost) == (20, 180)
    assert state.lost_snapshots >= 190 - 20


GARBAGE = {
    "text": b"no database at all, but long enough to hold a header of one hundred bytes" * 9,
    "zeros": bytes(8192),
    "header only": b"SQLite format 3\x00",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_file_that_is_no_database_is_moved_aside(
    make: Callable[..., Box], path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    box = make()
    box.put("a")
    box.flushed()
    assert box.outbox.problem is None
    box.close()
    assert [row[0] for row in rows(path)] == ['{"name":"a"}']
    aside = path.with_name(FILE_NAME + ".broken")
    assert aside.read_bytes() == content
    path.write_bytes(content + b"again")
    make().put("b")
    assert make().drain() == ["b"]
    assert aside.read_bytes() == content + b"again", "one is kept at most"
    assert sorted(each.name for each in path.parent.iterdir()) == [
        FILE_NAME, FILE_NAME + "-wal", FILE_NAME + ".broken",
    ] or not path.with_name(FILE_NAME + "-wal").exists()  # fmt: skip
    assert len([record for record in caplog.records if "moved aside" in record.message]) == 2


def test_other_tables_are_no_outbox(make: Callable[..., Box], path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE events (something)")
    db.execute(f"PRAGMA user_version = {outbox_file.SCHEMA}")
    db.close()
    make().put("a")
    assert make().drain() == ["a"]
    assert path.with_name(FILE_NAME + ".broken").exists()


def test_damage_that_only_writing_meets(make: Callable[..., Box], path: Path) -> None:
    """In the list of free pages: reading does not touch it."""
    box = make()
    for name in range(50):
        box.put(name, HTTP, snapshot=bytes(10_000))
    box.put("kept")
    box.flushed()
    for _ in range(50):
        box.outbox.confirmed(box.take(HTTP).number)
    box.flushed().close()
    content = bytearray(path.read_bytes())
    page_size, free = int.from_bytes(content[16:18], "big"), int.from_bytes(content[32:36], "big")
    start = (free - 1) * page_size
    content[start : start + page_size] = b"\xaa" * page_size
    path.write_bytes(content)
    box = make()
    for name in range(20):
        box.put(name, SOCKET, snapshot=bytes(10_000))
    box.flushed()
    assert box.outbox.problem is None
    assert path.with_name(FILE_NAME + ".broken").exists()
    assert make().drain() == ["kept", *range(20)]


def test_odd_rows_are_passed_over(make: Callable[..., Box], path: Path) -> None:
    good = make()
    good.put("a")
    good.close()
    db = sqlite3.connect(path)
    base: dict[str, Any] = {
        "kind": "socket", "link": "link", "text": "{}", "wall": NOW, "since_boot": 1.0,
        "boot": "b", "tries": 0, "snapshot": None,
    }  # fmt: skip
    odd: list[dict[str, Any]] = [
        {"kind": "pigeon"}, {"kind": 5}, {"link": b"x"}, {"link": "x" * 300}, {"text": "{"},
        {"text": "[]"}, {"text": b"{}"}, {"text": "[" * 60_000}, {"text": "x" * 70_000},
        {"wall": "soon"}, {"wall": 1e300}, {"wall": float("inf")}, {"since_boot": "x"},
        {"boot": b"\xff"}, {"tries": "many"},
    ]  # fmt: skip
    for change in odd:
        marks = ", ".join("?" * len(base))
        values = tuple({**base, **change}.values())
        db.execute(f"INSERT INTO events ({', '.join(base)}) VALUES ({marks})", values)
    db.execute("INSERT INTO events SELECT 99, kind, link, CAST(x'7b22ff' AS TEXT), wall,"
               " since_boot, boot, tries, 'no bytes' FROM events LIMIT 1")  # fmt: skip
    db.commit()
    db.close()
    box = make()
    box.put("b")
    assert box.drain() == ["a", "b"]
    box.flushed().close()
    assert rows(path) == []


def test_a_file_of_a_newer_version_is_left_alone(make: Callable[..., Box], path: Path) -> None:
    make().put("a")
    make().close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {outbox_file.SCHEMA + 1}")
    db.close()
    before = path.read_bytes()
    box = make()
    box.put("b")
    assert box.until(lambda state: state.problem is not None).problem is Problem.NEWER
    assert box.drain() == ["b"]
    box.close()
    assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date(
    make: Callable[..., Box], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().put("a")
    make().close()
    steps = (*outbox_file._STEPS, "CREATE INDEX later ON events (link)")
    monkeypatch.setattr(outbox_file, "_STEPS", steps)
    monkeypatch.setattr(outbox_file, "SCHEMA", len(steps))
    box = make()
    box.put("b")
    assert box.drain() == ["a", "b"]
    box.close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (len(steps),)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone() == (1,)
    db.close()


def test_a_fault_of_ours_does_not_end_the_thread(
    make: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octoprint_obico.server.faults.RESTART_S", 0.01)
    write, calls = outbox_file.OutboxFile.write, count()

    def bad(file: outbox_file.OutboxFile, batch: Any) -> None:
        if not next(calls):
            raise KeyError("a fault")
        write(file, batch)

    monkeypatch.setattr(outbox_file.OutboxFile, "write", bad)
    box = make()
    box.put("a")
    box.flushed()
    assert [fault.channel for fault in box.faults] == ["plugin"]
    assert make().drain() == ["a"]


# ---- against a model -----------------------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """Whatever is done, and however it ends: order, at least once, nothing lost, nothing doubled
    but what was under way."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox"))
        self.lives = count()
        self.names = count()
        self.path = self.folder / "0"
        self.link = "a"
        self.events: list[tuple[str, Kind, int, bytes]] = []
        self.hidden: list[tuple[str, Kind, int, bytes]] = []
        self.under_way: dict[Kind, Entry] = {}
        self.other: sqlite3.Connection | None = None
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(outbox_file, "BUSY_S", 0.001)
        self.patch.setattr(outbox_keeper, "LINGER_S", 0.0)

    @initialize()
    def begin(self) -> None:
        self.box = Box(self.path, self.link)

    def mine(self, kind: Kind) -> list[tuple[str, Kind, int, bytes]]:
        return [event for event in self.events if event[:2] == (self.link, kind)]

    def begin_anew(self) -> None:
        self.under_way.clear()
        self.box = Box(self.path, self.link)

    @rule(kind=st.sampled_from(Kind), picture=st.sampled_from([b"", b"", JPEG]))
    def put(self, kind: Kind, picture: bytes) -> None:
        name = next(self.names)
        self.box.put(name, kind, snapshot=picture or None)
        self.events.append((self.link, kind, name, picture))

    @rule(kind=st.sampled_from(Kind))
    def take(self, kind: Kind) -> None:
        mine = self.mine(kind)
        if kind in self.under_way or not mine:
            assert self.box.outbox.take(kind) is None
            return
        entry = self.box.take(kind)
        assert entry.content["name"] == mine[0][2]
        picture = mine[0][3]
        assert entry.has_snapshot is bool(picture)
        if picture:
            assert self.box.outbox.snapshot(entry.number) == picture
        self.under_way[kind] = entry

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), given_up=st.booleans())
    def confirm(self, data: st.DataObject, given_up: bool) -> None:
        kind = data.draw(st.sampled_from(sorted(self.under_way)))
        outbox = self.box.outbox
        end = outbox.refused if given_up else outbox.confirmed
        end(self.under_way.pop(kind).number)
        self.events.remove(self.mine(kind)[0])

    @rule(kind=st.sampled_from(Kind))
    def connection_lost(self, kind: Kind) -> None:
        if kind in self.under_way:
            self.box.outbox.give_back(self.under_way.pop(kind))

    @rule(link=st.sampled_from("ab"))
    def linked_anew(self, link: str) -> None:
        self.box.outbox.use(link)
        self.link = link
        self.under_way.clear()

    @precondition(lambda self: self.other is None)
    @rule()
    def restart(self) -> None:
        self.box.close()
        self.begin_anew()

    @precondition(lambda self: self.other is None)
    @rule()
    def crash(self) -> None:
        """The next life sees the files as they are this moment."""
        self.box.flushed()
        path = self.folder / str(next(self.lives) + 1)
        for ending in ("-wal", ""):  # in this order: what leaves the log is in the file by then
            with suppress(FileNotFoundError):
                source = self.path.with_name(self.path.name + ending)
                shutil.copyfile(source, path.with_name(path.name + ending))
        self.box.close()
        self.path = path
        self.begin_anew()

    @precondition(lambda self: self.other is None)
    @rule()
    def restart_with_a_disk_that_fails(self) -> None:
        self.box.close()
        self.other = sqlite3.connect(self.path, isolation_level=None)
        self.other.execute("BEGIN EXCLUSIVE")
        self.begin_anew()
        self.box.until(lambda state: state.problem is not None)
        self.hidden, self.events = self.events, []

    @precondition(lambda self: self.other is not None)
    @rule()
    def disk_works_again(self) -> None:
        assert self.other is not None
        self.other.close()
        self.other = None
        self.box.until(lambda state: state.problem is None)
        for entry in self.under_way.values():  # it stays so, the older ones are due after it
            self.box.outbox.give_back(entry)
        self.under_way.clear()
        self.events, self.hidden = self.hidden + self.events, []

    @invariant()
    def nothing_is_lost(self) -> None:
        state = self.box.outbox.state()
        assert state.lost_snapshots == 0
        assert not self.box.faults
        if not self.box.outbox._keeper.is_reading:
            assert state.waiting == len([e for e in self.events if e[0] == self.link])

    def teardown(self) -> None:
        if self.other is not None:
            self.disk_works_again()
        try:
            for link in "ab":
                self.linked_anew(link)
                for kind in Kind:
                    assert self.box.drain(kind) == [event[2] for event in self.mine(kind)]
        finally:
            self.box.close()
            self.patch.undo()
            shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=LONG or 40,
    derandomize=not LONG,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # each example takes real threads and files: no shrinking
    suppress_health_check=list(HealthCheck),
)
