"""The diagnostic report: what it shows of which session, with and without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import REPORT
from tests.browser.report_ui import LIVE_LIMIT_MS, PHONE, Windows, expect_parts, figure, width_of
from tests.integration.driver import drive, let_viewer_come


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench whose session nobody else has made errors in."""
    with running_bench(edition, tmp_path_factory.mktemp(edition.id)) as bench:
        yield bench


@pytest.fixture
def cut_off(windows: Windows, bench: Bench) -> Bench:
    """The bench in a session in which the server was never reached, and the webcam always."""
    if drive(bench).report()["channels"]["http"]["last_success_at"] is not None:
        bench.server.set_fault("unreachable")
        windows.new_session()
    bench.server.set_fault("unreachable")
    driver = drive(bench)
    driver.wait_for_status(
        lambda s: s["channels"]["http"]["cause"] == "connection_refused", "HTTP has failed"
    )
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "okay", "the webcam is okay")
    return bench


def test_nothing_failed(windows: Windows, bench: Bench) -> None:
    """One sentence for each part, and no empty tables. (Runs first.)"""
    driver = drive(bench)
    driver.wait_until_connected()
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "okay", "the webcam is okay")
    with windows.report() as page:
        expect_parts(page, server=False, webcam=False)
        for part in ("server", "webcam"):
            calm = page.locator(f"p.calm[data-part={part}]")
            expect(calm).to_contain_text("nothing failed in this session")
            expect(calm).to_contain_text(re.compile(r"\d+ attempts? since"))
        expect(page.locator("header")).to_contain_text("now: Okay")
        expect(page.locator("#diagnosis")).to_contain_text("TEST was not pressed")
        expect(page.locator("footer")).to_contain_text("Errors of earlier sessions are not kept.")


def test_times_are_the_readers(windows: Windows, bench: Bench) -> None:
    """In Tokyo it is Tokyo's time; the universal one is behind it."""
    started = drive(bench).report()["session_started_at"]
    moment = datetime.fromisoformat(started.replace("Z", "+00:00"))
    with windows.report(timezone_id="Asia/Tokyo") as page:
        shown = page.locator("header time").first
        there = moment.astimezone(ZoneInfo("Asia/Tokyo"))
        expect(shown).to_contain_text(f"{there:%H:%M:%S}")
        expect(shown).to_contain_text(f"{there.day} {there:%b} {there.year}")
        expect(shown).to_have_attribute("title", f"{moment:%Y-%m-%d %H:%M:%S} UTC")


def test_webcam_part_only(windows: Windows, bench: Bench) -> None:
    """The webcam has failed, the server has not; the part says what is wrong. (Runs early.)"""
    driver = drive(bench)
    bench.webcam.set_fault("not_found")
    let_viewer_come(bench.server)
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "error", "the webcam has failed")
    with windows.report() as page:
        expect_parts(page, server=False, webcam=True)
        webcam = page.locator("#webcam")
        expect(webcam).to_contain_text("Wrong webcam URL")
        expect(webcam.locator(".cause ol li").first).to_be_visible()
        assert not figure(page, "webcam", "Error rate").startswith("0 %")
        assert figure(page, "webcam", "Still going on?").startswith("Yes")


def test_server_part_only(windows: Windows, cut_off: Bench) -> None:
    """The server has failed, the webcam has not: no success at all is said as what it is."""
    with windows.report() as page:
        expect_parts(page, server=True, webcam=False)
        server = page.locator("#server")
        expect(server.locator(".sentence")).to_contain_text("(100\u00a0%)")
        expect(server.locator(".sentence")).to_contain_text("no connection at all")
        assert figure(page, "server", "Error rate").startswith("100 %")
        assert "No success in this session." in figure(page, "server", "Still going on?")
        expect(server.locator(".cause h3")).to_contain_text("Connection refused")
        expect(server.locator(".cause ol li").first).to_be_visible()
        expect(page.locator("header")).to_contain_text("now: Disconnected")


def test_without_javascript(windows: Windows, cut_off: Bench) -> None:
    """All is there, in universal time; what needs JavaScript is not."""
    result = drive(cut_off).diagnose()
    with windows.report(java_script_enabled=False) as page:
        expect_parts(page, server=True, webcam=False)
        expect(page.locator("#server .figures > div")).to_have_count(6)
        expect(page.locator("#diagnosis")).to_contain_text(result["headline"])
        expect(page.locator("#diagnosis li")).to_have_count(len(result["remedy"]))
        expect(page.locator("header time").first).to_contain_text("UTC")
        expect(page.locator("#copy")).to_be_hidden()


def test_on_a_phone(windows: Windows, cut_off: Bench) -> None:
    """360 px wide: everything is read without scrolling sideways."""
    drive(cut_off).diagnose()
    with windows.report(viewport=PHONE) as page:
        expect(page.locator("#server .cause").first).to_be_visible()
        assert width_of(page) <= PHONE["width"]


def test_copy_and_save(windows: Windows, cut_off: Bench) -> None:
    """The text has what the page shows, the file is the route's JSON, neither has the token."""
    with windows.report(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.click("#copy")
        expect(page.locator("#notice")).to_have_text("Copied.")
        text = str(page.evaluate("() => navigator.clipboard.readText()"))
        assert "Obico diagnostic report" in text and "Connection refused" in text
        with page.expect_download() as download:
            page.click("#save")
        saved = download.value.path().read_text("utf-8")
        report = json.loads(saved)
        assert report["server"]["severity"] == "no_connection"
        assert download.value.suggested_filename.endswith(".json")
        assert cut_off.server.printer.token not in text + saved


def test_figures_are_live(windows: Windows, cut_off: Bench) -> None:
    """The page stays open while the server comes back: figures and state follow. (Runs last.)"""
    with windows.report() as page:
        sentence = page.locator("#server .sentence")
        before = attempts_in(sentence.inner_text())
        cut_off.server.clear()
        expect(sentence).not_to_contain_text("All ", timeout=LIVE_LIMIT_MS)
        expect(page.locator("header")).not_to_contain_text("Disconnected", timeout=LIVE_LIMIT_MS)
        assert attempts_in(sentence.inner_text()) > before


def attempts_in(sentence: str) -> int:
    """How many attempts a part's sentence tells of."""
    found = re.search(r"(\d+) attempts", sentence)
    assert found, sentence
    return int(found[1])


def test_anonymous_is_refused(browser: Browser, bench: Bench) -> None:
    """Whoever is not logged in sees nothing of it."""
    with browser.new_context() as context:
        answer = context.new_page().goto(f"{bench.octoprint.url}{REPORT}")
        assert answer is not None and answer.status == 403
        assert "diagnostic report" not in answer.text()
