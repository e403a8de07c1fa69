"""The way to the plugin's settings, as every browser test goes it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.octoprint_ui import close_settings, open_settings


def test_settings_have_an_entry_of_the_plugin(page: Page) -> None:
    """The settings dialog lists "Obico for OctoPrint" and shows its page."""
    pane = open_settings(page)
    expect(page.locator("#settings_plugin_obico_link")).to_have_text("Obico for OctoPrint")
    expect(pane).to_be_visible()
    close_settings(page)
