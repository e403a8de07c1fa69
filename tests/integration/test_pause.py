"""The options of the server's pause, line by line, as the virtual printer gets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench
from tests.integration.driver import drive, print_file

SENT = "/plugin/obico_gcode/sent"
OURS = "plugin:obico"
LIMIT_S = 60.0
"""For heating up: the virtual printer gains a few degrees in a second."""

ALL = {"retract": 2.5, "lift_z": 5, "tools_off": True, "bed_off": True}
MARK = "M117 prints"
MODES = ("G90", "M82")
HEAT = ("M140 S30", "M104 S40", "M190 S30", "M109 S40")
STEP = "G4 P200\nG1 X10\n"


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    source = ROOT / "tests" / "integration" / "gcode_plugin.py"
    add_plugin(folder, "obico_gcode", source.read_text("utf-8"))
    with running_bench(edition, folder) as bench:
        yield bench


@pytest.fixture(autouse=True)
def idle(bench: Bench) -> Iterator[None]:
    """Each test begins with a connected, idle printer, and empty records."""
    drive(bench).wait_until_connected()
    forget(bench)
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


# ---- what is done --------------------------------------------------------------------------------


def start_print(bench: Bench, modes: tuple[str, ...] = MODES) -> None:
    """Print a file for half a minute, and wait until it has heated up and prints."""
    head = (*modes, "G28", "G92 E0", *HEAT, "G1 X5 Y5 Z10 F1200", MARK)
    text = "\n".join(head) + "\n" + STEP * 150
    print_file(bench, "pause.gcode", text)
    wait_for_line(bench, MARK)
    # the temperatures are read every few seconds: until OctoPrint knows that the nozzle is hot
    bench.octoprint.wait_until(lambda: temperature(bench) >= 38, "the nozzle is hot", LIMIT_S)
    forget(bench)


def temperature(bench: Bench) -> float:
    answer = bench.api.get("/api/printer")
    return float(answer.json()["temperature"]["tool0"]["actual"])


def state(bench: Bench) -> str:
    return str(bench.api.get("/api/job").json()["state"])


def wait_for_state(bench: Bench, wanted: str) -> None:
    bench.octoprint.wait_until(lambda: state(bench) == wanted, wanted, LIMIT_S)


def pause(bench: Bench, args: Any) -> list[str]:
    """The server pauses; what the plugin added."""
    forget(bench)
    bench.server.send({"commands": [{"cmd": "pause", "args": args, "initiator": "system"}]})
    wait_for_state(bench, "Paused")
    return ours(bench)


def resume(bench: Bench) -> list[str]:
    """The server resumes, and the file goes on; what the plugin added."""
    forget(bench)
    bench.server.send_command("resume")
    wait_for_state(bench, "Printing")
    wait_for_line(bench, "G4 P200")
    return ours(bench)


def wait_until_obeyed(bench: Bench) -> None:
    """Wait until the plugin has done all that the server ordered so far: it takes it in turn."""

    def answered() -> bool:
        told = [frame.data.get("passthru") or {} for frame in bench.server.frames]
        return any(answer.get("ref") == "behind" for answer in told)

    bench.server.send_passthru({"target": "none", "func": "none", "ref": "behind"})
    assert bench.server.wait_for(answered), "the plugin did not come to it"


def by_hand(bench: Bench, action: str, wanted: str) -> list[str]:
    """Somebody on the spot pauses or resumes; what the plugin added."""
    forget(bench)
    answer = bench.api.post("/api/job", json={"command": "pause", "action": action})
    assert answer.status_code == 204, answer.text[:300]
    wait_for_state(bench, wanted)
    return ours(bench)


@contextmanager
def users_scripts(bench: Bench, paused: str, resumed: str) -> Iterator[None]:
    """What the user himself wants done at a pause and at a resume."""

    def write(paused: str, resumed: str) -> None:
        scripts = {"afterPrintPaused": paused, "beforePrintResumed": resumed}
        answer = bench.api.post("/api/settings", json={"scripts": {"gcode": scripts}})
        assert answer.status_code == 200, answer.text[:300]

    write(paused, resumed)
    try:
        yield
    finally:
        write("", "")


# ---- what was sent -------------------------------------------------------------------------------


def forget(bench: Bench) -> None:
    assert bench.api.delete(SENT).status_code == 200


def sent(bench: Bench) -> list[tuple[str, list[str]]]:
    return [(line, tags) for line, tags in bench.api.get(SENT).json()["lines"]]


def scripted(bench: Bench) -> list[str]:
    """The lines of OctoPrint's scripts, the user's own and the plugins'."""
    return [line for line, tags in sent(bench) if "source:script" in tags]


