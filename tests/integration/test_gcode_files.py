"""Real files in a real OctoPrint: what the server learns of a print, and what the app prints."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.printer.cloud_print import FOLDER, STATE_TEXT
from tests.bench import Bench
from tests.integration.driver import drive, event_of, status_frames
from tests.servers import faults as f
from tests.servers.test_print_files import Slow

LIMIT_S = 40.0
ID = "obico_g_code_file_id"
#: Some seconds on the virtual printer.
GCODE = b"; sliced\nG28\n" + b"G4 P200\nG1 X10\n" * 25
SIGNATURE = f"md5:{hashlib.md5(GCODE).hexdigest()}"


@pytest.fixture(autouse=True)
def connected_and_idle(bench: Bench) -> Iterator[None]:
    bench.mend()
    drive(bench).wait_until_connected()
    bench.octoprint.wait_for_printer()
    bench.server.forget()
    yield
    cancel(bench)


def cancel(bench: Bench) -> None:
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()
    wait(bench, lambda: times(bench)[-1:] in ([], [-1]), "the end of the print was told")


def upload(bench: Bench, name: str, content: bytes = GCODE, *, start: bool = True) -> None:
    told = {"select": "true", "print": "true"} if start else {}
    answer = bench.api.post("/api/files/local", files={"file": (name, content)}, data=told)
    assert answer.status_code == 201, answer.text[:300]


def wait(bench: Bench, condition: Callable[[], object], what: str) -> None:
    assert bench.server.wait_for(condition, LIMIT_S), f"not so: {what}"


def statuses(bench: Bench) -> list[dict[str, Any]]:
    return [frame.data for frame in status_frames(bench.server.frames)]


def times(bench: Bench) -> list[int]:
    return [frame["current_print_ts"] for frame in statuses(bench)]


def ids(bench: Bench) -> list[Any]:
    return [frame["status"]["job"]["file"].get(ID) for frame in statuses(bench)]


def texts(bench: Bench) -> list[str]:
    return [frame["status"]["state"]["text"] for frame in statuses(bench)]


def events(bench: Bench) -> list[str]:
    return [name for name in map(event_of, bench.server.frames) if name]


def passthrus(bench: Bench) -> list[dict[str, Any]]:
    return [frame.data["passthru"] for frame in bench.server.frames if "passthru" in frame.data]


def told_errors(bench: Bench) -> list[str]:
    told = [message.get("printer_event") for message in passthrus(bench)]
    return [event["event_text"] for event in told if event]


def ask(bench: Bench, target: str, func: str, record: Any) -> dict[str, Any]:
    ref = uuid.uuid4().hex
    bench.server.send_passthru({"target": target, "func": func, "args": [record], "ref": ref})

    def found() -> list[dict[str, Any]]:
        return [answer for answer in passthrus(bench) if answer.get("ref") == ref]

    wait(bench, found, f"{func} was answered")
    return found()[0]


def print_again(bench: Bench, record: Any) -> dict[str, Any]:
    return ask(bench, "file_operations", "start_printer_local_print", record)


def download(bench: Bench, record: Any) -> dict[str, Any]:
    return ask(bench, "file_downloader", "download", record)


def record_of(bench: Bench, signature: str) -> dict[str, Any]:
    found = [item for item in bench.server.gcode_files if item["agent_signature"] == signature]
    (record,) = found
    return record


def stored(bench: Bench) -> set[str]:
    """What is in the folder, hidden files as well."""
    folder = Path(bench.octoprint.basedir) / "uploads" / FOLDER
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


# ---- which file is printed -----------------------------------------------------------------------


def test_a_printed_file_is_known_on_the_server_and_printed_again(bench: Bench) -> None:
    """Its number is in the status until the print's end; a second print has the same."""
    upload(bench, "tracked.gcode")
    wait(bench, lambda: any(ids(bench)), "the number is in the status")
    record = record_of(bench, SIGNATURE)
    assert (record["safe_filename"], record["url"]) == ("tracked.gcode", "tracked.gcode")
    assert (record["filename"], record["num_bytes"]) == ("tracked.gcode", len(GCODE))
    wait(bench, lambda: "PrintDone" in events(bench), "the end was told")
    done = next(frame for frame in bench.server.frames if event_of(frame) == "PrintDone")
    assert done.data["status"]["job"]["file"][ID] == record["id"]
    wait(bench, lambda: times(bench)[-1] == -1, "the end of the print was told")
    assert ids(bench)[-1] is None

    bench.octoprint.wait_for_printer()
    before = len(bench.server.gcode_files)
    bench.server.forget()
    assert print_again(bench, record)["ret"] == "Success"
    wait(bench, lambda: record["id"] in ids(bench), "the same number is in the status")
    assert len(bench.server.gcode_files) == before


def test_a_file_in_a_folder_with_a_name_of_its_own(bench: Bench) -> None:
    content = GCODE + b"; folder\n"
    bench.api.post("/api/files/local", files={"foldername": (None, "inner")})
    answer = bench.api.post(
        "/api/files/local",
        files={"file": ("Größe 1.gcode", content)},
        data={"path": "inner", "select": "true", "print": "true"},
    )
    assert answer.status_code == 201, answer.text[:300]
    wait(bench, lambda: any(ids(bench)), "the number is in the status")
    record = record_of(bench, f"md5:{hashlib.md5(content).hexdigest()}")
    assert record["url"].startswith("inner/")
    assert record["url"] == f"inner/{record['safe_filename']}"
    cancel(bench)
    assert print_again(bench, record)["ret"] == "Success"


