"""The calls of the apps: which there are, what their arguments may be, when they are answered."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer import passthru as p
from octoprint_obico.printer.arguments import MOST_LINES, RefusedError
from octoprint_obico.printer.files import MOST_ENTRIES, file_tree
from octoprint_obico.printer.functions import FUNCTIONS, Needs, call
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.messages import encode
from tests.servers.hosts import FakePrinter

LIMIT_S = 10.0
log = logging.getLogger("octoprint.plugins.obico")
NAN, INF = float("nan"), float("inf")


class Printer(FakePrinter):
    """One whose state a test sets."""

    def __init__(self, **flags: bool) -> None:
        super().__init__()
        self.flags: Any = {"operational": True, **flags}

    def current_data(self) -> Mapping[str, Any]:
        return {"state": {"text": "?", "flags": self.flags}}


class Case(NamedTuple):
    """One function with right arguments, what the printer is told then, and wrong arguments."""

    name: str
    right: tuple[tuple[Any, Any, str], ...]
    wrong: tuple[tuple[Any, Any], ...]


MALICIOUS: tuple[Any, ...] = (
    None, True, NAN, INF, -INF, 1e308, 10**400, "", "x\nM112", "__class__", "\0", "a" * 100_000,
    [], [[]], {}, {"x": {}}, {"__class__": 1}, {"x": True}, {"x": NAN}, {"x": "1"}, ["x"] * 1000,
    "../../etc/passwd", "..\\x", "/etc/passwd", "~/x", "x/../../y", "x\u2028y",
)  # fmt: skip

HARMLESS: Mapping[str, tuple[Any, ...]] = {
    # text for the printer, which makes of it what it can
    "_printer.commands": (
        "x\nM112", "__class__", "../../etc/passwd", "..\\x", "/etc/passwd", "~/x", "x/../../y",
    ),
    "_printer.connect": (None, ""),  # as OctoPrint is set
    "_printer.select_file": (None, "__class__"),  # null is right in one place; a name like any
}  # fmt: skip

CASES = (
    Case(
        "_printer.commands",
        (
            (["M18"], None, "gcode M18"),
            (["M83\nT0\r\nG1 E-5 F300\n\n"], {}, "gcode M83 T0 G1 E-5 F300"),
            (["M117 Grüße"], None, "gcode M117 Grüße"),
        ),
        (
            ([5], None),
            ([["M18"]], None),
            ([" \n"], None),
            (["G1\n" * (MOST_LINES + 1)], None),
            (["G" * 201], None),
            (["M117 \x07"], None),
            (["M117 a\x85M112"], None),
            (["M18"], {"force": True}),
        ),
    ),
    Case(
        "_printer.jog",
        (
            ([{"x": -10}], None, "jog x-10"),
            ([{"z": 0.1, "y": 1e-7}], None, "jog z0.1 y0.0"),
        ),
        (
            ([{"x": 1000.1}], None),
            ([{"e": 1}], None),
            ([{"X": 1}], None),
            ([{"x": 1, "f": 1}], None),
            ([{"x": None}], None),
            ([{"x": 10**400}], None),
            (["x"], None),
            ([{"x": 1}], {"relative": False}),
            ([{"x": 1}, False], None),
        ),
    ),
    Case(
        "_printer.home",
        (
            (["z"], None, "home z"),
            ([["x", "y"]], None, "home x y"),
            ([["x", "y", "z"]], {}, "home x y z"),
        ),
        (
            ([["x", "x"]], None),
            (["e"], None),
            (["xy"], None),
            ([["x", 1]], None),
            ([[["x"]]], None),
        ),
    ),
    Case(
        "_printer.set_temperature",
        (
            (["tool0", 200], None, "heat tool0 200"),
            (["bed", 0], None, "heat bed 0"),
            (["chamber", 40.26], None, "heat chamber 40.3"),
        ),
        (
            (["tool0"], None),
            (["tool0", "200"], None),
            (["tool0", True], None),
            (["tool0", NAN], None),
            (["tool0", -1], None),
            (["tool0", 501], None),
            (["tool", 20], None),
            (["tool\u0661", 20], None),
            (["bed\n", 20], None),
            (["tool0 S300", 20], None),
            (["tool0", 200, 1], None),
        ),
    ),
    Case("_printer.get_connection_options", (([], {}, ""), (None, None, "")), (([1], None),)),
    Case(
        "_printer.connect",
        (
            (["/dev/ttyUSB0", "115200"], None, "connect /dev/ttyUSB0 115200"),
            (["/dev/ttyUSB0", 250000], None, "connect /dev/ttyUSB0 250000"),
            (["AUTO", ""], None, "connect None None"),
            ([None, None], None, "connect None None"),
        ),
        (
            (["/dev/mem", "115200"], None),
            (["/dev/ttyUSB0"], None),
            (["/dev/ttyUSB0", "9600"], None),
            (["/dev/ttyUSB0", "1e5"], None),
            (["/dev/ttyUSB0", 1152.5], None),
            (["/dev/ttyUSB0", True], None),
            (["/dev/ttyUSB0", "115200", "profile"], None),
        ),
    ),
    Case(
        "_printer.select_file",
        (
            (["a/b.gcode", None], {"printAfterSelect": "true"}, "print a/b.gcode"),
            (["b..c.gcode", None], None, "select b..c.gcode"),
        ),
        (
            (["a.gcode"], None),
            ([None, None], None),
            (["a.gcode", True], None),
            (["a.gcode", None], {"printAfterSelect": "yes"}),
            (["a.gcode", None], {"user": "admin"}),
            (["a.gcode", None], [["printAfterSelect", True]]),
        ),
    ),
    Case(
        "_file_manager.list_files",
        (
            (None, {"path": None, "recursive": False, "level": 1}, "list None False"),
            ([], {"path": "a/b"}, "list a/b False"),
            ([], {"filter": "cat", "recursive": True}, "list None True"),
            (None, None, "list None False"),
        ),
        (
            (["local"], None),
            (None, {"locations": "local"}),
            (None, {"force_refresh": True}),
            (None, {"path": "../x"}),
            (None, {"path": "/etc"}),
            (None, {"filter": {"$ne": 1}}),
            (None, {"recursive": 1}),
            (None, {"level": True}),
            (None, {"level": -1}),
            (None, "path"),
        ),
    ),
)  # fmt: skip
RIGHT = [(case.name, *right) for case in CASES for right in case.right]
WRONG = [(case.name, *wrong) for case in CASES for wrong in case.wrong]


def function(name: str) -> Any:
    target, _, func = name.partition(".")
    return FUNCTIONS[target, func]


def test_every_function_is_tested() -> None:
    assert {f"{target}.{func}" for target, func in FUNCTIONS} == {case.name for case in CASES}


@pytest.mark.parametrize(("name", "args", "kwargs", "told"), RIGHT)
def test_right_arguments(name: str, args: Any, kwargs: Any, told: str) -> None:
    printer = Printer()
    result = call(function(name), printer, args, kwargs)
    json.dumps(result, allow_nan=False)
    assert printer.told == ([told] if told else [])


@pytest.mark.parametrize(("name", "args", "kwargs"), WRONG)
def test_wrong_arguments_never_reach_the_printer(name: str, args: Any, kwargs: Any) -> None:
    printer = Printer()
    with pytest.raises(RefusedError) as error:
        call(function(name), printer, args, kwargs)
    assert printer.told == []
    assert 10 < len(str(error.value)) < 200


@pytest.mark.parametrize("name", [case.name for case in CASES if case.right[0][0]])
@pytest.mark.parametrize("evil", MALICIOUS, ids=lambda value: repr(value)[:20])
def test_malicious_arguments(name: str, evil: Any) -> None:
    """In place of each argument, of all of them, beside them, and by name."""
    right = next(list(case.right[0][0]) for case in CASES if case.name == name)
    places = [[*right[:place], evil, *right[place + 1 :]] for place in range(len(right))]
    for args in [*places, evil, [*right, evil]]:
        if evil in HARMLESS.get(name, ()) and args in places:
            continue
        printer = Printer()
        with pytest.raises(RefusedError):
            call(function(name), printer, args, None)
        assert printer.told == []
    with pytest.raises(RefusedError):
        call(function(name), Printer(), right, {"evil": evil})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FUNCTIONS)), JSON, JSON)
def test_any_arguments_are_carried_out_or_refused(name: Any, args: Any, kwargs: Any) -> None:
    try:
        encode({"ret": call(FUNCTIONS[name], Printer(), args, kwargs)})
    except RefusedError as error:
        assert len(str(error)) < 200


# ---- the state of the printer --------------------------------------------------------------------

STATES: Mapping[str, dict[str, bool]] = {
    "off": {"operational": False},
    "idle": {},
    "paused": {"paused": True},
    "paused in 2.0": {"paused": True, "printing": True},
    "receiving": {"ready": False},
    "printing": {"printing": True},
    "cancelling": {"cancelling": True},
}
ALLOWED: Mapping[Needs, set[str]] = {
    Needs.NOTHING: set(STATES),
    Needs.CONNECTED: set(STATES) - {"off"},
    Needs.STILL: {"idle", "paused", "paused in 2.0", "receiving"},
    Needs.IDLE: {"idle"},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_moves_while_it_prints(case: Case, state: str) -> None:
    args, kwargs, told = case.right[0]
    printer = Printer(**STATES[state])
    if state in ALLOWED[function(case.name).needs]:
        call(function(case.name), printer, args, kwargs)
        assert len(printer.told) == bool(told)
        return
    with pytest.raises(RefusedError, match="not connected" if state == "off" else "busy"):
        call(function(case.name), printer, args, kwargs)
    assert printer.told == []


def test_a_print_is_not_disturbed() -> None:
    needs = {name: function(name).needs for name in ("_printer.jog", "_printer.home")}
    assert set(needs.values()) == {Needs.STILL}
    assert function("_printer.select_file").needs is Needs.IDLE


@pytest.mark.parametrize("flags", [None, 7, "operational"])
def test_a_state_that_cannot_be_read_is_none(flags: Any) -> None:
    printer = Printer()
    printer.flags = flags
    with pytest.raises(RefusedError, match="not connected"):
        call(function("_printer.home"), printer, ["x"], None)


@pytest.mark.parametrize("case", [case for case in CASES if case.right[0][2]], ids=lambda c: c.name)
def test_octoprint_fails(case: Case) -> None:
    printer = Printer()
    printer.takes, printer.entries = False, None
    with pytest.raises(RefusedError, match="OctoPrint"):
        call(function(case.name), printer, *case.right[0][:2])


# ---- references, and the thread ------------------------------------------------------------------


class Running(NamedTuple):
    """Calls under test, with what came of them."""

    calls: p.Passthru
    printer: Printer
    answers: list[Any]
    faults: list[Attempt]
    done: threading.Semaphore
    clock: list[float]

    def take(self, func: str, *args: Any, target: str = "_printer", **more: Any) -> None:
        message = {"target": target, "func": func, "args": list(args), **more}
        self.calls.take(message, self.answers.append)

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.done.acquire(timeout=LIMIT_S)


@contextmanager
def running(printer: Printer | None = None) -> Iterator[Running]:
    printer = printer or Printer()
    faults: list[Attempt] = []
    done, clock = threading.Semaphore(0), [0.0]
    calls = p.Passthru(printer, Faults(faults.append, log), done.release, lambda: clock[0])
    try:
        yield Running(calls, printer, [], faults, done, clock)
    finally:
        calls.stop(LIMIT_S)


def test_an_answer_carries_the_reference() -> None:
    with running() as run:
        run.take("home", "z", ref="r1")
        run.take("jog", {"x": "far"}, ref="r2")
        run.take("get_connection_options", ref="r3")
        run.wait(3)
    first, second, third = (answer["passthru"] for answer in run.answers)
    assert first == {"ref": "r1", "ret": None}
    assert set(second) == {"ref", "error"}
    assert second["ref"] == "r2"
    assert third["ret"] == {"ports": ["/dev/ttyUSB0"], "baudrates": [250000, 115200]}
    assert run.printer.told == ["home z"]
    assert run.faults == []


@pytest.mark.parametrize("more", [{}, {"ref": None}, {"ref": ""}])
def test_a_call_without_a_reference_is_carried_out_in_silence(more: dict[str, Any]) -> None:
    with running() as run:
        run.take("home", "z", **more)
        run.take("home", "?", **more)
        run.take("nothing", **more)
        run.wait(2)
    assert run.printer.told == ["home z"]
    assert run.answers == []


@pytest.mark.parametrize("ref", [5, 0, False, True, [], {}, ["r"], "r" * 201])
def test_a_reference_that_is_no_text_is_no_call(ref: Any) -> None:
    with running() as run:
        run.take("home", "z", ref=ref)
        run.take("home", "x", ref="good")
        run.wait()
    assert run.printer.told == ["home x"]
    assert [answer["passthru"]["ref"] for answer in run.answers] == ["good"]


def test_the_same_reference_again_is_the_same_call() -> None:
    with running() as run:
        for _ in range(2):
            run.take("home", "z", ref="r1")
            run.take("nothing", ref="r2")
        run.take("home", "x", ref="r3")
        run.wait(2)
    assert run.printer.told == ["home z", "home x"]
    assert sorted(answer["passthru"]["ref"] for answer in run.answers) == ["r1", "r2", "r3"]


def test_a_reference_is_remembered_for_a_hundred_others() -> None:
    with running() as run:
        for number in range(p.MOST_REFS):
            run.take("nothing", ref=f"r{number}")
        run.take("nothing", ref="r0")
        assert len(run.answers) == p.MOST_REFS
        run.take("nothing", ref="new")
        run.take("nothing", ref="r0")
        assert len(run.answers) == p.MOST_REFS + 2


UNKNOWN: tuple[tuple[Any, Any], ...] = (
    ("_printer", "cancel_print"),
    ("_printer", "__class__"),
    ("_printer", "jog.__globals__"),
    ("_printer", "send_gcode"),
    ("_printer", " jog"),
    ("__class__", "__init__"),
    ("_file_manager", "remove_file"),
    ("file_downloader", "download"),
    ("jpeg_poster", "web_snapshot_request"),
    (None, None),
    ({}, "jog"),
    ("_printer", ["jog"]),
    (["_printer", "jog"], 5),
)


@pytest.mark.parametrize(("target", "func"), UNKNOWN, ids=repr)
def test_an_unknown_call_is_answered_at_once(target: Any, func: Any) -> None:
    with running() as run:
        run.take(func, {"x": 1}, target=target, ref="r")
        assert run.answers == [{"passthru": {"ref": "r", "error": p.UNKNOWN}}]
        assert run.printer.told == []


def test_no_address_is_fetched_that_a_client_names() -> None:
    """PROTOCOL 7.2: `web_snapshot_request` could reach into the network behind the plugin."""
    with running() as run:
        run.take("web_snapshot_request", ["http://127.0.0.1/"], target="jpeg_poster", ref="r")
        assert run.answers == [{"passthru": {"ref": "r", "error": p.UNKNOWN}}]
    assert not [name for name in FUNCTIONS if name[0] == "jpeg_poster"]


def test_an_unknown_call_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, p.log.name)
    with running() as run:
        for number in range(3):
            run.take("boil\nforged line " + "x" * 500, target="token=abcdefgh12", ref=f"r{number}")
    (line,) = caplog.messages
    assert "not supported" in line
    assert "abcdefgh12" not in line
    assert "\n" not in line
    assert len(line) < 150


def test_a_fault_of_ours_is_answered_and_recorded() -> None:
    class Broken(Printer):
        def home(self, axes: Any) -> bool:
            raise KeyError("secret")

    with running(Broken()) as run:
        run.take("home", "z", ref="r1")
        run.take("jog", {"x": 1}, ref="r2")
        run.wait(2)
    first, second = (answer["passthru"] for answer in run.answers)
    assert first["error"]
    assert "secret" not in first["error"]
    assert second == {"ref": "r2", "ret": None}
    assert [fault.facts["part"] for fault in run.faults] == [p.PART]


class Slow(Printer):
    """A printer that is told to home, and does not come back before a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.go_on = threading.Event(), threading.Event()

    def home(self, axes: Any) -> bool:
        self.began.set()
        assert self.go_on.wait(LIMIT_S)
        return True


