"""Certificates: the offer to accept one, what is accepted in the settings, and the CA file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from sandbox import SandboxServer
from tests.bench import Bench
from tests.browser.obico_ui import LINK_LIMIT_MS, ObicoPages, in_view, link_afresh
from tests.browser.octoprint_ui import SETTINGS_DIALOG, leave_dialogs, remove_notices, save_settings
from tests.integration.driver import BASE, drive
from tests.servers.certificates import HomeMade

CERTIFICATE = f"{BASE}/api/certificate"
#: A certificate is a stranger's text.
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def home_made(tmp_path: Path) -> HomeMade:
    return HomeMade.of(tmp_path / "home.pem", MARKUP, ("printer-server.home",))


@pytest.fixture
def server(obico: ObicoPages, bench: Bench, home_made: HomeMade) -> Iterator[SandboxServer]:
    """A server whose certificate nobody trusts; afterwards all is as it was."""
    with SandboxServer(ssl_context=home_made.context()) as server:
        server.printer.token = bench.server.printer.token
        yield server
        leave_dialogs(obico.page)  # an open one would ask what to do about what is stored now
        assert bench.api.delete(CERTIFICATE).status_code == 200
        link_afresh(bench)


def offer_in(place: Locator) -> Locator:
    """The panel with the certificate, opened by its button."""
    in_view(place.get_by_role("button", name="Accept this certificate…")).click()
    panel = place.locator(".obico-certificate")
    expect(panel.locator("h5")).to_be_focused()
    return panel


def accept(panel: Locator) -> None:
    in_view(panel.get_by_role("button", name="Accept this certificate", exact=True)).click()


def fingerprint_in(place: Locator) -> str:
    return place.locator(".obico-fingerprint").inner_text().replace("\n", "")


def test_certificate_is_shown_accepted_and_removed(
    obico: ObicoPages, bench: Bench, server: SandboxServer
) -> None:
    """TEST says what is wrong and offers it; accepted, TEST runs again and all is well."""
    drive(bench).save_settings(endpoint_prefix=server.url)
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    tab = obico.page.locator("#obico-panel-troubleshooting")
    panel = offer_in(tab)
    for told in (MARKUP, "printer-server.home", "itself", server.url):
        expect(panel).to_contain_text(told)
    fingerprint = fingerprint_in(panel)
    assert len(fingerprint) == 95
    panel.get_by_role("button", name="Cancel").click()
    expect(panel.locator("h5")).to_be_hidden()
    offer_in(tab)
    accept(panel)
    obico.expect_verdict("Succeeded")
    expect(panel).to_be_hidden()
    obico.expect_server("Okay")
    obico.page.click("#obico-tab-settings")
    accepted = obico.page.locator("#obico-accepted")
    expect(accepted).to_contain_text(MARKUP)
    assert fingerprint_in(accepted) == fingerprint
    in_view(obico.page.locator("#obico-forget-certificate")).click()
    expect(accepted).to_be_hidden()
    assert bench.api.get(CERTIFICATE).json() == {"accepted": None}


def test_linking_goes_on_after_accepting(
    obico: ObicoPages, bench: Bench, server: SandboxServer
) -> None:
    """The code that was typed is still there, and is sent as soon as the server is trusted."""
    drive(bench).save_settings(endpoint_prefix=server.url)
    obico.open_settings()
    obico.page.click("#obico-link-again")
    obico.link.type(server.new_code(server.printer.id))
    assert "signed itself" in obico.link.refused()
    accept(offer_in(obico.link.panel))
    expect(obico.link.linked).to_be_visible(timeout=LINK_LIMIT_MS)


def test_ca_file_is_checked_and_saved(obico: ObicoPages, bench: Bench, home_made: HomeMade) -> None:
    """A wrong path is said at once and not stored; a right one is stored with Save."""

    def stored() -> str:
        settings = bench.api.get("/api/settings").json()
        return str(settings["plugins"]["obico"]["tls_ca_file"] or "")

    field = obico.page.locator("#obico-ca-file")
    check = obico.page.locator("#obico-ca-file-check")
    obico.open_settings()
    field.fill("/no/such/file")
    expect(check).to_contain_text("There is no such file")
    expect(field).to_have_attribute("aria-invalid", "true")
    obico.page.locator(f"{SETTINGS_DIALOG} [data-test-id=settings-save]").click()
    notice = obico.page.locator(".ui-pnotify", has_text="CA file not saved")
    expect(notice).to_contain_text("/no/such/file")
    expect(obico.page.locator(SETTINGS_DIALOG)).to_be_hidden()
    assert stored() == ""
    remove_notices(obico.page)
    for path in (str(home_made.pem_file), ""):
        obico.open_settings()
        field.fill(path)
        if path:
            expect(check).to_contain_text("This file can be used.")
        save_settings(obico.page)
        assert stored() == path
