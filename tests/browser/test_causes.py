"""The plugin's own page of causes, and the way to it from a result."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from octoprint_obico.diagnosis.catalogue import CATALOGUE
from tests.bench import Bench
from tests.browser.obico_ui import ObicoPages

CAUSES = "/plugin/obico/causes"


def test_more_about_a_cause(obico: ObicoPages, bench: Bench) -> None:
    """From TEST to the entry of what it has found, for the server and for a webcam."""
    bench.server.set_fault("http_502")
    bench.webcam.set_fault("not_found")
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    more = obico.page.locator("#obico-more")
    aside = obico.page.locator("#obico-asides a").last
    for link, cause in ((more, "server_unavailable"), (aside, "webcam_not_found")):
        with obico.page.context.expect_page() as opened:
            link.click()
        page = opened.value
        expect(page.locator("article:target")).to_contain_text(cause)
        page.close()
    bench.mend()
    obico.press_test("Succeeded")
    expect(more).to_be_hidden()


def test_page_without_javascript(obico: ObicoPages, bench: Bench, browser: Browser) -> None:
    """All causes can be read, and each be reached by its id."""
    state = obico.page.context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{bench.octoprint.url}{CAUSES}#dns_timeout")
    expect(page.locator("article")).to_have_count(len(CATALOGUE))
    expect(page.locator("article:target h3")).to_contain_text("dns_timeout")
    expect(page.locator("article:target li").first).to_be_visible()
    page.get_by_role("link", name="WebSocket", exact=True).click()
    expect(page.locator("h2:target")).to_have_text("WebSocket")
    context.close()