def held(run: Running, then: Callable[[], None]) -> None:
    """Do something while a call holds the thread."""
    printer = run.printer
    assert isinstance(printer, Slow)
    run.take("home", "z", ref="slow")
    assert printer.began.wait(LIMIT_S)
    try:
        then()
    finally:
        printer.go_on.set()


def test_a_slow_call_holds_nobody_and_calls_do_not_pile_up() -> None:
    with running(Slow()) as run:

        def crowd() -> None:
            for number in range(p.MOST_WAITING + 1):
                run.take("jog", {"x": number}, ref=f"r{number}")
            (answer,) = run.answers
            assert answer["passthru"]["ref"] == f"r{p.MOST_WAITING}"
            assert "try again" in answer["passthru"]["error"]

        held(run, crowd)
        run.wait(p.MOST_WAITING + 1)
    assert run.printer.told == [f"jog x{number}" for number in range(p.MOST_WAITING)]


def test_a_call_that_waited_long_does_not_move_the_printer() -> None:
    with running(Slow()) as run:

        def linger() -> None:
            run.take("jog", {"x": 1}, ref="late")
            run.clock[0] += p.LATE_S + 0.1

        held(run, linger)
        run.wait(2)
    assert run.printer.told == []
    assert "in time" in run.answers[-1]["passthru"]["error"]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "obico-calls"]


