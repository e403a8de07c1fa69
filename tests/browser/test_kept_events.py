"""Plugin Status tells of printer events that wait, and of a disk that does not keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, expect

from octoprint_obico.server.outbox import FILE_NAME
from tests.bench import Bench
from tests.browser.obico_ui import STATUS_LIMIT_MS, ObicoPages, link_afresh
from tests.browser.octoprint_ui import remove_notices
from tests.integration.driver import drive, print_file

#: The disk is tried again after some seconds; a file is let go of after some as well.
DISK_LIMIT_S = 40.0


@pytest.fixture(autouse=True)
def connected(bench: Bench) -> Iterator[None]:
    """Each test begins with a connection that is Okay and an idle printer, and ends with one."""
    link_afresh(bench)
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()
    # those of a former link would wait for it, and the file with them
    drive(bench).wait_for_status(lambda s: s["events"]["waiting"] == 0, "all events are sent")


def print_something(bench: Bench) -> None:
    """A print of some seconds."""
    print_file(bench, "events.gcode", "G28\n" + "G4 P200\nG1 X10\n" * 20)


def outbox_file(bench: Bench) -> Path:
    return bench.octoprint.basedir / "data" / "obico" / FILE_NAME


def line(obico: ObicoPages) -> Locator:
    return obico.page.locator("#obico-status-events")


def test_events_that_wait_are_told_until_they_are_sent(obico: ObicoPages, bench: Bench) -> None:
    obico.open_troubleshooting()
    expect(line(obico)).to_be_hidden()
    bench.server.set_fault("unreachable")
    obico.expect_server("Disconnected")
    expect(line(obico)).to_be_hidden()
    print_something(bench)
    told = re.compile(r"waiting for the server: \d+\. The oldest is from \d\d:\d\d\.")
    expect(line(obico)).to_contain_text(told, timeout=STATUS_LIMIT_MS)
    expect(line(obico).locator("i")).to_have_class(re.compile("fa-clock"))
    bench.server.clear()
    expect(line(obico)).to_be_hidden(timeout=STATUS_LIMIT_MS)


@pytest.fixture
def unusable_file(bench: Bench) -> Iterator[Path]:
    """A folder stands where the file belongs: nothing can be written there, not even by root."""
    path, octoprint = outbox_file(bench), psutil.Process(bench.octoprint.pid)

    def is_let_go() -> bool:
        return not any(Path(file.path).name == FILE_NAME for file in octoprint.open_files())

    bench.octoprint.wait_until(is_let_go, "the file is closed", DISK_LIMIT_S)
    path.unlink(missing_ok=True)
    path.mkdir()
    yield path
    if path.is_dir():
        path.rmdir()


def test_a_disk_that_does_not_keep_them_is_told_with_what_to_do(
    obico: ObicoPages, bench: Bench, unusable_file: Path
) -> None:
    remove_notices(obico.page)  # of the print before
    obico.open_troubleshooting()
    print_something(bench)
    expect(line(obico)).to_contain_text("cannot be written to disk", timeout=STATUS_LIMIT_MS)
    expect(line(obico)).to_contain_text("check the folder's permissions")
    expect(line(obico).locator("i")).to_have_class(re.compile("fa-exclamation-triangle"))
    unusable_file.rmdir()
    expect(line(obico)).to_be_hidden(timeout=1000 * DISK_LIMIT_S)
