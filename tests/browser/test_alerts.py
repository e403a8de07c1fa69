"""Notices on every open page, once each; the Health Check's items; nothing for who may not see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, StorageState, expect

from sandbox.octoprint_config import User
from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import ObicoPages, link_afresh
from tests.browser.octoprint_ui import log_in, wait_until_ready
from tests.browser.windows import PageErrors, open_window
from tests.integration.driver import drive, let_viewer_come

#: Trouble matters after so long on this bench, instead of a minute.
SOON_S = 1
#: The plugin looks every 5 s; a channel that waits tries again within seconds.
TOLD_LIMIT_MS = 30_000
ICON = "#navbar_plugin_obico a"
CONNECTED = "Obico: connected"
STATUS_ROUTE = "**/plugin/obico/api/status*"
HEALTH_ROUTE = "**/api/plugin/health_check*"
#: OctoPrint's own pages ask for them, whoever is logged in.
OCTOPRINTS_OWN = "/api/settings/reauthReq|/api/printer/command/custom"
MARKUP = "<img src=x onerror='window.taken=1'><b onclick=1>x</b>"


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench on which trouble matters soon."""
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, alert_after_s=SOON_S) as bench:
        yield bench


@pytest.fixture(autouse=True)
def all_is_well(bench: Bench) -> Iterator[None]:
    """Each test begins with a connection that is Okay, and with the settings as they were."""
    link_afresh(bench)
    yield
    drive(bench).save_settings(alert_after_s=SOON_S, alerts=True)


def ready_page(context: BrowserContext, bench: Bench, icon: str = CONNECTED) -> Page:
    """A new page that has the status: its icon says so."""
    page = context.new_page()
    page.goto(f"{bench.octoprint.url}/")
    wait_until_ready(page)
    expect_icon(page, icon)
    return page


def expect_icon(page: Page, title: str) -> None:
    """The page has heard of this state."""
    expect(page.locator(ICON)).to_have_attribute("title", title, timeout=TOLD_LIMIT_MS)


def notices(page: Page) -> Locator:
    return page.locator(".ui-pnotify.obico-alert")


def expect_trouble(page: Page) -> Locator:
    """One notice tells of the trouble; it."""
    notice = notices(page)
    expect(notice).to_contain_text("trouble with the connection", timeout=TOLD_LIMIT_MS)
    expect(notice).to_have_count(1)
    return notice


def close(notice: Locator) -> None:
    """Close a notice, once it has come to rest; its button shows under the pointer."""
    notice.evaluate("element => $(element).promise()")
    notice.hover()
    notice.locator(".ui-pnotify-closer").click()
    expect(notice).to_have_count(0)


def expect_end(page: Page) -> Locator:
    """One notice tells that it is over; it."""
    notice = notices(page)
    expect(notice).to_contain_text("connected to the server again", timeout=TOLD_LIMIT_MS)
    expect(notice).to_have_count(1)
    return notice


def break_server(bench: Bench) -> None:
    """The server goes away, for long enough to be told."""
    bench.server.set_fault("unreachable")
    drive(bench).wait_for_status(
        lambda s: bool(s["alert"] and not s["alert"]["over"]), "it is told", TOLD_LIMIT_MS / 1000
    )


def mend_server(bench: Bench) -> None:
    """It comes back, and what was wrong is forgotten."""
    bench.server.clear()
    link_afresh(bench)


def test_every_browser_sees_it_once(
    browser: Browser, admin_state: StorageState, page_errors: PageErrors, bench: Bench
) -> None:
    """Two browsers and their pages: each sees the trouble, and each its end in the same place."""
    with ExitStack() as windows:
        contexts = [
            windows.enter_context(open_window(browser, admin_state, page_errors)) for _ in range(2)
        ]
        pages = [ready_page(context, bench) for context in (*contexts, contexts[0])]
        break_server(bench)
        for page in pages:
            notice = expect_trouble(page)
            expect(notice).to_contain_text("refuses connections")
            expect(notice).to_contain_text("Prints go on")
        mend_server(bench)
        for page in pages:
            expect_end(page)


