"""Linking with the 6-digit code in the settings, from an OctoPrint that was never linked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sandbox import SandboxServer
from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import ObicoPages, stored_address
from tests.browser.octoprint_ui import settle, wait_until_ready
from tests.integration.driver import drive


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench that is not linked yet."""
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, linked=False) as bench:
        yield bench


@pytest.fixture(scope="module")
def wizard_skipped(module_bench: Bench) -> None:
    """The set-up wizard was finished without linking, as the first test does it by hand."""
    answer = module_bench.api.post("/api/setup/wizard", json={"handled": ["obico"]})
    assert answer.status_code == 204, answer.text


@pytest.fixture(scope="module")
def kept_page(wizard_skipped: None, kept_page: Page) -> Page:
    """The page that stays open, without the wizard."""
    return kept_page


@pytest.fixture
def linking(obico: ObicoPages) -> ObicoPages:
    """The page with the six boxes, as one reaches it linked or not."""
    obico.open_troubleshooting()
    obico.page.click("#obico-rerun-wizard")
    obico.link.choose()
    expect(obico.link.boxes.first).to_be_focused()
    return obico


def test_wizard_can_be_skipped(page: Page, bench: Bench) -> None:
    """Whoever does not want to link now is not asked again. (Runs first.)"""
    wizard = page.locator("#wizard_dialog.in")
    expect(wizard).to_contain_text("you can link at any time")
    settle(wizard)
    wizard.locator(".button-finish").click()
    expect(wizard).to_be_hidden()
    page.reload()
    wait_until_ready(page)
    expect(page.locator("#wizard_dialog")).to_be_hidden()
    assert drive(bench).status()["linked"] is False


def test_not_linked_offers_linking(obico: ObicoPages) -> None:
    """The choice begins with the button to link, and it leads to the six boxes. (Unlinked yet.)"""
    obico.open()
    button = obico.page.locator("#obico-link")
    expect(button).to_contain_text("Link this OctoPrint")
    button.click()
    obico.link.choose()
    expect(obico.link.boxes).to_have_count(6)
    expect(obico.link.boxes.first).to_be_focused()
    obico.link.panel.get_by_role("button", name="Cancel").click()
    expect(button).to_be_visible()


def test_not_linked_is_said_by_status_and_test(obico: ObicoPages) -> None:
    """Before there is a printer, TEST and status say so, with the way there. (Unlinked yet.)"""
    obico.open_troubleshooting()
    expect(obico.page.locator("#obico-status-printer")).to_contain_text("Not linked")
    expect(obico.server_state).to_have_text("Not linked")
    obico.press_test("Invalid account credentials")
    expect(obico.explanation).to_contain_text("not linked")
    obico.page.get_by_role("button", name="Enter a code").click()
    obico.link.choose()
    expect(obico.link.boxes.first).to_be_focused()


def test_boxes_take_digits_only(linking: ObicoPages) -> None:
    """Letters are refused, the cursor moves on, Backspace goes back; nothing is submitted."""
    panel = linking.link
    panel.type("1a2-b3")
    panel.expect_boxes("123")
    expect(panel.boxes.nth(3)).to_be_focused()
    linking.page.keyboard.press("Backspace")
    panel.expect_boxes("12")
    expect(panel.boxes.nth(2)).to_be_focused()
    linking.page.keyboard.press("ArrowLeft")
    linking.page.keyboard.type("9")
    panel.expect_boxes("19")
    expect(panel.submit).to_be_disabled()
    expect(panel.message).to_be_hidden()


@pytest.mark.usefixtures("wizard_skipped")
def test_paste_fills_and_submits(page: Page, bench: Bench) -> None:
    """A pasted code, in whatever form mails have it, is tried at once; a wrong one stays."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    obico = ObicoPages(page).open_troubleshooting()
    page.click("#obico-rerun-wizard")
    obico.link.choose()
    for text in (" 111-222\n", "333 444", "５５５６６６"):
        with page.expect_response("**/plugin/obico/api/link"):
            obico.link.paste(text)
        assert "does not know this code" in obico.link.refused()
        expect(obico.link.boxes.first).to_be_focused()
    obico.link.expect_boxes("555666")


def test_each_problem_has_its_own_message(linking: ObicoPages, bench: Bench) -> None:
    """A wrong code, no server and another server are told apart; the entered code stays."""
    code = "333444"
    said = []
    linking.link.type(code)
    said.append(linking.link.refused())
    for fault in ("unreachable", "not_obico"):
        bench.server.set_fault(fault)
        with linking.page.expect_response("**/plugin/obico/api/link"):
            linking.link.submit.click()
        said.append(linking.link.refused())
        expect(linking.link.panel.locator(".alert ol li").first).to_be_visible()
        bench.server.clear()
    linking.link.expect_boxes(code)
    assert "does not know this code" in said[0]
    assert "refuses connections" in said[1]
    assert "not an Obico Server" in said[2]
    assert drive(bench).status()["linked"] is False


def test_code_links_and_test_confirms(linking: ObicoPages, bench: Bench) -> None:
    """The sixth digit submits; the printer's name appears, and the way to TEST."""
    linking.link.type(bench.server.new_code(bench.server.printer.id))
    linking.link.expect_linked(bench.server.printer.name)
    # OctoPrint must not ask what to do about the settings that linking has stored
    expect(linking.page.locator("#settings_dialog_update_detected")).to_be_hidden()
    linking.link.panel.locator(".obico-to-test").click()
    expect(linking.test_button).to_be_focused()
    linking.press_test("Succeeded")
    linking.expect_server("Okay")
    printer = linking.page.locator("#obico-status-printer")
    expect(printer).to_contain_text(f"{bench.server.printer.name} (linked)")


def test_linked_to_another_server_from_the_panel(linking: ObicoPages, bench: Bench) -> None:
    """The address is changed right there; it is stored with the link. (Runs last.)"""
    with SandboxServer(printer_name="Elsewhere") as other:
        linking.link.panel.get_by_role("button", name="Change").click()
        address = linking.link.address
        expect(address).to_be_focused()
        expect(address).to_have_value(bench.server.url)
        address.fill(other.url)
        linking.link.type(other.new_code(other.printer.id))
        linking.link.expect_linked("Elsewhere")
        assert stored_address(bench) == other.url
        assert other.wait_for(lambda: other.agent_connected)
        linking.page.reload()
        wait_until_ready(linking.page)
        linking.open_settings()
        expect(linking.address).to_have_value(other.url)
