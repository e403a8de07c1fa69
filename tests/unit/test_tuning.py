"""Speed, flow, fan and display, by the lines that set them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer.tuning import KEYS, Tuning

SPEED, FLOW, FAN, DISPLAY = KEYS


def sent(*lines: str) -> Tuning:
    tuning = Tuning()
    for line in lines:
        tuning.on_gcode(line[:4], line)
    return tuning


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ((), SPEED, None),
        (("M220 S120",), SPEED, 1.2),
        (("M220 S100", "M220 S57.5"), SPEED, 0.575),
        (("m220s80",), SPEED, None),  # as OctoPrint names it, in capitals, comes below
        (("M220 S 80 ; slower S20",), SPEED, 0.8),
        (("M220 S80", "M220 B"), SPEED, 0.8),
        (("M220 S80", "M220 B", "M220 R"), SPEED, None),
        (("M220",), SPEED, None),
        (("M220 S80", "M220"), SPEED, 0.8),
        (("M220 S-5",), SPEED, 0.0),
        (("M220 S99999999",), SPEED, 10.0),
        (("M221 S95",), FLOW, 0.95),
        (("M221 T0 S95",), FLOW, 0.95),
        (("M221 S95", "M221 T1 S50"), FLOW, 0.95),
        (("M221 T1 S50",), FLOW, None),
        (("M106 S255",), FAN, 1.0),
        (("M106 S51",), FAN, 0.2),
        (("M106",), FAN, 1.0),
        (("M106 S300",), FAN, 1.0),
        (("M106 P0 S51",), FAN, 0.2),
        (("M106 S51", "M106 P1 S255"), FAN, 0.2),
        (("M106 S51", "M106 T2"), FAN, 0.2),
        (("M106 S51", "M107"), FAN, 0.0),
        (("M106 S51", "M107 P1"), FAN, 0.2),
        (("M107",), FAN, 0.0),
        (("M117 Layer 3 of 9",), DISPLAY, {"message": "Layer 3 of 9"}),
        (("M117   a \t b ",), DISPLAY, {"message": "a b"}),
        (("M117 a", "M117"), DISPLAY, None),
        (("M117 a", "M117  "), DISPLAY, None),
        (("M117 " + "x" * 5000,), DISPLAY, {"message": "x" * 295}),
        (("G1 X10 S5", "M104 S200"), SPEED, None),
    ],
)
def test_what_lines_set(lines: tuple[str, ...], key: str, value: Any) -> None:
    assert sent(*lines).get(key) == value


def test_lower_case_without_blanks() -> None:
    tuning = Tuning()
    tuning.on_gcode("M220", "m220s80")
    assert tuning.get(SPEED) == 0.8


@pytest.mark.parametrize("event", ["Connecting", "Disconnected"])
def test_new_connection_begins_anew(event: str) -> None:
    tuning = sent("M220 S50", "M221 S50", "M106", "M117 a")
    tuning.on_event("PrintDone")
    assert all(tuning.get(key) is not None for key in KEYS)
    tuning.on_event(event)
    assert all(tuning.get(key) is None for key in KEYS)


@given(st.sampled_from(["M220", "M221", "M106", "M107"]), st.text(max_size=40))
def test_any_line_gives_a_factor_or_nothing(gcode: str, rest: str) -> None:
    tuning = Tuning()
    tuning.on_gcode(gcode, gcode + rest)
    for key in (SPEED, FLOW, FAN):
        factor = tuning.get(key)
        assert factor is None or 0.0 <= factor <= 10.0


@given(st.text(max_size=40))
def test_any_text_on_the_display(rest: str) -> None:
    tuning = Tuning()
    tuning.on_gcode("M117", "M117 " + rest)
    shown = tuning.get(DISPLAY)
    assert shown is None or shown["message"].encode("utf-8")
