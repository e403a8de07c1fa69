"""The server's commands reach the printer; the options of a pause go once, and end with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from octoprint_obico.printer.commands import Pauses, perform
from octoprint_obico.printer.pause_script import PausedAt
from octoprint_obico.server.messages import COMMANDS, Command

ALL = {"retract": 2.5, "lift_z": 5, "tools_off": True, "bed_off": True}
AFTER_PAUSE = [
    *("G91", "M83", "G1 E-2.5 F1800", "G1 Z5 F300", "M400", "G90", "M82"),
    *("M140 S0", "M104 S0"),
]
BEFORE_RESUME = [
    *("M190 S60", "M109 S200"),
    *("G91", "M83", "G1 Z-5 F300", "G1 E2.5 F1800", "M400", "G90", "M82", "G1 F1500"),
]


class Printer:
    """OctoPrint's printer on a serial line, as far as pauses go."""

    def __init__(self, state: str = "printing", origin: str = "local") -> None:
        self.state, self.origin = state, origin
        self.told: list[str] = []
        self.heaters: dict[str, Any] = {
            "tool0": {"actual": 199.0, "target": 200.0},
            "bed": {"actual": 60.0, "target": 60.0},
        }

    def current_data(self) -> Mapping[str, Any]:
        flags = {name: name == self.state for name in ("printing", "pausing", "paused")}
        return {"state": {"flags": flags}, "job": {"file": {"origin": self.origin}}}

    def temperatures(self) -> Mapping[str, Any]:
        return self.heaters

    def pause_print(self) -> None:
        self.told.append("pause")
        if self.state == "printing":
            self.state = "pausing"

    def resume_print(self) -> None:
        self.told.append("resume")

    def cancel_print(self) -> None:
        self.told.append("cancel")


def at() -> PausedAt:
    return PausedAt(room_mm=100.0, feed_mm_min=1500.0, tool=0)


def not_asked() -> PausedAt:
    raise AssertionError("nothing is measured at a pause by hand")


def printing(**how: Any) -> tuple[Any, Pauses]:
    """A printer in the midst of a file, with its modes set."""
    printer = Printer(**how)
    pauses = Pauses(printer)  # type: ignore[arg-type]
    for gcode in ("G28", "G90", "M82", "G1", None):
        pauses.on_gcode(gcode)
    return printer, pauses


def pause(printer: Any, pauses: Pauses, **args: Any) -> Any:
    """The server pauses, and OctoPrint comes to its script; what is added."""
    perform(Command("pause", args, "system"), printer, pauses)
    lines = pauses.on_script("afterPrintPaused", at)
    if printer.state == "pausing":
        printer.state = "paused"
    return lines


def resume(printer: Any, pauses: Pauses) -> Any:
    lines = pauses.on_script("beforePrintResumed", not_asked)
    printer.state = "printing"
    return lines


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_reaches_the_printer(name: str) -> None:
    printer, pauses = printing()
    perform(Command(name, {}, "api"), printer, pauses)
    assert printer.told == [name]


def test_options_go_out_at_the_pause_and_are_undone_at_the_resume() -> None:
    printer, pauses = printing()
    assert pause(printer, pauses, **ALL) == (None, AFTER_PAUSE)
    printer.heaters["tool0"] = {"actual": 30.0, "target": 0.0}
    assert resume(printer, pauses) == (BEFORE_RESUME, None)


def test_second_pause_of_a_print_has_its_own_options() -> None:
    printer, pauses = printing()
    pause(printer, pauses, **ALL)
    resume(printer, pauses)
    assert pause(printer, pauses, bed_off=True) == (None, ["M140 S0"])
    assert resume(printer, pauses) == (["M190 S60"], None)


def test_pause_by_hand_is_left_alone() -> None:
    printer, pauses = printing()
    assert pauses.on_script("afterPrintPaused", not_asked) is None
    assert resume(printer, pauses) is None


