"""The calls of the apps arrive at the virtual printer as G-code, and are answered.

What is sent to it is seen from outside, by a plugin of its own (gcode_plugin.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench
from tests.integration.driver import drive

LIMIT_S = 20.0
FILE_NAME = "passthru.gcode"


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    source = ROOT / "tests" / "integration" / "gcode_plugin.py"
    add_plugin(folder, "obico_gcode", source.read_text("utf-8"))
    with running_bench(edition, folder) as bench:
        yield bench


@pytest.fixture(autouse=True)
def connected_and_idle(bench: Bench) -> Iterator[None]:
    drive(bench).wait_until_connected()
    bench.octoprint.wait_for_printer()
    bench.server.forget()
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


def ask(
    bench: Bench, func: str, *args: Any, target: str = "_printer", **kwargs: Any
) -> dict[str, Any]:
    """Call as the app does, and wait for the answer."""
    ref = uuid.uuid4().hex
    call = {"target": target, "func": func, "args": list(args), "kwargs": kwargs, "ref": ref}
    bench.server.send_passthru(call)

    def found() -> list[dict[str, Any]]:
        return [answer for answer in answers(bench) if answer["ref"] == ref]

    assert bench.server.wait_for(found, LIMIT_S), f"{func} was not answered"
    (answer,) = found()
    return answer


def answers(bench: Bench) -> list[dict[str, Any]]:
    return [frame.data["passthru"] for frame in bench.server.frames if "passthru" in frame.data]


def sent(bench: Bench) -> list[str]:
    found = bench.api.get("/plugin/obico_gcode/sent").json()["lines"]
    return [line for line, _ in found]


def wait_for_gcode(bench: Bench, before: int, *lines: str) -> None:
    """Wait until the printer was sent these lines one after the other."""

    def arrived() -> bool:
        # the observation of temperatures may come between them
        found = [line for line in sent(bench)[before:] if line.partition(" ")[0] != "M105"]
        return any(tuple(found[at:][: len(lines)]) == lines for at in range(len(found)))

    bench.octoprint.wait_until(arrived, f"{lines} were sent", LIMIT_S)


GCODE = (
    ("jog", [{"x": -10}], ("G91", "G0 X-10 F6000", "G90")),
    ("home", [["x", "y"]], ("G91", "G28 X0 Y0", "G90")),
    ("home", ["z"], ("G91", "G28 Z0", "G90")),
    ("set_temperature", ["tool0", 200], ("M104 S200",)),
    ("set_temperature", ["bed", 60.5], ("M140 S60.5",)),
    ("set_temperature", ["tool0", 0], ("M104 S0",)),
    ("commands", ["M83\nT0\nG1 E5 F300"], ("M83", "T0", "G1 E5 F300")),
    ("commands", ["M106 S128"], ("M106 S128",)),
)


@pytest.mark.parametrize(("func", "args", "lines"), GCODE)
def test_a_call_arrives_as_gcode(
    bench: Bench, func: str, args: list[Any], lines: tuple[str, ...]
) -> None:
    before = len(sent(bench))
    answer = ask(bench, func, *args)
    assert answer["ret"] is None
    assert "error" not in answer
    wait_for_gcode(bench, before, *lines)


WRONG: tuple[tuple[str, str, list[Any]], ...] = (
    ("_printer", "jog", [{"x": "far"}]),
    ("_printer", "jog", [{"x": 1}, True]),
    ("_printer", "set_temperature", ["tool0", 9000]),
    ("_printer", "emergency_stop", []),
    ("_printer", "__init__", []),
    ("_file_manager", "remove_file", ["local", "x"]),
    ("os", "system", ["true"]),
)


@pytest.mark.parametrize(("target", "func", "args"), WRONG)
def test_what_is_not_carried_out_is_an_error(
    bench: Bench, target: str, func: str, args: list[Any]
) -> None:
    before = len(sent(bench))
    answer = ask(bench, func, *args, target=target)
    assert answer["error"]
    assert "ret" not in answer
    ask(bench, "commands", "M117 end")
    wait_for_gcode(bench, before, "M117 end")
    moved = [line for line in sent(bench)[before:] if line[:3] not in ("M10", "M11")]
    assert moved == []


def test_files_are_listed_and_printed(bench: Bench) -> None:
    """Nothing moves by hand while one prints; while it is paused, a person may have to."""
    files = {"file": (FILE_NAME, "G28\n" + "G4 P200\nG1 X10\n" * 100)}
    assert bench.api.post("/api/files/local", files=files).status_code == 201
    bench.api.post("/api/files/local", files={"foldername": (None, "inner")})

    listed = ask(bench, "list_files", target="_file_manager", path=None, recursive=False, level=1)[
        "ret"
    ]["local"]
    assert listed["inner"]["type"] == "folder"
    file = listed[FILE_NAME]
    assert (file["path"], file["type"]) == (FILE_NAME, "machinecode")
    assert file["size"] > 100
    assert file["date"] > 1_500_000_000
    found = ask(bench, "list_files", target="_file_manager", filter="PASSthru", recursive=True)
    assert list(found["ret"]["local"]) == [FILE_NAME]
    assert ask(bench, "list_files", target="_file_manager", path="nowhere")["error"]

    assert ask(bench, "select_file", "gone.gcode", None, printAfterSelect="true")["error"]
    before = len(sent(bench))
    started = ask(bench, "select_file", file["path"], None, printAfterSelect="true")
    assert "error" not in started
    wait_for_gcode(bench, before, "G4 P200", "G1 X10")
    assert ask(bench, "jog", {"x": 1})["error"]
    assert ask(bench, "select_file", file["path"], None)["error"]

    bench.api.post("/api/job", json={"command": "pause", "action": "pause"})
    bench.octoprint.wait_until(
        lambda: bench.api.get("/api/job").json()["state"] == "Paused", "it is paused", LIMIT_S
    )
    before = len(sent(bench))
    assert "error" not in ask(bench, "jog", {"z": 0.5})
    wait_for_gcode(bench, before, "G91", "G0 Z0.5 F200", "G90")
    assert ask(bench, "select_file", file["path"], None)["error"], "the paused print is not lost"


def test_a_printer_is_connected_from_the_app(bench: Bench) -> None:
    bench.api.post("/api/connection", json={"command": "disconnect"})
    try:
        bench.octoprint.wait_until(
            lambda: "error" in ask(bench, "home", "x"), "a printer that is off is told", LIMIT_S
        )
        options = ask(bench, "get_connection_options")["ret"]
        assert "VIRTUAL" in options["ports"]
        assert 115200 in options["baudrates"]
        assert ask(bench, "connect", "/dev/mem", "")["error"]
        assert "error" not in ask(bench, "connect", "VIRTUAL", "115200")
        bench.octoprint.wait_for_printer()
    finally:
        bench.api.post("/api/connection", json={"command": "connect"})
        bench.octoprint.wait_for_printer()
