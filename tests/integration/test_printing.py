"""The virtual printer prints: what the server is told, what it may order, when it gets pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.records import FrameRecord
from tests.bench import Bench
from tests.integration.driver import (
    drive,
    event_of,
    is_connected,
    let_viewer_come,
    print_file,
    status_frames,
)

NOT_PRINTING = -1
FILE_NAME = "small.gcode"
#: A fifth of a second each.
STEP = "G4 P200\nG1 X10\n"
#: After it, the app tells its user that the printer does not respond; half of it is ours.
TOLD_LIMIT_S = 7.0
EVENT_LIMIT_S = 20.0
#: For what must not happen: long enough for what wrongly happens at once.
QUIET_S = 3.0


@pytest.fixture(autouse=True)
def idle_and_unwatched(bench: Bench) -> Iterator[None]:
    """Each test begins with a connected, idle printer that nobody views, and empty records."""
    bench.server.set_remote_status(viewing=False, should_watch=False)
    drive(bench).wait_until_connected()
    bench.server.forget()
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


def start_print(bench: Bench, steps: int) -> None:
    """Upload a file that takes that many fifths of a second and print it."""
    print_file(bench, FILE_NAME, f"M104 S60\nM105\nG28\n{STEP * steps}")
    wait_for_event(bench, "PrintStarted")


def wait_for_event(bench: Bench, name: str) -> FrameRecord:
    """Wait until the server was told of this event; the frame that told it."""
    told = bench.server.wait_for(lambda: name in events(bench), EVENT_LIMIT_S)
    assert told, f"{name} was not told; told: {events(bench)}"
    return next(frame for frame in bench.server.frames if event_of(frame) == name)


def events(bench: Bench) -> list[str]:
    return [name for name in map(event_of, bench.server.frames) if name]


def state_text(frame: FrameRecord) -> str:
    return str(frame.data["status"]["state"]["text"])


def wait_for_text(bench: Bench, text: str) -> None:
    """The newest status says so soon enough for the app."""

    def told() -> bool:
        frames = status_frames(bench.server.frames)
        return bool(frames) and state_text(frames[-1]) == text

    ok = bench.server.wait_for(told, TOLD_LIMIT_S)
    texts = [state_text(frame) for frame in status_frames(bench.server.frames)]
    assert ok, f"the server was not told of {text!r} within {TOLD_LIMIT_S:g} s; it heard {texts}"


def print_times(bench: Bench) -> list[Any]:
    return [frame.data.get("current_print_ts") for frame in status_frames(bench.server.frames)]


def test_first_status_brings_the_settings(bench: Bench) -> None:
    """After each connect: who we are, together with a status."""
    before = len(bench.server.connections)
    bench.server.kick()
    assert bench.server.wait_for(lambda: len(bench.server.connections) > before, 15.0)
    assert bench.server.wait_for(lambda: status_frames(bench.server.frames))
    first = status_frames(bench.server.frames)[0].data
    assert first["settings"]["agent"] == {"name": "octoprint_obico", "version": "3.0.0"}
    assert first["settings"]["octoprint_version"] == bench.octoprint.version
    assert len(first["settings"]["platform_uname"]) == 7
    assert "obico" in first["settings"]["installed_plugins"]
    assert first["settings"]["temperature"]["profiles"]
    assert first["current_print_ts"] == NOT_PRINTING


def test_print_from_start_to_end(bench: Bench) -> None:
    """Every message is well formed; the print keeps its time until its end has been told."""
    start_print(bench, steps=10)
    wait_for_event(bench, "PrintDone")
    wait_for_text(bench, "Operational")
    frames = status_frames(bench.server.frames)
    for frame in frames:
        assert_well_formed(frame.data)
    assert events(bench) == ["PrintStarted", "PrintDone"]
    started, done = (wait_for_event(bench, name) for name in ("PrintStarted", "PrintDone"))
    own = started.data["current_print_ts"]
    assert abs(own - started.at) < 5
    assert done.data["current_print_ts"] == own
    assert done.data["event"]["data"]["name"] == FILE_NAME
    assert done.data["status"]["job"]["file"]["name"] == FILE_NAME
    assert started.data["status"]["state"]["flags"]["printing"] is True
    times = [frame.data["current_print_ts"] for frame in frames]
    last_own = len(times) - 1 - times[::-1].index(own)
    assert set(times[last_own + 1 :]) == {NOT_PRINTING}, times
    assert set(times) <= {own, NOT_PRINTING}, times


def assert_well_formed(message: dict[str, Any]) -> None:
    """A status message with all that server and web app read (PROTOCOL 5.1 and 5.2)."""
    assert set(message) <= {"status", "current_print_ts", "event", "settings"}
    assert type(message["current_print_ts"]) is int
    status = message["status"]
    assert isinstance(status["_ts"], (int, float))
    assert isinstance(status["state"]["text"], str)
    flags = status["state"]["flags"]
    assert {"printing", "paused", "operational", "ready", "error", "closedOrError"} <= set(flags)
    assert all(type(flag) is bool for flag in flags.values())
    assert isinstance(status["job"]["file"], dict)
    assert isinstance(status["progress"], dict)
    assert {"completion", "printTime", "printTimeLeft"} <= set(status["progress"])
    for heater in status["temperatures"].values():
        assert {"actual", "target"} <= set(heater)


def test_temperatures_are_told(bench: Bench) -> None:
    """Actual and target, as soon as the printer has said them."""
    start_print(bench, steps=200)
    let_viewer_come(bench.server)

    def told() -> bool:
        bench.server.set_remote_status(viewing=True)
        heaters = [frame.data["status"]["temperatures"] for frame in frames()]
        return any(heater.get("tool0", {}).get("target") == 60.0 for heater in heaters)

    def frames() -> list[FrameRecord]:
        return status_frames(bench.server.frames)

    bench.octoprint.wait_until(told, "the target is told")
    tool = frames()[-1].data["status"]["temperatures"]["tool0"]
    assert isinstance(tool["actual"], float)


def test_server_pauses_resumes_and_cancels(bench: Bench) -> None:
    """The server's commands act, and the app sees each new state before it loses patience."""
    start_print(bench, steps=200)
    bench.server.send_command("pause")
    paused = wait_for_event(bench, "PrintPaused")
    wait_for_text(bench, "Paused")
    bench.server.send_command("resume")
    wait_for_event(bench, "PrintResumed")
    wait_for_text(bench, "Printing")
    bench.server.send_command("cancel")
    failed = wait_for_event(bench, "PrintFailed")
    wait_for_text(bench, "Operational")
    told = [name for name in events(bench) if name != "PrintCancelling"]
    assert told == ["PrintStarted", "PrintPaused", "PrintResumed", "PrintCancelled", "PrintFailed"]
    assert failed.data["current_print_ts"] == paused.data["current_print_ts"] > 0
    assert bench.server.wait_for(lambda: print_times(bench)[-1] == NOT_PRINTING, TOLD_LIMIT_S)


