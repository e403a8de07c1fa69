"""The printed file's number on the server, and files of the cloud, with the whole plugin."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.printer import cloud_file
from octoprint_obico.printer.cloud_print import FOLDER, STATE_TEXT
from octoprint_obico.printer.file_tracker import FileTracker
from octoprint_obico.printer.signature import Signatures
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.channel_state import State
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.gcode_files import PATH, GcodeFile, register
from octoprint_obico.server.http_channel import HttpChannel, log
from sandbox import SandboxServer

from . import faults as f
from .hosts import FakeHost, FakePrinter, running_agent
from .live import AGENT, TOKEN, Records

pytestmark = pytest.mark.usefixtures("impatient")

LIMIT_S = 20.0
CONTENT = b"; sliced\nG28\n" + b"G1 X1\n" * 1000
SIGNATURE = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
ID = "obico_g_code_file_id"
RECORD = b'{"id": 41, "print_set": []}'


class Printer(FakePrinter):
    """One that prints files of a folder."""

    def __init__(self, storage: Path) -> None:
        super().__init__()
        self.storage = storage
        self.file: dict[str, Any] = {"name": None, "path": None, "origin": None}
        self.is_busy = False

    def selects(self, path: str, origin: str = "local") -> None:
        name = path.rpartition("/")[2]
        self.file = {"name": name, "display": f"{name}!", "path": path, "origin": origin}

    def current_data(self) -> Mapping[str, Any]:
        data = dict(super().current_data())
        flags = {**data["state"]["flags"], "paused": self.is_busy}
        state = {**data["state"], "flags": flags}
        return {**data, "state": state, "job": {"file": self.file, "filament": None}}

    def select_file(self, path: str, start: bool) -> bool:
        self.selects(path)
        self.printing = start
        return super().select_file(path, start)


class Desk(NamedTuple):
    """The plugin, its printer, its server."""

    agent: Agent
    printer: Printer
    server: SandboxServer

    def event(self, name: str) -> None:
        self.printer.printing = name in ("PrintStarted", "PrintPaused", "PrintResumed")
        self.agent.on_printer_event(name, {"name": self.printer.file["name"]})

    def print(self, path: str, origin: str = "local") -> None:
        self.printer.selects(path, origin)
        self.event("PrintStarted")

    def wait(self, condition: Callable[[], object], what: str) -> None:
        assert self.server.wait_for(condition, LIMIT_S), what

    def statuses(self) -> list[dict[str, Any]]:
        frames = [frame.data for frame in self.server.frames if isinstance(frame.data, dict)]
        return [frame for frame in frames if frame.get("status")]

    def ids(self) -> list[Any]:
        return [frame["status"]["job"]["file"].get(ID) for frame in self.statuses()]

    def texts(self) -> list[str]:
        return [frame["status"]["state"]["text"] for frame in self.statuses()]

    def posts(self, method: str = "POST") -> list[Any]:
        return [
            request
            for request in self.server.requests
            if request.path.startswith(PATH) and request.method == method
        ]

    def ask(self, record: dict[str, Any]) -> dict[str, Any]:
        """Ask for a download, as the app does; the answer."""
        ref = uuid.uuid4().hex
        call = {"target": "file_downloader", "func": "download", "args": [record], "ref": ref}
        self.server.send_passthru(call)

        def answers() -> list[dict[str, Any]]:
            return [answer for answer in self.passthrus() if answer.get("ref") == ref]

        self.wait(answers, "the call was not answered")
        return answers()[0]

    def passthrus(self) -> list[dict[str, Any]]:
        frames = [frame.data for frame in self.server.frames]
        return [frame["passthru"] for frame in frames if "passthru" in frame]

    def told_errors(self) -> list[str]:
        """The errors that pop up in the app."""
        events = [answer.get("printer_event") for answer in self.passthrus()]
        return [event["event_text"] for event in events if event]


@contextmanager
def desk_at(
    server: SandboxServer, folder: Path, prepare: Callable[[Printer], object] = lambda printer: None
) -> Iterator[Desk]:
    host = FakeHost(server.url, server.printer.token)
    (folder / "uploads").mkdir()
    printer = Printer(folder / "uploads")
    (folder / "uploads" / "a.gcode").write_bytes(CONTENT)
    prepare(printer)
    cast(Any, host).printer = printer
    with running_agent(host, folder / "outbox.sqlite") as agent:
        desk = Desk(agent, printer, server)
        desk.wait(desk.statuses, "no status came")
        yield desk


@pytest.fixture
def desk(sandbox: SandboxServer, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(sandbox, tmp_path) as running:
        yield running


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def wait_for_end(name: str) -> None:
    for thread in threads(name):
        thread.join(LIMIT_S)
        assert not thread.is_alive()


# ---- which file is printed -----------------------------------------------------------------------


def test_a_print_is_told_with_the_files_number(desk: Desk) -> None:
    desk.print("a.gcode")
    desk.wait(lambda: 1 in desk.ids(), "the number did not come")
    (record,) = desk.server.gcode_files
    assert {name: record[name] for name in ("filename", "safe_filename", "url")} == {
        "filename": "a.gcode!",
        "safe_filename": "a.gcode",
        "url": "a.gcode",
    }
    assert (record["agent_signature"], record["num_bytes"]) == (SIGNATURE, len(CONTENT))
    desk.event("PrintPaused")
    desk.event("PrintResumed")
    desk.event("PrintDone")
    desk.wait(lambda: desk.statuses()[-1]["current_print_ts"] == -1, "the end was not told")
    told = {
        frame["event"]["event_type"]: frame["status"]["job"]["file"].get(ID)
        for frame in desk.statuses()
        if "event" in frame
    }
    assert told == {"PrintStarted": None, "PrintPaused": 1, "PrintResumed": 1, "PrintDone": 1}
    assert desk.ids()[-1] is None, "no print, no number"
    assert len(desk.posts()) == 1


def test_the_same_file_again_has_the_same_number(desk: Desk) -> None:
    desk.print("a.gcode")
    desk.wait(lambda: 1 in desk.ids(), "the number did not come")
    desk.event("PrintDone")
    desk.wait(lambda: desk.statuses()[-1]["current_print_ts"] == -1, "the end was not told")
    first = desk.statuses()[-2]["current_print_ts"]
    while time.time() < first + 1:  # a print's name is its second
        desk.server.wait_for(lambda: False, 0.1)
    desk.server.forget()
    desk.print("a.gcode")
    desk.wait(lambda: 1 in desk.ids(), "the number did not come")
    assert len(desk.posts()) == 1
    assert len(desk.server.gcode_files) == 1


def test_a_print_that_began_before_the_plugin(sandbox: SandboxServer, tmp_path: Path) -> None:
    def prepare(printer: Printer) -> None:
        printer.selects("a.gcode")
        printer.printing = True

    with desk_at(sandbox, tmp_path, prepare) as desk:
        desk.wait(lambda: 1 in desk.ids(), "the number did not come")


@pytest.mark.parametrize("origin", ["sdcard", "printer", None])
def test_a_file_of_the_printer_itself_has_none(desk: Desk, origin: Any) -> None:
    desk.print("a.gcode", origin)
    desk.event("PrintDone")
    desk.wait(lambda: desk.statuses()[-1]["current_print_ts"] == -1, "the end was not told")
    assert desk.posts() == []
    assert threads("obico-signature") == []


def test_a_file_that_is_gone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.print("gone.gcode")
    desk.wait(lambda: len(desk.statuses()) > 2, "the print was not told")
    wait_for_end("obico-signature")
    assert desk.posts() == []
    assert "not among OctoPrint's files" in caplog.text


def test_another_server_is_told_as_well(desk: Desk) -> None:
    desk.print("a.gcode")
    desk.wait(lambda: 1 in desk.ids(), "the number did not come")
    with SandboxServer() as other:
        host = cast(Any, desk.agent)._host
        host.settings.address, host.settings.stored_token = other.url, other.printer.token
        desk.agent.reconfigure()
        there = desk._replace(server=other)
        there.wait(lambda: 1 in there.ids(), "the number did not come")
        assert there.ids()[0] is None, "that of another server means nothing here"


# ---- a server that does not take it --------------------------------------------------------------


class Search(NamedTuple):
    """A tracker at a server of its own."""

    tracker: FileTracker
    channel: HttpChannel
    records: Records
    found: threading.Semaphore

    def complete(self, print_ts: int = 5, event: str | None = None, may_begin: bool = True) -> Any:
        file = {"path": "a.gcode", "origin": "local", "name": "a.gcode"}
        message = {
            "status": {"job": {"file": file}},
            "current_print_ts": print_ts,
            "event": {"event_type": event},
        }
        done = self.tracker.complete(message, may_begin=may_begin)
        assert message["status"] == {"job": {"file": file}}, "it is the teller's"
        return done["status"]["job"]["file"].get(ID)


@contextmanager
def search_at(url: str, folder: Path) -> Iterator[Search]:
    (folder / "uploads").mkdir()
    printer, records, found = Printer(folder / "uploads"), Records(), threading.Semaphore(0)
    (folder / "uploads" / "a.gcode").write_bytes(CONTENT)

    def told(*changes: object) -> None:
        pass

    channel = HttpChannel(parse_address(url), TOKEN, AGENT, records.record, told)
    link: Any = SimpleNamespace(wanted=SimpleNamespace(name="l"), http=channel)
    tracker = FileTracker(
        printer, Signatures(), lambda: link, Faults(records.record, log), lambda: _release(found)
    )
    try:
        yield Search(tracker, channel, records, found)
    finally:
        tracker.stop()
        wait_for_end("obico-signature")
        channel.close()


def _release(found: threading.Semaphore) -> None:
    found.release()


@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "500 Oops"])
def test_a_server_that_does_not_know_of_it(
    tmp_path: Path, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once; it is no fault of the channel, and the print goes on."""
    with (
        f.FaultServer(f.answer(status, b"<html>")) as server,
        search_at(server.url, tmp_path) as search,
    ):
        for print_ts in (5, 6):
            assert search.complete(print_ts) is None
            assert search.found.acquire(timeout=LIMIT_S)
            assert search.complete(print_ts) is None
        assert len([head for head in server.heads if head]) == 2
        assert search.records.attempts == []
        assert search.channel.snapshot().error is None
        lines = [line for line in caplog.records if line.levelname == "WARNING"]
        assert len(lines) == 1, caplog.text


