"""OctoPrint's pages as a user works them; the selectors are the same in 1.11 and 2.0."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from sandbox.octoprint_config import User

SETTINGS_DIALOG = "#settings_dialog"


def log_in(page: Page, url: str, user: User) -> None:
    """Log in by the form and wait until the user interface is ready."""
    page.goto(f"{url}/")
    page.fill("#login-user", user.name)
    page.fill("#login-password", user.password)
    page.click("#login-button")
    page.wait_for_url(lambda address: "/login" not in address)
    wait_until_ready(page)


def wait_until_ready(page: Page) -> None:
    """Wait until OctoPrint's user interface has been built."""
    page.wait_for_selector("#page-container-main", state="visible")
    page.wait_for_selector("#page-container-loading", state="hidden")


def open_settings(page: Page, plugin: str = "obico") -> Locator:
    """Open the settings dialog on a plugin's page, by the mouse as a user does; that page."""
    page.click("#navbar_show_settings")
    dialog = page.locator(f"{SETTINGS_DIALOG}.in")
    expect(dialog).to_be_visible()
    settle(dialog)
    page.click(f"#settings_plugin_{plugin}_link > a")
    pane = page.locator(f"#settings_plugin_{plugin}")
    expect(pane).to_be_visible()
    return pane


def save_settings(page: Page) -> None:
    """Press the settings dialog's Save and wait until it has closed."""
    page.click(f"{SETTINGS_DIALOG} [data-test-id=settings-save]")
    expect(page.locator(SETTINGS_DIALOG)).to_be_hidden()


def close_settings(page: Page) -> None:
    """Close the settings dialog without saving."""
    page.click(f"{SETTINGS_DIALOG} [data-test-id=settings-close-button]")
    expect(page.locator(SETTINGS_DIALOG)).to_be_hidden()


def leave_dialogs(page: Page) -> None:
    """Close the settings dialog, if it is open, and the notices: the next test finds neither."""
    if page.locator(SETTINGS_DIALOG).is_visible():
        remove_notices(page)
        close_settings(page)
    remove_notices(page)


def settle(dialog: Locator) -> None:
    """Wait until a dialog's opening animation is over: a click during it goes astray."""
    dialog.evaluate(
        "element => Promise.all("
        "element.getAnimations({subtree: true}).map(each => each.finished.catch(() => null)))"
    )


def remove_notices(page: Page) -> None:
    """Take away the notices in the corner, which may cover a button."""
    page.evaluate("() => { $('.ui-pnotify').remove(); }")
