"""The outbox in processes that are killed, on disks that are full, damaged or cut off."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octoprint_obico.server.outbox import FILE_NAME, Outbox
from octoprint_obico.server.outbox_events import Kind, Problem

ROOT = Path(__file__).resolve().parent.parent.parent
KILLS = int(os.environ.get("OBICO_KILLS", "25"))
LIMIT_S = 30.0
WAL = FILE_NAME + "-wal"


def life(folder: Path, first: int, mode: str) -> list[str]:
    return [sys.executable, "-m", "tests.servers.outbox_life", str(folder), str(first), mode]


def killed(folder: Path, first: int, after_lines: int, after_s: float) -> list[list[str]]:
    """Let a process live until it has said some lines and a moment more; what it said."""
    process = subprocess.Popen(life(folder, first, "live"), cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        try:
            lines = [process.stdout.readline() for _ in range(after_lines)]
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(after_s)  # the moment of the kill, unrelated to what goes on
        finally:
            process.kill()
        lines += process.stdout.readlines()
    said = [line.decode("ascii").split() for line in lines if line.endswith(b"\n")]
    assert {words[0] for words in said} <= {"kept", "sent"}, said
    return said


def drained(folder: Path) -> list[list[str]]:
    done = subprocess.run(
        life(folder, 0, "drain"), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.timeout(120 + 3 * KILLS)
def test_a_process_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    """What was on disk arrives; in order; each crash doubles one event of a kind at the most."""
    rng = random.Random(KILLS)
    first, kept, arrived = 1, set[int](), dict[str, list[list[int]]]()
    lives: list[list[list[str]]] = []
    for _ in range(KILLS):
        said = killed(tmp_path, first, rng.randrange(1, 60), rng.uniform(0.0, 0.05))
        lives.append(said)
        first = max([first, *(int(words[1]) for words in said)]) + 1000
    last = drained(tmp_path)
    assert last.pop() == ["state", "0", "0"]
    lives.append(last)
    for said in lives:
        kept |= {int(words[1]) for words in said if words[0] == "kept"}
        for kind in Kind:
            sent = [int(words[1]) for words in said if words[0] == "sent" and words[2] == kind]
            arrived.setdefault(kind, []).append(sent)
    assert all(words[2] != "damaged" for said in lives for words in said if words[0] == "sent")
    doubled = 0
    for kind in Kind:
        latest = 0
        for sent in arrived[kind]:
            if sent and sent[0] == latest:
                doubled += 1
                sent = sent[1:]
            assert sent == sorted(set(sent)), "in order, none twice"
            assert not sent or sent[0] > latest, "in order over a crash, one doubled at most"
            latest = max([latest, *sent])
    everything = {number for lists in arrived.values() for sent in lists for number in sent}
    assert kept - everything == set(), "lost although it was on disk"
    assert len(kept) > KILLS and doubled <= 2 * KILLS


# ---- files as a power cut or a bad card leaves them ----------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Path], Outbox]]:
    boxes: list[Outbox] = []

    def open_box(path: Path) -> Outbox:
        box = Outbox(path, record=print, on_due=lambda kind: None, on_state=lambda: None)
        box.use("link")
        box.start()
        boxes.append(box)
        return box

    yield open_box
    for box in boxes:
        box.close()


def names(folder: Path) -> list[int]:
    """What a new process finds there, in order."""
    return [int(words[1]) for words in drained(folder) if words[0] == "sent"]


def filled(opened: Callable[[Path], Outbox], folder: Path, events: int) -> Path:
    """The files of a process with so many events, each written by itself, as they are now."""
    live, copy = folder / "live", folder / "copy"
    live.mkdir()
    box = opened(live / FILE_NAME)
    for number in range(events):
        box.put(Kind.SOCKET, {"n": number})
        assert box.flush(LIMIT_S)
    shutil.copytree(live, copy)
    assert (copy / WAL).stat().st_size > 0, "nothing of it is in the main file yet"
    return copy


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.5, 0.77, 0.99])
def test_a_log_that_is_cut_off_holds_all_up_to_the_cut(
    opened: Callable[[Path], Outbox], tmp_path: Path, share: float
) -> None:
    """As a power cut leaves what was being written: never half an event, never one without those
    before it."""
    copy = filled(opened, tmp_path, 20)
    os.truncate(copy / WAL, int((copy / WAL).stat().st_size * share))
    left = names(copy)
    assert left == list(range(len(left)))
    assert share < 0.5 or left


def test_a_log_whose_end_is_garbage_holds_all_up_to_there(
    opened: Callable[[Path], Outbox], tmp_path: Path
) -> None:
    copy = filled(opened, tmp_path, 20)
    whole = (copy / WAL).read_bytes()
    half = len(whole) // 2
    (copy / WAL).write_bytes(whole[:half] + random.Random(1).randbytes(len(whole) - half))
    left = names(copy)
    assert left and left == list(range(len(left)))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_file_is_moved_aside_or_read_but_never_in_the_way(
    opened: Callable[[Path], Outbox], tmp_path: Path, share: float, damage: str
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / FILE_NAME
    box = opened(path)
    for number in range(60):
        box.put(Kind.SOCKET, {"n": number, "more": "x" * 2000})
    box.close()
    content = path.read_bytes()
    at = int(len(content) * share)
    end = b"" if damage == "cut" else random.Random(2).randbytes(6000) + content[at + 6000 :]
    path.write_bytes(content[:at] + end)
    left = names(folder)
    assert left == sorted(set(left))
    if damage == "garbage" and share > 0.1:
        assert 0 in left, "what stands before the damage can be read"
        assert share > 0.9 or 59 in left, "and what stands behind it"
    box = opened(path)
    box.put(Kind.SOCKET, {"n": 1000})
    assert box.flush(LIMIT_S)
    assert box.problem is None
    box.close()
    assert names(folder)[-1] == 1000
    assert sum(each.name.endswith(".broken") for each in folder.iterdir()) <= 1


def test_a_damaged_snapshot_takes_no_event_with_it(
    opened: Callable[[Path], Outbox], tmp_path: Path
) -> None:
    path = tmp_path / FILE_NAME
    box = opened(path)
    for number in range(40):
        box.put(Kind.HTTP, {"n": number}, bytes(300_000) if number == 20 else None)
    box.close()
    content = path.read_bytes()
    middle = content.index(bytes(4000)) // 4096 * 4096 + 20 * 4096
    path.write_bytes(content[:middle] + b"\xff" * 8192 + content[middle + 8192 :])
    assert names(tmp_path) == list(range(40))


def test_damage_while_it_runs_loses_no_event(
    opened: Callable[[Path], Outbox], tmp_path: Path
) -> None:
    """All but the snapshots is in memory as well, and goes to a new file once it is noticed."""
    path = tmp_path / FILE_NAME
    box = opened(path)
    for number in range(100):
        box.put(Kind.SOCKET, {"n": number, "more": "x" * 5000})
    box.put(Kind.HTTP, {"n": 100}, bytes(50_000))
    box.close()
    box = opened(path)
    box.put(Kind.SOCKET, {"n": 101})
    assert box.flush(LIMIT_S)
    with path.open("r+b") as file:
        file.write(random.Random(3).randbytes(path.stat().st_size))
    entry = box.take(Kind.HTTP)
    assert entry is not None and box.snapshot(entry.number) is None
    box.put(Kind.SOCKET, {"n": 102})
    assert box.flush(LIMIT_S)
    assert (box.problem, box.state().waiting, box.state().lost_snapshots) == (None, 103, 1)
    box.close()
    assert sorted(names(tmp_path)) == list(range(103))
    assert path.with_name(FILE_NAME + ".broken").exists()


# ---- a full disk ---------------------------------------------------------------------------------

FULL = """
import resource, sys, threading
from itertools import repeat
from pathlib import Path
from octoprint_obico.server.outbox import Outbox
from octoprint_obico.server.outbox_events import Kind
changed = threading.Semaphore(0)
box = Outbox(Path(sys.argv[1]), record=print, on_due=lambda kind: None, on_state=changed.release,
             pauses=lambda: repeat(0.05))
