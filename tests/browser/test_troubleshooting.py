"""The tab Troubleshooting: TEST and its verdicts, and the Plugin Status beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from sandbox.faults import HEADLINES, SERVER_FAULTS
from tests.bench import Bench
from tests.browser.obico_ui import STATUS_LIMIT_MS, ObicoPages, in_view, link_afresh
from tests.browser.octoprint_ui import remove_notices
from tests.integration.driver import let_viewer_come

SUCCEEDED = HEADLINES["succeeded"]


@dataclass(frozen=True)
class Case:
    """A fault of the sandbox, what the row says of it, and a word the explanation must have."""

    fault: str
    state: str
    explanation: str

    @property
    def headline(self) -> str:
        return HEADLINES[SERVER_FAULTS[self.fault].verdict]


CASES = (
    Case("unreachable", "Disconnected", "refuses connections"),
    Case("revoked", "Error", "printer"),
    Case("ws_refused", "Disconnected", "WebSocket"),
)


@pytest.fixture(autouse=True)
def all_is_well(bench: Bench) -> Iterator[None]:
    """Each test begins with a connection that is Okay."""
    link_afresh(bench)
    yield


def test_succeeded_and_okay(obico: ObicoPages, bench: Bench) -> None:
    """All is well: Succeeded, no remedy; every row of the status is green and has its words."""
    obico.open_troubleshooting()
    page = obico.page
    obico.press_test(SUCCEEDED)
    expect(obico.explanation).not_to_be_empty()
    expect(obico.remedy).to_have_count(0)
    expect(page.locator("#obico-asides .obico-aside")).to_have_count(0)
    expect(page.locator("#obico-test-age")).to_contain_text(bench.server.url)
    obico.expect_server("Okay")
    expect(obico.server_row.locator(".obico-since")).to_contain_text("since")
    expect(obico.server_row.locator(".obico-why")).to_be_hidden()
    expect(page.locator("#obico-status-printer")).to_contain_text(bench.server.printer.name)
    expect(page.locator("#obico-status-account")).to_contain_text("Pro")
    expect(obico.webcam_row.locator(".obico-state")).to_have_text("Okay")
    versions = f"Plugin 3.0.0, OctoPrint {bench.octoprint.version}"
    expect(page.locator("#obico-status-versions")).to_have_text(versions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_each_headline(obico: ObicoPages, bench: Bench, case: Case) -> None:
    """TEST and status tell of the fault, with the way out; mended, all heals without a reload."""
    obico.open_troubleshooting()
    obico.expect_server("Okay")
    bench.server.set_fault(case.fault)
    obico.press_test(case.headline)
    expect(obico.explanation).to_be_visible()
    expect(obico.explanation).to_contain_text(case.explanation)
    expect(obico.remedy.first).to_be_visible()
    assert 1 <= obico.remedy.count() <= 5
    obico.expect_server(case.state)
    expect(obico.server_row.locator(".obico-since")).to_contain_text("since")
    report = obico.server_row.locator(".obico-why")
    expect(report).to_be_visible()
    expect(report).to_have_attribute("href", re.compile(r"(^|/)plugin/obico/report$"))
    bench.server.clear()
    obico.press_test(SUCCEEDED)
    expect(obico.remedy).to_have_count(0)
    # the errors of a moment ago still count for two minutes, and the row says until when
    obico.expect_server("Okay", "Error")
    expect(obico.server_row).to_contain_text(re.compile("Okay|Turns Okay by itself at"))


def test_status_follows_by_itself(obico: ObicoPages, bench: Bench) -> None:
    """Nothing is pressed: the row tells of the fault and of its end within seconds."""
    obico.open_troubleshooting()
    obico.expect_server("Okay")
    bench.server.set_fault("unreachable")
    obico.expect_server("Disconnected")
    expect(obico.server_row).to_contain_text("refuses connections")
    bench.server.clear()
    obico.expect_server("Error", "Okay")
    channels = obico.server_row.locator(".obico-channels i")
    for index in range(2):
        expect(channels.nth(index)).to_have_attribute("aria-label", "connected")


def test_pressed_on_two_pages_is_one_run(obico: ObicoPages, bench: Bench) -> None:
    """Whoever presses TEST while it runs joins the run; both pages show it and its verdict."""
    other = ObicoPages(obico.page.context.new_page())
    other.page.goto(f"{bench.octoprint.url}/")
    for each in (obico, other):
        each.open_troubleshooting()
    bench.server.set_fault("slow")
    with obico.page.expect_response("**/plugin/obico/api/diagnosis") as first:
        obico.test_button.click()
    with other.page.expect_response(
        lambda answer: answer.request.method == "POST" and "diagnosis" in answer.url
    ) as second:
        # by now it shows the other's run, and its button cannot be clicked any more
        other.page.evaluate("() => OctoPrint.plugins.obico.startDiagnosis()")
    assert second.value.json()["run"] == first.value.json()["run"]
    for each in (obico, other):
        each.expect_running()
        expect(each.checks.first).to_be_visible()
    for each in (obico, other):
        each.expect_verdict(SUCCEEDED)
    other.page.close()


def test_leaving_does_not_end_the_test(obico: ObicoPages, bench: Bench) -> None:
    """The tab is left, the dialog closed, the page reloaded: the verdict is there afterwards."""
    obico.open_troubleshooting()
    bench.server.set_fault("slow")
    obico.test_button.click()
    obico.expect_running()
    obico.page.click("#obico-tab-settings")
    obico.close()
    obico.page.reload()
    obico.open_troubleshooting()
    obico.expect_verdict(SUCCEEDED)
    expect(obico.page.locator("#obico-test-age")).to_contain_text("Tested")


def test_checks_unfold(obico: ObicoPages) -> None:
    """The evidence is folded after the run; unfolded it has a row for each layer, in order."""
    obico.open_troubleshooting()
    obico.press_test(SUCCEEDED)
    fold = in_view(obico.page.locator("#obico-evidence"))
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(fold).to_contain_text(re.compile(r"\d+ checks, "))
    expect(obico.checks.first).to_be_hidden()
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "true")
    titles = obico.checks.locator("th")
    expect(titles.first).to_be_visible()
    shown = titles.all_inner_texts()
    layers = ["Address", "Network", "Router", "Name", "Connect", "TLS", "HTTP", "WebSocket"]
    assert [title for title in shown if title in layers] == layers
    outcomes = {
        row.get_attribute("aria-label") for row in obico.checks.locator("i[role=img]").all()
    }
    assert outcomes <= {"passed", "skipped"}


WITHOUT_HTTPS = """
    window.realClipboard = navigator.clipboard;
    Object.defineProperty(Navigator.prototype, "clipboard", {get: () => undefined});
