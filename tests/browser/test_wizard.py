"""OctoPrint's set-up wizard: linking in it, and the true first run (test_linking.py skips it)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, ViewportSize, expect

from sandbox import SandboxServer
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import WIZARD, LinkPanel
from tests.browser.octoprint_ui import settle, wait_until_ready
from tests.browser.windows import PageErrors, open_window
from tests.integration.driver import drive

DIALOG = "#wizard_dialog"
NEXT = f"{DIALOG} .button-next"
FINISH = f"{DIALOG} .button-finish"
ACCESS_CONTROL = "wizard_plugin_corewizard_acl"
LAST_PAGE = "wizard_firstrun_end"
#: OctoPrint asks for these before anybody has logged in.
FIRST_RUN_REFUSALS = r"403.*/api/(printer|printerprofiles|settings)/"
PASSWORD = "a long enough password"
TELEPHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True)
class FirstRun:
    """A fresh OctoPrint, and the server to link it to."""

    octoprint: OctoPrintInstance
    server: SandboxServer


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench whose plugin has just been installed: not linked, its wizard not seen."""
    with running_bench(edition, tmp_path_factory.mktemp(edition.id), linked=False) as bench:
        yield bench


def wizard_of(page: Page) -> Locator:
    """The open wizard."""
    dialog = page.locator(f"{DIALOG}.in")
    expect(dialog).to_be_visible()
    settle(dialog)
    return dialog


def finish(page: Page) -> None:
    """Press Finish and load the page again, as OctoPrint then demands."""
    page.click(FINISH)
    expect(page.locator(DIALOG)).to_be_hidden()
    page.reload()
    wait_until_ready(page)


def begin(panel: LinkPanel) -> None:
    """Go on from the welcome."""
    panel.expect_step("welcome")
    panel.panel.locator(".obico-link-start").click()


def test_it_says_first_what_leaves_the_computer(page: Page, bench: Bench) -> None:
    """The welcome: what Obico does and what is sent; so far it has only announced itself."""
    wizard_of(page)
    panel = LinkPanel(page, WIZARD)
    panel.expect_step("welcome")
    expect(panel.panel).to_contain_text("sends to that server, and to nobody else")
    expect(panel.panel).to_contain_text("by which the Obico app finds it")
    links = panel.panel.locator("[data-step=welcome] a")
    addresses = [link.get_attribute("href") or "" for link in links.all()]
    assert [address.rpartition("/")[2] for address in addresses] == ["privacy.md", "privacy.html"]
    assert {request.path for request in bench.server.requests} <= {"/api/v1/octo/unlinked/"}
    assert bench.server.connections == []


def test_narrow_window(
    browser: Browser, admin_state: StorageState, bench: Bench, page_errors: PageErrors
) -> None:
    """On a telephone no step is wider than the window, and all of it can be reached."""
    with open_window(browser, admin_state, page_errors, viewport=TELEPHONE) as context:
        page = context.new_page()
        page.goto(f"{bench.octoprint.url}/")
        wait_until_ready(page)
        wizard_of(page)
        panel = LinkPanel(page, WIZARD)
        expect_fits(panel)
        begin(panel)
        for app in ("phone", "web", "own"):
            expect_fits(panel)
            panel.choose(app)
            expect_fits(panel)
            if app != "own":
                panel.panel.locator(".obico-link-back").click()
        panel.type("000000")
        assert "does not know this code" in panel.refused()
        expect(panel.message).to_be_in_viewport()
        expect_fits(panel)


def expect_fits(panel: LinkPanel) -> None:
    """Nothing of the panel sticks out of the window, which cannot be scrolled sideways."""
    sizes = panel.panel.evaluate(
        """panel => [document.documentElement.scrollWidth, ...[...panel.querySelectorAll("*")]
            .filter(each => !each.closest(".obico-offscreen"))
            .map(each => Math.ceil(each.getBoundingClientRect().right))]"""
    )
    assert max(sizes) <= TELEPHONE["width"]


