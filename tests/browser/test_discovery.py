"""Discovery in a browser: the app's pop-up, and the switch in the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import ObicoPages
from tests.browser.octoprint_ui import save_settings
from tests.browser.windows import PageErrors, open_window
from tests.integration.driver import BASE, drive

SWITCH = "#obico-discovery"
LIMIT_S = 30.0

#: As the app's page does it (PROTOCOL 3.2): a pop-up, and the message that comes from it.
OPEN_POPUP = """url => new Promise((resolve) => {
    addEventListener("message", (event) => resolve({data: event.data, origin: event.origin}));
    window.open(url, "popup", "width=400,height=300");
})"""
FETCH = """url => fetch(url, {headers: {Accept: "application/json"}}).then(
    (answer) => answer.ok ? answer.json() : answer.status,
    (error) => error.name
)"""
FRAME = """url => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    addEventListener("message", (event) => resolve("message"));
    frame.addEventListener("load", () => resolve("loaded"));
    frame.src = url;
    document.body.append(frame);
})"""


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench that is not linked, where the wizard has been skipped."""
    with running_bench(edition, tmp_path_factory.mktemp(edition.id), linked=False) as bench:
        answer = bench.api.post("/api/setup/wizard", json={"handled": ["obico"]})
        assert answer.status_code == 204, answer.text
        yield bench


@pytest.fixture
def app(browser: Browser, page_errors: PageErrors, bench: Bench) -> Iterator[Page]:
    """A page of the server's, where nobody is logged in to OctoPrint."""
    page_errors.allow("favicon")  # the sandbox's server has none
    with open_window(browser, None, page_errors) as window:
        page = window.new_page()
        page.goto(bench.server.url)
        yield page


def secret_url(bench: Bench, **query: str) -> str:
    assert bench.server.wait_for(lambda: bool(bench.server.announced()), LIMIT_S)
    found = {"device_id": bench.server.announced()[0].device_id, **query}
    return f"{bench.octoprint.url}{BASE}/grab-discovery-secret?{urlencode(found)}"


def test_the_popup_tells_its_opener(app: Page, bench: Bench) -> None:
    """The app's page gets the secret from a pop-up of another origin, which says what it is."""
    with app.expect_popup() as opened:
        told = app.evaluate(OPEN_POPUP, secret_url(bench))
    assert told["origin"] == bench.octoprint.url
    assert list(told["data"]) == ["device_secret"]
    assert re.fullmatch(r"[0-9a-f]{64}", told["data"]["device_secret"])
    text = opened.value.locator("body").inner_text()
    assert "You can close this window" in text
    assert told["data"]["device_secret"] not in text


def test_opened_by_nobody_it_breaks_nothing(app: Page, bench: Bench) -> None:
    app.goto(secret_url(bench))
    expect(app.locator("body")).to_contain_text("You can close this window")


def test_another_origin_may_read_it_who_knows_the_device(app: Page, bench: Bench) -> None:
    """CORS is open by the protocol: what counts is the device id."""
    told = app.evaluate(FETCH, secret_url(bench))
    assert re.fullmatch(r"[0-9a-f]{64}", told["device_secret"])


def test_who_does_not_know_the_device_cannot_even_read_the_refusal(
    app: Page, bench: Bench, page_errors: PageErrors
) -> None:
    page_errors.allow(r"403|CORS|Failed to load|ERR_FAILED")
    assert app.evaluate(FETCH, secret_url(bench, device_id="0" * 32)) == "TypeError"


def test_it_cannot_be_framed(app: Page, bench: Bench, page_errors: PageErrors) -> None:
    page_errors.allow(r"frame|ERR_BLOCKED")
    assert app.evaluate(FRAME, secret_url(bench)) == "loaded"
    assert app.frames[-1].url.startswith("chrome-error:")


def test_switch_in_the_settings(page: Page, bench: Bench) -> None:
    """Unticked and saved, the app finds nothing any more; unticked and not saved, it stays."""
    obico = ObicoPages(page).open_settings()
    expect(page.locator(SWITCH)).to_be_checked()
    expect(page.locator("#obico-panel-settings")).to_contain_text("in the same network find it")
    page.uncheck(SWITCH)
    obico.close()
    obico.open_settings()
    expect(page.locator(SWITCH)).to_be_checked()
    page.uncheck(SWITCH)
    save_settings(page)
    bench.octoprint.wait_until(lambda: not bench.server.announced(), "it is silent")
    page.reload()
    obico.open_settings()
    expect(page.locator(SWITCH)).not_to_be_checked()
    page.check(SWITCH)
    save_settings(page)
    assert bench.server.wait_for(lambda: bool(bench.server.announced()), LIMIT_S)


def test_the_page_for_linking_starts_it_again(page: Page, bench: Bench) -> None:
    """Its panel asks for the address' form when it opens, and that counts as a look."""
    with page.expect_response("**/plugin/obico/api/address"):
        ObicoPages(page).open()
        page.click("#obico-link")
    assert drive(bench).get(f"{BASE}/api/link")["discovery"]["running"] is True


def test_the_open_page_shows_who_was_linked_by_the_app(page: Page, bench: Bench) -> None:
    """Nobody types a code: the app links, and the page that waits for one says so. (Runs last.)"""
    obico = ObicoPages(page).open()
    page.click("#obico-link")
    obico.link.choose("own")
    expect(obico.link.panel).to_contain_text("can find this OctoPrint by itself")
    server, octoprint = bench.server, bench.octoprint
    path, wanted = f"{BASE}/grab-discovery-secret", {"Accept": "application/json"}
    device_id = server.announced()[0].device_id
    answer = octoprint.anonymous_session().get(
        path, params={"device_id": device_id}, headers=wanted
    )
    server.send_verify_code(device_id, answer.json()["device_secret"], server.printer.id)
    obico.link.expect_linked(server.printer.name)
    drive(bench).wait_until_connected()