def test_its_thread_lives_as_long_as_calls_wait() -> None:
    with running(Slow()) as run:
        assert threads() == []
        held(run, lambda: run.take("jog", {"x": 1}, ref="behind"))
        run.wait(2)
        for number in range(3):
            for thread in threads():
                thread.join(LIMIT_S)
                assert not thread.is_alive()
            run.take("jog", {"x": 1}, ref=f"r{number}")
            run.wait()
    assert len(run.answers) == 5


def test_a_computer_without_a_thread_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with running() as run:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            run.take("home", "z", ref="r1")
        run.take("home", "z", ref="r2")
        run.wait()
    assert "try again" in run.answers[0]["passthru"]["error"]
    assert run.answers[1]["passthru"] == {"ref": "r2", "ret": None}
    assert run.printer.told == ["home z"]


def test_what_waits_at_the_end_is_dropped() -> None:
    with running(Slow()) as run:

        def end() -> None:
            run.take("jog", {"x": 1}, ref="dropped")
            run.calls.stop(0.0)

        held(run, end)
    assert run.printer.told == []


# ---- files ---------------------------------------------------------------------------------------


def old_file(name: str, **more: Any) -> dict[str, Any]:
    """A file as OctoPrint 1.11 has it."""
    return {"name": name, "display": name, "path": f"a/{name}", "type": "machinecode", **more}