"""


@pytest.mark.parametrize("script", ["", WITHOUT_HTTPS], ids=["https", "plain-http"])
def test_copy_gives_text_without_the_token(page: Page, bench: Bench, script: str) -> None:
    """What is copied says all that a helper needs; also where the browser has no clipboard API.

    That is so at http://octopi.local, as most people open OctoPrint.
    """
    obico = ObicoPages(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(script or "window.realClipboard = navigator.clipboard;")
    page.reload()
    obico.open_troubleshooting()
    bench.server.set_fault("revoked")
    obico.press_test(HEADLINES["invalid_account_credentials"])
    in_view(page.locator("#obico-copy")).click()
    expect(page.locator(".obico-evidence [role=status]")).to_have_text("Copied.")
    text = str(page.evaluate("() => window.realClipboard.readText()"))
    assert text.startswith(HEADLINES["invalid_account_credentials"])
    for part in ("credentials_invalid", bench.server.url, "HTTP", "3.0.0", "  1. "):
        assert part in text, text
    assert bench.server.printer.token not in text


def test_save_downloads_json(obico: ObicoPages, bench: Bench) -> None:
    """The file is what the route says, and without the token."""
    obico.open_troubleshooting()
    obico.press_test(SUCCEEDED)
    with obico.page.expect_download() as download:
        in_view(obico.page.locator("#obico-save")).click()
    assert re.fullmatch(r"obico-test-\d{8}-\d{6}\.json", download.value.suggested_filename)
    text = download.value.path().read_text("utf-8")
    assert json.loads(text) == bench.api.get("/plugin/obico/api/diagnosis").json()["result"]
    assert bench.server.printer.token not in text


def test_webcam_fault(obico: ObicoPages, bench: Bench) -> None:
    """The server's verdict stays Succeeded; the webcam stands beside it, and in its own row."""
    obico.open_troubleshooting()
    bench.webcam.set_fault("not_found")
    let_viewer_come(bench.server)
    obico.press_test(SUCCEEDED)
    aside = obico.page.locator("#obico-asides .obico-aside")
    expect(aside).to_contain_text("Wrong webcam URL")
    expect(aside.locator("ol li").first).to_be_visible()
    state = obico.webcam_row.locator(".obico-state")
    expect(state).to_have_text("Error", timeout=STATUS_LIMIT_MS)
    expect(obico.webcam_row.locator(".obico-why")).to_be_visible()
    obico.expect_server("Okay")
    bench.webcam.clear()
    let_viewer_come(bench.server)
    expect(state).to_have_text("Okay", timeout=STATUS_LIMIT_MS)
    obico.press_test(SUCCEEDED)
    expect(aside).to_have_count(0)


def test_octoprint_itself_does_not_answer(obico: ObicoPages, bench: Bench) -> None:
    """OctoPrint hangs: a clear message, nothing spins for ever, and it goes on afterwards."""
    obico.open_troubleshooting()
    obico.expect_server("Okay")
    notice = obico.pane.locator(".alert-error", has_text="What is shown below was so at")
    with bench.octoprint.paused():
        obico.test_button.click()
        obico.expect_running()
        obico.expect_verdict("OctoPrint does not answer.")
        expect(notice).to_contain_text("OctoPrint does not answer.", timeout=STATUS_LIMIT_MS)
    expect(notice).to_be_hidden(timeout=STATUS_LIMIT_MS)
    obico.expect_server("Okay")
    remove_notices(obico.page)
    obico.press_test(SUCCEEDED)


def test_by_keyboard_alone(obico: ObicoPages) -> None:
    """From the menu to the choice, to TEST, to its verdict, which gets the focus."""
    page = obico.open().page
    page.locator("#settings_plugin_obico_link > a").focus()
    tab_to(obico, "#obico-choice-troubleshooting")
    page.keyboard.press("Enter")
    expect(obico.test_button).to_be_visible()
    tab_to(obico, "#obico-test")
    page.keyboard.press("Space")
    obico.expect_verdict(SUCCEEDED)
    expect(obico.verdict).to_be_focused()


def tab_to(obico: ObicoPages, selector: str) -> None:
    """Press the tabulator until this element has the focus; the dialog has fewer than 100 stops."""
    target = obico.page.locator(selector)
    for _ in range(100):
        if target.evaluate("element => element === document.activeElement"):
            return
        obico.page.keyboard.press("Tab")
    raise AssertionError(f"the tabulator does not reach {selector}")
