"""The plugin's pages as a user works them, in the settings dialog and in the set-up wizard."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.bench import Bench
from tests.browser.octoprint_ui import close_settings, open_settings
from tests.integration.driver import PluginDriver, drive

SETTINGS = "#settings_plugin_obico"
WIZARD = "#wizard_plugin_obico"
REPORT = "/plugin/obico/report"

#: TEST has 15 s; a little more for a busy machine.
TEST_LIMIT_MS = 20_000
#: Linking has 12 s.
LINK_LIMIT_MS = 15_000
#: What has changed shows within seconds, without a reload.
STATUS_LIMIT_MS = 15_000


class ObicoPages:
    """The plugin's entry of the settings dialog on one page of the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pane = page.locator(SETTINGS)
        self.link = LinkPanel(page, SETTINGS)
        self.test_button = page.locator("#obico-test")
        self.verdict = page.locator("#obico-verdict")
        self.explanation = page.locator("#obico-explanation")
        self.remedy = page.locator("#obico-remedy li")
        self.checks = page.locator("#obico-checks tr")
        self.server_row = page.locator("#obico-status-server")
        self.server_state = self.server_row.locator(".obico-state")
        self.webcam_row = page.locator(".obico-status-webcam")
        self.address = page.locator("#obico-server-address")
        self.address_check = page.locator("#obico-address-check")

    def open(self) -> ObicoPages:
        """Open the settings dialog on the plugin's entry, which begins with the choice."""
        open_settings(self.page)
        expect(self.page.locator("#obico-choice-settings")).to_be_visible()
        return self

    def open_settings(self) -> ObicoPages:
        """Open the dialog and go to the tab Settings."""
        self.open()
        self.page.click("#obico-choice-settings")
        expect(self.page.locator("#obico-panel-settings")).to_be_visible()
        return self

    def open_troubleshooting(self) -> ObicoPages:
        """Open the dialog and go to the tab Troubleshooting, which has its status by then."""
        self.open()
        self.page.click("#obico-choice-troubleshooting")
        expect(self.page.locator("#obico-panel-troubleshooting")).to_be_visible()
        expect(self.page.locator("#obico-status-versions")).to_be_visible()
        return self

    def close(self) -> None:
        """Close the dialog without saving."""
        close_settings(self.page)

    def press_test(self, headline: str) -> None:
        """Press TEST and wait for its verdict."""
        self.test_button.click()
        self.expect_verdict(headline)

    def expect_verdict(self, headline: str) -> None:
        """The test has ended with this headline, and nothing spins any more."""
        expect(self.verdict.locator("strong")).to_have_text(headline, timeout=TEST_LIMIT_MS)
        self.expect_idle()

    def expect_running(self) -> None:
        """The test runs: TEST is busy and says what is being tried."""
        expect(self.test_button).to_have_attribute("aria-busy", "true")
        expect(self.verdict).to_contain_text("…")

    def expect_idle(self) -> None:
        """TEST can be pressed."""
        expect(self.test_button).to_have_attribute("aria-busy", "false")
        expect(self.test_button).to_have_attribute("aria-disabled", "false")
        expect(self.verdict.locator(".fa-spin")).to_have_count(0)

    def expect_server(self, *states: str) -> None:
        """The row "Connection to server" says one of these words, by itself."""
        words = re.compile(f"^({'|'.join(states)})$")
        expect(self.server_state).to_have_text(words, timeout=STATUS_LIMIT_MS)


class LinkPanel:
    """The panel with the six boxes; it is in the settings, and in the wizard as well."""

    def __init__(self, page: Page, root: str) -> None:
        self.page = page
        self.panel = page.locator(f"{root} .obico-linking")
        self.boxes = self.panel.locator(".obico-code input")
        self.message = self.panel.locator(".obico-link-message")
        self.linked = self.panel.locator(".obico-linked")
        self.submit = self.panel.locator(".obico-link-submit")
        self.address = self.panel.locator(".obico-link-address")
        self.name = self.panel.locator(".obico-name")
        self.save_name = self.panel.locator(".obico-name-save")

    def expect_step(self, step: str) -> None:
        """This step is shown, and no other one."""
        shown = self.panel.locator("[data-step]:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_have_attribute("data-step", step)

    def choose(self, app: str = "own") -> None:
        """Go on from the choice of the app: "phone", "web" or "own", the bench's server."""
        self.expect_step("app")
        self.panel.locator(f"[data-app={app}]").click()
        self.expect_step("code")

    def type(self, text: str) -> None:
        """Type from the first box on, key by key."""
        self.boxes.first.click()
        self.page.keyboard.type(text)

    def paste(self, text: str) -> None:
        """Paste from the clipboard into the first box; the context must have the permission."""
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.boxes.first.click()
        self.page.keyboard.press("ControlOrMeta+V")

    def expect_boxes(self, code: str) -> None:
        """The boxes hold these characters, a space stands for an empty one."""
        for index, digit in enumerate(code.ljust(6)):
            expect(self.boxes.nth(index)).to_have_value(digit.strip())

    def refused(self) -> str:
        """Wait until linking has failed; what is said of it."""
        expect(self.message).to_be_visible(timeout=LINK_LIMIT_MS)
        return self.message.inner_text()

    def expect_linked(self, name: str) -> None:
        """Linking has succeeded, to a printer of this name."""
        expect(self.linked).to_be_visible(timeout=LINK_LIMIT_MS)
        expect(self.linked.locator("a")).to_have_text(name)


def link_afresh(bench: Bench) -> PluginDriver:
    """Link to the bench's printer again, which forgets what was wrong before: all is Okay."""
    driver = drive(bench)
    printer = bench.server.printer
    outcome = driver.link(bench.server.new_code(printer.id), bench.server.url)
    assert outcome["ok"], outcome
    driver.wait_for_status(
        lambda s: s["server"]["state"] == "okay" and s["printer"]["id"] == printer.id, "all is Okay"
    )
    return driver


def stored_address(bench: Bench) -> str:
    """The server address that OctoPrint has stored."""
    settings = bench.api.get("/api/settings").json()
    return str(settings["plugins"]["obico"]["endpoint_prefix"])


def in_view(locator: Locator) -> Locator:
    """The same element, scrolled to as a reader would."""
    locator.scroll_into_view_if_needed()
    return locator