def new_file(name: str, **more: Any) -> Any:
    """The same as an object of OctoPrint 2.0."""
    basics = {"name": name, "display": name, "path": f"a/{name}", "entry_type": "machinecode"}
    return SimpleNamespace(**basics, **more)


ANALYSIS = {
    "dimensions": {"height": 12.5, "width": 3},
    "estimatedPrintTime": 100.5,
    "filament": {"tool0": {"length": 5.0, "volume": 1}},
}
TREE_ENTRY = {
    "name": "b.gcode",
    "display": "b.gcode",
    "path": "a/b.gcode",
    "type": "machinecode",
    "size": 7,
    "date": 1000,
    "hash": None,
    "analysis": {
        "dimensions": {"height": 12.5},
        "estimatedPrintTime": 100.5,
        "filament": {"tool0": {"length": 5.0}},
    },
}


def test_files_of_both_editions_look_the_same() -> None:
    old = old_file("b.gcode", size=7, date=1000, analysis=ANALYSIS, hash="abc", links=[object()])
    analysis = SimpleNamespace(
        dimensions=SimpleNamespace(height=12.5),
        estimatedPrintTime=100.5,
        filament={"tool0": SimpleNamespace(length=5.0)},
    )
    date = datetime.fromtimestamp(1000, timezone.utc)
    new = new_file("b.gcode", size=7, date=date, metadata=SimpleNamespace(analysis=analysis))
    folder = {"name": "a", "path": "a", "type": "folder", "children": {"b.gcode": old}}
    new_folder = SimpleNamespace(
        name="a", display="a", path="a", entry_type="folder", children={"b.gcode": new}
    )
    tree = file_tree({"a": folder})
    assert tree["a"]["children"]["b.gcode"] == {**TREE_ENTRY, "hash": "abc"}
    assert file_tree({"a": new_folder})["a"]["children"]["b.gcode"] == TREE_ENTRY
    assert tree["a"] == {
        **dict.fromkeys(("name", "display", "path"), "a"),
        "type": "folder",
        "children": tree["a"]["children"],
    }


def test_a_search_finds_parts_of_names_and_keeps_the_folders_around() -> None:
    folder = {"type": "folder", "children": {n: old_file(n) for n in ("BigCat.gcode", "dog.gcode")}}
    entries = {"pets": folder, "empty": {"type": "folder"}, "dog2.gcode": old_file("dog2.gcode")}
    tree = file_tree(entries, "cAT")
    assert list(tree) == ["pets"]
    assert list(tree["pets"]["children"]) == ["BigCat.gcode"]


def test_the_list_is_bounded() -> None:
    assert len(file_tree({str(n): old_file(str(n)) for n in range(MOST_ENTRIES + 5)})) == (
        MOST_ENTRIES
    )
    deep: dict[str, Any] = {}
    deep.update({"type": "folder", "children": {"again": deep}})
    encode({"ret": file_tree({"again": deep})})


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"size": NAN, "date": True, "analysis": 5}])
def test_an_odd_entry_does_not_cost_the_list(odd: Any) -> None:
    tree = file_tree({"odd": odd, "b": old_file("b")})
    encode({"ret": tree})
    assert set(tree) == {"odd", "b"}