def test_a_server_that_is_away_for_a_while(tmp_path: Path) -> None:
    asked: list[int] = []

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        asked.append(1)
        if len(asked) < 4:
            return peer.reset()
        peer.send(f.http_bytes("201 Created", RECORD, "Content-Type: application/json"))
        peer.finish()

    with f.FaultServer(behave) as server, search_at(server.url, tmp_path) as search:
        search.complete()
        assert search.found.acquire(timeout=LIMIT_S)
        assert search.complete() == 41
        assert search.complete(event="PrintDone", may_begin=False) == 41
        assert search.complete(-1) is None
        assert [attempt.ok for attempt in search.records.attempts] == [False] * 3 + [True]


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"id": "7"}', b'{"id": true}', b'{"id": -1}'])
def test_an_answer_that_is_none(answer: bytes) -> None:
    with f.FaultServer(f.answer("201 Created", answer)) as server:
        channel = HttpChannel(
            parse_address(server.url), TOKEN, AGENT, Records().record, lambda *changes: None
        )
        with pytest.raises(ChannelError):
            register(channel, GcodeFile("a", "a", SIGNATURE, 1, "a"))
        assert channel.snapshot().state is State.WAITING
        channel.close()


@pytest.mark.parametrize("end", ["PrintDone", "PrintFailed", "another", "stop"])
def test_the_search_ends_with_the_print(tmp_path: Path, end: str) -> None:
    with f.FaultServer(f.reset_at_once) as server, search_at(server.url, tmp_path) as search:
        search.complete()
        assert server.wait_for(lambda: server.connections > 3)
        (thread,) = threads("obico-signature")
        if end == "stop":
            search.tracker.stop()
        elif end == "another":
            search.complete(-1)
        else:
            search.complete(event=end, may_begin=False)
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def test_an_event_starts_no_thread(tmp_path: Path) -> None:
    """It comes on OctoPrint's event thread; the status that follows begins."""
    with f.FaultServer(f.reset_at_once) as server, search_at(server.url, tmp_path) as search:
        search.complete(event="PrintStarted", may_begin=False)
        assert threads("obico-signature") == []
        search.complete()
        assert server.wait_for(lambda: server.connections > 0)


