"""The report of sessions that no test can wait for: days, many errors, the plugin's own faults.

They are played into the tracker of a real OctoPrint (tests/report_scenes.py).
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.bench import Bench, Edition, running_bench
from tests.browser.obico_ui import ObicoPages
from tests.browser.report_ui import (
    LIVE_LIMIT_MS,
    PHONE,
    Windows,
    expect_parts,
    figure,
    play_scene,
    set_stage,
    unfold_all,
    width_of,
)
from tests.integration.driver import drive
from tests.report_scenes import HOSTILE, SCENES

#: Least contrast of text (WCAG 2.1, level AA).
CONTRAST = 4.5

A4 = {"format": "A4", "margin": dict.fromkeys(("top", "right", "bottom", "left"), "10mm")}

#: Elements with text of their own, whose colour is too close to the page's.
PALE_TEXTS = """
() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parts(colour).map((each) => {
            const c = each / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = light(getComputedStyle(document.body).backgroundColor);
    const found = [...document.querySelectorAll("main *, footer *")].filter((element) => {
        const own = [...element.childNodes].some(
            (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()
        );
        if (!own || !element.checkVisibility() || element.closest("button")) {
            return false;
        }
        const style = getComputedStyle(element);
        const ink = light(element.closest("svg") ? style.fill : style.color);
        const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        return ratio < CONTRAST && element.tagName !== "title" && element.tagName !== "desc";
    });
    return found.map((element) => element.outerHTML.slice(0, 120));
}
""".replace("CONTRAST", str(CONTRAST))


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench whose session is played."""
    basedir = tmp_path_factory.mktemp(edition.id)
    set_stage(basedir)
    with running_bench(edition, basedir) as bench:
        drive(bench).wait_until_connected()
        yield bench


PARTS = {
    "calm": set[str](),
    "few": {"server"},
    "many": {"server", "webcam"},
    "outage": {"server"},
    "proxy": {"server"},
    "week": {"server"},
    "bursts": {"server"},
    "unreached": {"server"},
    "webcam": {"webcam"},
    "faults": {"plugin"},
}


def test_every_scene_is_looked_at() -> None:
    assert set(PARTS) == set(SCENES)


@pytest.mark.parametrize("scene", PARTS)
def test_scene(windows: Windows, bench: Bench, scene: str) -> None:
    """With and without JavaScript: the parts that failed, their drawings, tables and steps."""
    play_scene(bench, scene)
    failed = PARTS[scene]
    for javascript in (True, False):
        with windows.report(java_script_enabled=javascript) as page:
            expect_parts(
                page,
                server="server" in failed,
                webcam="webcam" in failed,
                plugin="plugin" in failed,
            )
            expect(page.locator(".headline")).not_to_be_empty()
            for part in failed:
                expect_drawn(page, part)
            expect(page.locator("#text")).to_have_count(1)
            assert "%(" not in page.content()


def expect_drawn(page: Page, part: str) -> None:
    """A part is complete: its sentence, timeline, table, causes and steps."""
    section = page.locator(f"#{part}")
    expect(section.locator(".sentence")).not_to_be_empty()
    rows = section.locator("svg.row")
    assert rows.count() >= 1
    for index in range(rows.count()):
        ids = (rows.nth(index).get_attribute("aria-labelledby") or "").split()
        assert len(ids) == 2
        for each in ids:
            expect(page.locator(f"[id='{each}']")).not_to_be_empty()
    assert section.locator("path.errors[d^=M]").count() >= 1
    assert section.locator("details table tbody tr").count() >= 2
    assert section.locator(".axis text").count() >= 1
    assert section.locator(".guidance li").count() >= 1
    assert section.locator(".cause").count() >= 1


@pytest.mark.parametrize("scene", PARTS)
def test_on_a_phone(windows: Windows, bench: Bench, scene: str) -> None:
    """360 px wide, with everything unfolded: nothing is beyond the edge."""
    play_scene(bench, scene)
    with windows.report(viewport=PHONE) as page:
        unfold_all(page)
        assert width_of(page) <= PHONE["width"]


@pytest.mark.parametrize("scene", PARTS)
def test_printed(windows: Windows, bench: Bench, scene: str) -> None:
    """On at most two pages; without what cannot be pressed on paper."""
    play_scene(bench, scene)
    with windows.report() as page:
        pdf = page.pdf(**A4)  # type: ignore[arg-type]
        assert 1 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 2
        page.emulate_media(media="print")
        expect(page.locator("#copy")).to_be_hidden()
        expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scene", ["many", "faults", "calm"])
def test_contrast(windows: Windows, bench: Bench, scene: str, scheme: str) -> None:
    """All text can be read, in the light as in the dark."""
    play_scene(bench, scene)
    with windows.report(color_scheme=scheme) as page:
        unfold_all(page)
        assert page.evaluate(PALE_TEXTS) == []


def test_calm_session(windows: Windows, bench: Bench) -> None:
    """One sentence, a tick, the session's start and the number of attempts; no tables."""
    play_scene(bench, "calm")
    with windows.report() as page:
        expect(page.locator(".headline")).to_contain_text("Nothing has failed in this session.")
        expect(page.locator(".headline .icon")).to_have_text("✓")
        expect(page.locator("p.calm[data-part=server]")).to_contain_text("252 attempts since")
        expect(page.locator("table, svg")).to_have_count(0)


def test_few_errors(windows: Windows, bench: Bench) -> None:
    """How many, in how many episodes, when last; each channel with its own figures."""
    play_scene(bench, "few")
    with windows.report() as page:
        sentence = page.locator("#server .sentence")
        expect(sentence).to_contain_text(re.compile(r"8 of 216 .* in 2 episodes, .* 3 hours ago"))
        expect(page.locator("#server .channel .name")).to_have_count(2)
        expect(page.locator("#server .channel").first).to_contain_text("available for 96.7")
        expect(page.locator("#server svg.episodes text")).to_have_text(["1", "2"])
        page.click("#episodes-server summary")
        numbers = page.locator("#episodes-server tbody td:first-child")
        expect(numbers).to_have_text(["2", "1"])
        assert figure(page, "server", "Still going on?").startswith("No: it works again.")


def test_time_of_day_is_the_readers(windows: Windows, bench: Bench) -> None:
    """The hour at which something restarts each night, in the reader's zone; UTC without it."""
    play_scene(bench, "week")
    seen = {}
    for zone in ("UTC", "Asia/Kolkata"):
        with windows.report(timezone_id=zone) as page:
            clock = page.locator("#server time[data-form=clock]")
            expect(clock).to_have_text(re.compile(r"^\d\d:\d\d$"))
            seen[zone] = clock.inner_text()
    with windows.report(java_script_enabled=False) as page:
        expect(page.locator("#server time[data-form=clock]")).to_have_text(f"{seen['UTC']} UTC")
    hours, minutes = (int(each) for each in seen["UTC"].split(":"))
    there = (hours * 60 + minutes + 330) % 1440
    assert seen["Asia/Kolkata"] == f"{there // 60:02d}:{there % 60:02d}"


def test_axis_is_the_readers(windows: Windows, bench: Bench) -> None:
    """Labels at round times of the reader's clock, who lives half an hour beside UTC."""
    play_scene(bench, "few")
    with windows.report(timezone_id="Asia/Kolkata") as page:
        labels = page.locator("#server .axis text").all_text_contents()
        assert len(labels) >= 3
        assert all(re.fullmatch(r"\d\d:00", label) for label in labels), labels
        expect(page.locator("#server .zone")).to_have_text("times of this browser")
    with windows.report(java_script_enabled=False) as page:
        expect(page.locator("#server .zone")).to_have_text("times in UTC")


def test_last_hour_by_keyboard(windows: Windows, bench: Bench) -> None:
    """The link works by keyboard, without a reload, and keeps the focus."""
    play_scene(bench, "week")
    with windows.report() as page:
        page.evaluate("() => { window.same = true; }")
        page.locator("#span-hour-server").focus()
        page.keyboard.press("Enter")
        chosen = page.locator("#span-hour-server")
        expect(chosen).to_have_attribute("aria-current", "true")
        expect(chosen).to_be_focused()
        expect(page.locator("#server path.errors").first).to_have_attribute("d", "")
        assert page.evaluate("() => window.same") is True
        assert page.url.endswith("?span=hour")
        axis = page.locator("#server .axis")
        length = int(axis.get_attribute("data-end") or 0) - int(
            axis.get_attribute("data-start") or 0
        )
        assert length == 3600


def test_last_hour_without_javascript(windows: Windows, bench: Bench) -> None:
    """The link leads there as well; anything else than the two spans is the whole session."""
    play_scene(bench, "many")
    with windows.report(java_script_enabled=False) as page:
        page.click("#span-hour-server")
        expect(page.locator("#span-hour-server")).to_have_attribute("aria-current", "true")
    with windows.report("?span=<script>", java_script_enabled=False) as page:
        expect(page.locator("#span-session-server")).to_have_attribute("aria-current", "true")


def test_reading_is_not_disturbed(windows: Windows, bench: Bench) -> None:
    """What is unfolded stays so while the figures move, and so does the focus."""
    play_scene(bench, "few")
    with windows.report() as page:
        page.click("#table-server summary")
        page.locator("#episodes-server summary").focus()
        page.evaluate("() => { window.before = document.getElementById('live'); }")
        page.wait_for_function(
            "() => window.before !== document.getElementById('live')", timeout=LIVE_LIMIT_MS
        )
        assert page.locator("#table-server").get_attribute("open") is not None
        expect(page.locator("#episodes-server summary")).to_be_focused()


def test_the_table_tells_what_is_drawn(windows: Windows, bench: Bench) -> None:
    """The same figures, for those who do not see the drawing."""
    play_scene(bench, "webcam")
    channels = drive(bench).report()["channels"]
    with windows.report() as page:
        page.click("#table-webcam summary")
        bodies = page.locator("#table-webcam tbody")
        expect(bodies).to_have_count(2)
        for index in range(2):
            name = bodies.nth(index).locator("th").inner_text()
            rows = bodies.nth(index).locator("tr:has(td)")
            cells = [rows.nth(n).locator("td").all_inner_texts() for n in range(rows.count())]
            section = channels[f"webcam:{name}"]
            assert sum(int(row[2]) for row in cells) == section["attempts"]
            assert sum(int(row[3]) for row in cells) == section["errors"]


def test_hostile_names_are_text(windows: Windows, bench: Bench) -> None:
    """A webcam's name is text everywhere on the page: in headings, drawings, tables, tooltips."""
    play_scene(bench, "webcam")
    with windows.report() as page:
        unfold_all(page)
        expect(page.locator("#webcam .channel .name strong").first).to_have_text(HOSTILE)
        expect(page.locator("#text")).to_contain_text(HOSTILE)
        expect(page.locator("img, main script")).to_have_count(0)
        assert page.evaluate("() => window.taken") is None


def test_cut_connections_name_the_proxy(windows: Windows, bench: Bench) -> None:
    """Connections that live for a minute each."""
    play_scene(bench, "proxy")
    with windows.report() as page:
        assert "live for about 1 min each" in figure(page, "server", "Pattern")
        expect(page.locator("#server .guidance li").first).to_contain_text("proxy_read_timeout")


def test_own_faults_are_not_the_network(windows: Windows, bench: Bench) -> None:
    """Said first, and what to send."""
    play_scene(bench, "faults")
    with windows.report() as page:
        expect(page.locator(".headline")).to_contain_text("This is not your network.")
        expect(page.locator("#plugin .cause")).to_contain_text("AttributeError")
        expect(page.locator("#plugin .guidance")).to_contain_text("support bundle")


def test_line_for_a_terminal(windows: Windows, bench: Bench) -> None:
    """Without any connection: the ready line for the address, without a token; what TEST found."""
    bench.server.set_fault("unreachable")
    play_scene(bench, "unreached")
    drive(bench).diagnose()
    with windows.report() as page:
        line = page.locator("#server .guidance code")
        expect(line).to_have_text(re.compile(rf"^curl .* {re.escape(bench.server.url)}/hc/$"))
        expect(page.locator("#server .guidance")).to_contain_text("The last TEST")
        assert bench.server.printer.token not in page.content()


def test_support_bundle(windows: Windows, bench: Bench) -> None:
    """What is in it is listed before it is saved, by keyboard; public addresses only if wanted."""
    play_scene(bench, "few")
    with windows.report() as page:
        page.locator("#to-bundle").focus()
        page.keyboard.press("Enter")
        files = page.locator("#bundle-files li")
        expect(files.first).to_be_visible()
        expect(page.locator("#bundle-files")).to_contain_text("report.txt")
        expect(page.locator("#bundle-note")).to_contain_text("replaced")
        page.locator("#keep-ip").focus()
        page.keyboard.press("Space")
        expect(page.locator("#bundle-note")).to_contain_text("are kept")
        page.keyboard.press("Space")
        with page.expect_download() as download:
            page.locator("#save-bundle").press("Enter")
        assert re.fullmatch(r"obico-support-.*\.zip", download.value.suggested_filename)
        with zipfile.ZipFile(download.value.path()) as bundle:
            names = set(bundle.namelist())
            listed = page.locator("#bundle-files").inner_text()
            assert len(names) == files.count() and all(name in listed for name in names)
            assert "8 of 216 attempts failed" in bundle.read("report.txt").decode()
            assert json.loads(bundle.read("report.json"))["server"]["errors"] == 8


def test_support_bundle_without_javascript(windows: Windows, bench: Bench) -> None:
    """The button needs none."""
    with (
        windows.report(java_script_enabled=False) as page,
        page.expect_download() as download,
    ):
        page.click("#save-bundle")
        assert download.value.suggested_filename.endswith(".zip")


def test_link_from_troubleshooting(obico: ObicoPages, windows: Windows) -> None:
    """ "Save a support bundle" leads to what would be in it."""
    obico.open_troubleshooting()
    with obico.page.expect_popup() as popup:
        obico.page.click("#obico-bundle-link")
    expect(popup.value.locator("#bundle-contents")).to_have_attribute("open", "")
    expect(popup.value.locator("#bundle-files")).to_contain_text("report.txt")
    popup.value.close()