box.use("link")
box.start()
for n in range(10):
    box.put(Kind.SOCKET, {"n": n, "more": "x" * 2000})
assert box.flush(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
for n in range(10, 60):
    box.put(Kind.SOCKET, {"n": n, "more": "x" * 2000})
assert changed.acquire(timeout=10)
state = box.state()
assert state.problem == "unwritable", state
assert state.waiting == 60 and state.unwritten >= 1, state
assert len(sys.argv) == 2 or sys.exit(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert changed.acquire(timeout=10)
assert box.problem is None and box.flush(10)
box.close()
"""


@pytest.mark.parametrize("ends", [False, True], ids=["recovers", "ends full"])
def test_a_full_disk(tmp_path: Path, ends: bool) -> None:
    """A limit of the file's size stands for it: writes fail in the midst, as on a full card."""
    arguments = [sys.executable, "-c", FULL, str(tmp_path / FILE_NAME), *["x"] * ends]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    left = names(tmp_path)
    assert left == list(range(len(left))), "in order, none twice, whatever the disk had taken"
    assert len(left) == 60 if not ends else 10 <= len(left) < 60
    assert not (tmp_path / (FILE_NAME + ".broken")).exists(), "full is not damaged"


def test_two_processes_do_not_send_from_one_file(
    opened: Callable[[Path], Outbox], tmp_path: Path
) -> None:
    box = opened(tmp_path / FILE_NAME)
    box.put(Kind.SOCKET, {"n": 1})
    assert box.flush(LIMIT_S)
    said = drained(tmp_path)
    assert ["problem", str(Problem.UNWRITABLE)] in said
    assert not [words for words in said if words[0] == "sent"]
    box.close()
    assert names(tmp_path) == [1]
