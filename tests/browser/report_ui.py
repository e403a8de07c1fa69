"""The diagnostic report as a reader sees it, in browser windows of several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.bench import ROOT, Bench, add_plugin
from tests.browser.obico_ui import REPORT
from tests.browser.octoprint_ui import log_in
from tests.browser.windows import PageErrors, open_window

#: The page looks for news every 5 s.
LIVE_LIMIT_MS = 15_000
PHONE = {"width": 360, "height": 740}


class Windows:
    """Opens the report in browser windows of several kinds, as the administrator."""

    def __init__(self, browser: Browser, bench: Bench, errors: PageErrors) -> None:
        self._browser, self._bench, self._errors = browser, bench, errors
        self._state: StorageState | None = None

    @contextmanager
    def report(self, query: str = "", **options: Any) -> Iterator[Page]:
        """The report's page, in a window with these options of Playwright's."""
        with open_window(self._browser, self._cookies(), self._errors, **options) as window:
            yield self._open(window, query)

    def new_session(self) -> None:
        """Restart OctoPrint, which also forgets who was logged in."""
        self._bench.octoprint.restart()
        self._state = None

    def _open(self, window: BrowserContext, query: str) -> Page:
        page = window.new_page()
        page.goto(f"{self._bench.octoprint.url}{REPORT}{query}")
        expect(page.locator("h1")).to_have_text("Obico diagnostic report")
        return page

    def _cookies(self) -> StorageState:
        """Those of a log-in to the OctoPrint that runs now."""
        if self._state is None:
            with open_window(self._browser, None, self._errors) as window:
                log_in(window.new_page(), self._bench.octoprint.url, self._bench.octoprint.admin)
                self._state = window.storage_state()
        return self._state


def set_stage(basedir: Path) -> None:
    """Put the plugin that plays scenes into the folder of an OctoPrint that will be started."""
    source = (ROOT / "tests" / "browser" / "stage_plugin.py").read_text("utf-8")
    add_plugin(basedir, "obico_stage", source.replace("@ROOT@", str(ROOT)))


def play_scene(bench: Bench, name: str) -> None:
    """From now on the report is that of this scene of tests/report_scenes.py."""
    answer = bench.api.post(f"/plugin/obico_stage/{name}")
    assert answer.status_code == 200, answer.text[:300]


def expect_parts(page: Page, *, server: bool, webcam: bool, plugin: bool = False) -> None:
    """Which parts have figures; server and webcam have a single calm line instead."""
    for part, has_errors in {"server": server, "webcam": webcam}.items():
        expect(page.locator(f"#{part}")).to_have_count(int(has_errors))
        expect(page.locator(f"p.calm[data-part={part}]")).to_have_count(int(not has_errors))
    expect(page.locator("#plugin")).to_have_count(int(plugin))


def figure(page: Page, part: str, name: str) -> str:
    """A figure of a part, by its name."""
    row = page.locator(f"#{part} .figures > div").filter(has=page.locator("dt", has_text=name))
    return row.locator("dd").inner_text()


def width_of(page: Page) -> int:
    """How wide the page is, with all that does not fit in."""
    return int(page.evaluate("() => document.documentElement.scrollWidth"))


def unfold_all(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("() => document.querySelectorAll('details').forEach(each => each.open = true)")
