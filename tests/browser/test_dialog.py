"""The plugin's entry in the settings dialog: the choice, the two tabs, and the way between them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.obico_ui import ObicoPages

SETTINGS_CHOICE = "#obico-choice-settings"
TROUBLESHOOTING_CHOICE = "#obico-choice-troubleshooting"
SETTINGS_TAB = "#obico-tab-settings"
TROUBLESHOOTING_TAB = "#obico-tab-troubleshooting"
SETTINGS_PANEL = "#obico-panel-settings"
TROUBLESHOOTING_PANEL = "#obico-panel-troubleshooting"


def expect_tab(page: Page, tab: str, shown: str, hidden: str) -> None:
    """This tab is the chosen one, to the eye and to a screen reader."""
    expect(page.locator(tab)).to_have_attribute("aria-selected", "true")
    expect(page.locator(shown)).to_be_visible()
    expect(page.locator(hidden)).to_be_hidden()


def test_settings_have_an_entry_of_the_plugin(obico: ObicoPages) -> None:
    """The settings dialog lists "Obico for OctoPrint"; a linked printer is not asked to link."""
    page = obico.open().page
    expect(page.locator("#settings_plugin_obico_link")).to_have_text("Obico for OctoPrint")
    expect(page.locator(SETTINGS_CHOICE)).to_contain_text("Settings")
    expect(page.locator(SETTINGS_CHOICE).locator("span")).to_have_count(3)
    expect(page.locator(TROUBLESHOOTING_CHOICE)).to_contain_text("Troubleshooting")
    expect(page.locator(TROUBLESHOOTING_CHOICE).locator("span")).to_have_count(3)
    expect(page.locator("#obico-link")).to_be_hidden()


def test_choice_leads_to_the_settings(obico: ObicoPages) -> None:
    """The button Settings opens that tab, and the choice is gone."""
    obico.open()
    obico.page.click(SETTINGS_CHOICE)
    expect_tab(obico.page, SETTINGS_TAB, SETTINGS_PANEL, TROUBLESHOOTING_PANEL)
    expect(obico.page.locator(SETTINGS_CHOICE)).to_be_hidden()


def test_tabs_change_by_mouse_and_by_arrow_keys(obico: ObicoPages) -> None:
    """From Troubleshooting to Settings and back; the focus goes with the arrow keys."""
    page = obico.open().page
    page.click(TROUBLESHOOTING_CHOICE)
    expect_tab(page, TROUBLESHOOTING_TAB, TROUBLESHOOTING_PANEL, SETTINGS_PANEL)
    page.click(SETTINGS_TAB)
    expect_tab(page, SETTINGS_TAB, SETTINGS_PANEL, TROUBLESHOOTING_PANEL)
    page.keyboard.press("ArrowRight")
    expect_tab(page, TROUBLESHOOTING_TAB, TROUBLESHOOTING_PANEL, SETTINGS_PANEL)
    expect(page.locator(TROUBLESHOOTING_TAB)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect_tab(page, SETTINGS_TAB, SETTINGS_PANEL, TROUBLESHOOTING_PANEL)


def test_opening_again_starts_at_the_choice(obico: ObicoPages) -> None:
    """However the dialog was left."""
    obico.open_troubleshooting()
    obico.close()
    obico.open()
    expect(obico.page.locator(TROUBLESHOOTING_PANEL)).to_be_hidden()


def test_tips_unfold(obico: ObicoPages) -> None:
    """Tips by symptom are folded, and open one by one."""
    obico.open_troubleshooting()
    tip = obico.page.locator(".obico-tips details", has_text="No picture, or a frozen one")
    expect(tip.locator("ul")).to_be_hidden()
    tip.locator("summary").click()
    expect(tip.locator("ul")).to_be_visible()
