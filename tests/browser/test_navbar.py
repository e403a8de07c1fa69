"""The icon in the navigation bar: its three shapes and words, where it leads, and who sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.bench import Bench
from tests.browser.obico_ui import REPORT, STATUS_LIMIT_MS, ObicoPages, link_afresh
from tests.browser.octoprint_ui import close_settings, log_in, save_settings, wait_until_ready
from tests.browser.windows import PageErrors, open_window
from tests.integration.driver import drive, let_viewer_come

ENTRY = "#navbar_plugin_obico"
LINK = f"{ENTRY} a"
CONNECTED = "Obico: connected"
#: OctoPrint 2.0's own page asks for it, whoever is logged in.
OCTOPRINTS_OWN = "/api/settings/reauthReq"


@pytest.fixture(autouse=True)
def all_is_well(bench: Bench) -> Iterator[None]:
    """Each test begins with a connection that is Okay, and with the icon switched on."""
    link_afresh(bench)
    yield
    drive(bench).save_settings(navbar_icon=True)


def expect_icon(page: Page, shape: str, title: str) -> None:
    """The icon has this shape, and these words for the eye and for a screen reader."""
    link = page.locator(LINK)
    expect(link).to_have_attribute("title", title, timeout=STATUS_LIMIT_MS)
    expect(link).to_have_attribute("aria-label", title)
    expect(link).to_be_visible()
    expect(link.locator("i")).to_contain_class(shape)


def test_three_states_without_a_reload(page: Page, bench: Bench) -> None:
    """Connected, trouble, disconnected and back, on a page where nobody has opened anything."""
    expect_icon(page, "fa-plug-circle-check", CONNECTED)
    bench.server.set_fault("http_500")
    let_viewer_come(bench.server)
    expect_icon(page, "fa-plug-circle-exclamation", "Obico: trouble – The server has a fault")
    bench.server.set_fault("unreachable")
    expect_icon(page, "fa-plug-circle-xmark", "Obico: disconnected – Connection refused")
    bench.server.clear()
    link_afresh(bench)
    expect_icon(page, "fa-plug-circle-check", CONNECTED)


def test_click_opens_troubleshooting(page: Page) -> None:
    """By the mouse and by the keyboard; the dialog opens at its choice the next time."""
    page.click(LINK)
    expect(page.locator("#obico-panel-troubleshooting")).to_be_visible()
    expect(page.locator("#obico-status-versions")).to_be_visible()
    close_settings(page)
    page.focus(LINK)
    page.keyboard.press("Enter")
    expect(page.locator("#obico-panel-troubleshooting")).to_be_visible()
    close_settings(page)
    ObicoPages(page).open()
    expect(page.locator("#obico-panel-troubleshooting")).to_be_hidden()


def test_switch_in_the_settings(page: Page) -> None:
    """Unticked and saved, it goes at once and stays away; unticked and not saved, it stays."""
    obico = ObicoPages(page).open_settings()
    page.uncheck("#obico-navbar-icon")
    obico.close()
    expect(page.locator(ENTRY)).to_be_visible()
    obico.open_settings()
    expect(page.locator("#obico-navbar-icon")).to_be_checked()
    page.uncheck("#obico-navbar-icon")
    save_settings(page)
    expect(page.locator(ENTRY)).to_be_hidden()
    with page.expect_response("**/plugin/obico/api/status*"):
        page.reload()
    wait_until_ready(page)
    expect(page.locator(ENTRY)).to_be_hidden()


def test_operator_is_led_to_the_report(
    browser: Browser, page_errors: PageErrors, bench: Bench
) -> None:
    """He may see the state, but not open the settings."""
    page_errors.allow(OCTOPRINTS_OWN)
    with open_window(browser, None, page_errors) as window:
        page = window.new_page()
        log_in(page, bench.octoprint.url, bench.octoprint.operator)
        expect_icon(page, "fa-plug-circle-check", CONNECTED)
        with window.expect_page() as opened:
            page.click(LINK)
        expect(opened.value).to_have_url(f"{bench.octoprint.url}{REPORT}")


def test_not_linked_there_is_no_icon(page: Page) -> None:
    """There is no connection whose state it could tell; the settings offer to link."""

    def unlinked(route: Route) -> None:
        answer = route.fetch()
        row = {"state": "not_linked", "reason": "not_linked", "since": None, "heals_at": None}
        status = {**answer.json(), "linked": False, "printer": None}
        status["server"] = {**status["server"], **row}
        route.fulfill(response=answer, json=status)

    page.route("**/plugin/obico/api/status*", unlinked)
    with page.expect_response("**/plugin/obico/api/status*"):
        page.reload()
    wait_until_ready(page)
    expect(page.locator(ENTRY)).to_be_hidden()
