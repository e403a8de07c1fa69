"""Names and titles that come from elsewhere are text on every page, never markup."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.bench import Bench
from tests.browser.obico_ui import REPORT, ObicoPages, link_afresh
from tests.integration.driver import drive

#: Sets a mark in the page where it is taken for markup.
NAME = "<script>window.taken=1</script><img src=x onerror='window.taken=1'> & Co"
TITLE = "<script>window.taken=1</script><b onclick=1>Router</b>"
PAGE = f"<html><head><title>{TITLE}</title></head><body>Welcome</body></html>".encode()


class Router(http.server.BaseHTTPRequestHandler):
    """Some web server that is no Obico Server, whose page has a title with markup in it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def router() -> Iterator[str]:
    """The address of the other web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Router) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def linked_as_before(bench: Bench) -> Iterator[None]:
    """Leave the bench's own printer and server to those who come after."""
    yield
    link_afresh(bench)


def expect_only_text(page: Page) -> None:
    """Nothing of it has become an element, and nothing has run."""
    expect(page.locator("img[src=x], b[onclick]")).to_have_count(0)
    assert page.evaluate("() => window.taken") is None


def test_printer_name(obico: ObicoPages, bench: Bench) -> None:
    """On linking, in the settings, in the status and in the report."""
    printer = bench.server.add_printer(NAME)
    obico.open_settings()
    obico.page.click("#obico-link-again")
    obico.link.choose()
    obico.link.type(bench.server.new_code(printer.id))
    obico.link.expect_linked(NAME)
    expect_only_text(obico.page)
    obico.link.panel.locator(".obico-to-test").click()
    expect(obico.page.locator("#obico-status-printer")).to_contain_text(NAME)
    expect_only_text(obico.page)
    obico.page.click("#obico-tab-settings")
    expect(obico.pane.locator(".obico-printer")).to_have_text(NAME)
    expect_only_text(obico.page)
    obico.close()
    report = obico.page.context.new_page()
    report.goto(f"{bench.octoprint.url}{REPORT}")
    expect_only_text(report)
    report.close()


def test_title_of_another_server(obico: ObicoPages, bench: Bench, router: str) -> None:
    """In the verdict, in its evidence, on linking and in the report."""
    drive(bench).save_settings(endpoint_prefix=router)
    obico.open_troubleshooting()
    obico.press_test("Failed to contact server")
    expect(obico.explanation).to_contain_text("not an Obico Server")
    expect(obico.explanation).to_contain_text("<script>")
    expect_only_text(obico.page)
    obico.page.click("#obico-evidence")
    expect(obico.checks.first).to_be_visible()
    obico.page.click("#obico-rerun-wizard")
    obico.link.choose()
    obico.link.type("123456")
    assert "<script>" in obico.link.refused()
    expect_only_text(obico.page)
    obico.close()
    report = obico.page.context.new_page()
    report.goto(f"{bench.octoprint.url}{REPORT}")
    expect(report.locator("#diagnosis")).to_contain_text("<script>")
    expect(report.locator("#server")).to_contain_text("<script>")
    expect_only_text(report)
    report.close()
