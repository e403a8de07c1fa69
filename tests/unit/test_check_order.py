"""The page shows the checks in the engine's order."""

from __future__ import annotations

import re
from pathlib import Path

from octoprint_obico.diagnosis.engine import SERVER_ORDER

SCRIPT = Path(__file__).parents[2] / "octoprint_obico" / "static" / "js" / "obico_test.js"


def test_the_page_knows_every_check_in_its_order() -> None:
    table = SCRIPT.read_text("utf-8").partition("const layers = () => [")[2].partition("];")[0]
    assert re.findall(r'\["(\w+)", gettext\(', table) == [*SERVER_ORDER, "webcam"]