def ours(bench: Bench) -> list[str]:
    """The plugin's lines in scripts; OctoPrint's own for a pause bear the name of who asked."""
    return [line for line, tags in sent(bench) if {OURS, "source:script"} <= set(tags)]


def wait_for_line(bench: Bench, wanted: str) -> None:
    bench.octoprint.wait_until(
        lambda: any(line == wanted for line, _ in sent(bench)), f"{wanted} was sent", LIMIT_S
    )


def position(bench: Bench) -> dict[str, float]:
    """Where the printer said that it stood at the pause, before anybody's lines."""

    def told() -> list[dict[str, float]]:
        positions: list[dict[str, float]] = bench.api.get(SENT).json()["positions"]
        return positions

    bench.octoprint.wait_until(lambda: bool(told()), "a position was told")
    return told()[0]


def moved(modes: tuple[str, ...]) -> list[str]:
    return ["G91", "M83", "G1 E-2.5 F1800", "G1 Z5 F300", "M400", *modes, "M140 S0", "M104 S0"]


def moved_back(modes: tuple[str, ...]) -> list[str]:
    heated = ["M190 S30", "M109 S40"]
    return [*heated, "G91", "M83", "G1 Z-5 F300", "G1 E2.5 F1800", "M400", *modes, "G1 F1200"]


# ---- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [MODES, ("G90", "M83"), ("M83", "G90")], ids="-".join)
def test_all_options_and_their_undoing(bench: Bench, modes: tuple[str, ...]) -> None:
    start_print(bench, modes)
    assert pause(bench, ALL) == moved(modes)
    assert resume(bench) == moved_back(modes)


def test_two_pauses_in_one_print_find_the_same_place(bench: Bench) -> None:
    """The second one has options of its own, and the printer stands where it stood at the first."""
    start_print(bench)
    pause(bench, ALL)
    first = position(bench)
    resume(bench)
    assert pause(bench, {"lift_z": 1.5}) == ["G91", "M83", "G1 Z1.5 F300", "M400", *MODES]
    second = position(bench)
    assert (second["z"], second["e"]) == (first["z"], first["e"]) == (10.0, 0.0)
    assert resume(bench) == ["G91", "M83", "G1 Z-1.5 F300", "M400", *MODES, "G1 F1200"]


def test_ours_are_inside_the_users_own_lines(bench: Bench) -> None:
    """His script may end where the print goes on, in absolute numbers; it has the last word."""
    with users_scripts(bench, "M117 parked", "M117 primed"):
        start_print(bench)
        pause(bench, ALL)
        assert scripted(bench) == ["M117 parked", *moved(MODES)]
        resume(bench)
        assert scripted(bench) == [*moved_back(MODES), "M117 primed"]


def test_pause_by_hand_has_no_lines(bench: Bench) -> None:
    """Neither before a pause of the server nor after it."""
    start_print(bench)
    assert by_hand(bench, "pause", "Paused") == []
    bench.server.send_command("pause", ALL)  # it is paused already: changes nothing
    wait_until_obeyed(bench)
    assert by_hand(bench, "resume", "Printing") == []
    pause(bench, {"lift_z": 1})
    resume(bench)
    assert by_hand(bench, "pause", "Paused") == []
    assert scripted(bench) == []
    assert by_hand(bench, "resume", "Printing") == []


def test_resume_by_hand_undoes_the_servers_pause(bench: Bench) -> None:
    start_print(bench)
    pause(bench, ALL)
    assert by_hand(bench, "resume", "Printing") == moved_back(MODES)


def test_cancel_while_paused_ends_it(bench: Bench) -> None:
    """Nothing is undone at the end, nor in the next print."""
    start_print(bench)
    pause(bench, ALL)
    forget(bench)
    bench.server.send_command("cancel")
    bench.octoprint.wait_for_printer()
    assert ours(bench) == []
    start_print(bench)
    assert by_hand(bench, "pause", "Paused") == []
    assert by_hand(bench, "resume", "Printing") == []


@pytest.mark.parametrize("args", [{}, None, {"retract": "x", "lift_z": 1e9, "tools_off": "yes"}])
def test_without_good_options_it_pauses_all_the_same(bench: Bench, args: Any) -> None:
    start_print(bench)
    assert pause(bench, args) == []
    assert resume(bench) == []


def test_top_of_the_axis_is_not_exceeded(bench: Bench) -> None:
    """Else the firmware would cut the lift, and the way back would end in the print."""
    start_print(bench)
    bench.api.post("/api/printer/command", json={"command": "G1 Z198.5 F12000"})
    wait_for_line(bench, "G1 Z198.5 F12000")
    assert pause(bench, {"lift_z": 5}) == ["G91", "M83", "G1 Z1.5 F300", "M400", *MODES]
    assert resume(bench)[:3] == ["G91", "M83", "G1 Z-1.5 F300"]
