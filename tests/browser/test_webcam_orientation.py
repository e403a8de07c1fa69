"""What the app makes of a webcam's orientation is what OctoPrint's own page shows."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from playwright.sync_api import Page

from octoprint_obico.webcam.cameras import Shown, cameras

#: What is done to the picture by its own style and those of all boxes around it.
ON_THE_PAGE = """([flipH, flipV, rotate90]) => {
    const settings = OctoPrint.coreui.viewmodels.settingsViewModel.settings.plugins.classicwebcam;
    settings.flipH(flipH);
    settings.flipV(flipV);
    settings.rotate90(rotate90);
    let all = new DOMMatrix();
    for (let box = document.getElementById("webcam_image"); box; box = box.parentElement) {
        all = new DOMMatrix(getComputedStyle(box).transform).multiply(all);
    }
    return [all.a, all.b, all.c, all.d].map(Math.round);
}"""
#: The web app's style: each of the two flips, then the rotation.
IN_THE_APP = """([flipH, flipV, rotation]) => {
    const flips = (flipH ? "scaleX(-1) " : "") + (flipV ? "scaleY(-1) " : "");
    const all = new DOMMatrix(`${flips}rotate(${rotation}deg)`);
    return [all.a, all.b, all.c, all.d].map(Math.round);
}"""


def seen(page: Page, script: str, *orientation: Any) -> tuple[int, ...]:
    return tuple(page.evaluate(script, list(orientation)))


@pytest.fixture
def control(kept_page: Page) -> Page:
    """OctoPrint's control tab, where the webcam is shown."""
    kept_page.click("#control_link > a")
    kept_page.wait_for_selector("#webcam_image", state="attached")
    return kept_page


def test_the_app_shows_what_octoprints_page_shows(control: Page) -> None:
    looks = set()
    for flip_h, flip_v, rotate90 in itertools.product((False, True), repeat=3):
        (told,) = cameras([Shown("Cam", flip_h, flip_v, rotate90)])
        wanted = seen(control, ON_THE_PAGE, flip_h, flip_v, rotate90)
        shown = seen(control, IN_THE_APP, told["flipH"], told["flipV"], told["rotation"])
        assert shown == wanted, (flip_h, flip_v, rotate90)
        looks.add(wanted)
    assert len(looks) == 8, "each of the eight looks different"
