"""The virtual printer waits for filament: its user is told, with a picture, and reminded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.records import EventRecord
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import drive, print_file

LIMIT_S = 40.0
#: What it may be set to at the least; the plugin looks every five seconds whether it is over.
NUDGE_S = 5.0
#: For what must not happen: longer than a reminder takes.
QUIET_S = 12.0
#: A fifth of a second each.
STEP = "G4 P200\nG1 X10\n"
FILE_NAME = "filament.gcode"


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, filament_nudge_s=NUDGE_S) as bench:
        yield bench


@pytest.fixture(autouse=True)
def idle(bench: Bench) -> Iterator[None]:
    """Each test begins with a connected, idle printer, and empty records."""
    drive(bench).wait_until_connected()
    bench.octoprint.wait_for_printer()
    bench.server.forget()
    yield
    answer_the_prompt(bench)
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer(LIMIT_S)


def start_print(bench: Bench, text: str) -> None:
    print_file(bench, FILE_NAME, text)


def send(bench: Bench, *commands: str) -> None:
    answer = bench.api.post("/api/printer/command", json={"commands": list(commands)})
    assert answer.status_code == 204, answer.text[:300]


def answer_the_prompt(bench: Bench) -> None:
    """What ends the virtual printer's M600 (M876)."""
    bench.api.post("/api/plugin/action_command_prompt", json={"command": "select", "choice": 0})


def state(bench: Bench) -> str:
    return str(bench.api.get("/api/job").json()["state"])


def rung(bench: Bench) -> list[EventRecord]:
    return [
        event for event in bench.server.events if event.fields["event_type"] == "FILAMENT_CHANGE"
    ]


def popped_up(bench: Bench) -> list[dict[str, Any]]:
    frames = [frame.data["passthru"] for frame in bench.server.frames if "passthru" in frame.data]
    return [frame["printer_event"] for frame in frames if "printer_event" in frame]


def test_somebody_at_the_idle_printer_is_not_told(bench: Bench) -> None:
    """He loads filament, and the printer says what it says in a print; but M600 waits for him."""
    for said in ("paused", "prompt_begin Load Filament T0", "notification Insert filament"):
        send(bench, f"!!DEBUG:action_custom {said}")
    send(bench, "!!DEBUG:send echo:busy: paused for user", "M701", "M702")
    assert not bench.server.wait_for(lambda: rung(bench), QUIET_S)
    send(bench, "M600")
    assert bench.server.wait_for(lambda: rung(bench), LIMIT_S)
    answer_the_prompt(bench)
    # nothing tells when that is over: no reminder
    assert not bench.server.wait_for(lambda: len(rung(bench)) > 1, QUIET_S)


def test_m600_in_a_print_rings_with_a_picture_and_again_until_it_goes_on(bench: Bench) -> None:
    start_print(bench, f"G28\n{STEP}M600\n{STEP * 200}")
    assert bench.server.wait_for(lambda: rung(bench), LIMIT_S)
    first = rung(bench)[0]
    assert first.fields["event_class"] == "WARNING"
    assert first.fields["event_title"] == "Filament change"
    assert first.fields["event_text"] == "The printer waits for a change of its filament."
    assert first.fields["notify"] == "true"
    assert first.snapshot_size is not None
    assert popped_up(bench)[0] == {
        name: first.fields[name]
        for name in ("event_type", "event_class", "event_title", "event_text")
    }
    assert bench.server.wait_for(lambda: len(rung(bench)) >= 2, LIMIT_S), "no reminder"
    assert rung(bench)[1].at - rung(bench)[0].at >= NUDGE_S - 1.0
    assert rung(bench)[1].snapshot_size is not None

    answer_the_prompt(bench)
    bench.octoprint.wait_until(lambda: state(bench) == "Paused", "it is paused", LIMIT_S)
    bench.api.post("/api/job", json={"command": "pause", "action": "resume"})
    bench.octoprint.wait_until(lambda: state(bench) == "Printing", "it goes on", LIMIT_S)
    told = len(rung(bench))
    # one may have been on its way
    assert not bench.server.wait_for(lambda: len(rung(bench)) > told + 1, QUIET_S)
    assert state(bench) == "Printing"


def test_a_cancelled_print_waits_for_nobody(bench: Bench) -> None:
    start_print(bench, f"G28\n{STEP * 200}")
    bench.octoprint.wait_until(lambda: state(bench) == "Printing", "it prints", LIMIT_S)
    send(bench, "!!DEBUG:action_custom paused filament_runout 0")
    assert bench.server.wait_for(lambda: rung(bench), LIMIT_S)
    assert rung(bench)[0].fields["event_text"].endswith("of its filament.")
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer(LIMIT_S)
    told = len(rung(bench))
    assert not bench.server.wait_for(lambda: len(rung(bench)) > told + 1, QUIET_S)


SAID = (
    "!!DEBUG:send echo:Insert filament and press button",
    "!!DEBUG:send echo:busy: paused for user",
    "!!DEBUG:send fsensor_update - M600",
    "!!DEBUG:action_custom prompt_begin FilamentRunout T0",
    "!!DEBUG:action_custom notification Filament runout",
    "!!DEBUG:action_custom pause",
    "M702",
)


@pytest.mark.parametrize("said", SAID)
def test_what_a_printer_says_in_a_print_is_told(bench: Bench, said: str) -> None:
    start_print(bench, f"G28\n{STEP * 200}")
    bench.octoprint.wait_until(lambda: state(bench) == "Printing", "it prints", LIMIT_S)

    def told() -> bool:
        if state(bench) == "Printing" and not rung(bench):
            send(bench, said)  # again: the bell of the test before may be too near
        return bool(rung(bench))

    bench.octoprint.wait_until(told, f"{said} is told", LIMIT_S)
    assert rung(bench)[0].fields["notify"] == "true"


def test_a_pause_by_a_person_does_not_ring(bench: Bench) -> None:
    """OctoPrint pauses, and the printer confirms it in the words that mean filament otherwise."""
    start_print(bench, f"G28\n{STEP * 200}")
    bench.octoprint.wait_until(lambda: state(bench) == "Printing", "it prints", LIMIT_S)
    bench.server.send_command("pause")
    bench.octoprint.wait_until(lambda: state(bench) == "Paused", "it is paused", LIMIT_S)
    send(bench, "!!DEBUG:action_custom paused", "!!DEBUG:send echo:busy: paused for user", "M702")
    assert not bench.server.wait_for(lambda: rung(bench), QUIET_S)
