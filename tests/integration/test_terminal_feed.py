"""The app's terminal shows what travels on the virtual printer's line, while somebody looks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench import Bench
from tests.integration.driver import drive, print_file

LIMIT_S = 40.0
#: For what must not happen: many turns of the feed.
QUIET_S = 3.0
FILE_NAME = "feed.gcode"


@pytest.fixture(autouse=True)
def idle_and_off(bench: Bench) -> Iterator[None]:
    drive(bench).wait_until_connected()
    bench.octoprint.wait_for_printer()
    bench.server.set_remote_status(viewing=True)
    toggle(bench, "off")
    bench.server.forget()
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


def passthrus(bench: Bench) -> list[dict[str, Any]]:
    return [frame.data["passthru"] for frame in bench.server.frames if "passthru" in frame.data]


def call(bench: Bench, *args: Any) -> dict[str, Any]:
    """Call as the app does; the answer."""
    ref = uuid.uuid4().hex
    message = {"target": "gcode_hooks", "func": "toggle_terminal_feed", "args": list(args)}
    bench.server.send_passthru({**message, "ref": ref})

    def found() -> list[dict[str, Any]]:
        return [answer for answer in passthrus(bench) if answer.get("ref") == ref]

    assert bench.server.wait_for(found, LIMIT_S), f"{args} was not answered"
    return found()[0]


def toggle(bench: Bench, wanted: str) -> bool:
    answer = call(bench, wanted)
    assert type(answer["ret"]) is bool, answer
    return bool(answer["ret"])


def shown(bench: Bench) -> list[dict[str, Any]]:
    return [each["terminal_feed"] for each in passthrus(bench) if "terminal_feed" in each]


def lines(bench: Bench) -> list[str]:
    return [each["msg"] for each in shown(bench)]


def send(bench: Bench, *commands: str) -> None:
    bench.api.post("/api/printer/command", json={"commands": list(commands)})


def test_it_is_switched_on_and_off(bench: Bench) -> None:
    assert toggle(bench, "get") is False
    send(bench, "M117 before")
    assert toggle(bench, "on") is True
    assert toggle(bench, "get") is True
    send(bench, "M117 first", "M118 second", "M117 third")
    assert bench.server.wait_for(lambda: "M117 third" in lines(bench), LIMIT_S)
    said = lines(bench)
    assert "M117 before" not in said
    order = [line for line in said if line in ("M117 first", "M118 second", "M117 third")]
    assert order == ["M117 first", "M118 second", "M117 third"]
    assert any(line.startswith("ok") for line in said), "what the printer answers is shown, too"
    stamps = [each["_ts"] for each in shown(bench)]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] - time.time()) < LIMIT_S
    assert all(set(each) == {"msg", "_ts"} for each in shown(bench))
    assert toggle(bench, "off") is False
    bench.server.forget()
    send(bench, "M117 after")
    assert not bench.server.wait_for(lambda: shown(bench), QUIET_S)


@pytest.mark.parametrize("args", [(), ("toggle",), (True,), (["on"],), ("on", "off"), ({},)])
def test_wrong_arguments_are_refused(bench: Bench, args: tuple[Any, ...]) -> None:
    answer = call(bench, *args)
    assert answer["error"]
    assert "ret" not in answer
    assert toggle(bench, "get") is False


def test_without_a_viewer_nothing_is_sent(bench: Bench) -> None:
    assert toggle(bench, "on") is True
    bench.server.set_remote_status(viewing=False)
    assert toggle(bench, "get") is True, "he may be back soon"
    bench.server.forget()
    send(bench, "M117 alone")
    assert not bench.server.wait_for(lambda: shown(bench), QUIET_S)
    bench.server.set_remote_status(viewing=True)
    toggle(bench, "get")

    def seen() -> bool:
        send(bench, "M117 back")  # again, until the feed has noticed
        return "M117 back" in lines(bench)

    bench.octoprint.wait_until(seen, "he is back", LIMIT_S)
    assert "M117 alone" not in lines(bench)


def print_seconds(bench: Bench, moves: int) -> float:
    """How long a file of so many moves takes, which do not take any time themselves."""
    text = "G28\n" + "".join(f"G1 X{number % 100} F{6000 + number}\n" for number in range(moves))
    began = time.monotonic()
    print_file(bench, FILE_NAME, text)
    bench.octoprint.wait_until(
        lambda: (bench.api.get("/api/job").json()["progress"]["completion"] or 0) >= 100.0,
        "the file is printed",
        4 * LIMIT_S,
    )
    bench.octoprint.wait_for_printer()
    return time.monotonic() - began


def test_a_print_is_not_held_up(bench: Bench) -> None:
    """The printer gets its lines as fast as without, and they are shown in their order."""
    moves = 300
    without = print_seconds(bench, moves)
    bench.server.forget()
    toggle(bench, "on")
    watched = print_seconds(bench, moves)
    assert bench.server.wait_for(lambda: len(lines(bench)) > 20, LIMIT_S)
    told = [int(line.partition("F")[2]) for line in lines(bench) if line.startswith("G1 X")]
    assert told
    # the virtual printer asks for some once more, which are shown once more
    assert list(dict.fromkeys(told)) == sorted(set(told))
    assert watched < 5 * without + 5.0, f"{watched:.1f} s instead of {without:.1f} s"
    assert toggle(bench, "get") is True, "answers come through"
