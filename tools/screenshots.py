"""Takes the pictures of the README: a real OctoPrint, the sandbox's Obico Server, a real Chromium.

usage: .venv/bin/python tools/screenshots.py [FOLDER]

Run by hand when the pages have changed, then look at each picture before it is committed. It
writes into docs/ unless told otherwise. What it needs is what `make browser` needs: the environment
.venv (``make .venv/.test-ready``), or another one's Python in OCTOPRINT1_PYTHON, and a Chromium.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
# the sandbox and the test bench are not installed, and this file's folder is no place for modules
sys.path[0] = str(ROOT)

from sandbox.faults import HEADLINES, SERVER_FAULTS  # noqa: E402
from tests.bench import EDITIONS, Bench, running_bench  # noqa: E402
from tests.browser.conftest import CHROMIUM_ARGUMENTS  # noqa: E402
from tests.browser.obico_ui import REPORT, ObicoPages, link_afresh  # noqa: E402
from tests.browser.octoprint_ui import log_in  # noqa: E402
from tests.integration.driver import drive, let_viewer_come  # noqa: E402

WIDTH = 1280
#: Heights of the window: the dialog fills it, and no page is to be cut off.
LOW, MIDDLE, TALL = 760, 900, 1120
COLOURS = 256
MAX_BYTES = 150_000

#: The pictures of the failed verdicts, by file name, and the fault that each shows.
FAILURES = {
    "failed-to-contact-server": "unreachable",
    "invalid-account-credentials": "revoked",
    "websocket-failed": "ws_refused",
}


def window(height: int) -> ViewportSize:
    """A window of this height."""
    return {"width": WIDTH, "height": height}


class Studio:
    """Takes pictures of one bench's pages and writes them to a folder."""

    def __init__(self, browser: Browser, bench: Bench, folder: Path) -> None:
        self.bench, self._folder = bench, folder
        context = browser.new_context(viewport=window(LOW), locale="en-GB", reduced_motion="reduce")
        self.page = context.new_page()
        log_in(self.page, bench.octoprint.url, bench.octoprint.admin)
        self.obico = ObicoPages(self.page)

    def resize(self, height: int) -> None:
        """Change the window's height; the dialog follows when it is opened the next time."""
        self.page.set_viewport_size(window(height))

    def dialog(self, name: str) -> None:
        """A picture of the settings dialog alone."""
        # a blinking cursor and a button under the pointer would differ from run to run
        self.page.mouse.move(0, 0)
        dialog = self.page.locator("#settings_dialog")
        self._save(name, dialog.screenshot(animations="disabled", caret="hide"))

    def whole_page(self, name: str, page: Page) -> None:
        """A picture of a page from its beginning to its end."""
        self._save(name, page.screenshot(full_page=True))

    def _save(self, name: str, picture: bytes) -> None:
        """Write a picture with few colours, which makes it small.

        Raises:
            ValueError: it is still too large for the README.
        """
        path = self._folder / f"{name}.png"
        image = Image.open(BytesIO(picture)).convert("RGB")
        small = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path}: {image.width} x {image.height}, {size // 1000} kB")
        if size > MAX_BYTES:
            raise ValueError(f"{path} has {size} bytes, more than {MAX_BYTES}")


def choice(studio: Studio) -> None:
    studio.obico.open()
    # what was clicked on the way has a ring around it
    studio.page.evaluate("() => document.activeElement.blur()")
    studio.dialog("choice")


def settings(studio: Studio) -> None:
    studio.obico.open_settings()
    expect(studio.obico.address_check).to_contain_text("This address can be used.")
    studio.dialog("settings")


def linking(studio: Studio) -> None:
    studio.obico.open_settings()
    studio.page.click("#obico-link-again")
    studio.obico.link.choose()
    studio.obico.link.type("4711")
    studio.dialog("linking")


def troubleshooting(studio: Studio) -> None:
    studio.resize(MIDDLE)
    studio.obico.open_troubleshooting()
    studio.obico.press_test(HEADLINES["succeeded"])
    studio.obico.expect_server("Okay")
    studio.dialog("troubleshooting")


def failures(studio: Studio) -> None:
    """Each of the failed verdicts, with the status beside it."""
    obico, server = studio.obico, studio.bench.server
    studio.resize(TALL)
    for name, fault in FAILURES.items():
        link_afresh(studio.bench)
        obico.open_troubleshooting()
        server.set_fault(fault)
        obico.press_test(HEADLINES[SERVER_FAULTS[fault].verdict])
        obico.expect_server("Error" if fault == "revoked" else "Disconnected")
        studio.dialog(name)
        server.clear()
        obico.close()


def report(studio: Studio) -> None:
    """A session with errors on the server's side and on the webcam's, and a test."""
    bench, driver = studio.bench, drive(studio.bench)
    link_afresh(bench)
    bench.webcam.set_fault("error")
    let_viewer_come(bench.server)
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "error", "the webcam has failed")
    bench.mend()
    let_viewer_come(bench.server)
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "okay", "the webcam is okay")
    driver.diagnose()
    page = studio.page.context.new_page()
    page.goto(f"{bench.octoprint.url}{REPORT}")
    expect(page.locator("#server")).to_be_visible()
    studio.whole_page("report", page)
    page.close()


#: In this order: the report shows the errors of the session so far.
PICTURES: tuple[Callable[[Studio], None], ...] = (
    choice,
    settings,
    linking,
    troubleshooting,
    failures,
    report,
)


def find_chromium() -> str:
    """The Chromium of this machine, as `make browser` finds it."""
    command = ["sh", str(ROOT / "tools" / "chromium.sh")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Start the bench, take all pictures, stop the bench."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        basedir = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "octoprint"
        bench = stack.enter_context(running_bench(EDITIONS[0], basedir))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_ARGUMENTS)
        )
        studio = Studio(browser, bench, folder)
        for take in PICTURES:
            take(studio)
            if studio.page.locator("#settings_dialog").is_visible():
                studio.obico.close()
        browser.close()


if __name__ == "__main__":
    main()