def test_pause_by_hand_after_one_of_the_server_is_left_alone() -> None:
    printer, pauses = printing()
    pause(printer, pauses, **ALL)
    resume(printer, pauses)
    assert pauses.on_script("afterPrintPaused", not_asked) is None
    assert resume(printer, pauses) is None


@pytest.mark.parametrize("state", ["pausing", "paused"])
def test_server_pauses_what_is_paused_by_hand(state: str) -> None:
    """Nothing is asked of OctoPrint, and nothing is added to this pause or left for the next."""
    printer, pauses = printing(state=state)
    perform(Command("pause", ALL, "api"), printer, pauses)
    assert printer.told == []
    assert pauses.on_script("afterPrintPaused", not_asked) is None
    assert resume(printer, pauses) is None
    assert pauses.on_script("afterPrintPaused", not_asked) is None


def test_pause_without_effect_is_forgotten() -> None:
    """No job: the options must not wait for somebody's pause by hand."""
    printer, pauses = printing(state="operational")
    perform(Command("pause", ALL, "api"), printer, pauses)
    assert printer.told == ["pause"]
    assert pauses.on_script("afterPrintPaused", not_asked) is None


def test_two_orders_for_one_pause() -> None:
    """User and failure detection at once: the second order is not kept for the next pause."""
    printer, pauses = printing()
    perform(Command("pause", ALL, "system"), printer, pauses)
    assert pauses.on_script("afterPrintPaused", at) == (None, AFTER_PAUSE)
    perform(Command("pause", ALL, "api"), printer, pauses)  # it still is "pausing"
    assert resume(printer, pauses) == (BEFORE_RESUME, None)
    assert pauses.on_script("afterPrintPaused", not_asked) is None


@pytest.mark.parametrize(
    "end",
    ["afterPrintCancelled", "beforePrintStarted", "afterPrinterConnected", "afterPrintDone"],
)
def test_pause_ends_with_its_print(end: str) -> None:
    printer, pauses = printing()
    pause(printer, pauses, **ALL)
    assert pauses.on_script(end, not_asked) is None
    assert resume(printer, pauses) is None


@pytest.mark.parametrize("args", [{}, {"retract": "6", "lift_z": None}, {"retract": 1e9}])
def test_bad_options_pause_all_the_same(args: dict[str, Any]) -> None:
    printer, pauses = printing()
    assert pause(printer, pauses, **args) is None
    assert printer.told == ["pause"]
    assert resume(printer, pauses) is None


def test_modes_of_a_new_connection_are_not_known() -> None:
    """The board may have begun anew: heaters only, until the file has said how it extrudes."""
    printer, pauses = printing()
    pauses.on_script("afterPrinterConnected", not_asked)
    assert pause(printer, pauses, **ALL) == (None, ["M140 S0", "M104 S0"])


def test_modes_at_the_pause_count_not_those_set_during_it() -> None:
    """The app extrudes by hand with M83, and does not take it back."""
    printer, pauses = printing()
    pause(printer, pauses, **ALL)
    pauses.on_gcode("M83")
    assert resume(printer, pauses) == (BEFORE_RESUME, None)


def test_file_on_the_printers_card_is_not_moved() -> None:
    """OctoPrint does not see its lines, so nobody knows how it extrudes."""
    printer, pauses = printing(origin="sdcard")
    assert pause(printer, pauses, **ALL) == (None, ["M140 S0", "M104 S0"])


@pytest.mark.parametrize("name", ["afterToolChange", "beforePrintResumed", "", "snippets/x"])
def test_other_scripts_are_left_alone(name: str) -> None:
    _, pauses = printing()
    assert pauses.on_script(name, not_asked) is None


def test_host_that_knows_nothing_still_pauses() -> None:
    printer, pauses = printing()
    printer.current_data = dict
    printer.heaters = {}
    assert pause(printer, pauses, **ALL) == (None, [])
    assert printer.told == ["pause"]