WRONG_LOCAL: tuple[tuple[str, Any], ...] = (
    ("signature", {"url": "wrong.gcode", "agent_signature": "md5:" + "0" * 32}),
    ("gone", {"url": "gone.gcode", "agent_signature": SIGNATURE}),
    ("outside", {"url": "../config.yaml", "agent_signature": SIGNATURE}),
    ("absolute", {"url": "/etc/passwd", "agent_signature": SIGNATURE}),
    ("backslash", {"url": "C:\\wrong.gcode", "agent_signature": SIGNATURE}),
    ("folder", {"url": "inner", "agent_signature": SIGNATURE}),
    ("no record", "wrong.gcode"),
)


@pytest.mark.parametrize("record", [row[1] for row in WRONG_LOCAL], ids=[r[0] for r in WRONG_LOCAL])
def test_what_is_not_printed_again(bench: Bench, record: Any) -> None:
    upload(bench, "wrong.gcode", start=False)
    assert print_again(bench, record)["error"]
    job = bench.api.get("/api/job").json()
    assert job["state"] == "Operational"


# ---- a file of the cloud -------------------------------------------------------------------------


def test_a_file_of_the_cloud_is_fetched_and_printed(bench: Bench) -> None:
    """Under its name for people, and with the number that it has on the server."""
    content = GCODE + b"; cloud\n"
    record = bench.server.add_cloud_file("Größe des Turms.gcode", "turm 1.gcode", content)
    answer = download(bench, record)
    assert answer["ret"] == {"target_path": f"{FOLDER}/turm 1.gcode"}
    wait(bench, lambda: record["id"] in ids(bench), "its number is in the status")
    assert STATE_TEXT not in texts(bench)[-1]
    job = bench.api.get("/api/job").json()["job"]["file"]
    assert job["path"] == f"{FOLDER}/{job['name']}"
    assert job["display"] == "Größe des Turms.gcode"
    kept = next(item for item in bench.server.gcode_files if item["id"] == record["id"])
    assert kept["agent_signature"] == f"md5:{hashlib.md5(content).hexdigest()}"
    assert kept["safe_filename"] == job["name"]
    assert "PrintStarted" in events(bench)
    assert job["name"] in stored(bench)
    assert ".obico-download.part" not in stored(bench)
    assert "busy" in download(bench, record)["error"]
    assert told_errors(bench) == []

    cancel(bench)
    bench.server.forget()
    assert "ret" in download(bench, record), "the same file again takes its former place"
    wait(bench, lambda: record["id"] in ids(bench), "its number is in the status")


def test_the_app_sees_a_download(bench: Bench) -> None:
    slow = Slow()
    with f.FaultServer(slow) as storage:
        record = {"id": 1, "url": f"{storage.url}/x", "filename": "x", "safe_filename": "x.gcode"}
        assert "ret" in download(bench, record)
        wait(bench, lambda: STATE_TEXT in texts(bench), "the download is in the status")
        flags = statuses(bench)[-1]["status"]["state"]["flags"]
        assert (flags["operational"], flags["closedOrError"]) == (False, False)
        assert bench.api.get("/api/job").json()["state"] == "Operational"
        assert download(bench, record)["error"]
        listed = bench.api.get("/api/files/local?recursive=true").text
        assert ".obico-download" not in listed
        slow.let.set()
        wait(bench, lambda: "PrintStarted" in events(bench), "it is printed")
    assert STATE_TEXT not in texts(bench)[-1]


def test_a_site_address_that_is_not_reached_from_here(bench: Bench) -> None:
    with f.refused_port() as port:
        site = f"http://127.0.0.1:{port}"
        record = bench.server.add_cloud_file("s", "site.gcode", GCODE + b"; site\n", site)
        assert "ret" in download(bench, record)
        wait(bench, lambda: record["id"] in ids(bench), "its number is in the status")


def test_a_download_that_fails_is_told(bench: Bench) -> None:
    before = stored(bench)
    with f.FaultServer(f.answer(body=b"<html>Log in</html>")) as storage:
        record = {"id": 1, "url": f"{storage.url}/x", "filename": "y", "safe_filename": "y.gcode"}
        assert "ret" in download(bench, record)
        wait(bench, lambda: told_errors(bench), "people are told")
    assert told_errors(bench) == ["y: What the server sent is not a G-code file."]
    wait(bench, lambda: bench.server.events, "the bell rings")
    assert bench.server.events[-1].fields["event_text"] == told_errors(bench)[0]
    assert stored(bench) == before
    wait(bench, lambda: texts(bench)[-1:] == ["Operational"], "it is over")


NAMES = (
    "../x.gcode", "/x.gcode", "a/b.gcode", "C:\\x.gcode", "x\0.gcode", "x.gcode\n", "x.sh",
    ".x.gcode", "x" * 300 + ".gcode", "x.gcode.sh", "", None,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda value: repr(value)[:20])
def test_names_that_lead_elsewhere(bench: Bench, name: Any) -> None:
    before = stored(bench)
    record = {**bench.server.add_cloud_file("n", "n.gcode", GCODE), "safe_filename": name}
    assert download(bench, record)["error"]
    assert stored(bench) == before
    assert not any(item.path.startswith("/media/") for item in bench.server.requests)
