"""Filament change: what is a sign of it, when the bell rings, and when the printer waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer.bell import RINGS
from octoprint_obico.printer.filament import CHANGE, COMMANDS, STOPPED, TELLING, FilamentWatch
from octoprint_obico.printer.filament_signs import SIGNS, goes_on, sign_in
from octoprint_obico.settings import FILAMENT_NUDGE_S as NUDGE_S
from tests.servers.hosts import FakePrinter

IDLE: Mapping[str, bool] = {"operational": True, "ready": True}
RUNNING: Mapping[str, bool] = {"operational": True, "printing": True}
# OctoPrint 2.0 says of a paused printer that it prints as well
PAUSED: Mapping[str, bool] = {"operational": True, "printing": True, "paused": True}
FILE = frozenset({"source:file", "filepos:12"})


class Printer(FakePrinter):
    def __init__(self) -> None:
        super().__init__()
        self.flags: Mapping[str, bool] | None = RUNNING

    def current_data(self) -> Mapping[str, Any]:
        return {} if self.flags is None else {"state": {"text": "?", "flags": self.flags}}


class Bench:
    """The watch with a clock, a printer, and what it has done."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.printer = Printer()
        self.rang: list[str] = []
        self.changes = 0
        self.watch = FilamentWatch(
            self.printer, self.rang.append, self._changed, NUDGE_S, lambda: self.now
        )

    def _changed(self) -> None:
        self.changes += 1

    def send(self, command: str, tags: frozenset[str] | None = FILE) -> None:
        self.watch.on_sent(command.split()[0], tags)


@pytest.fixture
def bench() -> Bench:
    return Bench()


SAID = (
    # Marlin 2, with a print that streams over USB
    ("//action:paused", STOPPED),
    ("//action:paused filament_runout 0", CHANGE),
    ("//action:pause filament_runout 0", CHANGE),
    ("//action:out_of_filament T0", CHANGE),
    ("//action:filament_runout T0", CHANGE),
    ("//action:prompt_begin FilamentRunout T0", CHANGE),
    ("//action:prompt_begin Load Filament T0", CHANGE),
    ("//action:prompt_begin Nozzle Parked", CHANGE),
    ("//action:prompt_begin HeaterTimeout", CHANGE),
    ("//action:notification Insert filament", CHANGE),
    ("echo:busy: paused for user", STOPPED),
    ("busy: paused for user", STOPPED),
    ("echo:Insert filament and press button", CHANGE),
    ("echo:Insert filament and send M108", CHANGE),
    # Prusa MK3
    ("// action:paused", STOPPED),
    ("fsensor_update - M600", CHANGE),
    ('echo:enqueing "M600"', CHANGE),
    ('echo:Enqueuing to the front: "M600"', CHANGE),
    # Klipper
    ("// action:pause", STOPPED),
    ("// action:prompt_text Please change the filament.", CHANGE),
    ("echo: Filament Runout Detected!", CHANGE),
    # OctoPrint's virtual printer
    ("echo:busy paused for user", STOPPED),
)

NO_SIGN = (
    "", "ok", "ok T:210.0 /210.0 B:60.0 /60.0", " T:210.0 /210.0 @:64", "wait", "Resend: 5", "//",
    "//action:", "// action:resumed", "//action:resume", "//action:cancel", "//action:prompt_end",
    "//action:prompt_begin Paused", "//action:prompt_begin M0/1 Break Called",
    "//action:prompt_button Continue", "//action:prompt_show", "//action:notification Printing...",
    "//action:notification Filament used: 3 m", "//action:pausedx", "//action:unpaused",
    "echo:busy: processing", "echo:Unknown command: \"M600 X\"", "echo:SD card ok",
    "echo:  M603 L0.00 U100.00 ; Filament load/unload", "echo:Filament settings: Disabled",
    "paused for user", "Error:filament runout",
)  # fmt: skip


@pytest.mark.parametrize(("line", "ring"), SAID)
def test_what_firmware_says_rings_in_a_print(bench: Bench, line: str, ring: str) -> None:
    bench.watch.on_line(line)
    assert bench.rang == [ring]
    assert bench.watch.waits
    assert bench.changes == 1


