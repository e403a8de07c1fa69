"""The printer's name after linking: shown, edited, saved, and what is said where that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.bench import Bench
from tests.browser.obico_ui import LINK_LIMIT_MS, STATUS_LIMIT_MS, ObicoPages
from tests.integration.driver import drive


@pytest.fixture
def linked(obico: ObicoPages, bench: Bench) -> Iterator[ObicoPages]:
    """The page after linking; the printer has its name again afterwards."""
    name = bench.server.printer.name
    obico.open_troubleshooting()
    obico.page.click("#obico-rerun-wizard")
    obico.link.choose()
    obico.link.type(bench.server.new_code(bench.server.printer.id))
    obico.link.expect_linked(name)
    expect(obico.link.name).to_have_value(name)
    yield obico
    bench.server.clear()
    bench.server.printer.name = name
    drive(bench).diagnose()


def said(obico: ObicoPages) -> str:
    """Wait until saving has failed; what is said of it."""
    failure = obico.link.panel.locator(".obico-name-failure")
    expect(failure).to_be_visible(timeout=LINK_LIMIT_MS)
    return failure.inner_text()


def test_name_is_saved_everywhere(linked: ObicoPages, bench: Bench) -> None:
    """On the server, in OctoPrint's settings, and on the page at once."""
    expect(linked.link.save_name).to_have_attribute("aria-disabled", "true")
    linked.link.name.fill("  Voron <b>“Ü”</b> ")
    linked.link.save_name.click()
    expect(linked.link.panel.locator(".obico-name-saved")).to_be_visible(timeout=LINK_LIMIT_MS)
    linked.link.expect_linked("Voron <b>“Ü”</b>")
    assert bench.server.printer.name == "Voron <b>“Ü”</b>"
    expect(linked.link.name).to_have_value("Voron <b>“Ü”</b>")
    expect(linked.link.save_name).to_have_attribute("aria-disabled", "true")
    expect(linked.page.locator("#settings_dialog_update_detected")).to_be_hidden()
    linked.link.panel.locator(".obico-to-test").click()
    status = linked.page.locator("#obico-status-printer")
    expect(status).to_contain_text("Voron <b>“Ü”</b>", timeout=STATUS_LIMIT_MS)


def test_a_name_that_cannot_be_used(linked: ObicoPages, bench: Bench) -> None:
    """It is refused with a word, and stays in its field to be corrected."""
    name = bench.server.printer.name
    bench.server.forget()
    linked.link.name.fill("   ")
    linked.link.save_name.click()
    assert "The name is empty" in said(linked)
    expect(linked.link.name).to_have_attribute("aria-invalid", "true")
    assert bench.server.printer.name == name
    assert [request for request in bench.server.requests if request.method == "PATCH"] == []
    linked.link.name.fill("x" * 250)
    expect(linked.link.name).to_have_value("x" * 200)


def test_server_refuses_the_name(linked: ObicoPages, bench: Bench) -> None:
    """The cause, and that the name is not saved; once the server works, it is saved."""
    name = bench.server.printer.name
    bench.server.set_fault("http_500")
    linked.link.name.fill("Another")
    linked.link.name.press("Enter")
    assert "internal error" in said(linked)
    alert = linked.link.panel.locator(".obico-naming .alert")
    expect(alert).to_contain_text("The name is not saved.")
    expect(alert.locator("li").last).to_have_text("Then save the name again.")
    assert bench.server.printer.name == name
    bench.server.clear()
    linked.link.name.press("Enter")
    linked.link.expect_linked("Another")
    expect(alert).to_be_hidden()