def test_page_that_is_opened_meanwhile_sees_it_once(context: BrowserContext, bench: Bench) -> None:
    """Nobody was there when it began; told on the first page, it is not told on the next."""
    break_server(bench)
    page = ready_page(context, bench, "Obico: disconnected – Connection refused")
    expect_trouble(page)
    page.reload()
    wait_until_ready(page)
    expect_icon(page, "Obico: disconnected – Connection refused")
    expect(notices(page)).to_have_count(0)
    mend_server(bench)
    expect_end(page)


def test_closed_notice_stays_closed_and_the_end_passes(
    context: BrowserContext, bench: Bench
) -> None:
    """Who has read it is not told again; the end goes away by itself."""
    page = ready_page(context, bench)
    break_server(bench)
    notice = expect_trouble(page)
    close(notice)
    expect(notices(page)).to_have_count(0)
    bench.server.set_fault("http_500")  # another cause, the same trouble
    drive(bench).diagnose()
    expect(page.locator(ICON)).not_to_have_attribute(
        "title", "Obico: disconnected – Connection refused", timeout=TOLD_LIMIT_MS
    )
    expect(notices(page)).to_have_count(0)
    mend_server(bench)
    expect_end(page)
    expect(notices(page)).to_have_count(0, timeout=TOLD_LIMIT_MS)


def test_who_was_not_told_of_the_trouble_is_not_told_of_its_end(
    context: BrowserContext, bench: Bench
) -> None:
    break_server(bench)
    mend_server(bench)
    page = ready_page(context, bench)
    expect(notices(page)).to_have_count(0)
    break_server(bench)  # a relapse, which is new to this browser: it hears of both
    expect_trouble(page)
    mend_server(bench)
    expect_end(page)


def test_glitch_shows_nothing(context: BrowserContext, bench: Bench) -> None:
    """The icon tells of it, no notice does."""
    drive(bench).save_settings(alert_after_s=60)
    page = ready_page(context, bench)
    bench.server.kick()
    expect(page.locator(ICON)).not_to_have_attribute("title", CONNECTED)
    drive(bench).wait_until_connected()
    link_afresh(bench)
    expect_icon(page, CONNECTED)
    expect(notices(page)).to_have_count(0)


def test_do_not_tell_me_again(context: BrowserContext, bench: Bench) -> None:
    """Ticked, not even other trouble is told in this browser, until the settings undo it."""
    driver = drive(bench)
    page = ready_page(context, bench)
    break_server(bench)
    notice = expect_trouble(page)
    notice.get_by_label("Do not tell me again").check()
    expect(notice).to_contain_text("Settings > Obico for OctoPrint > Settings")
    close(notice)
    first = driver.status()["alert"]["id"]
    bench.server.set_fault("revoked")
    let_viewer_come(bench.server)
    driver.diagnose()
    lost = "The server does not know this printer any more"
    driver.wait_for_status(lambda s: s["alert"]["id"] != first, "it is told anew", 30)
    expect_icon(page, f"Obico: disconnected – {lost}")
    expect(notices(page)).to_have_count(0)
    obico = ObicoPages(page).open_settings()
    obico.page.click("#obico-tell-again")
    expect(obico.page.locator("#obico-muted")).to_be_hidden()
    obico.close()
    page.reload()
    expect_trouble(page)
    expect(notices(page)).to_contain_text("token")


def test_switched_off_nothing_is_told(context: BrowserContext, bench: Bench) -> None:
    """By the box in the settings; the icon stays."""
    page = ready_page(context, bench)
    obico = ObicoPages(page).open_settings()
    obico.page.uncheck("#obico-alerts")
    obico.page.click("[data-test-id=settings-save]")
    expect(obico.page.locator("#settings_dialog")).to_be_hidden()
    break_server(bench)
    expect_icon(page, "Obico: disconnected – Connection refused")
    expect(notices(page)).to_have_count(0)