@pytest.mark.parametrize(("line", "ring"), SAID)
@pytest.mark.parametrize("flags", [IDLE, PAUSED, {**RUNNING, "pausing": True}, {}, None])
def test_not_without_a_print_nor_where_octoprint_has_paused(
    bench: Bench, flags: Mapping[str, bool] | None, line: str, ring: str
) -> None:
    """Somebody loads filament, or has paused the print himself: the printer says the same then."""
    bench.printer.flags = flags
    bench.watch.on_line(line)
    assert (bench.rang, bench.watch.waits, bench.changes) == ([], False, 0)


@pytest.mark.parametrize("line", NO_SIGN)
def test_other_lines_are_none(bench: Bench, line: str) -> None:
    bench.watch.on_line(line)
    assert (bench.rang, bench.watch.waits) == ([], False)


@given(st.text(max_size=80), st.sampled_from(TELLING))
def test_no_line_surprises(text: str, begin: str) -> None:
    bench = Bench()
    for line in (text, begin + text, f"//action:{text}", f"//action:prompt_begin {text}"):
        bench.watch.on_line(line)
        goes_on(line)
    assert len(bench.rang) <= 1


def test_a_line_without_end_is_read_in_part() -> None:
    assert sign_in("echo:" + "x" * 10_000 + "insert filament") is None


def test_each_row_of_the_table_is_complete() -> None:
    assert {sign.words[0].upper() for sign in SIGNS if sign.where == "sent"} == COMMANDS
    for sign in SIGNS:
        assert sign.ring in RINGS, sign
        assert len(sign.source) > 5, sign
        assert all(word == word.lower() for word in sign.words), sign


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_commands_ring_in_a_print(bench: Bench, command: str) -> None:
    bench.send(f"{command} T0")
    assert bench.rang == [CHANGE]
    assert bench.watch.waits


def test_without_a_print_only_m600_rings_and_nobody_is_waited_for(bench: Bench) -> None:
    """M701 and M702 are somebody at the printer then; M600 waits for him, wherever he is."""
    bench.printer.flags = IDLE
    for command in ("M701", "M702"):
        bench.send(command, None)
    assert bench.rang == []
    bench.send("M600", None)
    assert bench.rang == [CHANGE]
    assert not bench.watch.waits


def test_octoprints_event_counts_for_printers_whose_commands_are_not_seen(bench: Bench) -> None:
    bench.printer.flags = IDLE
    bench.watch.on_event("FilamentChange")
    assert bench.rang == [CHANGE]


def test_octoprints_event_of_a_load_by_hand_does_not_ring(bench: Bench) -> None:
    """OctoPrint fires it for M701 and M702 as well, and does not say for which."""
    bench.printer.flags = IDLE
    bench.send("G28", None)
    bench.watch.on_event("FilamentChange")
    assert bench.rang == []
    bench.printer.flags = RUNNING
    bench.watch.on_event("FilamentChange")
    assert bench.rang == [CHANGE]


def test_another_printer_may_be_one_without_commands(bench: Bench) -> None:
    bench.send("G28", None)
    bench.watch.on_event("Disconnected")
    bench.printer.flags = IDLE
    bench.watch.on_event("FilamentChange")
    assert bench.rang == [CHANGE]


def test_it_rings_once_and_again_after_the_pause_while_it_waits(bench: Bench) -> None:
    bench.send("M600")
    for _ in range(5):
        bench.watch.on_line("//action:prompt_begin Nozzle Parked")
        bench.now += NUDGE_S / 10
        bench.watch.look(NUDGE_S)
    assert bench.rang == [CHANGE]
    bench.now += NUDGE_S
    bench.watch.look(NUDGE_S)
    assert bench.rang == [CHANGE, CHANGE]
    bench.watch.look(NUDGE_S)
    assert len(bench.rang) == 2


def test_the_pause_is_as_it_is_set(bench: Bench) -> None:
    bench.watch.look(5.0)
    bench.send("M600")
    bench.now += 5.0
    bench.watch.look(5.0)
    assert len(bench.rang) == 2


