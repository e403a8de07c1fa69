"""The bell in the app: which of OctoPrint's events ring it, and how often."""

from __future__ import annotations

import pytest

from octoprint_obico.printer.bell import MOST_TEXT, RINGS, Bell


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_filament_change_is_told_with_a_notification() -> None:
    fields = Bell().on_event("FilamentChange", {})
    assert fields is not None
    assert fields["event_type"] == "FILAMENT_CHANGE"
    assert fields["event_class"] == "WARNING"
    assert fields["notify"] == "true", "a JSON boolean is an error on the server"


def test_an_error_tells_what_the_printer_says_as_text() -> None:
    fields = Bell().on_event("Error", {"error": "Thermal <b>runaway</b>\n&  heater 1"})
    assert fields is not None
    assert fields["event_type"] == "PRINTER_ERROR"
    assert fields["event_text"].endswith("Thermal &lt;b&gt;runaway&lt;/b&gt; &amp; heater 1")
    assert "notify" not in fields


@pytest.mark.parametrize("payload", [None, {}, {"error": None}, {"error": 5}, {"error": ["x"]}])
def test_an_odd_error_rings_as_well(payload: object) -> None:
    fields = Bell().on_event("Error", payload)  # type: ignore[arg-type]
    assert fields is not None
    assert fields["event_text"].startswith("OctoPrint reports")


def test_what_the_printer_says_is_bounded() -> None:
    fields = Bell().on_event("Error", {"error": "&" * 100_000})
    assert fields is not None
    assert len(fields["event_text"]) < 100 + MOST_TEXT * len("&amp;")


@pytest.mark.parametrize("name", RINGS)
def test_it_rings_once_in_a_while(name: str) -> None:
    clock = Clock()
    bell = Bell(clock)
    assert bell.on_event(name, None) is not None
    clock.now = RINGS[name].every_s - 1
    assert bell.on_event(name, None) is None
    clock.now = RINGS[name].every_s
    assert bell.on_event(name, None) is not None


def test_one_does_not_silence_the_other() -> None:
    bell = Bell()
    assert all(bell.on_event(name, None) for name in RINGS)


@pytest.mark.parametrize("name", ["PrintStarted", "PrintDone", "Connected", ""])
def test_other_events_do_not_ring(name: str) -> None:
    assert Bell().on_event(name, {}) is None