def test_the_next_print_begins_when_the_former_search_has_ended(tmp_path: Path) -> None:
    let = threading.Event()

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        assert let.wait(LIMIT_S)
        peer.send(f.http_bytes("200 OK", RECORD, "Content-Type: application/json"))
        peer.finish()

    with f.FaultServer(behave) as server, search_at(server.url, tmp_path) as search:
        search.complete(5)
        assert server.wait_for(lambda: len(server.heads) == 1)
        assert search.complete(6) is None
        let.set()
        assert search.found.acquire(timeout=LIMIT_S)
        assert search.complete(6) is None, "what was found was for the former print"
        assert search.found.acquire(timeout=LIMIT_S)
        assert search.complete(6) == 41


# ---- a file of the cloud -------------------------------------------------------------------------


def stored(desk: Desk) -> list[str]:
    assert desk.printer.storage is not None
    folder = desk.printer.storage / FOLDER
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_of_the_cloud_is_printed(desk: Desk) -> None:
    record = desk.server.add_cloud_file("Größe.gcode", "groesse.gcode", CONTENT)
    assert desk.ask(record)["ret"] == {"target_path": f"{FOLDER}/groesse.gcode"}
    desk.wait(lambda: desk.posts("PATCH") and desk.printer.printing, "it was not printed")
    wait_for_end("obico-download")
    assert desk.printer.told == [
        f"add {FOLDER}/groesse.gcode Größe.gcode",
        f"print {FOLDER}/groesse.gcode",
    ]
    assert stored(desk) == ["groesse.gcode"]
    (kept,) = desk.server.gcode_files
    assert (kept["agent_signature"], kept["safe_filename"]) == (SIGNATURE, "groesse.gcode")
    desk.event("PrintStarted")
    desk.wait(lambda: record["id"] in desk.ids(), "the number did not come")
    assert len(desk.server.gcode_files) == 1
    (fetched,) = [item for item in desk.server.requests if item.path.startswith("/media/")]
    assert not fetched.token_sent
    assert desk.told_errors() == []


