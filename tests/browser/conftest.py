"""Browser tests: the system's Chromium, logged in to a real OctoPrint of either version.

A test takes ``page``, a fresh one, or ``obico``, the plugin's pages on a page that its module keeps
open. An error in a page fails the test, unless it has allowed that by
``page_errors.allow(pattern)``. The screenshot of a failed test is kept in test-results/.
All modules share one linked bench for each OctoPrint, except those with a ``module_bench`` of
their own; a test that needs a clean slate links afresh (``obico_ui.link_afresh``).
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
    Page,
    StorageState,
    sync_playwright,
)

from tests.bench import ROOT, Bench, Edition, running_bench
from tests.browser.obico_ui import ObicoPages
from tests.browser.octoprint_ui import leave_dialogs, log_in, wait_until_ready
from tests.browser.report_ui import Windows
from tests.browser.windows import PageErrors, open_window

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
RESULTS = ROOT / "test-results"
FIND_LIMIT_S = 100.0


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


@pytest.fixture(scope="session")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A linked bench for all modules together: starting one takes longer than most tests."""
    with running_bench(edition, tmp_path_factory.mktemp(edition.id)) as bench:
        yield bench


@pytest.fixture(scope="session")
def logins() -> dict[str, StorageState]:
    """The administrators' cookies so far, by the address of their OctoPrint."""
    return {}


@pytest.fixture(scope="module")
def admin_state(
    browser: Browser, module_bench: Bench, logins: dict[str, StorageState]
) -> StorageState:
    """The cookies of the administrator, who has logged in by the form once for all tests."""
    octoprint = module_bench.octoprint
    if octoprint.url not in logins:
        context = browser.new_context()
        log_in(context.new_page(), octoprint.url, octoprint.admin)
        logins[octoprint.url] = context.storage_state()
        context.close()
    return logins[octoprint.url]


@pytest.fixture(scope="session")
def all_page_errors() -> PageErrors:
    """What all pages of this test run complain about; tests take ``page_errors``."""
    return PageErrors()


@pytest.fixture
def page_errors(all_page_errors: PageErrors) -> Iterator[PageErrors]:
    """What the test's pages have complained about; anything not allowed fails the test."""
    all_page_errors.forget()
    yield all_page_errors
    assert all_page_errors.unexpected == []


@pytest.fixture
def context(
    browser: Browser, admin_state: StorageState, page_errors: PageErrors
) -> Iterator[BrowserContext]:
    """A fresh browser window of the logged-in administrator."""
    with open_window(browser, admin_state, page_errors) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, bench: Bench) -> Page:
    """OctoPrint's user interface, ready, as the administrator sees it."""
    page = context.new_page()
    page.goto(f"{bench.octoprint.url}/")
    wait_until_ready(page)
    return page


@pytest.fixture(scope="module")
def kept_page(
    browser: Browser, module_bench: Bench, admin_state: StorageState, all_page_errors: PageErrors
) -> Iterator[Page]:
    """The administrator's page that stays open for all tests of a module: loading takes long."""
    with open_window(browser, admin_state, all_page_errors) as context:
        page = context.new_page()
        page.goto(f"{module_bench.octoprint.url}/")
        wait_until_ready(page)
        yield page


@pytest.fixture
def obico(kept_page: Page, page_errors: PageErrors, bench: Bench) -> Iterator[ObicoPages]:
    """The plugin's pages; the settings dialog is still closed."""
    yield ObicoPages(kept_page)
    leave_dialogs(kept_page)


@pytest.fixture(scope="module")
def module_windows(browser: Browser, module_bench: Bench, all_page_errors: PageErrors) -> Windows:
    """The windows of this module, which share a log-in."""
    return Windows(browser, module_bench, all_page_errors)


@pytest.fixture
def windows(module_windows: Windows, bench: Bench, page_errors: PageErrors) -> Windows:
    """Where tests open the report; an error in a page fails them."""
    return module_windows


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a screenshot of each test that failed."""
    report = yield
    funcargs = getattr(item, "funcargs", {})
    page = funcargs.get("page") or funcargs.get("kept_page")
    if report.when == "call" and report.failed and page is not None:
        RESULTS.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", item.nodeid)
        cast(Page, page).screenshot(path=RESULTS / f"{name}.png")
    return report