@pytest.mark.parametrize(
    "name",
    ["PrintResumed", "PrintDone", "PrintFailed", "PrintCancelling", "PrintCancelled",
     "Disconnected"],
)  # fmt: skip
def test_nothing_is_reminded_after_the_end(bench: Bench, name: str) -> None:
    bench.send("M600")
    if name != "PrintResumed":
        bench.printer.flags = {**RUNNING, "cancelling": True}
    bench.watch.on_event(name)
    assert not bench.watch.waits
    assert bench.changes == 2
    bench.now += 2 * NUDGE_S
    bench.watch.look(NUDGE_S)
    assert len(bench.rang) == 1


@pytest.mark.parametrize("name", ["PrintDone", "PrintFailed", "PrintResumed"])
def test_an_event_that_comes_late_does_not_end_the_next_one(bench: Bench, name: str) -> None:
    """OctoPrint's events wait for each other: this one is of the print or the pause before."""
    bench.send("M600")
    bench.printer.flags = PAUSED
    bench.watch.on_event(name)
    assert bench.watch.waits


def test_the_end_of_a_print_is_noticed_though_octoprint_is_not_there_yet(bench: Bench) -> None:
    """At this event its printer may still say that it prints."""
    bench.send("M600")
    bench.watch.on_event("PrintDone")
    bench.printer.flags = IDLE
    bench.now += 2 * NUDGE_S
    bench.watch.look(NUDGE_S)
    assert (len(bench.rang), bench.watch.waits) == (1, False)


@pytest.mark.parametrize("name", ["PrintPaused", "PrintStarted", "PrinterStateChanged", "ZChange"])
def test_other_events_do_not_end_it(bench: Bench, name: str) -> None:
    bench.send("M600")
    bench.watch.on_event(name)
    assert bench.watch.waits


def test_the_next_lines_of_the_file_end_it(bench: Bench) -> None:
    """The printer answers again: the change is done. Other commands say nothing of that."""
    bench.send("M600")
    for command, tags in (("M105", None), ("M108", frozenset({"source:api"}))):
        bench.send(command, tags)
        assert bench.watch.waits
    bench.printer.flags = PAUSED
    bench.send("G1 X1")
    assert bench.watch.waits, "one that was on its way as OctoPrint paused"
    bench.printer.flags = RUNNING
    bench.send("G1 X2")
    assert bench.watch.waits, "one that was sent as the sign came"
    bench.send("G1 X3")
    assert not bench.watch.waits


@pytest.mark.parametrize("line", ["//action:resumed", "// action:resume"])
def test_the_printers_word_ends_it(bench: Bench, line: str) -> None:
    bench.watch.on_line("//action:paused")
    bench.printer.flags = PAUSED
    bench.watch.on_line(line)
    assert not bench.watch.waits


def test_a_sign_that_is_repeated_fades(bench: Bench) -> None:
    """A print from the printer's own card has no lines, and Marlin need not say that it goes on."""
    for _ in range(30):
        bench.watch.on_line("echo:busy: paused for user")
        bench.now += 2.0
        bench.watch.look(NUDGE_S)
    assert bench.watch.waits
    bench.now += 29.0
    bench.watch.look(NUDGE_S)
    assert not bench.watch.waits


def test_one_that_is_not_repeated_does_not_fade(bench: Bench) -> None:
    bench.send("M600")
    bench.watch.on_line("echo:busy: paused for user")
    bench.now += 3 * NUDGE_S
    bench.watch.look(NUDGE_S)
    assert bench.rang == [CHANGE, CHANGE], "it waits for a change, whatever it says later"


def test_a_lost_end_is_noticed(bench: Bench) -> None:
    bench.send("M600")
    bench.printer.flags = None
    bench.watch.look(NUDGE_S)
    assert bench.watch.waits, "not known: as it was"
    bench.printer.flags = IDLE
    bench.watch.look(NUDGE_S)
    assert not bench.watch.waits


def test_a_second_change_soon_after_is_reminded_of_in_time(bench: Bench) -> None:
    """Once in the pause, whatever happens; and then at once, since it still waits."""
    bench.send("M600")
    for command in ("G1 X1", "G1 X2"):
        bench.send(command)
    assert not bench.watch.waits
    bench.now += 60.0
    bench.send("M600")
    assert len(bench.rang) == 1
    bench.now += NUDGE_S - 60.0
    bench.watch.look(NUDGE_S)
    assert len(bench.rang) == 2