def test_who_sees_the_status_needs_no_notice(
    browser: Browser,
    context: BrowserContext,
    admin_state: StorageState,
    page_errors: PageErrors,
    bench: Bench,
) -> None:
    """It would cover what it leads to; one that is open gives way, however that is opened."""
    page = ready_page(context, bench)
    obico = ObicoPages(page).open_troubleshooting()
    break_server(bench)
    obico.expect_server("Disconnected")
    expect(notices(page)).to_have_count(0)
    obico.close()
    for way in (".obico-alert-open", ICON):
        with open_window(browser, admin_state, page_errors) as other:
            page = ready_page(other, bench, "Obico: disconnected – Connection refused")
            expect_trouble(page)
            page.click(way)
            expect(page.locator("#obico-panel-troubleshooting")).to_be_visible()
            expect(notices(page)).to_have_count(0)


def test_nothing_for_who_may_not_see_it(
    browser: Browser, context: BrowserContext, page_errors: PageErrors, bench: Bench
) -> None:
    """Neither icon nor notice, and the page does not even ask."""
    page_errors.allow(OCTOPRINTS_OWN)
    asked: list[str] = []
    reader: User = bench.octoprint.reader
    with open_window(browser, None, page_errors) as window:
        page = window.new_page()
        page.on("request", lambda request: asked.append(request.url))
        log_in(page, bench.octoprint.url, reader)
        seeing = ready_page(context, bench)
        break_server(bench)
        expect_trouble(seeing)
        expect(page.locator("#navbar_plugin_obico")).to_be_hidden()
        expect(notices(page)).to_have_count(0)
    assert not [url for url in asked if "/plugin/obico/api" in url]


def test_health_check_shows_it_without_a_reload(context: BrowserContext, bench: Bench) -> None:
    """An item with its steps and the way to the report comes, and goes again."""
    page = ready_page(context, bench)
    link = page.locator("#navbar_plugin_health_check a")
    expect(link).to_be_hidden()
    break_server(bench)
    expect(link).to_be_visible(timeout=TOLD_LIMIT_MS)
    link.click()
    dialog = page.locator("#plugin_health_check_dialog")
    item = dialog.locator(".plugin_health_check_alert", has_text="(WebSocket)")
    expect(item).to_contain_text("Connection refused")
    expect(item.locator("li").first).to_contain_text("Obico Server running")
    report = item.get_by_role("link", name="Diagnostic report")
    expect(report).to_have_attribute("href", "plugin/obico/report")
    mend_server(bench)
    expect(dialog).to_contain_text("All health checks are green", timeout=TOLD_LIMIT_MS)


def hostile_status(route: Route) -> None:
    """OctoPrint's answer, with markup in all that may come from elsewhere."""
    answer = route.fetch()
    status: dict[str, Any] = answer.json()
    alert = {"id": "x-1", "kind": "webcam", "over": False, "title": MARKUP, "text": MARKUP}
    status["server"].update(state="error", cause_title=MARKUP)
    route.fulfill(response=answer, json={**status, "alert": alert})


def hostile_health(route: Route) -> None:
    answer = route.fetch()
    items = [{"channel": f"webcam:{MARKUP}", "cause": "x", "title": MARKUP, "remedy": [MARKUP]}]
    result = {"result": "warning", "context": {"items": items}, "hash": "x"}
    route.fulfill(response=answer, json={"health": {"obico_webcam": result}})


def test_what_comes_from_elsewhere_is_text(context: BrowserContext, bench: Bench) -> None:
    """Names of webcams and words of servers, in the notice, in the icon's title, in the health."""
    context.route(STATUS_ROUTE, hostile_status)
    context.route(HEALTH_ROUTE, hostile_health)
    page = ready_page(context, bench, f"Obico: trouble – {MARKUP}")
    expect(notices(page)).to_contain_text(MARKUP)
    expect(page.locator(ICON)).to_have_attribute("aria-label", f"Obico: trouble – {MARKUP}")
    page.locator("#navbar_plugin_health_check a").click()
    expect(page.locator(".plugin_health_check_alert li")).to_have_text(MARKUP)
    expect(page.locator("img[src=x], b[onclick]")).to_have_count(0)
    assert page.evaluate("() => window.taken") is None
