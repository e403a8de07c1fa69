"""Browser tests: the system's Chromium, logged in to a real OctoPrint of either version.

A test takes ``page``. An error in the page fails it, unless the test has allowed it by
``page_errors.allow(pattern)``. The screenshot of a failed test is kept in test-results/.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Generator, Iterator
from typing import cast

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    StorageState,
    ViewportSize,
    sync_playwright,
)

from tests.bench import ROOT, Bench
from tests.browser.octoprint_ui import log_in, wait_until_ready

#: Quiet, in a container and as root. The rules keep Chromium from asking for its maker's hosts.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
VIEWPORT: ViewportSize = {"width": 1200, "height": 900}
RESULTS = ROOT / "test-results"
FIND_LIMIT_S = 100.0


class PageErrors:
    """The errors that a page has reported: uncaught exceptions, and errors on its console."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def watch(self, page: Page) -> None:
        """Collect the errors of this page from now on."""
        page.on("pageerror", self._on_exception)
        page.on("console", self._on_console)

    def allow(self, pattern: str) -> None:
        """Let errors pass in whose text or address the regular expression is found."""
        self._allowed.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        """The errors so far that no test has allowed."""
        return [
            error
            for error in self._seen
            if not any(pattern.search(error) for pattern in self._allowed)
        ]

    def _on_exception(self, error: Error) -> None:
        self._seen.append(f"uncaught: {error.message}\n{error.stack or ''}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._seen.append(f"console: {message.text} ({message.location.get('url', '')})")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless. Where there is none the tests fail, with advice."""
    found = subprocess.run(
        ["sh", str(ROOT / "tools" / "chromium.sh")],
        capture_output=True,
        text=True,
        timeout=FIND_LIMIT_S,
    )
    if found.returncode != 0:
        pytest.fail(found.stderr, pytrace=False)
    path = found.stdout.strip()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, headless=True, args=list(CHROMIUM_ARGUMENTS)
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def admin_state(browser: Browser, module_bench: Bench) -> StorageState:
    """The cookies of the administrator, who has logged in by the form once for all tests."""
    context = browser.new_context()
    page = context.new_page()
    log_in(page, module_bench.octoprint.url, module_bench.octoprint.admin)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page_errors() -> Iterator[PageErrors]:
    """What the test's pages have complained about; anything not allowed fails the test."""
    errors = PageErrors()
    yield errors
    assert errors.unexpected == []


@pytest.fixture
def context(
    browser: Browser, admin_state: StorageState, page_errors: PageErrors
) -> Iterator[BrowserContext]:
    """A fresh browser window of the logged-in administrator; its pages' errors are watched."""
    context = browser.new_context(
        storage_state=admin_state, viewport=VIEWPORT, locale="en-GB", timezone_id="Europe/Berlin"
    )
    context.on("page", page_errors.watch)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, bench: Bench) -> Page:
    """OctoPrint's user interface, ready, as the administrator sees it."""
    page = context.new_page()
    page.goto(f"{bench.octoprint.url}/")
    wait_until_ready(page)
    return page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a screenshot of each test that failed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        RESULTS.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", item.nodeid)
        cast(Page, page).screenshot(path=RESULTS / f"{name}.png")
    return report
