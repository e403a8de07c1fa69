"""Linking step by step in the settings: each way of the choice, all by keyboard, and discovery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.bench import Bench
from tests.browser.obico_ui import LINK_LIMIT_MS, ObicoPages, link_afresh

CLOUD = "https://app.obico.io"
LINK_ROUTE = "**/plugin/obico/api/link"


@pytest.fixture
def again(obico: ObicoPages, bench: Bench) -> Iterator[ObicoPages]:
    """The choice of the app, reached from Troubleshooting of a linked OctoPrint."""
    link_afresh(bench)
    obico.open_troubleshooting()
    obico.page.click("#obico-rerun-wizard")
    obico.link.expect_step("app")
    yield obico
    obico.page.unroute_all()
    bench.server.clear()


def test_it_says_what_is_linked_now(again: ObicoPages, bench: Bench) -> None:
    """Whoever links again sees what the new code will replace."""
    current = again.link.panel.locator(".obico-link-current")
    expect(current).to_contain_text(bench.server.printer.name)
    expect(current).to_contain_text("A new code replaces this link")


@pytest.mark.parametrize(
    ("app", "where"), [("phone", "Open the Obico app"), ("web", "Log in at https://app.obico.io")]
)
def test_apps_of_the_cloud(again: ObicoPages, app: str, where: str) -> None:
    """Each says where its code is found, and that the cloud will check it."""
    again.link.choose(app)
    how = again.link.panel.locator(".obico-link-how")
    expect(how).to_contain_text(where)
    expect(how).to_contain_text("Link New Printer")
    expect(again.link.panel).to_contain_text(f"The code will be checked by {CLOUD}")
    expect(again.link.address).to_be_hidden()
    again.link.panel.get_by_role("button", name="Back").click()
    again.link.expect_step("app")


def test_own_server_needs_its_address(again: ObicoPages, bench: Bench) -> None:
    """From the cloud's code to one's own server: its field has the cursor; without it, a word."""
    again.link.choose("web")
    again.link.panel.get_by_role("button", name="Change").click()
    expect(again.link.address).to_be_focused()
    expect(again.link.address).to_have_value(bench.server.url)
    again.link.address.fill("")
    again.link.type("123456")
    assert "Enter the address" in again.link.refused()
    expect(again.link.message).to_be_in_viewport()
    expect(again.link.address).to_be_focused()
    again.link.expect_boxes("123456")
    again.link.address.fill(bench.server.url)
    again.link.address.press("Enter")
    expect(again.link.message).to_contain_text("does not know this code", timeout=LINK_LIMIT_MS)
    again.link.panel.get_by_role("button", name="Back").click()
    expect(again.link.panel.locator("[data-app=own]")).to_contain_text(bench.server.url)


def test_all_by_keyboard(again: ObicoPages, bench: Bench) -> None:
    """From the choice to the saved name without a mouse; the focus is where the step begins."""
    page, panel = again.page, again.link
    expect(panel.panel.locator("[data-step=app] .obico-step-title")).to_be_focused()
    for key in ("Tab", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    panel.expect_step("code")
    expect(panel.boxes.first).to_be_focused()
    page.keyboard.type("12")
    for key, box in (("Home", 0), ("ArrowRight", 1), ("End", 5), ("ArrowLeft", 4), ("Home", 0)):
        page.keyboard.press(key)
        expect(panel.boxes.nth(box)).to_be_focused()
    page.keyboard.type(bench.server.new_code(bench.server.printer.id))
    panel.expect_linked(bench.server.printer.name)
    expect(panel.panel.locator("[data-step=done] .obico-step-title")).to_be_focused()
    for key in ("Tab", "Tab"):
        page.keyboard.press(key)
    expect(panel.name).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Typed")
    page.keyboard.press("Enter")
    panel.expect_linked("Typed")
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(again.test_button).to_be_focused()


def test_each_box_and_each_step_has_a_name(again: ObicoPages) -> None:
    """What a screen reader says: which digit, of what, and where the code is to be found."""
    again.link.choose()
    labels = [box.get_attribute("aria-label") for box in again.link.boxes.all()]
    assert labels == [f"Digit {number} of 6" for number in range(1, 7)]
    fieldset = again.link.panel.get_by_role("group", name="6-digit code")
    described = fieldset.get_attribute("aria-describedby")
    expect(again.page.locator(f"#{described}")).to_contain_text("Link New Printer")


def test_full_width_digits_are_digits(again: ObicoPages) -> None:
    """As a Japanese or Chinese keyboard types them."""
    again.link.choose()
    again.link.boxes.first.click()
    for digit in "１２３４５":
        again.page.keyboard.insert_text(digit)
    again.link.expect_boxes("12345")


def test_while_the_server_is_asked(again: ObicoPages, bench: Bench) -> None:
    """It turns, says whom it asks and for how long at most, and takes no other digit meanwhile."""
    again.link.choose()
    bench.server.set_fault("silent")
    again.link.type("777888")
    running = again.link.panel.locator(".obico-link-running")
    expect(running).to_contain_text("15 seconds at most")
    expect(running).to_contain_text(bench.server.url)
    expect(again.link.submit).to_be_disabled()
    expect(again.link.submit.locator(".fa-spin")).to_be_visible()
    again.page.keyboard.type("1")
    again.link.expect_boxes("777888")
    bench.server.clear()
    assert again.link.refused()
    expect(running).to_be_hidden()
    expect(again.link.submit).to_be_enabled()


def with_changes(**changes: Any) -> Any:
    """Answers of api/link, with some fields as they would be in another situation."""

    def handle(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), **changes})

    return handle


def test_the_app_may_find_it_by_itself(again: ObicoPages) -> None:
    """While discovery runs a line says so; it comes and goes with it."""
    line = again.link.panel.locator(".obico-discovery")
    expect(line).to_have_count(0)
    again.page.route(LINK_ROUTE, with_changes(linked=None, discovery={"running": True}))
    expect(line).to_contain_text("without a code")
    again.page.unroute_all()
    again.page.route(LINK_ROUTE, with_changes(linked=None, discovery={"running": False}))
    expect(line).to_have_count(0)


def test_linked_by_something_else(obico: ObicoPages, bench: Bench) -> None:
    """A page that waits for a code sees that the app has linked this OctoPrint meanwhile."""
    link_afresh(bench)
    obico.page.route(LINK_ROUTE, with_changes(linked=None))
    obico.open_troubleshooting()
    with obico.page.expect_response(LINK_ROUTE):
        obico.page.click("#obico-rerun-wizard")
    obico.link.choose("phone")
    obico.page.unroute_all()
    obico.link.expect_linked(bench.server.printer.name)
    obico.link.expect_step("done")