def test_linking_in_the_wizard(page: Page, bench: Bench) -> None:
    """It comes by itself; a wrong code is said, the right one links, and it does not come again.

    The name that was typed counts where Finish is pressed instead of Save.
    """
    wizard_of(page)
    panel = LinkPanel(page, WIZARD)
    begin(panel)
    panel.choose()
    expect(panel.boxes.first).to_be_focused()
    expect(panel.panel).to_contain_text(bench.server.url)
    panel.type("000000")
    assert "does not know this code" in panel.refused()
    panel.type(bench.server.new_code(bench.server.printer.id))
    panel.expect_linked(bench.server.printer.name)
    panel.name.fill("Named in the wizard")
    page.click(FINISH)
    assert bench.server.wait_for(lambda: bench.server.printer.name == "Named in the wizard", 20.0)
    expect(page.locator(DIALOG)).to_be_hidden()
    page.reload()
    wait_until_ready(page)
    expect(page.locator(DIALOG)).to_be_hidden()
    assert drive(bench).wait_until_connected()["server"]["state"] == "okay"


@pytest.fixture
def first_run(edition: Edition, tmp_path: Path) -> Iterator[FirstRun]:
    """OctoPrint as it is right after its installation: no users, all of its wizard to go."""
    with SandboxServer() as server:
        octoprint = OctoPrintInstance(
            edition.python(),
            tmp_path / "octoprint",
            plugins_config={"obico": {"endpoint_prefix": server.url}},
            first_run=True,
        )
        with octoprint:
            yield FirstRun(octoprint, server)


def test_true_first_run(browser: Browser, first_run: FirstRun, page_errors: PageErrors) -> None:
    """The way through access control to our page, where linking works; the wizard ends well."""
    page_errors.allow(FIRST_RUN_REFUSALS)
    with open_window(browser, None, page_errors) as context:
        page = context.new_page()
        page.goto(f"{first_run.octoprint.url}/")
        wait_until_ready(page)
        wizard_of(page)
        go_to(page, ACCESS_CONTROL)
        create_account(page)
        go_to(page, WIZARD.lstrip("#"))
        panel = LinkPanel(page, WIZARD)
        panel.expect_step("welcome")
        expect(panel.panel.locator("[data-step=welcome] .obico-step-title")).to_be_focused()
        press(page, "Tab", "Tab", "Tab", "Enter")
        panel.expect_step("app")
        press(page, "Tab", "Tab", "Tab", "Enter")
        panel.expect_step("code")
        expect(panel.boxes.first).to_be_focused()
        expect(panel.panel).to_contain_text(first_run.server.url)
        page.keyboard.type(first_run.server.new_code(first_run.server.printer.id))
        panel.expect_linked(first_run.server.printer.name)
        assert first_run.server.wait_for(lambda: first_run.server.agent_connected)
        panel.name.fill("First of all")
        panel.name.press("Enter")
        panel.expect_linked("First of all")
        assert first_run.server.printer.name == "First of all"
        go_to(page, LAST_PAGE)
        for box in page.locator(f"#{LAST_PAGE} input[type=checkbox]").all():
            box.check()
        finish(page)
        expect(page.locator(DIALOG)).to_be_hidden()
        status = page.evaluate("() => OctoPrint.plugins.obico.getStatus()")
        assert (status["linked"], status["server"]["state"]) == (True, "okay")


def press(page: Page, *keys: str) -> None:
    """Press keys one after another."""
    for key in keys:
        page.keyboard.press(key)


def go_to(page: Page, name: str) -> None:
    """Press Next until this page of the wizard is shown; there are fewer than 20."""
    shown = page.locator("#wizard_dialog_content > .tab-pane.active")
    for _ in range(20):
        before = shown.get_attribute("id")
        if before == name:
            expect(page.locator(f"#{name}")).to_be_visible()
            return
        page.click(NEXT)
        expect(shown).not_to_have_id(str(before))
    raise AssertionError(f"the wizard has no page {name}")


def create_account(page: Page) -> None:
    """Fill in the page for access control; OctoPrint logs the new administrator in by itself."""
    pane = page.locator(f"#{ACCESS_CONTROL}")
    for field, text in zip(pane.locator("input").all(), ("owner", PASSWORD, PASSWORD)):
        field.fill(text)
        field.press("Tab")
    pane.get_by_text("Create Account").click()
    expect(page.locator("#navbar_login")).to_contain_text("owner")