@pytest.mark.parametrize("ending", ["PrintDone", "PrintFailed"])
def test_ended_print_is_not_opened_again(bench: Bench, ending: str) -> None:
    """The server answers a print's end at once, while the printer still finishes or cancels.

    A status with a new print time would open a second print there, which never ends.
    """
    start_print(bench, steps=5 if ending == "PrintDone" else 200)
    with answering_the_end(bench, ending):
        if ending == "PrintFailed":
            bench.server.send_command("cancel")
        own = wait_for_event(bench, ending).data["current_print_ts"]
        bench.octoprint.wait_for_printer()
    assert bench.server.wait_for(lambda: print_times(bench)[-1] == NOT_PRINTING, TOLD_LIMIT_S)
    assert set(print_times(bench)) <= {own, NOT_PRINTING}, print_times(bench)


@contextmanager
def answering_the_end(bench: Bench, ending: str) -> Iterator[None]:
    """Say that nothing is to be watched any more as soon as the end was told, a few times."""

    def answer() -> None:
        if bench.server.wait_for(lambda: ending in events(bench), EVENT_LIMIT_S):
            for _ in range(5):
                bench.server.set_remote_status(should_watch=False)

    thread = threading.Thread(target=answer, name="server-answers")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_print_keeps_its_time_over_a_reconnect(bench: Bench) -> None:
    """A lost connection neither ends the print on the server nor begins another one."""
    start_print(bench, steps=200)
    own = print_times(bench)[-1]
    before = len(bench.server.connections)
    bench.server.kick(1011)
    assert bench.server.wait_for(lambda: len(bench.server.connections) > before, 15.0)
    again = bench.server.connections[-1].id

    def frames() -> list[FrameRecord]:
        found = status_frames(bench.server.frames)
        return [frame for frame in found if frame.connection_id == again]

    assert bench.server.wait_for(frames)
    assert frames()[0].data["current_print_ts"] == own


def test_lost_printer_is_told(bench: Bench) -> None:
    """The printer is switched off: the app learns it soon, and learns of its return."""
    bench.api.post("/api/connection", json={"command": "disconnect"})

    def closed(value: bool) -> bool:
        frames = status_frames(bench.server.frames)
        return bool(frames) and (
            frames[-1].data["status"]["state"]["flags"]["closedOrError"] is value
        )

    try:
        assert bench.server.wait_for(lambda: closed(True), TOLD_LIMIT_S), "not told that it is off"
    finally:
        bench.api.post("/api/connection", json={"command": "connect"})
        bench.octoprint.wait_for_printer()
    assert bench.server.wait_for(lambda: closed(False), TOLD_LIMIT_S), "not told that it is back"


