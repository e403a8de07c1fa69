"""The tab Settings: which server, its address checked while it is typed, and saving it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from sandbox import SandboxServer
from tests.bench import Bench
from tests.browser.obico_ui import ObicoPages, link_afresh, stored_address
from tests.browser.octoprint_ui import SETTINGS_DIALOG, remove_notices, save_settings

CLOUD = "https://app.obico.io"
MALFORMED = "http://no host"
SAVE = f"{SETTINGS_DIALOG} [data-test-id=settings-save]"


@pytest.fixture(autouse=True)
def linked_to_the_bench(bench: Bench) -> Iterator[None]:
    """Each test begins with the address of the bench's server, stored and Okay."""
    link_afresh(bench)
    yield


def notice(obico: ObicoPages) -> Locator:
    """What says in the corner that an address was not saved."""
    return obico.page.locator(".ui-pnotify", has_text="Server Address not saved")


def expect_wrong(obico: ObicoPages) -> None:
    """The address is marked as wrong, with the reason and the way out."""
    expect(obico.address).to_have_attribute("aria-invalid", "true")
    expect(obico.address_check).to_contain_text("cannot be used")
    expect(obico.address_check.locator("li").first).to_be_visible()


def test_stored_server_is_shown(obico: ObicoPages, bench: Bench) -> None:
    """The linked printer, with a link to it, and the own server with its address."""
    obico.open_settings()
    printer = obico.pane.locator(".obico-printer")
    expect(printer).to_have_text(bench.server.printer.name)
    url = f"{bench.server.url}/printers/{bench.server.printer.id}/"
    expect(printer).to_have_attribute("href", url)
    expect(obico.page.locator("#obico-server-own")).to_be_checked()
    expect(obico.address).to_have_value(bench.server.url)
    expect(obico.address_check).to_contain_text("This address can be used.")
    expect(obico.address).to_have_attribute("aria-invalid", "false")


def test_choice_between_cloud_and_own_server(obico: ObicoPages, bench: Bench) -> None:
    """The cloud needs no address; back at the own server, its address is still there."""
    obico.open_settings()
    obico.page.check("#obico-server-cloud")
    expect(obico.address).to_be_hidden()
    expect(obico.address_check).to_contain_text("Press Save to use this server.")
    obico.page.check("#obico-server-own")
    expect(obico.address).to_have_value(bench.server.url)
    expect(obico.page.get_by_text("Press Save to use this server.")).to_be_hidden()


def test_address_is_checked_while_it_is_typed(obico: ObicoPages) -> None:
    """Good, bad and mended, without leaving the field."""
    obico.open_settings()
    obico.address.fill("")
    expect(obico.address_check).to_contain_text("Enter the address")
    obico.address.press_sequentially("192.168.1.5:3334/")
    expect(obico.address_check).to_contain_text("It will be used as http://192.168.1.5:3334")
    expect(obico.address).to_have_attribute("aria-invalid", "false")
    obico.address.fill(MALFORMED)
    expect_wrong(obico)
    obico.address.fill("http://nohost")
    expect(obico.address_check).to_contain_text("This address can be used.")
    expect(obico.address).to_have_attribute("aria-invalid", "false")
    expect(obico.address_check.locator("li")).to_have_count(0)
    expect(obico.address).to_be_focused()


def test_restore_default_waits_for_save(obico: ObicoPages, bench: Bench) -> None:
    """Restore Default chooses the cloud; closed without Save, nothing has changed."""
    obico.open_settings()
    obico.page.click("#obico-restore-default")
    expect(obico.page.locator("#obico-server-cloud")).to_be_checked()
    expect(obico.address).to_be_hidden()
    expect(obico.address_check).to_contain_text("Press Save to use this server.")
    obico.close()
    assert stored_address(bench) == bench.server.url
    obico.open_settings()
    expect(obico.address).to_have_value(bench.server.url)


def test_save_takes_effect_at_once(obico: ObicoPages, bench: Bench) -> None:
    """Another server is connected without a restart: the status shows what it answers."""
    with SandboxServer(printer_name="Printer in the Cellar") as other:
        other.printer.token = bench.server.printer.token
        obico.open_settings()
        obico.address.fill(f"  {other.url}/ ")
        expect(obico.address_check).to_contain_text(f"It will be used as {other.url}")
        save_settings(obico.page)
        assert other.wait_for(lambda: other.agent_connected)
        assert stored_address(bench) == other.url
        obico.open_troubleshooting()
        expect(obico.page.locator("#obico-status-printer")).to_contain_text(other.printer.name)
        obico.expect_server("Okay")
        obico.press_test("Succeeded")
        expect(obico.page.locator("#obico-test-age")).to_contain_text(other.url)
        obico.close()
        link_afresh(bench)


@pytest.mark.parametrize("checked", [True, False], ids=["after-the-check", "before-the-check"])
def test_bad_address_is_not_stored(obico: ObicoPages, bench: Bench, checked: bool) -> None:
    """Save says that and why the old address stays, however fast it was pressed."""
    obico.open_settings()
    obico.address.fill(MALFORMED)
    if checked:
        expect_wrong(obico)
    obico.page.locator(SAVE).click()
    expect(notice(obico)).to_contain_text(f"{bench.server.url} stays in use.")
    expect(notice(obico)).to_contain_text(MALFORMED)
    expect(obico.page.locator(SETTINGS_DIALOG)).to_be_hidden()
    assert stored_address(bench) == bench.server.url
    remove_notices(obico.page)
    obico.open_settings()
    expect(obico.address).to_have_value(bench.server.url)


def test_good_address_is_stored_before_the_check_has_answered(
    obico: ObicoPages, bench: Bench
) -> None:
    """Typed and saved at once: it is stored a moment later, in its mended form."""
    with SandboxServer() as other:
        other.printer.token = bench.server.printer.token
        obico.open_settings()
        obico.address.fill(f"{other.url}/")
        save_settings(obico.page)
        assert other.wait_for(lambda: other.agent_connected)
        assert stored_address(bench) == other.url
        link_afresh(bench)
