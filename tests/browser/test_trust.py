"""Certificates: the offer to accept one, what is accepted in the settings, and the CA file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from sandbox import SandboxServer
from tests.bench import Bench
from tests.browser.obico_ui import LINK_LIMIT_MS, ObicoPages, in_view, link_afresh
from tests.browser.octoprint_ui import SETTINGS_DIALOG, leave_dialogs, remove_notices, save_settings
from tests.integration.driver import CERTIFICATE, drive
from tests.servers import faults as f
from tests.servers.certificates import HomeMade

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


class Shifty:
    """Behind TLS only; what it shows, and whether it says anything at all, changes.

    Attributes:
        shown: the certificate.
        speaks: clear it, and the server is silent from then on until it is set again.
    """

    def __init__(self, shown: HomeMade) -> None:
        self.shown = shown
        self.speaks = threading.Event()
        self.speaks.set()

    def __call__(self, peer: f.Peer) -> None:
        self.speaks.wait(f.LIMIT_S)
        f.over_tls(self.shown.context(), f.answer())(peer)


@pytest.fixture
def shifty(obico: ObicoPages, bench: Bench, home_made: HomeMade) -> Iterator[Shifty]:
    """What is at the stored address; afterwards all is as it was."""
    shifty = Shifty(home_made)
    with f.FaultServer(shifty) as server:
        drive(bench).save_settings(endpoint_prefix=f"https://127.0.0.1:{server.port}")
        yield shifty
        shifty.speaks.set()
        leave_dialogs(obico.page)
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


def accepting(bench: Bench) -> dict[str, Any]:
    """What is accepted, and how accepting goes."""
    answer: dict[str, Any] = bench.api.get(CERTIFICATE).json()
    return answer


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
    assert accepting(bench)["accepted"] is None


def test_the_page_tells_that_the_server_is_being_asked(
    obico: ObicoPages, bench: Bench, shifty: Shifty
) -> None:
    """The panel is busy meanwhile, and the answer shows by itself."""
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    panel = offer_in(obico.page.locator("#obico-panel-troubleshooting"))
    button = panel.get_by_role("button", name="Accept this certificate", exact=True)
    asking = panel.get_by_role("status").locator("p")
    expect(asking).to_be_hidden()
    shifty.speaks.clear()
    button.focus()
    obico.page.keyboard.press("Enter")
    expect(asking).to_be_visible()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("aria-busy", "true")
    expect(panel.get_by_role("button", name="Cancel")).to_be_disabled()
    assert accepting(bench)["state"] == "running"
    shifty.speaks.set()
    expect(panel).to_be_hidden()
    assert accepting(bench)["accepted"]["subject"] == f"CN={MARKUP}"
    obico.expect_idle()


def test_another_certificate_is_shown_and_not_accepted_in_its_place(
    obico: ObicoPages, bench: Bench, shifty: Shifty, tmp_path: Path
) -> None:
    """Not by a double click either; compared and confirmed, it is."""
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    tab = obico.page.locator("#obico-panel-troubleshooting")
    panel = offer_in(tab)
    old = fingerprint_in(panel)
    shifty.shown = HomeMade.of(tmp_path / "other.pem", "Another One")
    button = in_view(panel.get_by_role("button", name="Accept this certificate", exact=True))
    button.dblclick()
    failure = panel.get_by_role("alert")
    expect(failure).to_contain_text("127.0.0.1 shows another certificate now")
    expect(panel.locator("h5")).to_be_focused()
    expect(panel.locator(".obico-certificate-facts")).to_contain_text("Another One")
    new = fingerprint_in(panel)
    assert new != old
    button.dispatch_event("click", {"detail": 2})
    expect(button).to_have_attribute("aria-busy", "false", timeout=1)
    assert accepting(bench)["accepted"] is None
    accept(panel)
    expect(panel).to_be_hidden()
    assert accepting(bench)["accepted"]["sha256"] == new
    obico.expect_idle()


def test_a_server_that_shows_none_any_more_is_said(obico: ObicoPages, shifty: Shifty) -> None:
    """With what to do about it; the panel stays, to try again."""
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    panel = offer_in(obico.page.locator("#obico-panel-troubleshooting"))
    shifty.speaks.clear()
    accept(panel)
    failure = panel.get_by_role("alert")
    expect(failure.locator("strong")).to_contain_text("127.0.0.1", timeout=LINK_LIMIT_MS)
    expect(failure.locator("li").first).to_be_visible()
    expect(panel.locator("h5")).to_be_focused()
    shifty.speaks.set()
    accept(panel)
    expect(panel).to_be_hidden()
    obico.expect_idle()


def test_linking_goes_on_after_accepting(
    obico: ObicoPages, bench: Bench, server: SandboxServer
) -> None:
    """The code that was typed is still there, and is sent as soon as the server is trusted."""
    drive(bench).save_settings(endpoint_prefix=server.url)
    obico.open_settings()
    obico.page.click("#obico-link-again")
    obico.link.choose()
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