def test_the_sites_own_address_need_not_be_known_here(desk: Desk) -> None:
    with f.refused_port() as port:
        record = desk.server.add_cloud_file("a", "b.gcode", CONTENT, f"http://127.0.0.1:{port}")
        assert "ret" in desk.ask(record)
        desk.wait(lambda: desk.printer.printing, "it was not printed")
    assert stored(desk) == ["b.gcode"]


class Slow:
    """A storage that sends half of a file, and the rest when let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def __call__(self, peer: f.Peer) -> None:
        peer.read_head()
        data = f.http_bytes(body=CONTENT)
        peer.send(data[:-1000])
        while not self.let.is_set():
            if peer.pause(0.02):
                return
        peer.send(data[-1000:])
        peer.finish()


def record_at(url: str, **changes: Any) -> dict[str, Any]:
    return {"id": 1, "url": f"{url}/x", "filename": "x", "safe_filename": "x.gcode", **changes}


def test_the_status_tells_of_a_download(desk: Desk) -> None:
    slow = Slow()
    with f.FaultServer(slow) as storage:
        assert "ret" in desk.ask(record_at(storage.url))
        desk.wait(lambda: STATE_TEXT in desk.texts(), "the download was not told")
        state = desk.statuses()[-1]["status"]["state"]
        assert (state["text"], state["flags"]["operational"]) == (STATE_TEXT, False)
        assert state["flags"]["closedOrError"] is False
        assert "another file" in desk.ask(record_at(storage.url))["error"]
        slow.let.set()
        desk.wait(lambda: desk.texts()[-1] == "Printing", "its end was not told")
    wait_for_end("obico-download")


def test_a_stop_ends_the_download(sandbox: SandboxServer, tmp_path: Path) -> None:
    with f.FaultServer(Slow()) as storage:
        with desk_at(sandbox, tmp_path) as desk:
            desk.ask(record_at(storage.url))
            desk.wait(lambda: STATE_TEXT in desk.texts(), "the download was not told")
            assert stored(desk) == [".obico-download.part"]
        wait_for_end("obico-download")
    assert stored(desk) == []
    assert desk.printer.told == []
    assert desk.told_errors() == []


FAILING: tuple[tuple[str, f.Behaviour, str], ...] = (
    ("404", f.answer("404 Not Found"), "not on the server any more"),
    ("a page", f.answer(body=b"<!doctype html>"), "not a G-code file"),
    ("cut off", f.truncated(CONTENT, 5), "broke off"),
    ("reset", f.reset_after_request, "did not answer"),
)


@pytest.mark.parametrize(
    ("behaviour", "text"), [row[1:] for row in FAILING], ids=[row[0] for row in FAILING]
)
def test_a_failure_is_told_to_people(desk: Desk, behaviour: f.Behaviour, text: str) -> None:
    with f.FaultServer(behaviour) as storage:
        desk.ask(record_at(storage.url, filename="<b>a</b>"))
        desk.wait(desk.told_errors, "nothing was told")
        (told,) = desk.told_errors()
        assert text in told
        assert told.startswith("&lt;b&gt;a&lt;/b&gt;: ")
        assert storage.url not in told
    desk.wait(lambda: desk.server.events, "the bell did not ring")
    fields = desk.server.events[0].fields
    assert (fields["event_type"], fields["event_class"]) == ("PRINTER_ERROR", "ERROR")
    assert fields["event_text"] == told
    wait_for_end("obico-download")
    assert stored(desk) == []
    assert desk.printer.told == []
    desk.wait(lambda: desk.texts()[-1] == "Operational", "its end was not told")


def test_the_printer_is_busy_by_then(desk: Desk) -> None:
    """The file is kept, and people learn where."""
    slow = Slow()
    with f.FaultServer(slow) as storage:
        desk.ask(record_at(storage.url))
        desk.wait(lambda: STATE_TEXT in desk.texts(), "the download was not told")
        desk.printer.is_busy = True
        slow.let.set()
        desk.wait(desk.told_errors, "nothing was told")
    assert "busy" in desk.told_errors()[0]
    assert FOLDER in desk.told_errors()[0]
    assert stored(desk) == ["x.gcode"]
    assert desk.printer.told == [f"add {FOLDER}/x.gcode x"]


def test_a_disk_without_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_file, "RESERVE", 2**63)
    desk.ask(desk.server.add_cloud_file("a", "b.gcode", CONTENT))
    desk.wait(desk.told_errors, "nothing was told")
    assert "free space" in desk.told_errors()[0]
    assert stored(desk) == []


def test_octoprint_does_not_take_it(desk: Desk) -> None:
    desk.printer.takes = False
    desk.ask(desk.server.add_cloud_file("a", "b.gcode", CONTENT))
    desk.wait(desk.told_errors, "nothing was told")
    assert "OctoPrint could not store" in desk.told_errors()[0]
    wait_for_end("obico-download")
    assert stored(desk) == []


def test_a_storage_that_cannot_be_had(desk: Desk) -> None:
    desk.printer.storage = None
    desk.ask(desk.server.add_cloud_file("a", "b.gcode", CONTENT))
    desk.wait(desk.told_errors, "nothing was told")


def test_what_a_crash_has_left_is_no_way_out(desk: Desk, tmp_path: Path) -> None:
    """Neither a partial file nor a link in its place is written through."""
    assert desk.printer.storage is not None
    other = tmp_path / "other"
    other.write_text("untouched")
    (desk.printer.storage / FOLDER).mkdir()
    (desk.printer.storage / FOLDER / ".obico-download.part").symlink_to(other)
    desk.ask(desk.server.add_cloud_file("a", "b.gcode", CONTENT))
    desk.wait(lambda: desk.printer.printing, "it was not printed")
    assert other.read_text() == "untouched"
    assert stored(desk) == ["b.gcode"]


def test_a_server_that_does_not_learn_of_it(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The record is unknown there, which is a 500: it is printed all the same."""
    with f.FaultServer(f.answer(body=CONTENT)) as storage:
        desk.ask(record_at(storage.url, id=99))
        desk.wait(lambda: desk.printer.printing, "it was not printed")
    assert "was not told of a downloaded file" in caplog.text
    assert desk.told_errors() == []


def test_a_fault_of_ours_is_told_and_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(cloud_file, "bring", broken)
    desk.ask(record_at("http://127.0.0.1:1"))
    desk.wait(desk.told_errors, "nothing was told")
    assert "OctoPrint's log" in desk.told_errors()[0]
    wait_for_end("obico-download")
    assert "ZeroDivisionError" in caplog.text
    assert desk.agent.session().channel("plugin").errors > 0
    assert desk.texts()[-1] == "Operational"