def passthru_answers(bench: Bench) -> list[dict[str, Any]]:
    frames = [frame.data for frame in bench.server.frames if "passthru" in frame.data]
    assert all(set(frame) == {"passthru"} for frame in frames), "one kind of message per frame"
    return [frame["passthru"] for frame in frames]


def test_call_with_a_reference_is_answered_once(bench: Bench) -> None:
    """Once, whether it was carried out or not; without ref nobody waits."""
    calls: tuple[dict[str, Any], ...] = (
        {"target": "_printer", "func": "home", "args": ["z"]},
        {"target": "_printer", "func": "jog", "args": [{"x": 10}], "ref": "a1"},
        {"target": "_printer", "func": "jog", "args": [{"x": 10}], "ref": "a1"},
        {"target": "__class__", "func": "__init__", "ref": "a2"},
        {"target": {}, "func": None, "ref": 5},
    )
    for call in calls:
        bench.server.send_passthru(call)
    assert bench.server.wait_for(lambda: len(passthru_answers(bench)) >= 2)
    # a status is what follows on each message: the last one shows that all calls were taken
    assert not bench.server.wait_for(lambda: len(passthru_answers(bench)) > 2, 1.0)
    answers = passthru_answers(bench)
    done, unknown = sorted(answers, key=lambda answer: str(answer["ref"]))
    assert done == {"ref": "a1", "ret": None}
    assert unknown["ref"] == "a2"
    assert unknown["error"]
    assert "ret" not in unknown


STRANGE: tuple[dict[str, Any], ...] = (
    {},
    {"unknown": 1},
    {"commands": "pause"},
    {"commands": [None, 5, {}, {"cmd": None}, {"cmd": "print"}, {"cmd": ["pause"]}]},
    {"commands": [{"cmd": "pause", "args": 7, "initiator": {}}]},
    {"remote_status": []},
    {"remote_status": {"viewing": "yes", "should_watch": 1}},
    {"passthru": []},
    {"passthru": {}},
    {"janus": "{}"},
    {"http.tunnelv2": None},
    {"remote_status": {"viewing": False}, "commands": [], "passthru": {"ref": "end"}},
)


def test_strange_messages_end_nothing(bench: Bench) -> None:
    """Whatever the server says, the connection stays, and the next message is taken."""
    connections = len(bench.server.connections)
    for message in STRANGE:
        bench.server.send(message)
    assert bench.server.wait_for(
        lambda: "end" in [answer.get("ref") for answer in passthru_answers(bench)]
    )
    assert is_connected(drive(bench).status())
    assert len(bench.server.connections) == connections


def test_filament_change_rings_the_bell_with_a_picture(bench: Bench) -> None:
    """M600 in a print: the app shows it, and its user is notified."""
    print_file(bench, "change.gcode", f"G28\nM600\n{STEP * 20}")
    assert bench.server.wait_for(lambda: bench.server.events, EVENT_LIMIT_S)
    event = bench.server.events[0]
    assert event.fields["event_type"] == "FILAMENT_CHANGE"
    assert event.fields["notify"] == "true"
    assert event.snapshot_size is not None


def test_no_picture_for_nobody(bench: Bench) -> None:
    """Idle and unwatched: looks at the status take no picture to the server."""
    drive(bench).status()
    drive(bench).diagnose()
    assert not bench.server.wait_for(lambda: bench.server.pictures, QUIET_S)


def test_picture_for_a_viewer_at_once(bench: Bench) -> None:
    """Somebody opens the app: one picture for him, and none again until somebody else comes."""
    let_viewer_come(bench.server)
    assert bench.server.wait_for(lambda: bench.server.pictures)
    (picture,) = bench.server.pictures
    assert picture.viewing_boost is True
    assert picture.is_primary_camera is True
    assert picture.format == "JPEG"
    bench.server.set_remote_status(viewing=True)
    assert not bench.server.wait_for(lambda: len(bench.server.pictures) > 1, QUIET_S)


def test_pictures_while_printing(bench: Bench) -> None:
    """While it prints, pictures for failure detection come every ten seconds."""
    start_print(bench, steps=200)
    bench.server.set_remote_status(should_watch=True)

    def ordinary() -> list[float]:
        return [picture.at for picture in bench.server.pictures if not picture.viewing_boost]

    assert bench.server.wait_for(lambda: len(ordinary()) >= 2, 25.0)
    first, second = ordinary()[:2]
    assert second - first == pytest.approx(10.0, abs=3.0)
